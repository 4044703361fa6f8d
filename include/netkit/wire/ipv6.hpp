#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/ipv6_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/ip_text.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// The IPv6 header (RFC 8200 section 3).
struct ipv6_header {
    be32 version_flow;  ///< version (4 bits), traffic class (8), flow label (20)
    be16 length;        ///< of what follows this header, extension headers included
    std::uint8_t next;
    std::uint8_t hop_limit;
    ipv6_address source;
    ipv6_address target;

    static constexpr std::uint32_t version_6 = 0x6000'0000;

    constexpr unsigned version() const { return version_flow >> 28u; }
    constexpr unsigned traffic_class() const { return version_flow >> 20u & 0xff; }
    constexpr std::uint32_t flow_label() const { return version_flow & 0xf'ffff; }
    /// Explicit congestion notification, RFC 3168: 0 not capable, 1 and 2 capable, 3 congestion experienced.
    constexpr unsigned ecn() const { return traffic_class() & 3; }

    static constexpr std::uint32_t make_version_flow(unsigned traffic_class, std::uint32_t flow_label) {
        return version_6 | (traffic_class & 0xff) << 20 | (flow_label & 0xf'ffff);
    }

    constexpr std::uint64_t sum() const {
        return std::uint64_t{version_flow.raw()} + length.raw() + sum_pair(next, hop_limit) + source.sum() + target.sum();
    }
};
static_assert(wire_format<ipv6_header> && sizeof(ipv6_header) == 40);
static_assert(offsetof(ipv6_header, length) == 4 && offsetof(ipv6_header, next) == 6 && offsetof(ipv6_header, hop_limit) == 7);
static_assert(offsetof(ipv6_header, source) == 8 && offsetof(ipv6_header, target) == 24);

/// The least MTU a link under IPv6 may have, in bytes (RFC 8200 section 5).
inline constexpr std::size_t ipv6_minimum_mtu = 1280;

inline std::string to_string(const ipv6_header& header) {
    std::string text = "IPv6 " + to_string(header.source) + " > " + to_string(header.target) + " " + to_string(ip_protocol{header.next}) +
                       " hop limit " + std::to_string(header.hop_limit) + " length " + std::to_string(header.length);
    if (header.flow_label() != 0) text += " flow " + std::to_string(header.flow_label());
    return text;
}

}  // namespace netkit
