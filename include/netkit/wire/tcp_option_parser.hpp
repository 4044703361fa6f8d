#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_kind.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace netkit {

/// The edges of data that arrived out of order: [left, right) (RFC 2018 section 3). Not checked against anything.
struct tcp_sack_block {
    std::uint32_t left;
    std::uint32_t right;
    friend bool operator==(const tcp_sack_block&, const tcp_sack_block&) = default;
};

/// All that a segment's options can say. Each part counts only where its flag, or `sack_blocks`, says that it is there.
struct tcp_parsed_options {
    static constexpr std::size_t most_sack_blocks = 4;

    bool has_mss = false;
    bool has_window_scale = false;
    bool sack_permitted = false;
    bool has_timestamps = false;
    std::uint8_t window_scale = 0;  ///< at most 14
    std::uint8_t sack_blocks = 0;
    std::uint16_t mss = 0;  ///< as received: tiny values are for the connection to judge
    std::uint32_t ts_value = 0;
    std::uint32_t ts_echo = 0;
    tcp_sack_block sack[most_sack_blocks] = {};
};

namespace detail {
template <class Word>
Word load_word(const std::byte* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

inline void parse_tcp_option(tcp_option_kind kind, std::span<const std::byte> data, tcp_parsed_options& result) {
    switch (kind) {
    case tcp_option_kind::maximum_segment_size:
        if (data.size() != 2) return;
        result.has_mss = true;
        result.mss = load_word<be16>(data.data());
        return;
    case tcp_option_kind::window_scale:
        if (data.size() != 1) return;
        result.has_window_scale = true;
        result.window_scale = std::min(std::uint8_t(data[0]), tcp_largest_window_scale);
        return;
    case tcp_option_kind::sack_permitted:
        if (data.empty()) result.sack_permitted = true;
        return;
    case tcp_option_kind::timestamps:
        if (data.size() != 8) return;
        result.has_timestamps = true;
        result.ts_value = load_word<be32>(data.data());
        result.ts_echo = load_word<be32>(data.data() + 4);
        return;
    case tcp_option_kind::sack: {
        const auto blocks = data.size() / 8;
        if (data.size() % 8 != 0 || blocks == 0 || blocks > tcp_parsed_options::most_sack_blocks) return;
        result.sack_blocks = static_cast<std::uint8_t>(blocks);
        for (std::size_t i = 0; i < blocks; ++i) result.sack[i] = {load_word<be32>(&data[8 * i]), load_word<be32>(&data[8 * i + 4])};
        return;
    }
    default: return;
    }
}
}  // namespace detail

/// Reads the options one by one, whatever their order. See `parse_tcp_options`.
[[gnu::noinline]] inline bool parse_tcp_options_in_any_order(std::span<const std::byte> options, tcp_parsed_options& result) {
    while (!options.empty()) {
        const auto kind = tcp_option_kind(std::uint8_t(options[0]));
        if (kind == tcp_option_kind::end) return true;
        if (kind == tcp_option_kind::no_operation) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2) return false;
        const auto size = std::size_t(options[1]);
        if (size < 2 || size > options.size()) return false;
        detail::parse_tcp_option(kind, options.subspan(2, size - 2), result);
        options = options.subspan(size);
    }
    return true;
}

/// Reads a segment's options into `result`, which the caller hands over fresh. Options of a wrong length for their kind are skipped;
/// one of length 0 or 1, or beyond the header, ends the reading and gives false, what came before it having been read.
inline bool parse_tcp_options(std::span<const std::byte> options, tcp_parsed_options& result) {
    if (options.empty()) return true;
    // What nearly every segment of an established connection carries: RFC 7323 appendix A.
    constexpr be32 padded_timestamps = 0x0101'080a;
    if (options.size() == 12 && detail::load_word<be32>(options.data()).raw() == padded_timestamps.raw()) {
        result.has_timestamps = true;
        result.ts_value = detail::load_word<be32>(options.data() + 4);
        result.ts_echo = detail::load_word<be32>(options.data() + 8);
        return true;
    }
    return parse_tcp_options_in_any_order(options, result);
}

}  // namespace netkit
