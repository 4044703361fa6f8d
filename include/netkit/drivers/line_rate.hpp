#pragma once

#include <netkit/core/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// A line that sends one frame after another at so many bits a second. Fractions of nanoseconds are carried over from frame to
/// frame, so that n frames in a row take as long as they should.
class line_rate {
public:
    /// When the line is free for the next frame.
    time_point free_at() const { return free_at_; }

    /// Sends `bytes` at `rate`, from `now` or when the line is free; returns when the last bit is out. A rate of 0 takes no time.
    time_point send(std::size_t bytes, std::uint64_t rate, time_point now) {
        if (rate == 0) return free_at_ = std::max(free_at_, now);
        if (free_at_ < now) {
            free_at_ = now;
            rest_ = 0;
        }
        const auto share = std::uint64_t{bytes} * 8 * 1'000'000'000 + std::min(rest_, rate - 1);
        rest_ = share % rate;
        return free_at_ += duration(static_cast<duration::rep>(share / rate));
    }

private:
    time_point free_at_{};
    std::uint64_t rest_ = 0;  // of a nanosecond, in parts of the rate
};

}  // namespace netkit
