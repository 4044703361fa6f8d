#pragma once

#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/flow.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_parser.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// SYN cookies (RFC 4987 section 3.6): the initial sequence number that answers a SYN tells all that must be known when it is
/// acknowledged, so that nothing need be remembered. Added to two numbers that nobody else knows for this flow and this SYN are 5 bits
/// of a clock, 3 that stand for an MSS, and 24 of a keyed hash over all of it: a blind guess is right once in 2^28. What else the SYN said
/// lies in the low 6 bits of the timestamp we answer with, and comes back as its echo.
class tcp_syn_cookies {
public:
    static constexpr duration slot = std::chrono::seconds(64);
    /// A cookie is good for at least half of this, and never longer.
    static constexpr duration life = 2 * slot;
    /// What a peer's MSS is taken for: the next one below.
    static constexpr std::array<std::uint16_t, 8> sizes{88, 536, 1220, 1300, 1400, 1440, 1460, 8940};

    void start(const hash_key& key) { key_ = key; }

    /// Answers the SYN numbered `peers`, of a peer that takes `mss`.
    sequence_number make(const tcp_flow_key& flow, sequence_number peers, std::uint16_t mss, time_point now) const {
        std::uint32_t index = 0;
        while (index + 1 < sizes.size() && sizes[index + 1] <= mss) ++index;
        return number(flow, peers, current_slot(now), index);
    }
    /// The MSS that a cookie stands for; 0 where it is none of ours for this flow and this SYN, or too old.
    std::uint16_t read(const tcp_flow_key& flow, sequence_number peers, sequence_number cookie, time_point now) const {
        const auto bits = cookie.value() - offset(flow, peers);
        const auto age = (current_slot(now) - (bits >> slot_shift)) & slot_mask;
        const auto index = bits >> hash_bits & index_mask;
        if (age > 1 || number(flow, peers, current_slot(now) - age, index) != cookie) return 0;
        return sizes[index];
    }

    /// The timestamp to answer with in place of `clock`: never ahead of it, and less than 64 behind. `agreed` says what is agreed on, with
    /// the peer's window scale.
    static std::uint32_t timestamp(std::uint32_t clock, const tcp_parsed_options& agreed, bool marking) {
        const std::uint32_t scale = agreed.has_window_scale ? std::min(agreed.window_scale, tcp_largest_window_scale) : no_scale;
        const auto bits = scale | (agreed.sack_permitted ? selective_bit : 0u) | (marking ? marking_bit : 0u);
        const auto value = (clock & ~all_bits) | bits;
        return bits > (clock & all_bits) ? value - (all_bits + 1) : value;
    }
    /// What the echo of such a timestamp says.
    static void read_echo(std::uint32_t echo, tcp_parsed_options& agreed, bool& marking) {
        const auto scale = echo & no_scale;
        agreed.has_window_scale = scale != no_scale;
        agreed.window_scale = static_cast<std::uint8_t>(agreed.has_window_scale ? scale : 0);
        agreed.sack_permitted = (echo & selective_bit) != 0;
        marking = (echo & marking_bit) != 0;
    }

private:
    static constexpr unsigned hash_bits = 24, slot_shift = 27;
    static constexpr std::uint32_t hash_mask = (1u << hash_bits) - 1, index_mask = 7, slot_mask = 31;
    static constexpr std::uint32_t no_scale = 15, selective_bit = 16, marking_bit = 32, all_bits = 63;

    static std::uint32_t current_slot(time_point now) { return static_cast<std::uint32_t>(now.time_since_epoch() / slot); }
    std::uint32_t offset(const tcp_flow_key& flow, sequence_number peers) const {
        return static_cast<std::uint32_t>(flow.hash(key_, 0)) + peers.value();
    }
    sequence_number number(const tcp_flow_key& flow, sequence_number peers, std::uint32_t at, std::uint32_t index) const {
        // Never zero, which the offset's hash has here.
        const auto what = std::uint64_t(peers.value()) << 32 | 1u << 31 | (at & 0xfffffff) << 3 | index;
        const auto bits = (at & slot_mask) << slot_shift | index << hash_bits | (static_cast<std::uint32_t>(flow.hash(key_, what)) & hash_mask);
        return sequence_number(offset(flow, peers) + bits);
    }
    hash_key key_{};
};

}  // namespace netkit
