#pragma once

#include <netkit/wire/pcapng.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace netkit {

/// Blocks of a little-endian capture file, each appended to `to` whole: a section, then its interfaces, then frames, and so a file.
/// Times are in nanoseconds.
using pcapng_bytes = std::vector<std::byte>;

namespace detail::pcapng {
constexpr std::size_t padded_to_4(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

inline void append(pcapng_bytes& to, std::span<const std::byte> bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }
template <class Struct>
void append_struct(pcapng_bytes& to, const Struct& value) {
    append(to, std::as_bytes(std::span(&value, 1)));
}
inline void append_padded(pcapng_bytes& to, std::span<const std::byte> bytes) {
    append(to, bytes);
    to.resize(to.size() + padded_to_4(bytes.size()) - bytes.size());
}
inline void append_option(pcapng_bytes& to, std::uint16_t code, std::span<const std::byte> value) {
    append_struct(to, pcapng_option_header<std::endian::little>{code, static_cast<std::uint16_t>(value.size())});
    append_padded(to, value);
}
inline pcapng_block_header<std::endian::little> block_header(pcapng_block_type type, std::size_t length) {
    return {std::uint32_t(type), static_cast<std::uint32_t>(length)};
}
inline void append_length(pcapng_bytes& to, std::size_t length) {
    append_struct(to, ordered<std::uint32_t, std::endian::little>(static_cast<std::uint32_t>(length)));
}
}  // namespace detail::pcapng

/// Begins a file.
inline void append_pcapng_section(pcapng_bytes& to) {
    using section = pcapng_section_header<std::endian::little>;
    constexpr auto length = sizeof(section) + 4;
    detail::pcapng::append_struct(
        to, section{detail::pcapng::block_header(pcapng_block_type::section_header, length), pcapng_magic, 1, 0, ~std::uint64_t{0}});
    detail::pcapng::append_length(to, length);
}

/// Describes one more interface; they count from 0. A name is cut at 256 bytes.
inline void append_pcapng_interface(pcapng_bytes& to, pcapng_link_type link, std::string_view name = {}, std::uint32_t snap_length = 0) {
    using description = pcapng_interface_description<std::endian::little>;
    constexpr std::byte nanoseconds[] = {std::byte{9}};
    name = name.substr(0, 256);

    pcapng_bytes options;
    if (!name.empty()) detail::pcapng::append_option(options, pcapng_option::interface_name, std::as_bytes(std::span(name)));
    detail::pcapng::append_option(options, pcapng_option::time_resolution, nanoseconds);
    detail::pcapng::append_option(options, pcapng_option::end, {});

    const auto length = sizeof(description) + options.size() + 4;
    detail::pcapng::append_struct(to, description{detail::pcapng::block_header(pcapng_block_type::interface_description, length),
                                                  std::uint16_t(link), 0, snap_length});
    detail::pcapng::append(to, options);
    detail::pcapng::append_length(to, length);
}

namespace detail::pcapng {
/// The flags of an enhanced packet, where there are any, and the end of its options.
constexpr std::size_t flags_size(pcapng_direction direction) { return direction == pcapng_direction::unknown ? 0 : 12; }
}  // namespace detail::pcapng

/// Appends a frame whose bytes the caller appends, exactly `captured` of them, before `end_pcapng_packet` with the same numbers:
/// for frames that lie in several pieces.
inline void begin_pcapng_packet(pcapng_bytes& to, std::uint32_t interface, std::uint64_t time, std::size_t captured, std::size_t original,
                                pcapng_direction direction = pcapng_direction::unknown) {
    using block = pcapng_enhanced_packet<std::endian::little>;
    const auto length = sizeof(block) + detail::pcapng::padded_to_4(captured) + detail::pcapng::flags_size(direction) + 4;
    detail::pcapng::append_struct(to, block{detail::pcapng::block_header(pcapng_block_type::enhanced_packet, length), interface,
                                             static_cast<std::uint32_t>(time >> 32), static_cast<std::uint32_t>(time),
                                             static_cast<std::uint32_t>(captured), static_cast<std::uint32_t>(original)});
}
inline void end_pcapng_packet(pcapng_bytes& to, std::size_t captured, pcapng_direction direction = pcapng_direction::unknown) {
    to.resize(to.size() + detail::pcapng::padded_to_4(captured) - captured);
    if (direction != pcapng_direction::unknown) {
        const ordered<std::uint32_t, std::endian::little> flags = static_cast<std::uint32_t>(direction);
        detail::pcapng::append_option(to, pcapng_option::packet_flags, std::as_bytes(std::span(&flags, 1)));
        detail::pcapng::append_option(to, pcapng_option::end, {});
    }
    const auto block = sizeof(pcapng_enhanced_packet<std::endian::little>) + detail::pcapng::padded_to_4(captured) +
                       detail::pcapng::flags_size(direction) + 4;
    detail::pcapng::append_length(to, block);
}

/// Appends a frame that was `original` bytes long when it passed; 0 is as long as `frame`. `time` counts from 1970.
inline void append_pcapng_packet(pcapng_bytes& to, std::uint32_t interface, std::uint64_t time, std::span<const std::byte> frame,
                                 std::size_t original = 0, pcapng_direction direction = pcapng_direction::unknown) {
    begin_pcapng_packet(to, interface, time, frame.size(), original != 0 ? original : frame.size(), direction);
    detail::pcapng::append(to, frame);
    end_pcapng_packet(to, frame.size(), direction);
}

/// Appends a frame of interface 0, without a time.
inline void append_pcapng_simple_packet(pcapng_bytes& to, std::span<const std::byte> frame) {
    using block = pcapng_simple_packet<std::endian::little>;
    const auto length = sizeof(block) + detail::pcapng::padded_to_4(frame.size()) + 4;
    detail::pcapng::append_struct(
        to, block{detail::pcapng::block_header(pcapng_block_type::simple_packet, length), static_cast<std::uint32_t>(frame.size())});
    detail::pcapng::append_padded(to, frame);
    detail::pcapng::append_length(to, length);
}

}  // namespace netkit
