#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// The VXLAN header between UDP and the Ethernet frame carried (RFC 7348 section 5).
struct vxlan_header {
    be32 flags;  ///< 0x08000000 says that the identifier is valid; the rest is reserved
    be32 vni;    ///< the identifier in the upper 24 bits; the rest is reserved

    static constexpr std::uint32_t identifier_valid = 0x0800'0000;

    constexpr bool has_id() const { return (flags & identifier_valid) != 0; }
    /// The VXLAN network identifier, 24 bits.
    constexpr std::uint32_t id() const { return vni >> 8u; }
    static constexpr vxlan_header make(std::uint32_t id) { return {identifier_valid, (id & 0xff'ffff) << 8}; }

    constexpr std::uint64_t sum() const { return std::uint64_t{flags.raw()} + vni.raw(); }
};
static_assert(wire_format<vxlan_header> && sizeof(vxlan_header) == 8);
static_assert(offsetof(vxlan_header, vni) == 4);

inline std::string to_string(const vxlan_header& header) {
    return header.has_id() ? "VXLAN vni " + std::to_string(header.id()) : std::string("VXLAN without identifier");
}

}  // namespace netkit
