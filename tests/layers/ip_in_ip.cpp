#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ip_in_ip.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/compose/hosts.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace layers_ip_in_ip_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

using inner = ipv4<icmp, udp>;
using tunnels = ip_in_ip<inner>;
using outer = ipv4<icmp, tunnels>;
using host = ethernet<arp, outer>;

static_assert(tunnels::key == ip_protocol::ipv4);
static_assert(decltype(std::declval<stack<host, memory_link>&>().at<udp>())::headroom() == 8 + 20 + 20 + 14);

interface_id dig(auto& s, interface_id on, const char* address, const char* remote, const char* inside) {
    s.add_address(on, address);
    auto here = s.template at<tunnels>();
    const auto id = here->add(here, ip_address::parse(remote), on);
    s.add_address(id, inside);
    return id;
}

}  // namespace

TEST_CASE("IPv4 travels in IPv4, by an interface of its own") {
    two_hosts<host> net;
    const auto at_a = dig(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "198.18.4.1/24");
    dig(net.b, net.at_b, "198.18.0.2/24", "198.18.0.1", "198.18.4.2/24");
    CHECK(net.a.interface(at_a).mtu == 1480);
    CHECK(net.a.interface(at_a).name == "tunnel2");
    CHECK(answers_ping(net.a.at<inner, icmp>(), net.a, net.b, "198.18.4.2"));
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.4.2", 1480 - 28));
    CHECK(carries_udp(net.b.at<udp>(), net.a.at<udp>(), "198.18.4.1", 5000));
    CHECK(net.a.interface(at_a).sent.packets > 0);
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("sums stay partial through a tunnel where the device can complete them") {
    two_hosts<host> net({.can = {.checksum = true, .scatter = true}});
    dig(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "198.18.4.1/24");
    dig(net.b, net.at_b, "198.18.0.2/24", "198.18.0.1", "198.18.4.2/24");
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.4.2", 1001));
    CHECK(net.b.counters()[drop_reason::checksum] == 0);
}

TEST_CASE("what may not be fragmented inside is not fragmented outside, and this host learns what fits") {
    two_hosts<host> net;
    dig(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "198.18.4.1/24");
    dig(net.b, net.at_b, "198.18.0.2/24", "198.18.0.1", "198.18.4.2/24");
    REQUIRE(answers_ping(net.a.at<inner, icmp>(), net.a, net.b, "198.18.4.2"));
    auto below = net.a.at<outer>();
    below->learn_path_mtu(below, ipv4_address(198, 18, 0, 2), 1200);
    const auto frames_for = [&](std::size_t size) {
        const auto before = net.a.interface(net.at_a).sent.packets;
        CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.4.2", size));
        return net.a.interface(net.at_a).sent.packets - before;
    };
    CHECK(frames_for(2000) == 3);  // fragments inside: the first one does not fit, and may be fragmented again
    udp_socket s(net.a.at<udp>(), {});
    const std::vector<std::byte> most(1200 - 20 - 28), more(most.size() + 1);
    const endpoint to{ip_address::parse("198.18.4.2"), 9};
    CHECK(s.send(more, to) == errc::message_too_big);
    CHECK(net.a.at<inner>()->table.path_mtu(ipv4_address(198, 18, 4, 2)) == 1180);
    CHECK(frames_for(most.size()) == 1);
    CHECK(frames_for(more.size()) == 2);
    check_accounts(net.b);
}

TEST_CASE("who sends through two tunnels hears what fits into the second") {
    two_hosts<host> net;
    const auto at_a = dig(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "198.18.4.1/24");
    dig(net.b, net.at_b, "198.18.0.2/24", "198.18.0.1", "198.18.4.2/24");
    auto tunnel = net.b.at<tunnels>();
    net.b.add_address(tunnel->add(tunnel, ip_address::parse("198.18.0.3"), net.at_b), "198.18.5.1/24");
    net.b.at<inner>()->forwarding = true;
    net.a.add_route(address_prefix::parse("198.18.5.0/24"), ip_address::parse("198.18.4.2"), at_a);
    auto below = net.b.at<outer>();
    below->learn_path_mtu(below, ipv4_address(198, 18, 0, 3), 1000);
    udp_socket s(net.a.at<udp>(), {});
    s.options.dont_fragment = true;
    REQUIRE(s.connect({ip_address::parse("198.18.5.9"), 9}) == errc::ok);
    CHECK(s.send(std::vector<std::byte>(980 - 28 + 1)) == errc::ok);
    net.settle();
    CHECK(s.take_error() == errc::message_too_big);
    CHECK(net.a.at<inner>()->table.path_mtu(ipv4_address(198, 18, 5, 9)) == 980);
    CHECK(net.b.counters()[drop_reason::too_big] == 1);
    check_accounts(net.b);
}

TEST_CASE("of what fits into a tunnel only errors are believed that quote what went into it") {
    two_hosts<host> net;
    dig(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "198.18.4.1/24");
    auto here = net.a.at<tunnels>();
    const auto learns = [&](ipv4_address target, std::uint16_t length, std::size_t quoted, std::uint32_t mtu = 1300) {
        auto below = net.a.at<outer>();
        below->table.start({1, 2});  // forgets
        ipv4_header h{};
        h.version_ihl = ipv4_header::version_ihl_without_options;
        h.length = length;
        h.target = target;
        path<ipv4_address> way;
        way.target = ipv4_address(198, 18, 0, 2);
        here->network_failed(here, std::as_bytes(std::span(&h, 1)).first(quoted), way, network_error::packet_too_big, mtu);
        return below->table.path_mtu(way.target) == mtu;
    };
    const ipv4_address inside(198, 18, 4, 2), elsewhere(198, 18, 0, 7);
    CHECK(learns(inside, 1480, 20));
    CHECK(learns(inside, 1281, 20));
    CHECK(learns(inside, 1480, 8));
    CHECK(!learns(inside, 1480, 7));
    CHECK(!learns(inside, 1480, 0));
    CHECK(!learns(elsewhere, 1480, 20));
    CHECK(!learns(inside, 1280, 20));  // that would have fitted
}

TEST_CASE("IP in IP from someone who was not named is dropped") {
    two_hosts<host> net;
    dig(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "198.18.4.1/24");
    dig(net.b, net.at_b, "198.18.0.2/24", "198.18.0.3", "198.18.4.2/24");  // another remote than a
    CHECK(!answers_ping(net.a.at<inner, icmp>(), net.a, net.b, "198.18.4.2"));
    CHECK(net.b.counters()[drop_reason::filtered] == 1);
    CHECK(net.b.interface(interface_id{2}).received.packets == 0);
    check_accounts(net.b);

    auto here = net.b.at<tunnels>();
    here->add(here, ip_address::parse("198.18.0.1"), net.at_b);
    CHECK_THROWS_WITH_AS(here->add(here, ip_address::parse("198.18.0.1"), net.at_b), "netkit: there is a tunnel to 198.18.0.1 already", std::invalid_argument);
    // Now it comes in, and the answer goes out by that tunnel once there is a way.
    net.b.add_route(address_prefix::parse("198.18.4.1/32"), ip_address(ipv4_address()), interface_id{3});
    CHECK(answers_ping(net.a.at<inner, icmp>(), net.a, net.b, "198.18.4.2"));
}

TEST_CASE("without a tunnel layer, IP in IP has no taker") {
    using plain = ethernet<arp, ipv4<icmp, udp>>;
    stack<host, memory_link, manual_environment> a;
    stack<plain, memory_link, manual_environment> b;
    auto [x, y] = memory_link::make();
    const auto on = a.attach(std::move(x), mac(1));
    dig(a, on, "198.18.0.1/24", "198.18.0.2", "198.18.4.1/24");
    b.add_address(b.attach(std::move(y), mac(2)), "198.18.0.2/24");
    CHECK(!answers_ping(a.at<inner, icmp>(), a, b, "198.18.4.2"));
    CHECK(b.counters()[drop_reason::no_upper_layer] == 1);
    check_accounts(b);
}

TEST_CASE("IPv6 travels in IPv4, as protocol 41") {
    using six = ipv6<icmpv6<>, udp>;
    using six_tunnels = ip_in_ip<six>;
    static_assert(six_tunnels::key == ip_protocol::ipv6);
    two_hosts<ethernet<arp, ipv4<icmp, six_tunnels>>> net;
    auto dig = [](auto& s, interface_id on, const char* address, const char* remote, const char* inside) {
        s.add_address(on, address);
        auto here = s.template at<six_tunnels>();
        s.add_address(here->add(here, ip_address::parse(remote), on), inside);
    };
    dig(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "fd00:6e6b::1/64");
    dig(net.b, net.at_b, "198.18.0.2/24", "198.18.0.1", "fd00:6e6b::2/64");
    pass_time(net.a, net.b, std::chrono::seconds(4), std::chrono::milliseconds(500));
    CHECK(answers_ping(net.a.at<icmpv6<>>(), net.a, net.b, "fd00:6e6b::2"));
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "fd00:6e6b::2", 1480 - 48));
    CHECK(net.b.counters()[drop_reason::filtered] == 0);
    check_accounts(net.a);
    check_accounts(net.b);

    // Where less than 1280 bytes fit, those are fragmented outside all the same.
    auto below = net.a.at<ipv4>();
    below->learn_path_mtu(below, ipv4_address(198, 18, 0, 2), 1000);
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "fd00:6e6b::2", 1280 - 48));
    CHECK(!carries_udp(net.a.at<udp>(), net.b.at<udp>(), "fd00:6e6b::2", 1281 - 48));
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "fd00:6e6b::2", 1281 - 48));  // in fragments
    CHECK(net.a.at<six>()->table.path_mtu(ipv6_address::parse("fd00:6e6b::2")) == 1280);
}

