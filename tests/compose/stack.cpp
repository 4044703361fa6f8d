#include <netkit/compose/stack.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/compose/hosts.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

namespace compose_stack_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

using host = ethernet<arp, ipv4<icmp, udp>>;
using both = ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp>>;
template <class Root, class Device = memory_link>
using stack_of = stack<Root, Device, manual_environment>;

// A place in a stack is one pointer, and what room its packets need is known when compiling.
using at_udp = decltype(std::declval<stack_of<host>&>().at<udp>());
static_assert(sizeof(at_udp) == sizeof(void*));
static_assert(at_udp::headroom() == 8 + 20 + 14);
static_assert(decltype(std::declval<stack_of<host>&>().at<arp>())::headroom() == 28 + 14);
static_assert(decltype(std::declval<stack_of<both>&>().at<udp>())::headroom() == 8 + 40 + 14);   // the larger family
static_assert(decltype(std::declval<stack_of<both>&>().at<icmp>())::headroom() == 8 + 20 + 14);  // its own alone
static_assert(stack_of<host>::has<icmp> && !stack_of<host>::has<ndp>);

// A device that takes only so many packets until told to go on, and a second kind of device with it.
struct slow_device {
    std::size_t* room = nullptr;
    std::size_t receive(const buffer_source&, std::span<packet>) { return 0; }
    std::size_t transmit(std::span<packet> batch) {
        const auto n = std::min(*room, batch.size());
        *room -= n;
        return n;
    }
    std::size_t mtu() const { return 1500; }
};

}  // namespace

TEST_CASE("a layer is found by its type, by its template's name, and by what it stands on") {
    stack_of<both> s;
    CHECK(&s.at<ipv4>().layer() == &s.at<ipv4<icmp>>().layer());
    CHECK(&s.at<ipv6>().layer() == &s.at<ipv6<icmpv6<ndp>>>().layer());
    CHECK(&s.at<both, icmp>().layer() == &s.at<icmp>().layer());
    CHECK(&s.at<both>().layer() == &s.root());
}

TEST_CASE("a full device holds packets back, then loses them, and says so") {
    std::size_t room = 2;
    stack_of<host, slow_device> s;
    const auto on = s.attach(slow_device{&room}, mac(1));
    s.add_address(on, "198.18.0.1/24");  // announced: takes one place
    CHECK(room == 1);
    udp_socket sender(s, {});
    sender.options.broadcast = true;
    auto send = [&] { return sender.send(bytes("x"), {ip_address::parse("198.18.0.255"), 7}); };
    CHECK(send() == errc::ok);
    CHECK(!s.output_blocked(on));
    CHECK(send() == errc::ok);
    CHECK(s.output_blocked(on));
    for (std::size_t i = 1; i < s.default_queue_limit; ++i) CHECK(send() == errc::ok);
    CHECK(s.interface(on).send_drops == 0);
    for (int i = 0; i < 3; ++i) (void)send();
    CHECK(s.interface(on).send_drops == 3);
    CHECK(s.counters().send_failed[static_cast<std::size_t>(drop_reason::device_full)] == 3);
    room = 400;
    s.poll();
    CHECK(room == 0);
    CHECK(s.output_blocked(on));
    room = 10000;
    s.poll();
    CHECK(!s.output_blocked(on));
    CHECK(room == 10000 - (s.default_queue_limit - 400));
}

