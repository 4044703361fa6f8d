#pragma once

#include <netkit/core/checksum.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/wire/arp.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/icmpv4.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/neighbour_discovery.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/udp.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

/// Packets made by hand, lengths and checksums right unless said otherwise.
namespace netkit::testing {

/// A packet from its IP header on, to be put into a frame where the link has some; or a whole frame.
struct made_packet {
    packet_bytes bytes;
    bool is_frame = false;
};

/// Bytes, or text.
class payload_bytes {
public:
    payload_bytes() = default;
    payload_bytes(const char* text) : payload_bytes(std::string_view(text)) {}
    payload_bytes(std::string_view text) : bytes_(std::as_bytes(std::span(text))) {}
    payload_bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
    payload_bytes(const packet_bytes& bytes) : bytes_(bytes) {}
    operator std::span<const std::byte>() const { return bytes_; }
    std::span<const std::byte> bytes() const { return bytes_; }

private:
    std::span<const std::byte> bytes_;
};

namespace detail {
template <class T>
void append(packet_bytes& to, const T& value) {
    if constexpr (requires { std::span<const std::byte>(value); }) {
        const std::span<const std::byte> bytes(value);
        to.insert(to.end(), bytes.begin(), bytes.end());
    } else {
        const auto bytes = std::as_bytes(std::span(&value, 1));
        to.insert(to.end(), bytes.begin(), bytes.end());
    }
}
}  // namespace detail

/// One thing after another: headers, bytes.
template <class... Part>
packet_bytes joined(const Part&... parts) {
    packet_bytes all;
    (detail::append(all, parts), ...);
    return all;
}

/// What an IP header says besides addresses and protocol.
struct ip_facts {
    std::uint8_t hop_limit = 64;
    std::uint8_t traffic_class = 0;
    std::uint16_t identifier = 1;                                 ///< IPv4 only
    std::uint16_t fragment = ipv4_header::dont_fragment_flag;     ///< IPv4 only: flags and offset in units of 8 bytes
};

/// An IP packet of either version. Throws std::invalid_argument where the addresses are not of one family.
inline made_packet ip_packet(const ip_address& source, const ip_address& target, ip_protocol protocol, payload_bytes payload, const ip_facts& facts = {}) {
    if (source.is_v6() != target.is_v6()) throw std::invalid_argument("netkit: " + to_string(source) + " and " + to_string(target) + " are not of one family");
    const auto size = payload.bytes().size();
    if (source.is_v6()) {
        ipv6_header h{};
        h.version_flow = ipv6_header::make_version_flow(facts.traffic_class, 0);
        h.length = static_cast<std::uint16_t>(size);
        h.next = static_cast<std::uint8_t>(protocol);
        h.hop_limit = facts.hop_limit;
        h.source = source.v6();
        h.target = target.v6();
        return {joined(h, payload.bytes())};
    }
    ipv4_header h{};
    h.version_ihl = ipv4_header::version_ihl_without_options;
    h.tos = facts.traffic_class;
    h.length = static_cast<std::uint16_t>(sizeof h + size);
    h.id = facts.identifier;
    h.fragment = facts.fragment;
    h.ttl = facts.hop_limit;
    h.protocol = static_cast<std::uint8_t>(protocol);
    h.source = source.v4();
    h.target = target.v4();
    h.checksum = checksum_of(sum16(h));
    return {joined(h, payload.bytes())};
}

namespace detail {
inline std::uint64_t pseudo_sum(const ip_address& source, const ip_address& target, ip_protocol protocol, std::size_t size) {
    return source.is_v6() ? pseudo_header_sum(source.v6(), target.v6(), protocol, size) : pseudo_header_sum(source.v4(), target.v4(), protocol, size);
}
/// Fills in the checksum, at `field`, of bytes that a pseudo-header sum belongs to.
inline void complete_checksum(packet_bytes& bytes, std::size_t field, std::uint64_t pseudo) {
    const auto sum = checksum_of(sum16(bytes, pseudo));
    std::memcpy(bytes.data() + field, &sum, sizeof sum);
}
}  // namespace detail

inline made_packet udp_datagram(const endpoint& source, const endpoint& target, payload_bytes payload, const ip_facts& facts = {}) {
    udp_header h{};
    h.source = source.port;
    h.target = target.port;
    h.length = static_cast<std::uint16_t>(sizeof h + payload.bytes().size());
    auto bytes = joined(h, payload.bytes());
    detail::complete_checksum(bytes, offsetof(udp_header, checksum), detail::pseudo_sum(source.address, target.address, ip_protocol::udp, bytes.size()));
    return ip_packet(source.address, target.address, ip_protocol::udp, bytes, facts);
}

/// ICMP or ICMPv6, as the addresses say.
inline made_packet icmp_message(const ip_address& source, const ip_address& target, std::uint8_t type, std::uint8_t code, std::uint32_t rest, payload_bytes payload,
                                const ip_facts& facts = {}) {
    icmp_header h{};
    h.type = type;
    h.code = code;
    h.rest = rest;
    auto bytes = joined(h, payload.bytes());
    const auto protocol = source.is_v6() ? ip_protocol::icmpv6 : ip_protocol::icmp;
    detail::complete_checksum(bytes, offsetof(icmp_header, checksum), source.is_v6() ? detail::pseudo_sum(source, target, protocol, bytes.size()) : 0);
    return ip_packet(source, target, protocol, bytes, facts);
}
inline made_packet echo_request(const ip_address& source, const ip_address& target, std::uint16_t identifier, std::uint16_t number, payload_bytes payload) {
    const auto type = source.is_v6() ? std::uint8_t(icmpv6_type::echo_request) : std::uint8_t(icmp_type::echo_request);
    return icmp_message(source, target, type, 0, icmp_header::make_echo(identifier, number), payload);
}
/// "The packet is too big for the next hop", quoting the beginning of what a host has sent.
inline made_packet too_big(const ip_address& router, const seen_packet& about, std::uint32_t mtu) {
    const auto quoted = about.network_bytes().first(std::min<std::size_t>(about.network_bytes().size(), 500));
    if (about.ipv6) return icmp_message(router, about.source, std::uint8_t(icmpv6_type::packet_too_big), 0, mtu, quoted);
    return icmp_message(router, about.source, std::uint8_t(icmp_type::destination_unreachable), icmp_code::fragmentation_needed, mtu, quoted);
}
/// "Cannot be reached", for a reason that icmp_code or icmpv6_code names.
inline made_packet unreachable(const ip_address& router, const seen_packet& about, std::uint8_t code) {
    const auto quoted = about.network_bytes().first(std::min<std::size_t>(about.network_bytes().size(), 500));
    const auto type = about.ipv6 ? std::uint8_t(icmpv6_type::destination_unreachable) : std::uint8_t(icmp_type::destination_unreachable);
    return icmp_message(router, about.source, type, code, 0, quoted);
}

inline made_packet ethernet_frame(const mac_address& source, const mac_address& target, ether_type type, payload_bytes payload) {
    ethernet_header h{};
    h.source = source;
    h.target = target;
    h.type = static_cast<std::uint16_t>(type);
    return {joined(h, payload.bytes()), true};
}
inline made_packet arp_request(const mac_address& sender, const ipv4_address& sender_ip, const ipv4_address& wanted) {
    return ethernet_frame(sender, mac_address::broadcast(), ether_type::arp, joined(arp_header::make(arp_operation::request, sender, sender_ip, mac_address{}, wanted)));
}
inline made_packet arp_reply(const mac_address& sender, const ipv4_address& sender_ip, const mac_address& target, const ipv4_address& target_ip) {
    return ethernet_frame(sender, target, ether_type::arp, joined(arp_header::make(arp_operation::reply, sender, sender_ip, target, target_ip)));
}
/// The answer to a neighbour solicitation: `address` is at `mac`.
inline made_packet neighbour_advertisement_to(const ip_address& asker, const ipv6_address& address, const mac_address& mac) {
    const auto rest = joined(address, nd_link_address_option::make(nd_option_kind::target_link_address, mac));
    return icmp_message(address, asker, std::uint8_t(icmpv6_type::neighbour_advertisement), 0,
                        neighbour_advertisement::solicited_flag | neighbour_advertisement::override_flag, rest, {.hop_limit = neighbour_discovery_hop_limit});
}

}  // namespace netkit::testing
