// A transfer over TCP and an exchange over UDP, with each operation failing in turn: they succeed, nothing leaks, every packet is
// accounted for.

#include <netkit/testing/failing_device.hpp>
#include <netkit/testing/failing_memory.hpp>
#include <netkit/testing/failure_plan.hpp>

#include <netkit/compose/environment.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/udp_socket.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace testing_fail_at_every_tests {

using namespace netkit::testing;
using namespace std::chrono_literals;
using netkit::errc;

namespace {

using bytes = std::vector<std::byte>;
using host = netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp, netkit::tcp<>>>, failing_device<netkit::memory_link>, netkit::manual_environment>;

bytes pattern(std::size_t size) {
    bytes result(size);
    for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<std::byte>(i * 7 + i / 251);
    return result;
}

/// Two hosts, a client and a server, each of which may have sends that fail.
struct world {
    host client{netkit::manual_environment(1)}, server{netkit::manual_environment(2)};
    netkit::endpoint to{netkit::ip_address::parse("198.18.0.2"), 80};

    world(failure_plan& of_client, failure_plan& of_server, send_failure how) {
        auto [x, y] = netkit::memory_link::make();
        const auto on_client = client.attach({std::move(x), of_client, how}, netkit::mac_address{2, 0, 0, 0, 0, 1});
        const auto on_server = server.attach({std::move(y), of_server, how}, netkit::mac_address{2, 0, 0, 0, 0, 2});
        client.add_address(on_client, "198.18.0.1/24");
        server.add_address(on_server, "198.18.0.2/24");
    }
    void step() {
        for (int i = 0; i < 3; ++i) {
            client.poll();
            server.poll();
        }
        client.environment_of().advance(5ms);
        server.environment_of().advance(5ms);
    }
    void pass(netkit::duration by) {
        for (netkit::duration gone{}; gone < by; gone += 500ms) {
            client.environment_of().advance(495ms);
            server.environment_of().advance(495ms);
            step();
        }
    }
};

/// One end of a stream: writes all that it has, ends, and reads to the end.
struct talker {
    netkit::tcp_socket socket;
    bytes to_send, got;
    std::size_t sent = 0;
    bool finished = false, ended = false;

