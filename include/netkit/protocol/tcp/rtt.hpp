#pragma once

#include <netkit/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace netkit {

/// The round trip as it is measured, and the retransmission timeout that follows from it (RFC 6298). In microseconds.
/// The least timeout is 200 ms and not the RFC's whole second, as in every widespread system.
class tcp_rtt_estimator {
public:
    using microseconds = std::chrono::duration<std::uint32_t, std::micro>;
    static constexpr microseconds initial_timeout{1'000'000};
    static constexpr microseconds least_timeout{200'000};
    static constexpr microseconds most_timeout{60'000'000};
    static constexpr std::uint32_t least_lasts = 10;  ///< seconds

    /// A measurement of a segment that was sent once (Karn), or told by a timestamp. Ends a backoff.
    void sample(duration measured) {
        const auto limit = duration(std::chrono::minutes(30));
        const auto r = std::max(microseconds{1}, std::chrono::duration_cast<microseconds>(std::clamp(measured, duration::zero(), limit)));
        if (smoothed_.count() == 0) {
            smoothed_ = r;
            variation_ = r / 2;
        } else {
            const auto error = smoothed_ > r ? smoothed_ - r : r - smoothed_;
            variation_ = microseconds((std::uint64_t(variation_.count()) * 3 + error.count()) / 4);
            smoothed_ = microseconds((std::uint64_t(smoothed_.count()) * 7 + r.count()) / 8);
        }
        backoff_ = 0;
    }
    /// The shortest round trip of the last ten seconds or so, for what compares with it.
    void note_least(duration measured, time_point now) {
        const auto r = std::max(microseconds{1}, std::chrono::duration_cast<microseconds>(measured));
        const auto second = in_seconds(now);
        if (least_.count() != 0 && r > least_ && (second - least_at_) % seconds_known < least_lasts) return;
        least_ = r;
        least_at_ = second % seconds_known;
    }
    microseconds least() const { return least_; }

    /// The timer expired: the next timeout is twice as long (section 5.5).
    void back_off() {
        if (timeout() < most_timeout) ++backoff_;
    }
    /// The handshake's own timer expired, and nothing was measured: section 5.7.
    void handshake_was_slow() {
        slow_handshake_ = true;
        backoff_ = 0;
    }

    bool measured() const { return smoothed_.count() != 0; }
    microseconds smoothed() const { return smoothed_; }
    microseconds variation() const { return variation_; }
    unsigned backoff() const { return backoff_; }
    /// Backoff included.
    microseconds timeout() const {
        if (backoff_ == 0) [[likely]] return unlengthened();
        return microseconds(static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t(unlengthened().count()) << backoff_, most_timeout.count())));
    }

private:
    static constexpr std::uint32_t seconds_known = 1u << 23;

    microseconds unlengthened() const {
        if (measured()) [[likely]] return std::clamp(microseconds(smoothed_ + 4 * variation_), least_timeout, most_timeout);
        return slow_handshake_ ? microseconds{3'000'000} : initial_timeout;
    }

    microseconds smoothed_{0};
    microseconds variation_{0};
    microseconds least_{0};
    std::uint32_t least_at_ : 23 = 0;  // seconds, modulo 97 days
    bool slow_handshake_ : 1 = false;  // its timer expired before anything was measured
    std::uint32_t backoff_ : 8 = 0;
};

}  // namespace netkit