TEST_CASE("both families travel in both") {
    using both_inside = dual<ipv4<icmp>, ipv6<icmpv6<>>, udp>;
    using both_tunnels = ip_in_ip<both_inside>;
    using both_outside = dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, both_tunnels>;
    two_hosts<ethernet<arp, both_outside>> net;
    auto set_up = [](auto& s, interface_id on, bool is_a) {
        s.add_address(on, is_a ? "198.18.0.1/24" : "198.18.0.2/24");
        s.add_address(on, is_a ? "fd00:6e6b::1/64" : "fd00:6e6b::2/64");
        auto here = s.template at<both_tunnels>();
        const auto by_four = here->add(here, ip_address::parse(is_a ? "198.18.0.2" : "198.18.0.1"), on);
        const auto by_six = here->add(here, ip_address::parse(is_a ? "fd00:6e6b::2" : "fd00:6e6b::1"), on);
        CHECK(s.interface(by_four).mtu == 1480);
        CHECK(s.interface(by_six).mtu == 1460);
        s.add_address(by_four, is_a ? "198.18.4.1/24" : "198.18.4.2/24");
        s.add_address(by_four, is_a ? "fd00:6e6b:4::1/64" : "fd00:6e6b:4::2/64");
        s.add_address(by_six, is_a ? "198.18.6.1/24" : "198.18.6.2/24");
        s.add_address(by_six, is_a ? "fd00:6e6b:6::1/64" : "fd00:6e6b:6::2/64");
    };
    set_up(net.a, net.at_a, true);
    set_up(net.b, net.at_b, false);
    pass_time(net.a, net.b, std::chrono::seconds(4), std::chrono::milliseconds(500));
    for (const std::string to : {"198.18.4.2", "fd00:6e6b:4::2", "198.18.6.2", "fd00:6e6b:6::2"}) {
        INFO(to);
        CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), to));
    }
    check_accounts(net.a);
    check_accounts(net.b);
}

}  // namespace layers_ip_in_ip_tests
