#pragma once

#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/testing/packet_check.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/wire/icmpv4.hpp>
#include <netkit/wire/icmpv6.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Checks of packets of every protocol but TCP, for which see tcp_checks.hpp: `is_ipv4(ttl(64)) && is_udp(to_port(7), payload("hello"))`.
/// A packet whose lengths or checksums are wrong fits no check of its protocol.
namespace netkit::testing {

/// Ethernet, and one of its fields.
template <std::same_as<packet_check>... Field>
packet_check is_ethernet(const Field&... fields) {
    return detail::protocol("Ethernet", [](const seen_packet& p) { return p.ethernet != nullptr; }, {fields...});
}
inline packet_check from_mac(std::string_view mac) {
    return detail::field("source", std::string(mac), [](const seen_packet& p) { return to_string(p.ethernet->source); });
}
inline packet_check to_mac(std::string_view mac) {
    return detail::field("target", std::string(mac), [](const seen_packet& p) { return to_string(p.ethernet->target); });
}

template <std::same_as<packet_check>... Field>
packet_check is_arp(const Field&... fields) {
    return detail::protocol("ARP", [](const seen_packet& p) { return p.arp && p.fault.empty(); }, {fields...});
}
inline packet_check asks_for(std::string_view address) {
    return detail::field("request for", std::string(address), [](const seen_packet& p) {
        return p.arp->kind() == arp_operation::request ? to_string(p.arp->target_ip) : to_string(*p.arp);
    });
}
/// An ARP reply that this address is there.
inline packet_check tells_of(std::string_view address) {
    return detail::field("reply about", std::string(address), [](const seen_packet& p) {
        return p.arp->kind() == arp_operation::reply ? to_string(p.arp->sender_ip) : to_string(*p.arp);
    });
}

template <std::same_as<packet_check>... Field>
packet_check is_ipv4(const Field&... fields) {
    return detail::protocol("IPv4", [](const seen_packet& p) { return p.ipv4 && p.fault.empty(); }, {fields...});
}
template <std::same_as<packet_check>... Field>
packet_check is_ipv6(const Field&... fields) {
    return detail::protocol("IPv6", [](const seen_packet& p) { return p.ipv6 && p.fault.empty(); }, {fields...});
}
/// The source and target of an IP packet.
inline packet_check from(std::string_view address) {
    return detail::field("source", std::string(address), [](const seen_packet& p) { return to_string(p.source); });
}
inline packet_check to(std::string_view address) {
    return detail::field("target", std::string(address), [](const seen_packet& p) { return to_string(p.target); });
}
/// Of IPv4, or the hop limit of IPv6.
inline packet_check ttl(unsigned n) {
    return detail::field("ttl", n, [](const seen_packet& p) -> unsigned { return p.ipv4 ? p.ipv4->ttl : p.ipv6->hop_limit; });
}
inline packet_check hop_limit(unsigned n) { return ttl(n); }
/// Explicit congestion notification: 0 not capable, 1 and 2 capable, 3 congestion experienced.
inline packet_check ecn(unsigned n) {
    return detail::field("ecn", n, [](const seen_packet& p) { return p.ipv4 ? p.ipv4->ecn() : p.ipv6->ecn(); });
}
inline packet_check dont_fragment(bool set = true) {
    return detail::field("DF", unsigned(set), [](const seen_packet& p) { return unsigned(!p.ipv4 || p.ipv4->dont_fragment()); });
}
/// The size of the whole packet from its IP header on.
inline packet_check packet_size(std::size_t n) {
    return detail::field("size", n, [](const seen_packet& p) { return p.ipv4 ? std::size_t(p.ipv4->length) : sizeof(ipv6_header) + p.ipv6->length; });
}

template <std::same_as<packet_check>... Field>
packet_check is_udp(const Field&... fields) {
    return detail::protocol("UDP", [](const seen_packet& p) { return p.udp && p.fault.empty(); }, {fields...});
}
/// The ports of UDP or TCP.
inline packet_check from_port(unsigned n) {
    return detail::field("source port", n, [](const seen_packet& p) -> unsigned { return p.tcp ? p.tcp->source : p.udp->source; });
}
inline packet_check to_port(unsigned n) {
    return detail::field("target port", n, [](const seen_packet& p) -> unsigned { return p.tcp ? p.tcp->target : p.udp->target; });
}

/// ICMP for IPv4.
template <std::same_as<packet_check>... Field>
packet_check is_icmp(icmp_type type, const Field&... fields) {
    return detail::protocol("ICMP", [](const seen_packet& p) { return p.icmp && p.ipv4 && p.fault.empty(); },
                            {detail::field("type", unsigned(type), [](const seen_packet& p) -> unsigned { return p.icmp->type; }), fields...});
}
template <std::same_as<packet_check>... Field>
packet_check is_icmpv6(icmpv6_type type, const Field&... fields) {
    return detail::protocol("ICMPv6", [](const seen_packet& p) { return p.icmp && p.ipv6 && p.fault.empty(); },
                            {detail::field("type", unsigned(type), [](const seen_packet& p) -> unsigned { return p.icmp->type; }), fields...});
}
inline packet_check code(unsigned n) {
    return detail::field("code", n, [](const seen_packet& p) -> unsigned { return p.icmp->code; });
}
/// What the second word says: the next hop's MTU of "fragmentation needed" and "packet too big".
inline packet_check mtu(std::uint32_t n) {
    return detail::field("mtu", n, [](const seen_packet& p) -> std::uint32_t { return p.icmp->rest; });
}
/// The identifier and sequence number of echo messages.
inline packet_check echo(unsigned identifier, unsigned number) {
    const auto text = [](unsigned id, unsigned n) { return std::to_string(id) + "/" + std::to_string(n); };
    return detail::field("echo", text(identifier, number), [text](const seen_packet& p) { return text(p.icmp->identifier(), p.icmp->sequence()); });
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
    return detail::field("payload size", n, [](const seen_packet& p) { return p.payload.size(); });
}

}  // namespace netkit::testing
