#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_parser.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace netkit {

namespace detail {
/// Puts 32-bit words one after another and adds them up.
class word_writer {
public:
    explicit word_writer(std::span<std::byte> to) : to_(to.first(std::min(to.size(), tcp_longest_options))) {}

    bool has_room(std::size_t words) const { return to_.size() - size_ >= 4 * words; }
    void put(be32 word) {
        std::memcpy(to_.data() + size_, &word, 4);
        size_ += 4;
        sum_ += word.raw();
    }
    std::size_t size() const { return size_; }
    std::uint64_t sum() const { return sum_; }

private:
    std::span<std::byte> to_;
    std::size_t size_ = 0;
    std::uint64_t sum_ = 0;
};

constexpr std::uint32_t tcp_option_word(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d;
}
}  // namespace detail

/// How many SACK blocks find room beside the other options.
constexpr std::size_t tcp_sack_blocks_that_fit(const tcp_parsed_options& options, std::size_t room = tcp_longest_options) {
    std::size_t used = 4 + (options.has_mss ? 4 : 0) + (options.has_window_scale ? 4 : 0);
    used += options.has_timestamps ? 12 : options.sack_permitted ? 4 : 0;
    return used >= room ? 0 : std::min<std::size_t>(options.sack_blocks, (room - used) / 8);
}

/// How many bytes `write_tcp_options` takes: a multiple of 4, at most 40.
constexpr std::size_t tcp_options_size(const tcp_parsed_options& options) {
    std::size_t size = (options.has_mss ? 4 : 0) + (options.has_window_scale ? 4 : 0);
    size += options.has_timestamps ? 12 : options.sack_permitted ? 4 : 0;
    const auto blocks = tcp_sack_blocks_that_fit(options);
    return size + (blocks != 0 ? 4 + 8 * blocks : 0);
}

/// Writes options as the usual stacks lay them out, every one aligned: MSS, SACK permitted, timestamps, window scale, then as many
/// SACK blocks as find room in `to` and in 40 bytes. An option without room is left out. Gives the size, a multiple of 4;
/// `sum`, what the bytes add to a checksum, is added to.
inline std::size_t write_tcp_options(std::span<std::byte> to, const tcp_parsed_options& options, std::uint64_t& sum) {
    using detail::tcp_option_word;
    detail::word_writer writer(to);
    if (options.has_mss && writer.has_room(1)) writer.put(0x0204'0000u | options.mss);
    if (options.has_timestamps && writer.has_room(3)) {
        writer.put(options.sack_permitted ? tcp_option_word(4, 2, 8, 10) : tcp_option_word(1, 1, 8, 10));
        writer.put(options.ts_value);
        writer.put(options.ts_echo);
    } else if (options.sack_permitted && writer.has_room(1)) {
        writer.put(tcp_option_word(1, 1, 4, 2));
    }
    if (options.has_window_scale && writer.has_room(1))
        writer.put(tcp_option_word(1, 3, 3, std::min(options.window_scale, tcp_largest_window_scale)));

    const auto blocks = tcp_sack_blocks_that_fit(options, std::min(to.size(), tcp_longest_options));
    if (blocks != 0) writer.put(tcp_option_word(1, 1, 5, static_cast<std::uint8_t>(2 + 8 * blocks)));
    for (std::size_t i = 0; i < blocks; ++i) {
        writer.put(options.sack[i].left);
        writer.put(options.sack[i].right);
    }
    sum += writer.sum();
    return writer.size();
}

inline std::size_t write_tcp_options(std::span<std::byte> to, const tcp_parsed_options& options) {
    std::uint64_t sum = 0;
    return write_tcp_options(to, options, sum);
}

/// Options as they stand in a header, a multiple of 4 bytes, and what they add to a checksum.
struct tcp_option_bytes {
    std::span<const std::byte> bytes{};
    std::uint64_t sum = 0;

    std::size_t size() const { return bytes.size(); }
};

/// What nearly every segment of an established connection carries, and nothing else: two NOPs and timestamps (RFC 7323 appendix A).
NETKIT_INLINE tcp_option_bytes write_tcp_timestamps(std::span<std::byte, 12> to, std::uint32_t value, std::uint32_t echo) {
    const be32 kind = detail::tcp_option_word(1, 1, 8, 10), first = value, second = echo;
    // In the pieces in which a copy takes them: one made of smaller ones would have to wait for them.
    const auto front = std::endian::native == std::endian::little ? kind.raw() | std::uint64_t{first.raw()} << 32 : std::uint64_t{kind.raw()} << 32 | first.raw();
    std::memcpy(to.data(), &front, 8);
    std::memcpy(to.data() + 8, &second, 4);
    return {to, std::uint64_t{kind.raw()} + first.raw() + second.raw()};
}

}  // namespace netkit
