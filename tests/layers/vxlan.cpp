#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vxlan.hpp>

#include <tests/compose/hosts.hpp>

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace layers_vxlan_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

using overlay = ethernet<arp, ipv4<icmp, udp>>;
using segment7 = vxlan<7, overlay>;
using transport = basic_udp<segment7>;
using outer = ipv4<transport, icmp>;
using host = ethernet<arp, outer>;
using stack_type = stack<host, memory_link, manual_environment>;

// ICMP, IPv4 and Ethernet inside, then VXLAN, UDP, IPv4 and Ethernet.
static_assert(decltype(std::declval<stack_type&>().at<segment7, icmp>())::headroom() == 8 + 20 + 14 + 8 + 8 + 20 + 14);

interface_id join(auto& s, interface_id underlay, const char* address, const char* remote, const char* inner, std::uint8_t n) {
    s.add_address(underlay, address);
    auto here = s.template at<segment7>();
    const auto inside = here->add(here, underlay, mac(n), {ip_address::parse(remote)});
    s.add_address(inside, inner);
    return inside;
}
void join_both(two_hosts<host>& net) {
    join(net.a, net.at_a, "198.18.0.1/24", "198.18.0.2", "198.18.7.1/24", 11);
    join(net.b, net.at_b, "198.18.0.2/24", "198.18.0.1", "198.18.7.2/24", 12);
}

}  // namespace

