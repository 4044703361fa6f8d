#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/ip_text.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// The IPv4 header without its options (RFC 791 section 3.1).
struct ipv4_header {
    std::uint8_t version_ihl;
    std::uint8_t tos;
    be16 length;  ///< of the whole packet, this header included
    be16 id;
    be16 fragment;  ///< flags and the offset in units of 8 bytes
    std::uint8_t ttl;
    std::uint8_t protocol;
    be16 checksum;
    ipv4_address source;
    ipv4_address target;

    static constexpr std::uint8_t version_ihl_without_options = 0x45;
    static constexpr std::uint16_t dont_fragment_flag = 0x4000;
    static constexpr std::uint16_t more_fragments_flag = 0x2000;
    static constexpr std::uint16_t fragment_offset_mask = 0x1fff;

    constexpr unsigned version() const { return version_ihl >> 4; }
    /// In bytes, 0 to 60, as the header says; valid headers say at least 20.
    constexpr std::size_t header_size() const { return (version_ihl & 15u) * 4u; }
    /// Differentiated services code point, RFC 2474.
    constexpr unsigned dscp() const { return tos >> 2; }
    /// Explicit congestion notification, RFC 3168: 0 not capable, 1 and 2 capable, 3 congestion experienced.
    constexpr unsigned ecn() const { return tos & 3; }

    constexpr bool dont_fragment() const { return (fragment & dont_fragment_flag) != 0; }
    constexpr bool more_fragments() const { return (fragment & more_fragments_flag) != 0; }
    /// In bytes, 0 to 65528.
    constexpr std::size_t fragment_offset() const { return (fragment & fragment_offset_mask) * std::size_t{8}; }
    constexpr bool is_fragment() const { return (fragment & (more_fragments_flag | fragment_offset_mask)) != 0; }

    constexpr std::uint64_t sum() const {
        return sum_pair(version_ihl, tos) + length.raw() + id.raw() + fragment.raw() + sum_pair(ttl, protocol) + checksum.raw() +
               source.sum() + target.sum();
    }
};
static_assert(wire_format<ipv4_header> && sizeof(ipv4_header) == 20);
static_assert(offsetof(ipv4_header, length) == 2 && offsetof(ipv4_header, id) == 4 && offsetof(ipv4_header, fragment) == 6);
static_assert(offsetof(ipv4_header, ttl) == 8 && offsetof(ipv4_header, protocol) == 9 && offsetof(ipv4_header, checksum) == 10);
static_assert(offsetof(ipv4_header, source) == 12 && offsetof(ipv4_header, target) == 16);

/// Every host accepts datagrams of this many bytes, whole or reassembled (RFC 791 section 3.1).
inline constexpr std::size_t ipv4_minimum_reassembly = 576;
/// The least MTU a link under IPv4 may have, in bytes (RFC 791 section 3.2).
inline constexpr std::size_t ipv4_minimum_mtu = 68;
/// The longest header with options, in bytes.
inline constexpr std::size_t ipv4_longest_header = 60;

inline std::string to_string(const ipv4_header& header) {
    std::string text = "IPv4 " + to_string(header.source) + " > " + to_string(header.target) + " " +
                       to_string(ip_protocol{header.protocol}) + " ttl " + std::to_string(header.ttl) + " id " + std::to_string(header.id) +
                       " length " + std::to_string(header.length);
    if (header.dont_fragment()) text += " DF";
    if (header.is_fragment()) text += " fragment offset " + std::to_string(header.fragment_offset()) + (header.more_fragments() ? "+" : "");
    return text;
}

}  // namespace netkit
