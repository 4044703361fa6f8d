#include <netkit/testing/simulation.hpp>

#include <tests/testing/worlds.hpp>

#include <netkit/layers/echo_sockets.hpp>

#include <stdexcept>

namespace testing_simulation_tests {

using namespace simulated;
using netkit::testing::connect;
using netkit::testing::simulation;

namespace {

/// Notes when its alarms go off.
struct alarm_clock : netkit::timer {
    simulation& in;
    std::vector<netkit::duration> rung;
    explicit alarm_clock(simulation& s) : in(s) {}
    void set(netkit::duration after_beginning) {
        in.arm(*this, simulation::beginning + after_beginning, [](void*, netkit::timer& t) {
            auto& self = static_cast<alarm_clock&>(t);
            self.rung.push_back(self.in.elapsed());
        });
    }
};

struct pair {
    simulation net;
    udp_host a{net, "a"}, b{net, "b"};
    netkit::testing::connection wire;
    explicit pair(const netkit::impairments& line = {}, std::uint64_t seed = 1) : net(seed), wire(connect(a, "198.18.0.1/24", b, "198.18.0.2/24", line)) {}
};

}  // namespace

TEST_CASE("time stands still while there is something to do, and then jumps") {
    simulation net;
    CHECK_FALSE(net.step());
    CHECK(net.elapsed() == 0s);
    alarm_clock early(net), late(net);
    late.set(3h);
    early.set(2ns);
    CHECK(net.next_deadline() == simulation::beginning + 2ns);
    CHECK_FALSE(net.is_ready());
    CHECK(net.step());
    CHECK(net.elapsed() == 2ns);
    net.run_until(simulation::beginning + 1h);
    CHECK(net.elapsed() == 1h);
    CHECK(late.rung.empty());
    net.run_for(2h);
    CHECK(late.rung == std::vector<netkit::duration>{3h});
    CHECK(early.rung == std::vector<netkit::duration>{2ns});
    CHECK_FALSE(net.step());
    net.run_for(1s);
    CHECK(net.elapsed() == 3h + 1s);
}

TEST_CASE("it runs until something holds, or no longer than it may") {
    simulation net;
    alarm_clock bell(net);
    bell.set(10ms);
    CHECK(net.run_until([&] { return !bell.rung.empty(); }, 1s));
    CHECK(net.elapsed() == 10ms);
    bell.set(5s);
    CHECK_FALSE(net.run_until([&] { return bell.rung.size() == 2; }, 1s));
    CHECK(net.elapsed() == 1010ms);
    CHECK_FALSE(net.run_until_idle(1s));
    CHECK(net.run_until_idle(10s));
    CHECK(net.elapsed() == 5s);
}

TEST_CASE("chance depends on the seed and on one's name, not on who else there is") {
    simulation net(7), crowded(7), other(8);
    (void)crowded.chance_for("someone");
    (void)crowded.chance_for("someone else");
    auto mine = net.chance_for("host"), same = crowded.chance_for("host"), of_other_seed = other.chance_for("host"), namesake = net.chance_for("host");
    const auto first = mine();
    CHECK(first == same());
    CHECK(first != of_other_seed());
    CHECK(first != namesake());
}

TEST_CASE("hosts speak over a link, and nothing runs that has nothing to do") {
    pair w({.delay = 10ms});
    netkit::udp_socket from(w.a, {}), to(w.b, at("0.0.0.0", 7));
    w.net.run_for(1s);  // addresses are announced
    const std::vector<std::byte> text(100, std::byte{1});
    REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
    CHECK(w.net.run_until([&] { return to.readable(); }, 10s));
    // The address resolved, and then the datagram: three ways.
    CHECK(w.net.elapsed() == 1030ms);
    netkit::datagram d;
    REQUIRE(to.receive(d) == netkit::errc::ok);
    CHECK(d.payload.size() == 100);
    w.net.run_until_idle(1h);
    const auto asleep = w.net.next_deadline();
    CHECK_FALSE(w.net.is_ready());
    CHECK((!asleep || *asleep > w.net.now()));
    const auto& c = w.b->counters();
    CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
}

TEST_CASE("a ping takes the time of the way there and back") {
    pair w({.delay = 10ms});
    w.wire.backward().change({.delay = 25ms});
    netkit::echo_socket ping(w.a->at<netkit::icmp>());
    const std::vector<std::byte> text(56, std::byte{1});
    netkit::echo_reply reply;
    REQUIRE(ping.send(netkit::ip_address::parse("198.18.0.2"), 1, text) == netkit::errc::ok);
    w.net.run_for(1s);
    REQUIRE(ping.receive(reply) == netkit::errc::ok);
    const auto start = w.net.now();
    REQUIRE(ping.send(netkit::ip_address::parse("198.18.0.2"), 2, text) == netkit::errc::ok);
    REQUIRE(w.net.run_until([&] { return ping.receive(reply) == netkit::errc::ok; }, 1s));
    CHECK(w.net.now() - start == 35ms);
}

TEST_CASE("a host is polled when there is something for it to do, and not for others' sake") {
    pair w;
    udp_host c(w.net, "c"), d(w.net, "d");
    auto other = netkit::testing::connect(c, "198.18.1.1/24", d, "198.18.1.2/24");
    netkit::udp_socket from(w.a, {}), to(w.b, at("0.0.0.0", 7));
    w.net.run_for(10s);
    const auto of_a = w.a.polls(), of_b = w.b.polls(), of_c = c.polls(), of_d = d.polls();
    const std::vector<std::byte> text(100, std::byte{1});
    for (int i = 0; i < 10; ++i) {
        REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
        w.net.run_for(1ms);
    }
    CHECK(w.b.polls() >= of_b + 10);
    CHECK(w.b.polls() <= of_b + 12);  // and one for the address
    CHECK(w.a.polls() <= of_a + 12);
    CHECK(c.polls() == of_c);
    CHECK(d.polls() == of_d);
}

TEST_CASE("where a program's handler throws, the simulation goes on") {
    pair w;
    netkit::udp_socket from(w.a, {}), to(w.b, at("0.0.0.0", 7));
    to.on_ready([](void*) { throw std::runtime_error("no"); }, nullptr);
    const std::vector<std::byte> text(100, std::byte{1});
    const auto alarm = w.b->now() + 5s;
    struct layer_timer : netkit::timer {
    } t;
    w.b->timers().arm(t, alarm, [](void*, netkit::timer&) {});
    REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
    CHECK_THROWS_AS(w.net.run_for(1s), std::runtime_error);
    to.on_ready(nullptr, nullptr);
    REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
    w.net.run_for(1s);
    netkit::datagram d;
    CHECK(to.receive(d) == netkit::errc::ok);
    CHECK(to.receive(d) == netkit::errc::ok);
    CHECK(t.armed());
    w.net.run_for(5s);
    CHECK_FALSE(t.armed());
}

TEST_CASE("hosts that come and go leave the others alone") {
    simulation net;
    udp_host a(net, "a");
    netkit::udp_socket from(a, {});
    const std::vector<std::byte> text(100, std::byte{1});
    {
        udp_host b(net, "b");
        auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24", {.delay = 10ms});
        net.run_for(1s);
        REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
        net.run_for(5ms);  // on its way, as b goes
    }
    net.run_for(1s);
    REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
    net.run_for(1h);
    CHECK(a->buffers().in_use() == 0);
    udp_host c(net, "c");
    auto wire = connect(a, "198.18.1.1/24", c, "198.18.1.3/24");
    netkit::udp_socket to(c, at("0.0.0.0", 7));
    REQUIRE(from.send(text, at("198.18.1.3", 7)) == netkit::errc::ok);
    CHECK(net.run_until([&] { return to.readable(); }, 1s));
}

TEST_CASE("a timer armed between two runs is kept") {
    pair w;
    struct layer_timer : netkit::timer {
        int expired = 0;
    } t;
    // As a layer does when a socket calls it: it asks its stack for the time, and arms a timer of the stack's.
    const auto in_a_second = w.a->now() + 1s;
    w.a->timers().arm(t, in_a_second, [](void*, netkit::timer& me) { ++static_cast<layer_timer&>(me).expired; });
    CHECK(w.net.next_deadline() == in_a_second);
    w.net.run_for(1s - 1ns);
    CHECK(t.expired == 0);
    w.net.run_for(1ns);
    CHECK(t.expired == 1);
}

}  // namespace testing_simulation_tests
