#pragma once

#include <netkit/wire/header_at.hpp>
#include <netkit/wire/pcapng.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace netkit {

/// A frame of a capture file.
struct pcapng_packet {
    std::uint32_t interface = 0;  ///< counts the section's interfaces from 0
    pcapng_link_type link = pcapng_link_type::ethernet;
    std::uint64_t time = 0;           ///< nanoseconds since 1970; 0 where the file does not say
    std::span<const std::byte> data;  ///< lies in the file's bytes
    std::size_t original_length = 0;  ///< when it passed; more than `data` holds where it was cut
    pcapng_direction direction = pcapng_direction::unknown;
};

/// Reads the frames of a capture file that lies in memory, which it borrows. Blocks of unknown types are skipped.
/// Sections of either byte order may follow one another. Never throws on what a file holds, nor reads beyond it.
class pcapng_reader {
public:
    explicit pcapng_reader(std::span<const std::byte> file) : rest_(file) {}

    /// Gives the next frame; false at the end, and at the first block that contradicts itself.
    bool next(pcapng_packet& packet) {
        while (!rest_.empty() && well_formed_) {
            const auto section = header_at<pcapng_block_header<std::endian::little>>(rest_);
            if (section && section->type == std::uint32_t(pcapng_block_type::section_header) && !begin_section()) break;
            const auto result = order_ == std::endian::big ? read_block<std::endian::big>(packet) : read_block<std::endian::little>(packet);
            if (result == block_result::packet) return true;
            if (result == block_result::malformed) break;
        }
        well_formed_ = well_formed_ && rest_.empty();
        return false;
    }

    /// False once something was met that is no capture file.
    bool well_formed() const { return well_formed_; }
    std::size_t interfaces() const { return interfaces_.size(); }

private:
    enum class block_result { packet, other, malformed };
    struct described_interface {
        pcapng_link_type link;
        std::uint32_t snap_length;
        std::uint8_t resolution = 6;
    };

    bool begin_section() {
        if (const auto little = header_at<pcapng_section_header<std::endian::little>>(rest_); little && little->magic == pcapng_magic)
            order_ = std::endian::little;
        else if (const auto big = header_at<pcapng_section_header<std::endian::big>>(rest_); big && big->magic == pcapng_magic)
            order_ = std::endian::big;
        else
            return well_formed_ = false;
        in_section_ = true;
        interfaces_.clear();
        return true;
    }

    template <std::endian Order>
    block_result read_block(pcapng_packet& packet) {
        const auto header = header_at<pcapng_block_header<Order>>(rest_);
        if (!in_section_ || !header || header->length < 12 || header->length % 4 != 0 || header->length > rest_.size()) return fail();
        const std::size_t length = header->length;
        if (*header_at<ordered<std::uint32_t, Order>>(rest_, length - 4) != length) return fail();

        const auto block = rest_.first(length - 4);
        rest_ = rest_.subspan(length);
        switch (pcapng_block_type{std::uint32_t(header->type)}) {
        case pcapng_block_type::interface_description: return read_interface<Order>(block);
        case pcapng_block_type::enhanced_packet: return read_enhanced<Order>(block, packet);
        case pcapng_block_type::simple_packet: return read_simple<Order>(block, packet);
        default: return block_result::other;
        }
    }

    /// The value of the first such option; empty where there is none.
    template <std::endian Order>
    static std::span<const std::byte> find_option(std::span<const std::byte> options, std::uint16_t code) {
        while (const auto option = header_at<pcapng_option_header<Order>>(options)) {
            const std::size_t size = option->length;
            if (option->code == pcapng_option::end || size > options.size() - sizeof *option) break;
            if (option->code == code) return options.subspan(sizeof *option, size);
            options = bytes_from(options, sizeof *option + (size + 3) / 4 * 4);
        }
        return {};
    }

    template <std::endian Order>
    block_result read_interface(std::span<const std::byte> block) {
        const auto description = header_at<pcapng_interface_description<Order>>(block);
        if (!description) return fail();
        described_interface added{pcapng_link_type{std::uint16_t(description->link)}, description->snap_length};
        const auto resolution = find_option<Order>(block.subspan(sizeof *description), pcapng_option::time_resolution);
        if (resolution.size() == 1) added.resolution = std::uint8_t(resolution[0]);
        interfaces_.push_back(added);
        return block_result::other;
    }

    template <std::endian Order>
    block_result read_enhanced(std::span<const std::byte> block, pcapng_packet& packet) {
        const auto header = header_at<pcapng_enhanced_packet<Order>>(block);
        if (!header || header->interface >= interfaces_.size() || header->captured_length > block.size() - sizeof *header) return fail();
        const auto& from = interfaces_[header->interface];
        packet.interface = header->interface;
        packet.link = from.link;
        packet.time = nanoseconds(std::uint64_t{header->time_high} << 32 | header->time_low, from.resolution);
        packet.data = block.subspan(sizeof *header, header->captured_length);
        packet.original_length = header->original_length;

        const auto options = bytes_from(block, sizeof *header + (header->captured_length + std::size_t{3}) / 4 * 4);
        const auto flags = header_at<ordered<std::uint32_t, Order>>(find_option<Order>(options, pcapng_option::packet_flags));
        packet.direction = flags ? pcapng_direction{*flags & 3} : pcapng_direction::unknown;
        return block_result::packet;
    }

    template <std::endian Order>
    block_result read_simple(std::span<const std::byte> block, pcapng_packet& packet) {
        const auto header = header_at<pcapng_simple_packet<Order>>(block);
        if (!header || interfaces_.empty()) return fail();
        const auto& from = interfaces_.front();
        std::size_t captured = header->original_length;
        if (from.snap_length != 0) captured = std::min<std::size_t>(captured, from.snap_length);
        if (captured > block.size() - sizeof *header) return fail();
        packet = {0, from.link, 0, block.subspan(sizeof *header, captured), header->original_length, pcapng_direction::unknown};
        return block_result::packet;
    }

    block_result fail() {
        well_formed_ = false;
        return block_result::malformed;
    }

    /// Wraps where the result is beyond 64 bits; resolutions no clock has count as zero.
    static std::uint64_t nanoseconds(std::uint64_t time, std::uint8_t resolution) {
        if (resolution & 0x80) {
            const unsigned bits = resolution & 0x7f;
            if (bits > 32) return 0;
            const std::uint64_t fraction = time & ((std::uint64_t{1} << bits) - 1);
            return (time >> bits) * 1'000'000'000 + (fraction * 1'000'000'000 >> bits);
        }
        if (resolution > 18) return 0;
        for (; resolution < 9; ++resolution) time *= 10;
        for (; resolution > 9; --resolution) time /= 10;
        return time;
    }

    std::span<const std::byte> rest_;
    std::vector<described_interface> interfaces_;
    std::endian order_ = std::endian::little;
    bool in_section_ = false;
    bool well_formed_ = true;
};

}  // namespace netkit
