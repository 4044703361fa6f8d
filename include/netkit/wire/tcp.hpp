#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// The control bits of a segment (RFC 9293 section 3.1), to be combined with `|`.
enum class tcp_flags : std::uint8_t {
    none = 0x00,
    fin = 0x01,
    syn = 0x02,
    rst = 0x04,
    psh = 0x08,
    ack = 0x10,
    urg = 0x20,
    ece = 0x40,
    cwr = 0x80,
};
constexpr tcp_flags operator|(tcp_flags a, tcp_flags b) { return tcp_flags(static_cast<std::uint8_t>(std::uint8_t(a) | std::uint8_t(b))); }
constexpr tcp_flags operator&(tcp_flags a, tcp_flags b) { return tcp_flags(static_cast<std::uint8_t>(std::uint8_t(a) & std::uint8_t(b))); }
constexpr tcp_flags operator~(tcp_flags a) { return tcp_flags(static_cast<std::uint8_t>(~std::uint8_t(a))); }
constexpr tcp_flags& operator|=(tcp_flags& a, tcp_flags b) { return a = a | b; }
constexpr tcp_flags& operator&=(tcp_flags& a, tcp_flags b) { return a = a & b; }
/// Whether any of `wanted` is among `flags`.
constexpr bool has(tcp_flags flags, tcp_flags wanted) { return (flags & wanted) != tcp_flags::none; }

/// The TCP header without its options (RFC 9293 section 3.1).
struct tcp_header {
    be16 source;
    be16 target;
    be32 sequence;
    be32 acknowledgement;
    std::uint8_t offset;   ///< header size in units of 4 bytes, in the upper half
    std::uint8_t control;  ///< tcp_flags
    be16 window;
    be16 checksum;
    be16 urgent;

    /// In bytes, 0 to 60, as the header says; valid headers say at least 20.
    constexpr std::size_t header_size() const { return (offset >> 4) * std::size_t{4}; }
    constexpr tcp_flags flags() const { return tcp_flags{control}; }
    /// Whether any of these flags is set.
    constexpr bool has(tcp_flags wanted) const { return netkit::has(flags(), wanted); }

    /// What `offset` holds for a header of so many bytes: a multiple of 4, 20 to 60.
    static constexpr std::uint8_t make_offset(std::size_t header_size) { return static_cast<std::uint8_t>(header_size / 4 << 4); }

    constexpr std::uint64_t sum() const {
        return std::uint64_t{source.raw()} + target.raw() + sequence.raw() + acknowledgement.raw() + sum_pair(offset, control) +
               window.raw() + checksum.raw() + urgent.raw();
    }
};
static_assert(wire_format<tcp_header> && sizeof(tcp_header) == 20);
static_assert(offsetof(tcp_header, sequence) == 4 && offsetof(tcp_header, acknowledgement) == 8 && offsetof(tcp_header, offset) == 12);
static_assert(offsetof(tcp_header, control) == 13 && offsetof(tcp_header, window) == 14 && offsetof(tcp_header, checksum) == 16);
static_assert(offsetof(tcp_header, urgent) == 18);

/// The longest header with options, in bytes.
inline constexpr std::size_t tcp_longest_header = 60;
/// The most room options may take, in bytes.
inline constexpr std::size_t tcp_longest_options = 40;

/// As tcpdump writes them: "[S.]" is SYN and ACK, "[none]" is none.
inline std::string to_string(tcp_flags flags) {
    std::string text;
    constexpr struct {
        tcp_flags flag;
        char letter;
    } letters[] = {{tcp_flags::fin, 'F'}, {tcp_flags::syn, 'S'}, {tcp_flags::rst, 'R'}, {tcp_flags::psh, 'P'},
                   {tcp_flags::urg, 'U'}, {tcp_flags::ece, 'E'}, {tcp_flags::cwr, 'W'}, {tcp_flags::ack, '.'}};
    for (const auto& [flag, letter] : letters)
        if (has(flags, flag)) text += letter;
    return "[" + (text.empty() ? "none" : text) + "]";
}

namespace detail {
/// All but the ports.
inline std::string tcp_text(const tcp_header& header) {
    std::string text = to_string(header.flags()) + " seq " + std::to_string(header.sequence);
    if (header.has(tcp_flags::ack)) text += " ack " + std::to_string(header.acknowledgement);
    text += " win " + std::to_string(header.window);
    if (header.has(tcp_flags::urg)) text += " urg " + std::to_string(header.urgent);
    return text;
}
}  // namespace detail

inline std::string to_string(const tcp_header& header) {
    return "TCP " + std::to_string(header.source) + " > " + std::to_string(header.target) + " " + detail::tcp_text(header);
}

}  // namespace netkit
