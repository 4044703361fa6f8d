#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

namespace layers_forwarding_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;
using namespace std::chrono_literals;

namespace {

using host = ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp>>;
using stack_type = stack<host, memory_link, manual_environment>;

/// A client and a server with a router between them, whose second link is narrower.
struct network_of_three {
    stack_type client, router, server;
    interface_id at_client, near_client, near_server, at_server;

    network_of_three() : router(manual_environment(2)), server(manual_environment(3)) {
        for (auto* s : {&client, &router, &server}) s->at<ipv6>()->duplicate_address_detection = false;
        auto [a, b] = memory_link::make();
        auto [c, d] = memory_link::make({.mtu = 1300});
        at_client = client.attach(std::move(a), mac(1));
        near_client = router.attach(std::move(b), mac(2));
        near_server = router.attach(std::move(c), mac(3));
        at_server = server.attach(std::move(d), mac(4));
        client.add_address(at_client, "198.18.0.1/24");
        client.add_address(at_client, "fd00:6e6b::1/64");
        client.add_gateway("198.18.0.2", at_client);
        client.add_gateway("fd00:6e6b::2", at_client);
        router.add_address(near_client, "198.18.0.2/24");
        router.add_address(near_client, "fd00:6e6b::2/64");
        router.add_address(near_server, "198.18.1.2/24");
        router.add_address(near_server, "fd00:6e6b:0:1::2/64");
        router.at<ipv4>()->forwarding = router.at<ipv6>()->forwarding = true;
        server.add_address(at_server, "198.18.1.1/24");
        server.add_address(at_server, "fd00:6e6b:0:1::1/64");
        server.add_gateway("198.18.1.2", at_server);
        server.add_gateway("fd00:6e6b:0:1::2", at_server);
        settle();
    }
    void settle() {
        for (int i = 0; i < 12; ++i) client.poll(), router.poll(), server.poll();
    }
    void pass(duration by) {
        for (duration gone{}; gone < by; gone += 1s) {
            for (auto* s : {&client, &router, &server}) s->environment_of().advance(1s);
            settle();
        }
    }
    ~network_of_three() {
        for (auto* s : {&client, &router, &server}) check_accounts(*s);
    }
};
const char* const server_addresses[] = {"198.18.1.1", "fd00:6e6b:0:1::1"};

frame some(std::size_t n) { return frame(n, std::byte{7}); }

}  // namespace

TEST_CASE("datagrams go through a router and back, one hop less") {
    network_of_three net;
    udp_socket server(net.server, {{}, 7}), client(net.client, {});
    for (const auto* address : server_addresses) {
        CAPTURE(address);
        CHECK(client.send(some(1000), {ip_address::parse(address), 7}) == errc::ok);
        net.settle();
        datagram d;
        REQUIRE(server.receive(d) == errc::ok);
        CHECK(d.hop_limit == 63);
        CHECK(d.payload.size() == 1000);
        CHECK(server.send(some(10), d.source) == errc::ok);
        net.settle();
        REQUIRE(client.receive(d) == errc::ok);
        CHECK(d.source == endpoint{ip_address::parse(address), 7});
    }
    CHECK(net.router.counters().forwarded == 4);
}

TEST_CASE("echo requests go through a router and back") {
    network_of_three net;
    echo_socket four(net.client.at<icmp>()), six(net.client.at<icmpv6>());
    CHECK(four.send(ip_address::parse(server_addresses[0]), 1, some(56)) == errc::ok);
    CHECK(six.send(ip_address::parse(server_addresses[1]), 1, some(56)) == errc::ok);
    net.settle();
    echo_reply r;
    for (auto* each : {&four, &six}) {
        REQUIRE(each->receive(r) == errc::ok);
        CHECK(r.is_reply);
        CHECK(r.hop_limit == 63);
    }
}

TEST_CASE("a host that is no router forwards nothing") {
    network_of_three net;
    net.router.at<ipv4>()->forwarding = net.router.at<ipv6>()->forwarding = false;
    udp_socket client(net.client, {});
    for (const auto* address : server_addresses) CHECK(client.send(some(10), {ip_address::parse(address), 7}) == errc::ok);
    net.settle();
    CHECK(net.router.counters().forwarded == 0);
    CHECK(net.router.counters()[drop_reason::not_for_us] >= 2);
}

