#pragma once

#include <netkit/core/byte_order.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// Capture files as Wireshark reads and writes them (draft-ietf-opsawg-pcapng). A file is in the byte order of the machine that wrote it,
/// so that the structs of its blocks have the order as a parameter.

/// An unsigned integer kept in the given byte order, aligned to one byte.
template <std::unsigned_integral T, std::endian Order>
class [[gnu::packed]] ordered {
public:
    constexpr ordered() = default;
    constexpr ordered(T value) : raw_(swap(value)) {}
    constexpr operator T() const { return swap(raw_); }

private:
    static constexpr T swap(T value) {
        if constexpr (Order == std::endian::big)
            return big<T>(value).raw();
        else
            return std::endian::native == std::endian::little ? value : byte_swapped(value);
    }
    static constexpr T byte_swapped(T value) {
        if constexpr (sizeof(T) == 2)
            return __builtin_bswap16(value);
        else if constexpr (sizeof(T) == 4)
            return __builtin_bswap32(value);
        else
            return __builtin_bswap64(value);
    }
    T raw_ = 0;
};

enum class pcapng_block_type : std::uint32_t {
    interface_description = 1,
    simple_packet = 3,
    enhanced_packet = 6,
    section_header = 0x0a0d'0d0a,  ///< reads the same in either order
};

/// What lies in a frame's first bytes (registry "LINKTYPE_").
enum class pcapng_link_type : std::uint16_t {
    ethernet = 1,
    raw_ip = 101,  ///< IPv4 or IPv6, as the version says
};

/// Which way a frame went, as its flags say.
enum class pcapng_direction : std::uint32_t { unknown, inbound, outbound };

/// Tells a section's byte order.
inline constexpr std::uint32_t pcapng_magic = 0x1a2b'3c4d;

/// Ahead of every block. Blocks are padded to 4 bytes and end with their length once more.
template <std::endian Order>
struct pcapng_block_header {
    ordered<std::uint32_t, Order> type;
    ordered<std::uint32_t, Order> length;  ///< of the whole block, a multiple of 4
};
static_assert(wire_format<pcapng_block_header<std::endian::little>> && sizeof(pcapng_block_header<std::endian::little>) == 8);

template <std::endian Order>
struct pcapng_section_header {
    pcapng_block_header<Order> block;
    ordered<std::uint32_t, Order> magic;
    ordered<std::uint16_t, Order> major;           ///< 1
    ordered<std::uint16_t, Order> minor;           ///< 0
    ordered<std::uint64_t, Order> section_length;  ///< all ones: not told
};
static_assert(wire_format<pcapng_section_header<std::endian::little>> && sizeof(pcapng_section_header<std::endian::little>) == 24);

template <std::endian Order>
struct pcapng_interface_description {
    pcapng_block_header<Order> block;
    ordered<std::uint16_t, Order> link;
    ordered<std::uint16_t, Order> reserved;
    ordered<std::uint32_t, Order> snap_length;  ///< most bytes kept of a frame; 0 is no limit
};
static_assert(wire_format<pcapng_interface_description<std::endian::little>> &&
              sizeof(pcapng_interface_description<std::endian::little>) == 16);

template <std::endian Order>
struct pcapng_enhanced_packet {
    pcapng_block_header<Order> block;
    ordered<std::uint32_t, Order> interface;  ///< counts the section's interface descriptions from 0
    ordered<std::uint32_t, Order> time_high;
    ordered<std::uint32_t, Order> time_low;  ///< in units of the interface's resolution, since 1970
    ordered<std::uint32_t, Order> captured_length;
    ordered<std::uint32_t, Order> original_length;
};
static_assert(wire_format<pcapng_enhanced_packet<std::endian::little>> && sizeof(pcapng_enhanced_packet<std::endian::little>) == 28);

/// A frame of the first interface, without a time.
template <std::endian Order>
struct pcapng_simple_packet {
    pcapng_block_header<Order> block;
    ordered<std::uint32_t, Order> original_length;
};
static_assert(wire_format<pcapng_simple_packet<std::endian::little>> && sizeof(pcapng_simple_packet<std::endian::little>) == 12);

/// Ahead of each option's value, which is padded to 4 bytes.
template <std::endian Order>
struct pcapng_option_header {
    ordered<std::uint16_t, Order> code;
    ordered<std::uint16_t, Order> length;  ///< of the value without its padding
};
static_assert(wire_format<pcapng_option_header<std::endian::little>> && sizeof(pcapng_option_header<std::endian::little>) == 4);

/// Options: of any block, of interface descriptions, of enhanced packets.
namespace pcapng_option {
inline constexpr std::uint16_t end = 0;
inline constexpr std::uint16_t interface_name = 2;
/// One byte: times are in units of 10^-n seconds, or of 2^-n where the upper bit is set; without it in microseconds.
inline constexpr std::uint16_t time_resolution = 9;
/// Four bytes, of which the lowest two bits are the direction.
inline constexpr std::uint16_t packet_flags = 2;
}  // namespace pcapng_option

inline std::string to_string(pcapng_link_type type) {
    switch (type) {
    case pcapng_link_type::ethernet: return "Ethernet";
    case pcapng_link_type::raw_ip: return "raw IP";
    default: return "link type " + std::to_string(std::uint16_t(type));
    }
}

}  // namespace netkit