TEST_CASE("a whole Ethernet travels in UDP") {
    two_hosts<host> net;
    join_both(net);
    const auto inside = interface_id{2};
    CHECK(net.a.interface(inside).name == "vxlan7");
    CHECK(net.a.interface(inside).mtu == 1450);
    CHECK(answers_ping(net.a.at<segment7, icmp>(), net.a, net.b, "198.18.7.2"));
    CHECK(carries_udp(net.a.at<segment7, udp>(), net.b.at<segment7, udp>(), "198.18.7.2", 1450 - 28));
    CHECK(carries_udp(net.b.at<segment7, udp>(), net.a.at<segment7, udp>(), "198.18.7.1", 4000));
    CHECK(net.a.interface(inside).received.packets > 0);
    CHECK(net.a.interface(inside).sent.packets > 0);
    CHECK(net.a.at<segment7>()->stations.size() == 1);
    CHECK(net.b.at<segment7>()->stations.size() == 1);
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("inner sums are completed before they travel, whatever the underlay's device can do") {
    two_hosts<host> net({.can = {.checksum = true, .scatter = true}});
    join_both(net);
    CHECK(carries_udp(net.a.at<segment7, udp>(), net.b.at<segment7, udp>(), "198.18.7.2", 700));
    CHECK(net.b.counters()[drop_reason::checksum] == 0);
}

TEST_CASE("what does not fit into one packet of the underlay is dropped") {
    two_hosts<host> net;
    join_both(net);
    REQUIRE(answers_ping(net.a.at<segment7, icmp>(), net.a, net.b, "198.18.7.2"));
    auto below = net.a.at<outer>();
    below->learn_path_mtu(below, ipv4_address(198, 18, 0, 2), 1300);
    const auto before = net.a.interface(net.at_a).sent.packets;
    CHECK(carries_udp(net.a.at<segment7, udp>(), net.b.at<segment7, udp>(), "198.18.7.2", 1300 - 50 - 28));
    CHECK(net.a.interface(net.at_a).sent.packets == before + 1);
    udp_socket s(net.a.at<segment7, udp>(), {});
    CHECK(s.send(std::vector<std::byte>(1301 - 50 - 28), {ip_address::parse("198.18.7.2"), 9}) == errc::message_too_big);
    CHECK(net.a.counters().send_failed[std::size_t(drop_reason::too_big)] == 1);
    CHECK(net.a.interface(net.at_a).sent.packets == before + 1);
}

TEST_CASE("a tunnelled frame is counted once, whatever becomes of it inside") {
    two_hosts<host> net;
    join_both(net);
    REQUIRE(answers_ping(net.a.at<segment7, icmp>(), net.a, net.b, "198.18.7.2"));
    const auto before = net.b.counters();
    udp_socket s(net.a.at<segment7, udp>(), {});
    CHECK(s.send(bytes("nobody listens"), {ip_address::parse("198.18.7.2"), 9}) == errc::ok);
    net.settle();
    CHECK(net.b.counters().received == before.received + 1);
    CHECK(net.b.counters()[drop_reason::no_socket] == before[drop_reason::no_socket] + 1);
    CHECK(net.b.counters().delivered == before.delivered);
    check_accounts(net.b);
}

TEST_CASE("only configured remotes are heard, and only this segment") {
    two_hosts<host> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    auto outer_a = net.a.at<transport>();
    auto send = [&](std::span<const std::byte> payload) {
        auto p = outer_a.allocate(payload.size());
        p.append(payload);
        CHECK(outer_a->transmit(outer_a, udp_port::vxlan, std::move(p), ip_address::parse("198.18.0.2")) == errc::ok);
        net.settle();
    };
    auto header = [](std::uint32_t id, std::uint32_t flags) {
        std::array<std::byte, 60> bytes{};
        const vxlan_header h{flags, id << 8};
        std::memcpy(bytes.data(), &h, sizeof h);
        return bytes;
    };
    const auto& dropped = net.b.counters();
    net.settle();
    const auto strangers = dropped[drop_reason::not_for_us];  // announcements of addresses
    send(header(7, vxlan_header::identifier_valid));
    CHECK(dropped[drop_reason::not_for_us] == strangers + 1);  // b has not joined

    auto here = net.b.at<segment7>();
    here->add(here, net.at_b, mac(12), {ip_address::parse("198.18.0.3")});
    send(header(7, vxlan_header::identifier_valid));
    CHECK(dropped[drop_reason::filtered] == 1);  // a is not its remote
    CHECK(here->stations.size() == 0);
    send(header(8, vxlan_header::identifier_valid));
    CHECK(dropped[drop_reason::not_for_us] == strangers + 2);
    send(header(7, 0));
    CHECK(dropped[drop_reason::malformed] == 1);
    for (std::size_t cut = 0; cut < sizeof(vxlan_header); ++cut) {
        CAPTURE(cut);
        const auto whole = header(7, vxlan_header::identifier_valid);
        send(std::span(whole).first(cut));
        CHECK(dropped[drop_reason::truncated] == cut + 1);
    }
    check_accounts(net.b);
}

TEST_CASE("frames for many, and for stations not yet seen, go to every remote; others to one") {
    two_hosts<host> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    auto here = net.a.at<segment7>();
    // The first remote answers; the second does not exist.
    const auto inside = here->add(here, net.at_a, mac(11), {ip_address::parse("198.18.0.2"), ip_address::parse("198.18.0.3")});
    net.a.add_address(inside, "198.18.7.1/24");
    join(net.b, net.at_b, "198.18.0.2/24", "198.18.0.1", "198.18.7.2/24", 12);
    net.settle();
    CHECK(answers_ping(net.a.at<segment7, icmp>(), net.a, net.b, "198.18.7.2"));
    // From now on the station is known: one frame out for each sent inside.
    const auto before = net.a.interface(net.at_a).sent.packets;
    udp_socket s(net.a.at<segment7, udp>(), {});
    CHECK(s.send(bytes("to one"), {ip_address::parse("198.18.7.2"), 9}) == errc::ok);
    CHECK(net.a.interface(net.at_a).sent.packets == before + 1);
}

TEST_CASE("stations are forgotten after a while, and bounded") {
    learned_locations<ip_address> known;
    known.start({1, 2});
    const auto behind = ip_address::parse("198.18.0.2");
    const time_point start{std::chrono::seconds(100)};
    for (std::size_t i = 0; i < 2 * known.most; ++i)
        known.learn(mac_address(2, 0, 0, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), behind, start);
    CHECK(known.size() == known.most);
    REQUIRE(known.find(mac(0), start));
    CHECK(*known.find(mac(0), start) == behind);
    const auto later = start + known.lifetime + std::chrono::seconds(1);
    CHECK(!known.find(mac(0), later));
    known.learn(mac_address(2, 1, 0, 0, 0, 0), behind, later);
    CHECK(known.size() == 1);
}

TEST_CASE("a segment is set up with what it needs, once") {
    two_hosts<host> net;
    auto here = net.a.at<segment7>();
    CHECK_THROWS_WITH_AS(here->add(here, net.at_a, mac(11), {}), "netkit: VXLAN 7 needs at least one remote tunnel endpoint", std::invalid_argument);
    CHECK_THROWS_AS(here->add(here, net.at_a, mac_address(), {ip_address::parse("198.18.0.2")}), std::invalid_argument);
    here->add(here, net.at_a, mac(11), {ip_address::parse("198.18.0.2")});
    CHECK_THROWS_AS(here->add(here, net.at_a, mac(11), {ip_address::parse("198.18.0.2")}), std::invalid_argument);
}

TEST_CASE("a segment over IPv6, with both kinds of address inside") {
    using both_inside = ethernet<arp, ipv4<icmp>, ipv6<icmpv6<ndp>, udp>>;
    using segment9 = vxlan<9, both_inside>;
    two_hosts<ethernet<ipv6<icmpv6<ndp>, basic_udp<segment9>>>> net;
    static_assert(decltype(net.a.at<segment9, icmp>())::headroom() == 8 + 20 + 14 + 8 + 8 + 40 + 14);
    auto set_up = [](auto& s, interface_id on, bool is_a) {
        s.add_address(on, is_a ? "fd00:6e6b::1/64" : "fd00:6e6b::2/64");
        auto here = s.template at<segment9>();
        const auto inside = here->add(here, on, mac(is_a ? 11 : 12), {ip_address::parse(is_a ? "fd00:6e6b::2" : "fd00:6e6b::1")});
        CHECK(s.interface(inside).mtu == 1430);
        s.add_address(inside, is_a ? "198.18.9.1/24" : "198.18.9.2/24");
        s.add_address(inside, is_a ? "fd00:6e6b:9::1/64" : "fd00:6e6b:9::2/64");
    };
    set_up(net.a, net.at_a, true);
    set_up(net.b, net.at_b, false);
    pass_time(net.a, net.b, std::chrono::seconds(5), std::chrono::milliseconds(500));
    CHECK(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.9.2"));
    CHECK(carries_udp(net.a.at<segment9, udp>(), net.b.at<segment9, udp>(), "fd00:6e6b:9::2", 1430 - 48));
    check_accounts(net.a);
    check_accounts(net.b);
}

}  // namespace layers_vxlan_tests
