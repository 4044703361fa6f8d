#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>

#include <cstddef>
#include <cstdint>

namespace netkit {

/// The first eight bytes of every ICMP message, of either version (RFC 792, RFC 4443 section 2.1). What `rest` means depends on the type.
struct icmp_header {
    std::uint8_t type;
    std::uint8_t code;
    be16 checksum;
    be32 rest;

    /// Of echo messages.
    constexpr std::uint16_t identifier() const { return static_cast<std::uint16_t>(rest >> 16u); }
    /// Of echo messages.
    constexpr std::uint16_t sequence() const { return static_cast<std::uint16_t>(rest); }
    static constexpr std::uint32_t make_echo(std::uint16_t identifier, std::uint16_t sequence) {
        return std::uint32_t{identifier} << 16 | sequence;
    }

    constexpr std::uint64_t sum() const { return sum_pair(type, code) + checksum.raw() + rest.raw(); }
};
static_assert(wire_format<icmp_header> && sizeof(icmp_header) == 8);
static_assert(offsetof(icmp_header, code) == 1 && offsetof(icmp_header, checksum) == 2 && offsetof(icmp_header, rest) == 4);

}  // namespace netkit
