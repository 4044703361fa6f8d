#pragma once

#include <netkit/wire/header_at.hpp>
#include <netkit/wire/pcapng.hpp>
#include <netkit/wire/pcapng_reader.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace netkit {

/// Ahead of a classic capture file, which older tools write (draft-ietf-opsawg-pcap).
template <std::endian Order>
struct pcap_file_header {
    ordered<std::uint32_t, Order> magic;
    ordered<std::uint16_t, Order> major;  ///< 2
    ordered<std::uint16_t, Order> minor;  ///< 4
    ordered<std::uint32_t, Order> reserved_1;
    ordered<std::uint32_t, Order> reserved_2;
    ordered<std::uint32_t, Order> snap_length;
    ordered<std::uint32_t, Order> link;  ///< in the lower half
};
static_assert(wire_format<pcap_file_header<std::endian::little>> && sizeof(pcap_file_header<std::endian::little>) == 24);

/// Ahead of each of its frames.
template <std::endian Order>
struct pcap_frame_header {
    ordered<std::uint32_t, Order> seconds;
    ordered<std::uint32_t, Order> fraction;  ///< microseconds or nanoseconds, as the file's magic says
    ordered<std::uint32_t, Order> captured_length;
    ordered<std::uint32_t, Order> original_length;
};
static_assert(wire_format<pcap_frame_header<std::endian::little>> && sizeof(pcap_frame_header<std::endian::little>) == 16);

/// Reads the frames of a classic capture file that lies in memory, which it borrows; of either byte order. Never throws on what
/// a file holds, nor reads beyond it.
class pcap_reader {
public:
    explicit pcap_reader(std::span<const std::byte> file) {
        if (!begin<std::endian::little>(file) && !begin<std::endian::big>(file)) well_formed_ = false;
    }

    /// Whether a file is of this kind, by its first bytes.
    static bool recognises(std::span<const std::byte> file) { return pcap_reader(file).well_formed(); }

    /// Gives the next frame; false at the end, and at the first that contradicts the file.
    bool next(pcapng_packet& frame) {
        if (rest_.empty() || !well_formed_) return false;
        return order_ == std::endian::little ? read<std::endian::little>(frame) : read<std::endian::big>(frame);
    }
    /// False once something was met that is no capture file.
    bool well_formed() const { return well_formed_; }

private:
    static constexpr std::uint32_t microseconds_magic = 0xa1b2'c3d4, nanoseconds_magic = 0xa1b2'3c4d;

    template <std::endian Order>
    bool begin(std::span<const std::byte> file) {
        const auto* header = header_at<pcap_file_header<Order>>(file);
        if (!header || (header->magic != microseconds_magic && header->magic != nanoseconds_magic)) return false;
        nanoseconds_per_unit_ = header->magic == nanoseconds_magic ? 1 : 1000;
        link_ = pcapng_link_type{static_cast<std::uint16_t>(header->link & 0xffff)};
        order_ = Order;
        rest_ = file.subspan(sizeof *header);
        return true;
    }
    template <std::endian Order>
    bool read(pcapng_packet& frame) {
        const auto* header = header_at<pcap_frame_header<Order>>(rest_);
        if (!header || header->captured_length > rest_.size() - sizeof *header) return well_formed_ = false;
        frame.interface = 0;
        frame.link = link_;
        frame.time = std::uint64_t{header->seconds} * 1'000'000'000 + std::uint64_t{header->fraction} * nanoseconds_per_unit_;
        frame.data = rest_.subspan(sizeof *header, header->captured_length);
        frame.original_length = header->original_length;
        rest_ = rest_.subspan(sizeof *header + frame.data.size());
        return true;
    }

    std::span<const std::byte> rest_;
    pcapng_link_type link_ = pcapng_link_type::ethernet;
    std::uint64_t nanoseconds_per_unit_ = 1000;
    std::endian order_ = std::endian::little;
    bool well_formed_ = true;
};

}  // namespace netkit
