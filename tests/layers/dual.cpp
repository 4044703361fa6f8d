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

#include <stdexcept>

namespace layers_dual_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using both = dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp>;
using host = ethernet<arp, both>;
using on_ethernet = stack<host, memory_link, manual_environment>;

// Transports keep room for the larger family, each family's own protocols for their own.
static_assert(decltype(std::declval<on_ethernet&>().at<udp>())::headroom() == 8 + 40 + 14);
static_assert(decltype(std::declval<on_ethernet&>().at<icmp>())::headroom() == 8 + 20 + 14);
static_assert(decltype(std::declval<on_ethernet&>().at<icmpv6>())::headroom() == 8 + 40 + 14);

template <class Root>
void address(two_hosts<Root>& net) {
    for (auto* s : {&net.a, &net.b}) s->template at<ipv6>()->duplicate_address_detection = false;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.a.add_address(net.at_a, "fd00:6e6b::1/64");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    net.b.add_address(net.at_b, "fd00:6e6b::2/64");
    net.settle();
}
struct on_wire : two_hosts<host> {
    on_wire() { address(*this); }
    bool reaches(udp_socket& to, const char* address) {
        udp_socket from(a, {});
        CHECK(from.send(bytes("hello"), {ip_address::parse(address), 7}) == errc::ok);
        settle();
        datagram d;
        return to.receive(d) == errc::ok;
    }
};
const char* const four = "198.18.0.2";
const char* const six = "fd00:6e6b::2";

}  // namespace

TEST_CASE("one socket hears both families, unless it is bound to one") {
    on_wire net;
    SUBCASE("any address of both") {
        udp_socket s(net.b, {{}, 7});
        CHECK(net.reaches(s, four));
        CHECK(net.reaches(s, six));
    }
    SUBCASE("IPv6 only") {
        udp_socket s;
        s.v6_only = true;
        REQUIRE(s.open(net.b) == errc::ok);
        REQUIRE(s.bind({{}, 7}) == errc::ok);
        CHECK(!net.reaches(s, four));
        CHECK(net.reaches(s, six));
        udp_socket other(net.b, {ipv4_address::any(), 7});  // the other family is free
        CHECK(net.reaches(other, four));
    }
    SUBCASE("any IPv4 address") {
        udp_socket s(net.b, {ipv4_address::any(), 7});
        CHECK(net.reaches(s, four));
        CHECK(!net.reaches(s, six));
    }
    SUBCASE("one address") {
        udp_socket s(net.b, {ip_address::parse(four), 7}), t(net.b, {ip_address::parse(six), 7});
        CHECK(net.reaches(s, four));
        CHECK(!net.reaches(s, six));
        CHECK(net.reaches(t, six));
    }
}

TEST_CASE("there is one port space") {
    on_wire net;
    udp_socket s(net.b, {{}, 7}), t;
    REQUIRE(t.open(net.b) == errc::ok);
    CHECK(t.bind({ipv4_address::any(), 7}) == errc::address_in_use);
    CHECK(t.bind({ip_address::parse(six), 7}) == errc::address_in_use);
    CHECK(t.bind({{}, 8}) == errc::ok);
}