TEST_CASE("the sender hears what became of its datagram") {
    network_of_three net;
    udp_socket client(net.client, {});
    const auto told = [&](const char* address, std::size_t size = 10) {
        CHECK(client.connect({ip_address::parse(address), 7}) == errc::ok);
        CHECK(client.send(some(size)) == errc::ok);
        net.settle();
        return client.take_error();
    };
    SUBCASE("no socket there") {
        for (const auto* address : server_addresses) CHECK(told(address) == errc::connection_refused);
    }
    SUBCASE("no route") {
        for (const auto* address : {"198.19.0.1", "fd00:6e6b:0:9::1"}) CHECK(told(address) == errc::network_unreachable);
        CHECK(net.router.counters()[drop_reason::no_route] == 2);
    }
    SUBCASE("its hop limit ends at the router") {
        client.options.hop_limit = 1;
        for (const auto* address : server_addresses) CHECK(told(address) == errc::host_unreachable);
        CHECK(net.router.counters()[drop_reason::hop_limit_exceeded] == 2);
    }
    SUBCASE("nobody answers the router for the target") {
        for (const auto* address : {"198.18.1.9", "fd00:6e6b:0:1::9"}) {
            CHECK(told(address) == errc::ok);
            net.pass(4s);
            CHECK(client.take_error() == errc::host_unreachable);
        }
        CHECK(net.router.counters()[drop_reason::no_neighbour] == 2);
    }
    SUBCASE("too big, and not to be fragmented") {
        client.options.dont_fragment = true;
        for (const auto* address : server_addresses) {
            CHECK(told(address, 1400) == errc::message_too_big);
            CHECK(client.send(some(1400)) == errc::message_too_big);  // known by now
        }
        CHECK(net.router.counters()[drop_reason::too_big] == 2);
    }
}

TEST_CASE("echo sockets hear what a router says, and from whom") {
    network_of_three net;
    echo_socket four(net.client.at<icmp>()), six(net.client.at<icmpv6>());
    CHECK(four.send(ip_address::parse("198.19.0.1"), 3, some(56)) == errc::ok);
    CHECK(six.send(ip_address::parse("fd00:6e6b:0:9::1"), 3, some(56)) == errc::ok);
    net.settle();
    echo_reply r;
    REQUIRE(four.receive(r) == errc::ok);
    CHECK(!r.is_reply);
    CHECK(r.error == network_error::network_unreachable);
    CHECK(r.sequence == 3);
    CHECK(r.source == ip_address::parse("198.18.0.2"));
    REQUIRE(six.receive(r) == errc::ok);
    CHECK(!r.is_reply);
    CHECK(r.error == network_error::network_unreachable);
    CHECK(r.source == ip_address::parse("fd00:6e6b::2"));
}

TEST_CASE("what is too big for a later link is sent again in fragments that fit") {
    network_of_three net;
    udp_socket server(net.server, {{}, 7}), client(net.client, {});
    for (const auto* address : server_addresses) {
        CAPTURE(address);
        const endpoint to{ip_address::parse(address), 7};
        CHECK(client.send(some(1400), to) == errc::ok);
        net.settle();
        datagram d;
        CHECK(server.receive(d) == errc::would_block);  // the router said what fits
        CHECK(client.send(some(1400), to) == errc::ok);
        net.settle();
        REQUIRE(server.receive(d) == errc::ok);
        CHECK(d.payload.size() == 1400);
    }
    CHECK(net.router.counters()[drop_reason::too_big] == 2);
    CHECK(net.client.at<ipv6>()->table.path_mtu(ipv6_address::parse(server_addresses[1])) == 1300);
    CHECK(net.client.at<ipv4>()->table.path_mtu(ipv4_address::parse(server_addresses[0])) == 1300);
    net.pass(11min);  // the way may have become wider
    CHECK(net.client.at<ipv6>()->table.path_mtu(ipv6_address::parse(server_addresses[1])) == 0);
    CHECK(net.client.at<ipv4>()->table.path_mtu(ipv4_address::parse(server_addresses[0])) == 0);
}

TEST_CASE("echo requests teach what fits, too") {
    network_of_three net;
    echo_socket four(net.client.at<icmp>()), six(net.client.at<icmpv6>());
    echo_socket* sockets[] = {&four, &six};
    for (int i = 0; i < 2; ++i) {
        auto& ping = *sockets[i];
        CHECK(ping.send(ip_address::parse(server_addresses[i]), 1, some(1400)) == errc::ok);
        net.settle();
        echo_reply r;
        REQUIRE(ping.receive(r) == errc::ok);
        CHECK(r.error == network_error::packet_too_big);
        CHECK(ping.send(ip_address::parse(server_addresses[i]), 2, some(1400)) == errc::ok);
        net.settle();
        REQUIRE(ping.receive(r) == errc::ok);
        CHECK(r.is_reply);
        CHECK(r.payload.size() == 1400);
    }
}

TEST_CASE("a router fragments IPv4 where it may") {
    network_of_three net;
    udp_socket server(net.server, {{}, 7});
    auto [near, far] = memory_link::make();
    const auto on = net.router.attach(std::move(near), mac(5));
    net.router.add_address(on, "198.18.5.2/24");
    const ipv4_address source(198, 18, 5, 1), target(198, 18, 1, 1);
    hand sender(std::move(far));
    auto f = ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, ex::udp(source, target, 7, some(1400)), 0, target), mac(5));
    sender.send(with_ipv4_checksum(with(f, network + 12, source)));
    net.settle();
    datagram d;
    REQUIRE(server.receive(d) == errc::ok);
    CHECK(d.payload.size() == 1400);
    CHECK(net.server.interface(net.at_server).received.packets >= 2);
    CHECK(net.router.counters().forwarded == 1);  // one frame in, whatever became of it
}