TEST_CASE("what goes out by an interface that is down is refused") {
    two_hosts<host> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    REQUIRE(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.0.2"));
    net.a.interface(net.at_a).up = false;
    udp_socket sender(net.a, {});
    CHECK(sender.send(bytes("x"), {ip_address::parse("198.18.0.2"), 7}) == errc::interface_down);
    CHECK(net.a.counters().send_failed[static_cast<std::size_t>(drop_reason::interface_down)] == 1);
    net.a.interface(net.at_a).up = true;
    CHECK(sender.send(bytes("x"), {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
}

TEST_CASE("an interface on which the composition cannot stand is refused in words") {
    stack_of<both> s;
    auto [x, y] = memory_link::make({.mtu = 1000});
    CHECK_THROWS_WITH_AS(s.attach(std::move(x), mac(1), "narrow"), "netkit: interface 'narrow' has an MTU of 1000 bytes, too small for this composition, which needs 1280: give it a larger one, or leave out the layer that needs that (IPv6 needs 1280)", std::invalid_argument);
    CHECK(s.interface_count() == 1);
    auto [u, v] = memory_link::make();
    CHECK_THROWS_WITH_AS(s.attach(std::move(u), mac_address::broadcast(), "odd"), "netkit: interface 'odd' cannot have the group address ff:ff:ff:ff:ff:ff as its own", std::invalid_argument);
}

TEST_CASE("addresses that no layer takes, and interfaces that do not exist, are refused in words") {
    stack_of<host> s;
    auto [x, y] = memory_link::make();
    const auto on = s.attach(std::move(x), mac(1), "eth0");
    CHECK_THROWS_WITH_AS(s.add_address(on, "fd00:6e6b::1/64"), "netkit: this stack has no layer for IPv6 addresses such as fd00:6e6b::1 on the interface 'eth0'", std::invalid_argument);
    CHECK_THROWS_WITH_AS(s.add_address(interface_id{9}, "198.18.0.1/24"), "netkit: this stack has no interface 9", std::invalid_argument);
    CHECK_THROWS_AS(s.add_address(on, "198.18.0.1/33"), std::invalid_argument);
    CHECK_THROWS_AS(s.add_route(address_prefix::parse("198.19.0.0/16"), ip_address::parse("fd00:6e6b::1"), on), std::invalid_argument);
}

TEST_CASE("interfaces of several kinds of device share one stack and one port space") {
    std::size_t room = 1000;
    stack_of<host, any_of<memory_link, slow_device>> s;
    stack_of<host> peer;
    auto [x, y] = memory_link::make();
    const auto wire = s.attach(std::move(x), mac(1), "wire"), slow = s.attach(slow_device{&room}, mac(3), "slow");
    s.add_address(wire, "198.18.0.1/24");
    s.add_address(slow, "198.18.1.1/24");
    peer.add_address(peer.attach(std::move(y), mac(2)), "198.18.0.2/24");
    CHECK(carries_udp(peer.at<udp>(), s.at<udp>(), "198.18.0.1"));

    udp_socket everywhere(s, {{}, 53});
    udp_socket again;
    CHECK(again.open(s) == errc::ok);
    CHECK(again.bind({{}, 53}) == errc::address_in_use);
    everywhere.options.broadcast = true;
    const auto before = room;
    CHECK(everywhere.send(bytes("x"), {ip_address::parse("198.18.1.255"), 7}) == errc::ok);
    CHECK(room == before - 1);
    CHECK(s.device_of(wire).get<memory_link>() != nullptr);
    CHECK(s.device_of(slow).get<memory_link>() == nullptr);
    CHECK(s.interface(slow).sent.packets == 2);  // the announcement, and the broadcast
}

TEST_CASE("sockets are told after the batch, in the order in which they became ready") {
    two_hosts<host> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    REQUIRE(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.0.2"));
    struct listener {
        udp_socket socket;
        std::vector<int>* order;
        int name;
        listener(stack_core& s, std::uint16_t port, std::vector<int>& o) : socket(s, {{}, port}), order(&o), name(port) {
            socket.on_ready([](void* self) {
                auto& me = *static_cast<listener*>(self);
                me.order->push_back(me.name);
                // Nothing of the batch is under way any more: sending from here is allowed.
                (void)me.socket.send(bytes("told"), {ip_address::parse("198.18.0.1"), 99});
            }, this);
        }
    };
    std::vector<int> order;
    listener one(net.b, 1, order), two(net.b, 2, order), three(net.b, 3, order);
    udp_socket sender(net.a, {{}, 99});
    for (const std::uint16_t port : {std::uint16_t{2}, std::uint16_t{3}, std::uint16_t{2}, std::uint16_t{1}, std::uint16_t{3}}) CHECK(sender.send(bytes("x"), {ip_address::parse("198.18.0.2"), port}) == errc::ok);
    CHECK(net.b.poll_interface(net.at_b, 64) == 5);
    CHECK(order.empty());
    CHECK(net.b.unfinished());
    net.b.finish();
    CHECK(order == std::vector<int>{2, 3, 1});
    CHECK(!net.b.unfinished());
    net.a.poll();
    datagram d;
    for (int i = 0; i < 3; ++i) CHECK(sender.receive(d) == errc::ok);
    CHECK(sender.receive(d) == errc::would_block);
}

TEST_CASE("a socket that goes away while it waits to be told is not told") {
    two_hosts<host> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    REQUIRE(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.0.2"));
    int told = 0;
    auto receiver = std::make_unique<udp_socket>(net.b, endpoint{{}, 7});
    receiver->on_ready([](void* n) { ++*static_cast<int*>(n); }, &told);
    udp_socket sender(net.a, {});
    CHECK(sender.send(bytes("x"), {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
    net.b.poll_interface(net.at_b, 64);
    receiver.reset();
    net.b.finish();
    CHECK(told == 0);
}

TEST_CASE("a socket's call from another thread than its stack's fails loudly") {
    stack_of<host> s;
    auto [x, y] = memory_link::make();
    s.add_address(s.attach(std::move(x), mac(1)), "198.18.0.1/24");
    udp_socket socket(s, {{}, 7});
    bool refused = false, refused_poll_owner = true;
    std::thread([&] {
        datagram d;
        try {
            (void)socket.receive(d);
        } catch (const wrong_thread& e) {
            refused = std::string_view(e.what()).starts_with("netkit: ");
        }
        s.adopt_thread();
        refused_poll_owner = false;
        CHECK(socket.send(bytes("x"), {ip_address::parse("198.18.0.1"), 7}) == errc::ok);
    }).join();
    CHECK(refused);
    CHECK(!refused_poll_owner);
    datagram d;
    CHECK_THROWS_AS((void)socket.receive(d), wrong_thread);
    s.adopt_thread();
    s.poll();
    CHECK(socket.receive(d) == errc::ok);
}

TEST_CASE("sockets and packets may outlive their stack") {
    datagram kept;
    udp_socket survivor;
    std::optional<echo_socket> ping;
    {
        stack_of<host> s;
        CHECK(survivor.open(s) == errc::ok);
        CHECK(survivor.bind({{}, 7}) == errc::ok);
        ping.emplace(s.at<icmp>());
        CHECK(survivor.send(bytes("to myself"), {ip_address::parse("127.0.0.1"), 7}) == errc::ok);
        CHECK(survivor.send(bytes("never seen"), {ip_address::parse("127.0.0.1"), 7}) == errc::ok);
        s.poll();
        REQUIRE(survivor.receive(kept) == errc::ok);
        CHECK(ping->send(ip_address::parse("127.0.0.1"), 1, bytes("under way")) == errc::ok);
    }
    CHECK(kept.payload.size() == 9);
    CHECK(std::string_view(reinterpret_cast<const char*>(kept.payload.head().data()), 9) == "to myself");
    datagram d;
    CHECK(survivor.receive(d) == errc::bad_descriptor);
    CHECK(survivor.send(bytes("x"), {ip_address::parse("127.0.0.1"), 7}) == errc::bad_descriptor);
    CHECK(!survivor.is_open());
    CHECK(ping->send(ip_address::parse("127.0.0.1"), 1, {}) == errc::bad_descriptor);
}

TEST_CASE("a handler that throws stops neither time nor the others") {
    stack_of<host> s;
    udp_socket first(s, {{}, 7}), second(s, {{}, 8});
    int told = 0;
    first.on_ready([](void*) { throw std::runtime_error("a program's own"); }, nullptr);
    second.on_ready([](void* count) { ++*static_cast<int*>(count); }, &told);
    CHECK(first.send(bytes("x"), {ip_address::parse("127.0.0.1"), 7}) == errc::ok);
    CHECK(first.send(bytes("y"), {ip_address::parse("127.0.0.1"), 8}) == errc::ok);
    CHECK_THROWS_AS(s.poll(), std::runtime_error);
    CHECK(!s.polling());
    CHECK(told == 0);
    s.poll();
    CHECK(told == 1);
}

TEST_CASE("what became ready while a handler threw is told the next time, behind what was left") {
    stack_of<host> s;
    udp_socket first(s, {{}, 7}), second(s, {{}, 8}), third(s, {{}, 9});
    struct order {
        stack_core* stack;
        ready_item* late;
        std::vector<int> told;
    } seen{&s, &third, {}};
    first.on_ready([](void* o) {
        auto& its = *static_cast<order*>(o);
        its.stack->make_ready(*its.late);
        throw std::runtime_error("a program's own");
    }, &seen);
    second.on_ready([](void* o) { static_cast<order*>(o)->told.push_back(2); }, &seen);
    third.on_ready([](void* o) { static_cast<order*>(o)->told.push_back(3); }, &seen);
    for (const std::uint16_t port : {std::uint16_t(7), std::uint16_t(8)}) CHECK(third.send(bytes("x"), {ip_address::parse("127.0.0.1"), port}) == errc::ok);
    CHECK_THROWS_AS(s.poll(), std::runtime_error);
    CHECK(seen.told.empty());
    s.poll();
    CHECK(seen.told.size() == 2);
    s.poll();
    CHECK(seen.told.size() == 2);
}

TEST_CASE("a socket's call looks at the clock once, and time goes on behind it") {
    struct counting_environment {
        manual_environment time;
        int asked = 0;
        time_point now() {
            ++asked;
            time.advance(std::chrono::nanoseconds(1));
            return time.now();
        }
        std::uint64_t random() { return time.random(); }
    };
    using tcp_host = ethernet<arp, ipv4<icmp, tcp<>>>;
    stack<tcp_host, memory_link, counting_environment> a, b;
    auto [left, right] = memory_link::make();
    a.add_address(a.attach(std::move(left), mac(1)), "198.18.0.1/24");
    b.add_address(b.attach(std::move(right), mac(2)), "198.18.0.2/24");
    tcp_socket listener, client, server;
    REQUIRE(listener.open(b) == errc::ok);
    REQUIRE(listener.bind({{}, 7}) == errc::ok);
    REQUIRE(listener.listen(1) == errc::ok);
    REQUIRE(client.open(a) == errc::ok);
    const auto asked_by = [&](auto&& call) {
        const auto before = a.environment_of().asked;
        call();
        return a.environment_of().asked - before;
    };
    CHECK(asked_by([&] { CHECK(client.connect({ip_address::parse("198.18.0.2"), 7}) == errc::would_block); }) == 1);
    for (int i = 0; i < 5; ++i) {
        a.poll();
        b.poll();
    }
    REQUIRE(listener.accept(server) == errc::ok);
    CHECK(asked_by([&] { CHECK(client.send(bytes("hello")).bytes == 5); }) == 1);
    const auto then = a.now();
    CHECK(asked_by([&] { CHECK(a.now() > then); }) == 1);
    CHECK(asked_by([&] { CHECK(client.close() == errc::ok); }) == 1);
}

TEST_CASE("two stacks in one process know nothing of each other") {
    stack_of<host> a, b;
    udp_socket x(a, {{}, 7}), y(b, {{}, 7});  // the same port
    CHECK(x.send(bytes("mine"), {ip_address::parse("127.0.0.1"), 7}) == errc::ok);
    a.poll();
    b.poll();
    datagram d;
    CHECK(x.receive(d) == errc::ok);
    CHECK(y.receive(d) == errc::would_block);
    CHECK(b.counters().received == 0);
}

}  // namespace compose_stack_tests