TEST_CASE("an answer goes back in the family of the question") {
    on_wire net;
    udp_socket server(net.b, {{}, 7});
    for (const auto* to : {four, six}) {
        udp_socket client(net.a, {});
        CHECK(client.connect({ip_address::parse(to), 7}) == errc::ok);
        CHECK(client.send(bytes("question")) == errc::ok);
        net.settle();
        datagram d;
        REQUIRE(server.receive(d) == errc::ok);
        CHECK(d.source.address.is_v6() == ip_address::parse(to).is_v6());
        CHECK(server.send(bytes("answer"), d.source) == errc::ok);
        net.settle();
        CHECK(client.receive(d) == errc::ok);
    }
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("errors of both families reach the same sockets") {
    on_wire net;
    udp_socket client(net.a, {});
    for (const auto* to : {four, six}) {
        CHECK(client.connect({ip_address::parse(to), 9}) == errc::ok);
        CHECK(client.send(bytes("anyone?")) == errc::ok);
        net.settle();
        CHECK(client.take_error() == errc::connection_refused);
    }
}

TEST_CASE("the version decides, whatever the frame says") {
    host_by_hand<host> s;
    s.host.at<ipv6>()->duplicate_address_detection = false;
    s.add_address("198.18.0.2/24");
    s.add_address("fd00:6e6b::2/64");
    udp_socket socket(s.host, {{}, 7});
    const auto six_packet = ex::ipv6(ip_protocol::udp, ex::udp(ex::six_1, ex::six_2, 7, ex::to_bytes("x")));
    CHECK(fate(s.host, s.on, ex::ethernet(ether_type::ipv6, six_packet)) == "delivered");
    for (unsigned version : {0u, 5u, 7u, 15u})
        CHECK(fate(s.host, s.on, ex::ethernet(ether_type::ipv6, with(six_packet, 0, static_cast<std::uint8_t>(version << 4)))) ==
              "malformed");
    CHECK(fate(s.host, s.on, ex::ethernet(ether_type::ipv6, {})) == "truncated");
}

TEST_CASE("a host without a link layer speaks both families") {
    two_hosts<both> net({.link = link_type::ip});
    address(net);
    CHECK(net.a.interface(net.at_a).sent.packets == 0);  // no neighbours, so nobody is asked or told
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), four));
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), six));
    CHECK(answers_ping(net.a.at<icmp>(), net.a, net.b, four));
    CHECK(answers_ping(net.a.at<icmpv6>(), net.a, net.b, six));
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("one stack serves an Ethernet and a link of bare packets at once") {
    on_ethernet s;
    s.at<ipv6>()->duplicate_address_detection = false;
    auto [near_ethernet, far_ethernet] = memory_link::make();
    auto [near_ip, far_ip] = memory_link::make({.link = link_type::ip});
    const auto eth = s.attach(std::move(near_ethernet), mac(2)), tun = s.attach(std::move(near_ip));
    s.add_address(eth, "fd00:6e6b::2/64");
    s.add_address(tun, "198.18.0.2/24");
    s.add_address(tun, "fd00:6e6b:0:1::2/64");
    s.poll();
    udp_socket socket(s, {{}, 7});
    CHECK(fate(s, tun, ex::ipv4(ip_protocol::udp, ex::udp(ex::four_1, ex::four_2, 7, ex::to_bytes("x")))) == "delivered");
    CHECK(fate(s, tun, ex::ipv6(ip_protocol::udp, ex::udp(ex::six_1, ex::six_2, 7, ex::to_bytes("x")))) == "delivered");
    CHECK(fate(s, eth, ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::udp, ex::udp(ex::six_1, ex::six_2, 7, ex::to_bytes("x"))))) ==
          "delivered");
    CHECK(fate(s, tun, frame(40, std::byte{0x11})) == "malformed");
    CHECK(fate(s, tun, {}) == "truncated");
    hand out(std::move(far_ip));
    (void)out.take();
    CHECK(socket.send(bytes("out"), {ip_address::parse("198.18.0.9"), 7}) == errc::ok);
    const auto sent = out.take();
    REQUIRE(sent.size() == 1);
    CHECK(at<ipv4_header>(sent[0], 0).target == ipv4_address(198, 18, 0, 9));
}

TEST_CASE("a stack of one family says so of an address of the other") {
    stack<ethernet<arp, ipv4<udp>>, memory_link, manual_environment> s;
    auto [near, far] = memory_link::make();
    const auto on = s.attach(std::move(near), mac(1));
    CHECK_THROWS_AS(s.add_address(on, "fd00::1/64"), std::invalid_argument);
    udp_socket socket(s, {});
    CHECK(socket.send(bytes("x"), {ip_address::parse("fd00::1"), 7}) == errc::no_route);
}

}  // namespace layers_dual_tests
