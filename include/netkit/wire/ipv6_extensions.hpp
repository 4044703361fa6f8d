#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/ip_text.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// The start of hop-by-hop and destination options and of routing headers (RFC 8200 section 4).
struct ipv6_extension_header {
    std::uint8_t next;
    std::uint8_t length;  ///< in units of 8 bytes, without the first 8

    /// In bytes, 8 to 2048.
    constexpr std::size_t size() const { return (length + std::size_t{1}) * 8; }
};
static_assert(wire_format<ipv6_extension_header> && sizeof(ipv6_extension_header) == 2);

/// RFC 8200 section 4.4. What lies behind is never acted upon: type 0 is obsolete and dangerous (RFC 5095).
struct routing_header {
    std::uint8_t next;
    std::uint8_t length;  ///< in units of 8 bytes, without the first 8
    std::uint8_t type;
    std::uint8_t segments_left;
};
static_assert(wire_format<routing_header> && sizeof(routing_header) == 4);
static_assert(offsetof(routing_header, type) == 2 && offsetof(routing_header, segments_left) == 3);

/// RFC 8200 section 4.5.
struct fragment_header {
    std::uint8_t next;
    std::uint8_t reserved;
    be16 offset_flags;
    be32 id;

    /// In bytes, 0 to 65528.
    constexpr std::size_t offset() const { return offset_flags & 0xfff8; }
    constexpr bool more_fragments() const { return (offset_flags & 1) != 0; }
    /// The first and the last at once: a whole packet that stands alone (RFC 6946).
    constexpr bool is_atomic() const { return offset() == 0 && !more_fragments(); }
    /// `offset` in bytes, a multiple of 8.
    static constexpr std::uint16_t make_offset_flags(std::size_t offset, bool more) {
        return static_cast<std::uint16_t>((offset & 0xfff8) | (more ? 1 : 0));
    }

    constexpr std::uint64_t sum() const { return sum_pair(next, reserved) + offset_flags.raw() + id.raw(); }
};
static_assert(wire_format<fragment_header> && sizeof(fragment_header) == 8);
static_assert(offsetof(fragment_header, offset_flags) == 2 && offsetof(fragment_header, id) == 4);

/// Whether this library walks over the header: hop-by-hop and destination options, routing, fragment.
/// Authentication and encryption are upper layers to it.
constexpr bool is_ipv6_extension(ip_protocol next) {
    return next == ip_protocol::hop_by_hop || next == ip_protocol::routing || next == ip_protocol::fragment ||
           next == ip_protocol::destination_options;
}

inline std::string to_string(const ipv6_extension_header& header) {
    return "extension header of " + std::to_string(header.size()) + " bytes, next " + to_string(ip_protocol{header.next});
}

inline std::string to_string(const routing_header& header) {
    return "routing type " + std::to_string(header.type) + " segments left " + std::to_string(header.segments_left);
}

inline std::string to_string(const fragment_header& header) {
    return "fragment id " + std::to_string(header.id) + " offset " + std::to_string(header.offset()) + (header.more_fragments() ? "+" : "");
}

}  // namespace netkit