TEST_CASE("the longest prefix decides") {
    network_of_three net;
    auto [near, far] = memory_link::make();
    const auto third = net.router.attach(std::move(near), mac(5));
    hand there(std::move(far));
    net.router.add_address(third, "198.18.2.2/24");
    net.router.add_address(third, "fd00:6e6b:0:2::2/64");
    net.router.add_gateway("198.18.1.9", net.near_server);
    net.router.add_gateway("fd00:6e6b:0:1::9", net.near_server);
    net.router.add_route(address_prefix::parse("198.19.0.0/16"), ip_address::parse("198.18.1.1"), net.near_server);
    net.router.add_route(address_prefix::parse("198.19.7.0/24"), ip_address::parse("198.18.2.1"), third);
    net.router.add_route(address_prefix::parse("2001:db8::/32"), ip_address::parse("fd00:6e6b:0:1::1"), net.near_server);
    net.router.add_route(address_prefix::parse("2001:db8:7::/48"), ip_address::parse("fd00:6e6b:0:2::1"), third);
    net.router.at<arp>()->cache.add_permanent(ipv4_address(198, 18, 2, 1), third, mac(9));
    net.router.at<ndp>()->cache.add_permanent(ipv6_address::parse("fd00:6e6b:0:2::1"), third, mac(9));
    net.settle();
    (void)there.take();

    udp_socket client(net.client, {});
    const auto goes_there = [&](const char* address) {
        CHECK(client.send(some(10), {ip_address::parse(address), 7}) == errc::ok);
        net.settle();
        const auto sent = there.take();
        for (const auto& f : sent) CHECK(at<ethernet_header>(f, 0).target == mac(9));
        return sent.size() == 1;
    };
    CHECK(goes_there("198.19.7.1"));
    CHECK(goes_there("2001:db8:7::1"));
    for (const auto* elsewhere : {"198.19.8.1", "2001:db8:8::1"}) {
        CAPTURE(elsewhere);
        const auto seen = net.server.interface(net.at_server).received.packets;
        CHECK(!goes_there(elsewhere));
        CHECK(net.server.interface(net.at_server).received.packets > seen);
    }
    net.pass(5s);
}

TEST_CASE("what must not leave its link is not forwarded") {
    network_of_three net;
    auto [near, far] = memory_link::make();
    const auto on = net.router.attach(std::move(near), mac(5));
    net.router.add_address(on, "198.18.5.2/24");
    const auto six = [&](ipv6_address source, ipv6_address target) {
        return fate(net.router, on, ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::udp, some(8), target, 64, source), mac(5)));
    };
    const auto server = ipv6_address::parse(server_addresses[1]), sender = ipv6_address::parse("fd00:6e6b:5::1");
    CHECK(six(ipv6_address::parse("fe80::1"), server) == "not_for_us");
    CHECK(six(sender, ipv6_address::parse("fe80::1")) == "not_for_us");
    CHECK(six(sender, ipv6_address::loopback()) == "not_for_us");
    CHECK(six(sender, {}) == "not_for_us");
    const auto four = [&](ipv4_address target, mac_address to) {
        return fate(net.router, on, ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, some(8), 0, target), to));
    };
    // The source of the examples is of the client's net, which does not matter to a router without filters.
    CHECK(four(ipv4_address(169, 254, 0, 1), mac(5)) == "not_for_us");
    CHECK(four(ipv4_address(127, 0, 0, 1), mac(5)) == "not_for_us");
    CHECK(four(ipv4_address(240, 0, 0, 1), mac(5)) == "not_for_us");
    CHECK(four(ipv4_address(0, 0, 0, 0), mac(5)) == "not_for_us");
    CHECK(four(ipv4_address(198, 18, 1, 1), mac_address::broadcast()) == "not_for_us");
    const auto from_link_local = with(ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, some(8), 0, ipv4_address(198, 18, 1, 1)), mac(5)), network + 12, ipv4_address(169, 254, 0, 1));
    CHECK(fate(net.router, on, with_ipv4_checksum(from_link_local)) == "not_for_us");
    net.settle();
}

TEST_CASE("what is for all hosts of another network is not forwarded") {
    network_of_three net;
    udp_socket server(net.server, {{}, 7}), client(net.client, {});
    CHECK(client.send(some(10), {ip_address::parse("198.18.1.255"), 7}) == errc::ok);
    net.settle();
    datagram d;
    CHECK(server.receive(d) == errc::would_block);
    CHECK(net.router.counters()[drop_reason::filtered] == 1);
    CHECK(net.router.counters().forwarded == 0);
    // 255 ends the address of a host in a larger network.
    net.router.add_route(address_prefix::parse("198.19.0.0/16"), ip_address::parse("198.18.1.1"), net.near_server);
    CHECK(client.send(some(10), {ip_address::parse("198.19.0.255"), 7}) == errc::ok);
    net.settle();
    CHECK(net.router.counters().forwarded == 1);
}

}  // namespace layers_forwarding_tests
