#pragma once

#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/testing/packet_check.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/wire/icmpv4.hpp>
#include <netkit/wire/icmpv6.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Checks of packets of every protocol but TCP, for which see tcp_checks.hpp: `is_ipv4(ttl(64)) && is_udp(to_port(7), payload("hello"))`.
/// A packet whose lengths or checksums are wrong fits no check of its protocol; one without the header fits no check of its fields.
namespace netkit::testing {

namespace detail {
inline constexpr header_kind ethernet_kind{"Ethernet", [](const seen_packet& p) { return p.ethernet != nullptr; }};
inline constexpr header_kind arp_kind{"ARP", [](const seen_packet& p) { return p.arp != nullptr; }};
inline constexpr header_kind ipv4_kind{"IPv4", [](const seen_packet& p) { return p.ipv4 != nullptr; }};
inline constexpr header_kind ipv6_kind{"IPv6", [](const seen_packet& p) { return p.ipv6 != nullptr; }};
inline constexpr header_kind ip_kind{"IP", [](const seen_packet& p) { return p.ipv4 || p.ipv6; }};
inline constexpr header_kind udp_kind{"UDP", [](const seen_packet& p) { return p.udp != nullptr; }};
inline constexpr header_kind port_kind{"UDP or TCP", [](const seen_packet& p) { return p.udp || p.tcp; }};
inline constexpr header_kind icmp_kind{"ICMP", [](const seen_packet& p) { return p.icmp && p.ipv4; }};
inline constexpr header_kind icmpv6_kind{"ICMPv6", [](const seen_packet& p) { return p.icmp && p.ipv6; }};
inline constexpr header_kind either_icmp_kind{"ICMP or ICMPv6", [](const seen_packet& p) { return p.icmp != nullptr; }};
}  // namespace detail

/// Ethernet, and one of its fields.
template <std::same_as<packet_check>... Field>
packet_check is_ethernet(const Field&... fields) {
    return detail::protocol(detail::ethernet_kind, {fields...}, true);
}
inline packet_check from_mac(std::string_view mac) {
    return detail::field(detail::ethernet_kind, "source", std::string(mac), [](const seen_packet& p) { return to_string(p.ethernet->source); });
}
inline packet_check to_mac(std::string_view mac) {
    return detail::field(detail::ethernet_kind, "target", std::string(mac), [](const seen_packet& p) { return to_string(p.ethernet->target); });
}

template <std::same_as<packet_check>... Field>
packet_check is_arp(const Field&... fields) {
    return detail::protocol(detail::arp_kind, {fields...});
}
inline packet_check asks_for(std::string_view address) {
    return detail::field(detail::arp_kind, "request for", std::string(address), [](const seen_packet& p) {
        return p.arp->kind() == arp_operation::request ? to_string(p.arp->target_ip) : to_string(*p.arp);
    });
}
/// An ARP reply that this address is there.
inline packet_check tells_of(std::string_view address) {
    return detail::field(detail::arp_kind, "reply about", std::string(address), [](const seen_packet& p) {
        return p.arp->kind() == arp_operation::reply ? to_string(p.arp->sender_ip) : to_string(*p.arp);
    });
}

template <std::same_as<packet_check>... Field>
packet_check is_ipv4(const Field&... fields) {
    return detail::protocol(detail::ipv4_kind, {fields...});
}
template <std::same_as<packet_check>... Field>
packet_check is_ipv6(const Field&... fields) {
    return detail::protocol(detail::ipv6_kind, {fields...});
}
/// The source and target of an IP packet.
inline packet_check from(std::string_view address) {
    return detail::field(detail::ip_kind, "source", std::string(address), [](const seen_packet& p) { return to_string(p.source); });
}
inline packet_check to(std::string_view address) {
    return detail::field(detail::ip_kind, "target", std::string(address), [](const seen_packet& p) { return to_string(p.target); });
}
/// Of IPv4, or the hop limit of IPv6.
inline packet_check ttl(unsigned n) {
    return detail::field(detail::ip_kind, "ttl", n, [](const seen_packet& p) -> unsigned { return p.ipv4 ? p.ipv4->ttl : p.ipv6->hop_limit; });
}
inline packet_check hop_limit(unsigned n) { return ttl(n); }
/// Of IPv4 (the type of service) or IPv6, without the two bits of ECN: 0 to 252.
inline packet_check traffic_class(unsigned n) {
    return detail::field(detail::ip_kind, "traffic class", n, [](const seen_packet& p) -> unsigned { return (p.ipv4 ? p.ipv4->tos : p.ipv6->traffic_class()) & 0xfcu; });
}
/// Explicit congestion notification: 0 not capable, 1 and 2 capable, 3 congestion experienced.
inline packet_check ecn(unsigned n) {
    return detail::field(detail::ip_kind, "ecn", n, [](const seen_packet& p) { return p.ipv4 ? p.ipv4->ecn() : p.ipv6->ecn(); });
}
inline packet_check dont_fragment(bool set = true) {
    return detail::field(detail::ip_kind, "DF", unsigned(set), [](const seen_packet& p) { return unsigned(!p.ipv4 || p.ipv4->dont_fragment()); });
}
/// The size of the whole packet from its IP header on.
inline packet_check packet_size(std::size_t n) {
    return detail::field(detail::ip_kind, "size", n, [](const seen_packet& p) { return p.ipv4 ? std::size_t(p.ipv4->length) : sizeof(ipv6_header) + p.ipv6->length; });
}

template <std::same_as<packet_check>... Field>
packet_check is_udp(const Field&... fields) {
    return detail::protocol(detail::udp_kind, {fields...});
}
/// The ports of UDP or TCP.
inline packet_check from_port(unsigned n) {
    return detail::field(detail::port_kind, "source port", n, [](const seen_packet& p) -> unsigned { return p.tcp ? p.tcp->source : p.udp->source; });
}
inline packet_check to_port(unsigned n) {
    return detail::field(detail::port_kind, "target port", n, [](const seen_packet& p) -> unsigned { return p.tcp ? p.tcp->target : p.udp->target; });
}

/// ICMP for IPv4.
template <std::same_as<packet_check>... Field>
packet_check is_icmp(icmp_type type, const Field&... fields) {
    return detail::protocol(detail::icmp_kind,
                            {detail::field(detail::icmp_kind, "type", unsigned(type), [](const seen_packet& p) -> unsigned { return p.icmp->type; }), fields...});
}
template <std::same_as<packet_check>... Field>
packet_check is_icmpv6(icmpv6_type type, const Field&... fields) {
    return detail::protocol(detail::icmpv6_kind,
                            {detail::field(detail::icmpv6_kind, "type", unsigned(type), [](const seen_packet& p) -> unsigned { return p.icmp->type; }), fields...});
}
inline packet_check code(unsigned n) {
    return detail::field(detail::either_icmp_kind, "code", n, [](const seen_packet& p) -> unsigned { return p.icmp->code; });
}
/// What the second word says: the next hop's MTU of "fragmentation needed" and "packet too big".
inline packet_check mtu(std::uint32_t n) {
    return detail::field(detail::either_icmp_kind, "mtu", n, [](const seen_packet& p) -> std::uint32_t { return p.icmp->rest; });
}
/// The identifier and sequence number of echo messages.
inline packet_check echo(unsigned identifier, unsigned number) {
    const auto text = [](unsigned id, unsigned n) { return std::to_string(id) + "/" + std::to_string(n); };
    return detail::field(detail::either_icmp_kind, "echo", text(identifier, number), [text](const seen_packet& p) { return text(p.icmp->identifier(), p.icmp->sequence()); });
}

namespace detail {
/// Bytes that can be read as they are, quoted and cut; others by number and the first few of them.
inline std::string bytes_text(std::span<const std::byte> bytes) {
    constexpr std::size_t most = 40;
    std::string text = "\"";
    for (const auto b : bytes.first(std::min(bytes.size(), most))) {
        const auto c = std::to_integer<char>(b);
        text += c >= ' ' && c <= '~' ? c : '?';
    }
    return text + (bytes.size() > most ? "...\" of " + std::to_string(bytes.size()) + " bytes" : "\"");
}
}  // namespace detail

/// What lies behind the innermost header.
inline packet_check payload(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    std::vector<std::byte> expected(bytes.begin(), bytes.end());
    auto words = "payload " + detail::bytes_text(expected);
    return {words, [words, expected = std::move(expected)](const seen_packet& p) -> std::string {
                if (std::equal(p.payload.begin(), p.payload.end(), expected.begin(), expected.end())) return {};
                return "payload is " + detail::bytes_text(p.payload) + " instead of " + detail::bytes_text(expected);
            }};
}
inline packet_check payload_size(std::size_t n) {
    return detail::field(detail::any_header, "payload size", n, [](const seen_packet& p) { return p.payload.size(); });
}

}  // namespace netkit::testing