    void work() {
        while (sent < to_send.size()) {
            const auto r = socket.send(std::span<const std::byte>(to_send).subspan(sent));
            sent += r.bytes;
            if (r.bytes == 0) break;
        }
        if (sent == to_send.size() && !finished) finished = socket.shutdown(false, true) == errc::ok;
        bytes buffer(8000);
        while (!ended) {
            const auto r = socket.receive(std::span<std::byte>(buffer));
            got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
            ended = r.error == errc::end_of_stream;
            if (r.bytes == 0) break;
        }
    }
};

/// A connection, and a stream each way. As a program does, it tries again what fails for want of memory.
void transfer(world& w) {
    netkit::tcp_socket listener;
    REQUIRE(listener.open(w.server) == errc::ok);
    for (int i = 0; i < 3 && listener.bind({{}, 80}) != errc::ok; ++i) {
    }
    REQUIRE(listener.listen(5) == errc::ok);
    talker here, there;
    here.to_send = pattern(30'000);
    there.to_send = pattern(20'000);
    bool accepted = false;
    for (int i = 0; i < 12'000 && !(here.ended && there.ended); ++i) {
        if (!here.socket.connected() && !here.socket.connecting() && !here.finished) {
            (void)here.socket.close();
            REQUIRE(here.socket.open(w.client) == errc::ok);
            (void)here.socket.connect(w.to);
        }
        if (!accepted) accepted = listener.accept(there.socket) == errc::ok;
        if (here.socket.connected() || here.finished) here.work();
        if (accepted) there.work();
        w.step();
    }
    CHECK(here.ended);
    CHECK(there.ended);
    CHECK(here.got == there.to_send);
    CHECK(there.got == here.to_send);
}

/// A question, asked once a second until it is answered.
void ask(world& w) {
    std::optional<netkit::udp_socket> client, server;
    netkit::udp_socket question, service;
    REQUIRE(question.open(w.client) == errc::ok);
    REQUIRE(service.open(w.server) == errc::ok);
    for (int i = 0; i < 3 && service.bind({{}, 7}) != errc::ok; ++i) {
    }
    const auto text = pattern(1000);
    bool answered = false;
    for (int i = 0; i < 2000 && !answered; ++i) {
        if (i % 200 == 0) (void)question.send(text, {w.to.address, 7});
        w.step();
        netkit::datagram d;
        while (service.receive(d) == errc::ok) (void)service.send(d.payload.head(), d.source);
        while (question.receive(d) == errc::ok) answered = std::ranges::equal(d.payload.head(), text);
    }
    CHECK(answered);
}

template <class Stack>
void check_nothing_left(Stack& s) {
    const auto& c = s.counters();
    CHECK(c.held() == 0);
    CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
    CHECK(s.buffers().in_use() == 0);
    auto layer = s.template at<netkit::tcp>();
    CHECK(layer->flows.size() == 0);
    CHECK(layer->connections.in_use() == 0);
    CHECK(layer->bound.in_use() == 0);
    CHECK(layer->remembered.in_use() == 0);
}

/// All of it, in a world where `prepare` has what may fail ask the plan. Devices ask their own.
template <class Prepare>
void run(failure_plan& plan, failure_plan& client_sends, failure_plan& server_sends, send_failure how, Prepare prepare) {
    CAPTURE(plan.nth());
    world w(client_sends, server_sends, how);
    prepare(w);
    ask(w);
    transfer(w);
    w.pass(200s);
    check_nothing_left(w.client);
    check_nothing_left(w.server);
}
template <class Prepare>
std::size_t with_failing(Prepare prepare) {
    return fail_at_every([&](failure_plan& plan) {
        failure_plan never(0);
        run(plan, never, never, send_failure::refuses, [&](world& w) { prepare(w, plan); });
    });
}

}  // namespace

TEST_CASE("each buffer that the client or the server takes") {
    const auto client = with_failing([](world& w, failure_plan& plan) { plan.watch(w.client.buffers()); });
    const auto server = with_failing([](world& w, failure_plan& plan) { plan.watch(w.server.buffers()); });
    CHECK(client > 15);
    CHECK(server > 15);
}

TEST_CASE("each packet that a device is given, refused or lost") {
    for (const auto how : {send_failure::refuses, send_failure::loses}) {
        const auto client = fail_at_every([&](failure_plan& plan) {
            failure_plan never(0);
            run(plan, plan, never, how, [](world&) {});
        });
        const auto server = fail_at_every([&](failure_plan& plan) {
            failure_plan never(0);
            run(plan, never, plan, how, [](world&) {});
        });
        CHECK(client > 15);
        CHECK(server > 15);
    }
}

TEST_CASE("each allocation of memory for buffers and connections") {
    std::optional<failing_memory> failing;
    const auto allocations = fail_at_every([&](failure_plan& plan) {
        failure_plan never(0);
        run(plan, never, never, send_failure::refuses, [&](world&) { failing.emplace(plan); });
        failing.reset();
    });
    CHECK(allocations > 3);
}

TEST_CASE("a plan counts, fails once, and fail_at_every ends after the first run without a failure") {
    failure_plan third(3);
    CHECK(!third.fails());
    CHECK(!third.fails());
    CHECK(!third.failed());
    CHECK(third.fails());
    CHECK(third.failed());
    CHECK(!third.fails());
    CHECK(third.count() == 4);

    std::vector<std::size_t> reached;
    const auto operations = fail_at_every([&](failure_plan& plan) {
        std::size_t i = 0;
        while (i < 4 && !plan.fails()) ++i;
        reached.push_back(i);
    });
    CHECK(operations == 4);
    CHECK(reached == std::vector<std::size_t>{0, 1, 2, 3, 4});
    CHECK_THROWS_AS(fail_at_every([](failure_plan& plan) { while (!plan.fails()) {} }, 50), std::runtime_error);

    netkit::pool buffers;
    failure_plan second(2);
    second.watch(buffers);
    CHECK(netkit::packet(buffers, 0, 100));
    CHECK(!netkit::packet(buffers, 0, 100));
    CHECK(netkit::packet(buffers, 0, 100));
}

}  // namespace testing_fail_at_every_tests
