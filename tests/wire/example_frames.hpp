#pragma once

#include <netkit/core/checksum.hpp>
#include <netkit/wire/arp.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/icmpv4.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/igmp.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv4_options.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/ipv6_extensions.hpp>
#include <netkit/wire/ipv6_options.hpp>
#include <netkit/wire/mld.hpp>
#include <netkit/wire/neighbour_discovery.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_writer.hpp>
#include <netkit/wire/udp.hpp>
#include <netkit/wire/vlan.hpp>
#include <netkit/wire/vxlan.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// A valid frame of every format, with right lengths and checksums, and the line that describes it.
namespace wire_examples {

using namespace netkit;
using bytes = std::vector<std::byte>;

inline constexpr mac_address mac_1{0x02, 0, 0, 0, 0, 1}, mac_2{0x02, 0, 0, 0, 0, 2};
inline constexpr ipv4_address four_1{198, 18, 0, 1}, four_2{198, 18, 0, 2};
inline const ipv6_address six_1 = ipv6_address::parse("fd00:6e6b::1"), six_2 = ipv6_address::parse("fd00:6e6b::2");
inline const ipv6_address router = ipv6_address::parse("fe80::1");

inline bytes to_bytes(std::string_view text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}
inline bytes to_bytes(const bytes& b) { return b; }
template <wire_format Header>
requires std::is_class_v<Header> bytes to_bytes(const Header& header) {
    const auto view = std::as_bytes(std::span(&header, 1));
    return {view.begin(), view.end()};
}
/// Headers, texts and bytes, one after another.
template <class... Parts>
bytes join(const Parts&... parts) {
    bytes result;
    const auto add = [&](const bytes& part) { result.insert(result.end(), part.begin(), part.end()); };
    (add(to_bytes(parts)), ...);
    return result;
}

/// Writes the checksum of `message`, at `offset` in it, `sum` being what it covers besides.
inline bytes with_checksum(bytes message, std::size_t offset, std::uint64_t sum = 0) {
    const be16 checksum = checksum_of(sum16(message, sum));
    std::memcpy(message.data() + offset, &checksum, sizeof checksum);
    return message;
}

inline bytes ethernet(ether_type type, const bytes& payload, mac_address target = mac_2) {
    return join(ethernet_header{target, mac_1, std::uint16_t(type)}, payload);
}
inline bytes ipv4(ip_protocol protocol, const bytes& payload, std::uint16_t fragment = ipv4_header::dont_fragment_flag,
                  ipv4_address target = four_2, const bytes& options = {}, std::uint8_t ttl = 64) {
    const auto header_size = sizeof(ipv4_header) + options.size();
    const ipv4_header header{static_cast<std::uint8_t>(0x40 | header_size / 4),
                             0,
                             static_cast<std::uint16_t>(header_size + payload.size()),
                             7,
                             fragment,
                             ttl,
                             std::uint8_t(protocol),
                             0,
                             four_1,
                             target};
    return join(with_checksum(join(header, options), offsetof(ipv4_header, checksum)), payload);
}
inline bytes ipv6(ip_protocol next, const bytes& payload, ipv6_address target = six_2, std::uint8_t hop_limit = 64,
                  ipv6_address source = six_1) {
    return join(
        ipv6_header{ipv6_header::version_6, static_cast<std::uint16_t>(payload.size()), std::uint8_t(next), hop_limit, source, target},
        payload);
}

template <class Address>
bytes udp(Address source, Address target, std::uint16_t target_port, const bytes& payload) {
    const auto length = sizeof(udp_header) + payload.size();
    const auto datagram = join(udp_header{40000, target_port, static_cast<std::uint16_t>(length), 0}, payload);
    return with_checksum(datagram, offsetof(udp_header, checksum), pseudo_header_sum(source, target, ip_protocol::udp, length));
}
template <class Address>
bytes tcp(Address source, Address target, tcp_flags flags, std::uint32_t acknowledgement, const tcp_parsed_options& options,
          std::string_view payload) {
    bytes option_bytes(tcp_options_size(options));
    write_tcp_options(option_bytes, options);
    const tcp_header header{
        43210, 80, 1, acknowledgement, tcp_header::make_offset(sizeof(tcp_header) + option_bytes.size()), std::uint8_t(flags), 64240, 0, 0};
    const auto segment = join(header, option_bytes, payload);
    return with_checksum(segment, offsetof(tcp_header, checksum), pseudo_header_sum(source, target, ip_protocol::tcp, segment.size()));
}
inline bytes icmpv4(icmp_type type, std::uint8_t code, std::uint32_t rest, const bytes& payload) {
    return with_checksum(join(icmp_header{std::uint8_t(type), code, 0, rest}, payload), offsetof(icmp_header, checksum));
}
inline bytes icmpv6(const bytes& message, ipv6_address source, ipv6_address target) {
    return with_checksum(message, offsetof(icmp_header, checksum), pseudo_header_sum(source, target, ip_protocol::icmpv6, message.size()));
}

struct example {
    const char* name;
    bytes frame;
    std::string line;
};

inline tcp_parsed_options syn_options() {
    tcp_parsed_options options;
    options.has_mss = options.has_window_scale = options.sack_permitted = options.has_timestamps = true;
    options.mss = 1460;
    options.window_scale = 7;
    options.ts_value = 1;
    return options;
}
inline tcp_parsed_options sack_options() {
    tcp_parsed_options options;
    options.has_timestamps = true;
    options.ts_value = 2;
    options.ts_echo = 1;
    options.sack_blocks = 2;
    options.sack[0] = {100, 200};
    options.sack[1] = {300, 400};
    return options;
}

inline std::vector<example> transport_examples() {
    const std::string macs = "02:00:00:00:00:01 > 02:00:00:00:00:02 ";
    const auto over_4 = [](ip_protocol protocol, const bytes& payload) { return ethernet(ether_type::ipv4, ipv4(protocol, payload)); };
    const auto over_6 = [](ip_protocol protocol, const bytes& payload) { return ethernet(ether_type::ipv6, ipv6(protocol, payload)); };
    return {
        {"TCP SYN", over_4(ip_protocol::tcp, tcp(four_1, four_2, tcp_flags::syn, 0, syn_options(), "")),
         macs + "IPv4 198.18.0.1.43210 > 198.18.0.2.80 TCP [S] seq 1 win 64240 <mss 1460,sackOK,TS val 1 ecr 0,wscale 7> length 0"},
        {"TCP SACK", over_6(ip_protocol::tcp, tcp(six_1, six_2, tcp_flags::ack, 9, sack_options(), "")),
         macs + "IPv6 fd00:6e6b::1.43210 > fd00:6e6b::2.80 TCP [.] seq 1 ack 9 win 64240 <TS val 2 ecr 1,sack 2 {100:200} {300:400}> "
                "length 0"},
        {"TCP data", over_4(ip_protocol::tcp, tcp(four_1, four_2, tcp_flags::psh | tcp_flags::ack, 9, {}, "GET / HTTP/1.1")),
         macs + "IPv4 198.18.0.1.43210 > 198.18.0.2.80 TCP [P.] seq 1 ack 9 win 64240 length 14"},
        {"UDP", over_4(ip_protocol::udp, udp(four_1, four_2, 7, to_bytes("hello"))),
         macs + "IPv4 198.18.0.1.40000 > 198.18.0.2.7 UDP length 5"},
        {"UDP over IPv6", over_6(ip_protocol::udp, udp(six_1, six_2, 7, to_bytes("hello"))),
         macs + "IPv6 fd00:6e6b::1.40000 > fd00:6e6b::2.7 UDP length 5"},
        {"ICMP echo", over_4(ip_protocol::icmp, icmpv4(icmp_type::echo_request, 0, icmp_header::make_echo(5, 1), to_bytes("12345678"))),
         macs + "IPv4 198.18.0.1 > 198.18.0.2 ICMP echo request id 5 seq 1 length 16"},
        {"ICMP port unreachable",
         over_4(ip_protocol::icmp, icmpv4(icmp_type::destination_unreachable, icmp_code::port_unreachable, 0,
                                          ipv4(ip_protocol::udp, udp(four_1, four_2, 7, to_bytes("hello"))))),
         macs + "IPv4 198.18.0.1 > 198.18.0.2 ICMP port unreachable (IPv4 198.18.0.1.40000 > 198.18.0.2.7 UDP length 5) length 41"},
        {"ICMPv6 echo",
         over_6(ip_protocol::icmpv6, icmpv6(join(icmp_header{std::uint8_t(icmpv6_type::echo_reply), 0, 0, icmp_header::make_echo(5, 2)},
                                                 std::string_view("12345678")),
                                            six_1, six_2)),
         macs + "IPv6 fd00:6e6b::1 > fd00:6e6b::2 ICMPv6 echo reply id 5 seq 2 length 16"},
        {"packet too big",
         over_6(ip_protocol::icmpv6, icmpv6(join(icmp_header{std::uint8_t(icmpv6_type::packet_too_big), 0, 0, 1280},
                                                 ipv6(ip_protocol::udp, udp(six_1, six_2, 7, to_bytes("hello")))),
                                            six_1, six_2)),
         macs + "IPv6 fd00:6e6b::1 > fd00:6e6b::2 ICMPv6 packet too big, mtu 1280 (IPv6 fd00:6e6b::1.40000 > fd00:6e6b::2.7 UDP length 5) "
                "length 61"},
    };
}

inline std::vector<example> neighbour_examples() {
    const auto announce = arp_header::make(arp_operation::request, mac_1, four_1, {}, four_1);
    const auto all_nodes = ipv6_address::all_nodes();
    const auto over_6 = [](ipv6_address source, ipv6_address target, const bytes& message) {
        const auto to = target.is_multicast() ? target.multicast_mac() : mac_2;
        return ethernet(ether_type::ipv6, ipv6(ip_protocol::icmpv6, icmpv6(message, source, target), target, 255, source), to);
    };
    const auto source_mac = nd_link_address_option::make(nd_option_kind::source_link_address, mac_1);
    const auto target_mac = nd_link_address_option::make(nd_option_kind::target_link_address, mac_1);
    const nd_prefix_option prefix{std::uint8_t(nd_option_kind::prefix_information),
                                  4,
                                  64,
                                  nd_prefix_option::on_link_flag | nd_prefix_option::autonomous_flag,
                                  86400,
                                  14400,
                                  0,
                                  ipv6_address::parse("fd00:6e6b::")};
    const nd_mtu_option mtu{std::uint8_t(nd_option_kind::mtu), 1, 0, 1500};
    const nd_dns_servers_option dns{std::uint8_t(nd_option_kind::recursive_dns_servers), 3, 0, 600};
    return {
        {"ARP request",
         ethernet(ether_type::arp, to_bytes(arp_header::make(arp_operation::request, mac_1, four_1, {}, four_2)), mac_address::broadcast()),
         "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP who-has 198.18.0.2 tell 198.18.0.1"},
        {"ARP reply", ethernet(ether_type::arp, to_bytes(arp_header::make(arp_operation::reply, mac_1, four_1, mac_2, four_2))),
         "02:00:00:00:00:01 > 02:00:00:00:00:02 ARP 198.18.0.1 is-at 02:00:00:00:00:01"},
        {"ARP announcement", ethernet(ether_type::arp, to_bytes(announce), mac_address::broadcast()),
         "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP announce 198.18.0.1 is-at 02:00:00:00:00:01"},
        {"neighbour solicitation",
         over_6(six_1, six_2.solicited_node(),
                join(neighbour_solicitation{{std::uint8_t(icmpv6_type::neighbour_solicitation), 0, 0, 0}, six_2}, source_mac)),
         "02:00:00:00:00:01 > 33:33:ff:00:00:02 IPv6 fd00:6e6b::1 > ff02::1:ff00:2 ICMPv6 who-has fd00:6e6b::2 <source 02:00:00:00:00:01> "
         "length 32"},
        {"neighbour advertisement",
         over_6(six_1, six_2,
                join(neighbour_advertisement{{std::uint8_t(icmpv6_type::neighbour_advertisement), 0, 0,
                                              neighbour_advertisement::solicited_flag | neighbour_advertisement::override_flag},
                                             six_1},
                     target_mac)),
         "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv6 fd00:6e6b::1 > fd00:6e6b::2 ICMPv6 neighbour fd00:6e6b::1 solicited override"
         " <target 02:00:00:00:00:01> length 32"},
        {"router solicitation",
         over_6(six_1, ipv6_address::all_routers(),
                join(router_solicitation{{std::uint8_t(icmpv6_type::router_solicitation), 0, 0, 0}}, source_mac)),
         "02:00:00:00:00:01 > 33:33:00:00:00:02 IPv6 fd00:6e6b::1 > ff02::2 ICMPv6 router solicitation <source 02:00:00:00:00:01> length "
         "16"},
        {"router advertisement",
         over_6(router, all_nodes,
                join(router_advertisement{std::uint8_t(icmpv6_type::router_advertisement), 0, 0, 64, 0x80, 1800, 0, 0}, source_mac, mtu,
                     prefix, dns, six_2)),
         "02:00:00:00:00:01 > 33:33:00:00:00:01 IPv6 fe80::1 > ff02::1 ICMPv6 router advertisement hop limit 64 lifetime 1800 managed"
         " <source 02:00:00:00:00:01,mtu 1500,prefix fd00:6e6b::/64 on-link autonomous,dns fd00:6e6b::2> length 88"},
        {"redirect",
         over_6(router, six_2, join(redirect_message{{std::uint8_t(icmpv6_type::redirect), 0, 0, 0}, six_1, six_1}, target_mac)),
         "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv6 fe80::1 > fd00:6e6b::2 ICMPv6 redirect fd00:6e6b::1 to fd00:6e6b::1 <target "
         "02:00:00:00:00:01> length 48"},
    };
}

inline std::vector<example> multicast_examples() {
    const ipv4_address group_4{239, 1, 2, 3};
    const auto group_6 = ipv6_address::parse("ff15::1");
    const auto igmp_frame = [](ipv4_address target, const bytes& message) {
        return ethernet(ether_type::ipv4, ipv4(ip_protocol::igmp, with_checksum(message, 2), 0, target, to_bytes(ipv4_router_alert{}), 1),
                        target.multicast_mac());
    };
    const auto mld_frame = [](ipv6_address target, const bytes& message) {
        const auto packet = join(ipv6_router_alert_header{std::uint8_t(ip_protocol::icmpv6)}, icmpv6(message, router, target));
        return ethernet(ether_type::ipv6, ipv6(ip_protocol::hop_by_hop, packet, target, 1, router), target.multicast_mac());
    };
    return {
        {"IGMPv2 report", igmp_frame(group_4, to_bytes(igmp_header{std::uint8_t(igmp_type::report_v2), 0, 0, group_4})),
         "02:00:00:00:00:01 > 01:00:5e:01:02:03 IPv4 <router alert> 198.18.0.1 > 239.1.2.3 IGMPv2 report 239.1.2.3 length 8"},
        {"IGMPv3 query", igmp_frame(igmp_all_systems, to_bytes(igmp_query{{std::uint8_t(igmp_type::query), 100, 0, {}}, 2, 125, 0})),
         "02:00:00:00:00:01 > 01:00:5e:00:00:01 IPv4 <router alert> 198.18.0.1 > 224.0.0.1 IGMP query 0.0.0.0 v3, 0 sources, within 100/10 "
         "s length 12"},
        {"IGMPv3 report",
         igmp_frame(igmp_v3_routers, join(igmp_report{std::uint8_t(igmp_type::report_v3), 0, 0, 0, 2},
                                          igmp_group_record{std::uint8_t(group_record::is_include), 0, 1, group_4}, four_2,
                                          igmp_group_record::make(group_record::to_exclude, group_4))),
         "02:00:00:00:00:01 > 01:00:5e:00:00:16 IPv4 <router alert> 198.18.0.1 > 224.0.0.22 IGMPv3 report, 2 records: is-include "
         "239.1.2.3, 1 sources;"
         " to-exclude 239.1.2.3 length 28"},
        {"MLDv1 report",
         mld_frame(group_6, to_bytes(mld_message{std::uint8_t(icmpv6_type::multicast_listener_report), 0, 0, 0, 0, group_6})),
         "02:00:00:00:00:01 > 33:33:00:00:00:01 IPv6 <hop-by-hop <router alert>> fe80::1 > ff15::1 ICMPv6 multicast listener report "
         "ff15::1 length 24"},
        {"MLDv2 query",
         mld_frame(ipv6_address::all_nodes(),
                   to_bytes(mld_query{{std::uint8_t(icmpv6_type::multicast_listener_query), 0, 0, 10000, 0, {}}, 2, 125, 0})),
         "02:00:00:00:00:01 > 33:33:00:00:00:01 IPv6 <hop-by-hop <router alert>> fe80::1 > ff02::1 ICMPv6 multicast listener query :: v2, "
         "0 sources,"
         " within 10000 ms length 28"},
        {"MLDv2 report",
         mld_frame(mld_routers, join(mld_report{std::uint8_t(icmpv6_type::multicast_listener_report_v2), 0, 0, 0, 1},
                                     mld_group_record::make(group_record::to_exclude, group_6))),
         "02:00:00:00:00:01 > 33:33:00:00:00:16 IPv6 <hop-by-hop <router alert>> fe80::1 > ff02::16 ICMPv6 multicast listener report v2, 1 "
         "records:"
         " to-exclude ff15::1 length 28"},
    };
}

inline std::vector<example> nested_examples() {
    const std::string macs = "02:00:00:00:00:01 > 02:00:00:00:00:02 ";
    const auto echo = icmpv4(icmp_type::echo_request, 0, icmp_header::make_echo(5, 1), {});
    const auto arp =
        ethernet(ether_type::arp, to_bytes(arp_header::make(arp_operation::request, mac_1, four_1, {}, four_2)), mac_address::broadcast());
    const auto vxlan = join(vxlan_header::make(77), arp);
    const auto datagram = udp(six_1, six_2, 7, to_bytes("0123456789abcdef"));
    const auto first_half = bytes(datagram.begin(), datagram.begin() + 16), second_half = bytes(datagram.begin() + 16, datagram.end());
    const auto fragment = [](std::size_t offset, bool more, const bytes& part) {
        const fragment_header header{std::uint8_t(ip_protocol::udp), 0, fragment_header::make_offset_flags(offset, more), 99};
        return ethernet(ether_type::ipv6, ipv6(ip_protocol::fragment, join(header, part)));
    };
    const routing_header routing{std::uint8_t(ip_protocol::udp), 2, 0, 1};
    return {
        {"VLAN", ethernet(ether_type::vlan, join(vlan_tag::make(42, ether_type::ipv4, 3), ipv4(ip_protocol::icmp, echo))),
         macs + "vlan 42 priority 3 IPv4 198.18.0.1 > 198.18.0.2 ICMP echo request id 5 seq 1 length 8"},
        {"VXLAN", ethernet(ether_type::ipv4, ipv4(ip_protocol::udp, udp(four_1, four_2, 4789, vxlan))),
         macs + "IPv4 198.18.0.1.40000 > 198.18.0.2.4789 UDP length 50 VXLAN vni 77 (02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP who-has "
                "198.18.0.2 tell 198.18.0.1)"},
        {"IPv4 in IPv4", ethernet(ether_type::ipv4, ipv4(ip_protocol::ipv4, ipv4(ip_protocol::icmp, echo))),
         macs + "IPv4 198.18.0.1 > 198.18.0.2 (IPv4 198.18.0.1 > 198.18.0.2 ICMP echo request id 5 seq 1 length 8)"},
        {"IPv6 in IPv4",
         ethernet(ether_type::ipv4, ipv4(ip_protocol::ipv6, ipv6(ip_protocol::udp, udp(six_1, six_2, 7, to_bytes("hello"))))),
         macs + "IPv4 198.18.0.1 > 198.18.0.2 (IPv6 fd00:6e6b::1.40000 > fd00:6e6b::2.7 UDP length 5)"},
        {"IPv4 later fragment", ethernet(ether_type::ipv4, ipv4(ip_protocol::udp, to_bytes("0123456789"), 1)),
         macs + "IPv4 <fragment id 7 offset 8> 198.18.0.1 > 198.18.0.2 UDP length 10"},
        {"IPv6 first fragment", fragment(0, true, first_half),
         macs + "IPv6 <fragment id 99 offset 0+> fd00:6e6b::1.40000 > fd00:6e6b::2.7 UDP length 16"},
        {"IPv6 last fragment", fragment(16, false, second_half),
         macs + "IPv6 <fragment id 99 offset 16> fd00:6e6b::1 > fd00:6e6b::2 UDP length 8"},
        {"routing header",
         ethernet(ether_type::ipv6, ipv6(ip_protocol::routing, join(routing, be32(0), six_2, udp(six_1, six_2, 7, to_bytes("hello"))))),
         macs + "IPv6 <routing type 0 segments left 1> fd00:6e6b::1.40000 > fd00:6e6b::2.7 UDP length 5"},
    };
}

/// All of them. In each, every byte is spoken of by a header before it, so that any cut shows.
inline std::vector<example> all() {
    std::vector<example> result;
    for (const auto& group : {transport_examples(), neighbour_examples(), multicast_examples(), nested_examples()})
        result.insert(result.end(), group.begin(), group.end());
    return result;
}

}  // namespace wire_examples
