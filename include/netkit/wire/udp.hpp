#pragma once

#include <netkit/core/byte_order.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// The UDP header (RFC 768).
struct udp_header {
    be16 source;
    be16 target;
    be16 length;    ///< of header and payload
    be16 checksum;  ///< zero: none was made (IPv4 only)

    constexpr std::uint64_t sum() const { return std::uint64_t{source.raw()} + target.raw() + length.raw() + checksum.raw(); }
};
static_assert(wire_format<udp_header> && sizeof(udp_header) == 8);
static_assert(offsetof(udp_header, target) == 2 && offsetof(udp_header, length) == 4 && offsetof(udp_header, checksum) == 6);

inline std::string to_string(const udp_header& header) {
    return "UDP " + std::to_string(header.source) + " > " + std::to_string(header.target) + " length " + std::to_string(header.length);
}

}  // namespace netkit
