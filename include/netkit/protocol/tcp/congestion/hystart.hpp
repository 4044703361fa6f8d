#pragma once

#include <netkit/protocol/tcp/congestion/slow_start.hpp>

#include <algorithm>
#include <cstdint>

namespace netkit {

/// HyStart++ (RFC 9406): leaves slow start when round trips become longer, which tells that a queue fills, before it overflows. Since
/// round trips may become longer for other reasons, growth slows down at first for five rounds (conservative slow start), and goes on
/// as before when round trips turn out to be as short as they were.
class hystart {
public:
    static constexpr tcp_microseconds least_threshold{4'000};   // MIN_RTT_THRESH
    static constexpr tcp_microseconds most_threshold{16'000};   // MAX_RTT_THRESH
    static constexpr unsigned threshold_divisor = 8;            // MIN_RTT_DIVISOR
    static constexpr unsigned samples_needed = 8;               // N_RTT_SAMPLE
    static constexpr unsigned conservative_divisor = 4;         // CSS_GROWTH_DIVISOR
    static constexpr unsigned conservative_rounds = 5;          // CSS_ROUNDS

    void start() { *this = {}; }
    std::uint32_t acknowledged(const tcp_acknowledged& news) {
        if (news.round_ended) begin_round();
        if (news.rtt.count() != 0) {
            shortest_ = std::min(shortest_, news.rtt);
            if (samples_ < samples_needed) ++samples_;
            if (samples_ >= samples_needed) compare();
        }
        const auto growth = standard_slow_start::growth(news);
        return conservative() ? growth / conservative_divisor : growth;
    }
    /// Round trips have been longer for all of the rounds of conservative slow start.
    bool ended() const { return rounds_ >= conservative_rounds; }
    bool conservative() const { return baseline_ != unknown; }

private:
    static constexpr tcp_microseconds unknown = tcp_microseconds::max();

    void begin_round() {
        shortest_before_ = shortest_;
        shortest_ = unknown;
        samples_ = 0;
        // The round in whose middle conservative slow start began counts as well.
        if (conservative()) ++rounds_;
    }
    void compare() {
        if (conservative()) {
            if (shortest_ >= baseline_) return;
            baseline_ = unknown;
            rounds_ = 0;
        } else if (shortest_before_ != unknown && shortest_ > shortest_before_) {
            if (shortest_ - shortest_before_ >= std::clamp(shortest_before_ / threshold_divisor, least_threshold, most_threshold)) baseline_ = shortest_;
        }
    }

    tcp_microseconds shortest_ = unknown;         // of this round: currentRoundMinRTT
    tcp_microseconds shortest_before_ = unknown;  // of the round before: lastRoundMinRTT
    tcp_microseconds baseline_ = unknown;         // when growth slowed down: cssBaselineMinRtt
    std::uint8_t samples_ = 0;
    std::uint8_t rounds_ = 0;  // of conservative slow start
};

static_assert(slow_start_policy<hystart>);

}  // namespace netkit
