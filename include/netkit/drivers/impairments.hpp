#pragma once

#include <netkit/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace netkit {

/// Losses that come together (Gilbert and Elliott's model): after each frame a burst may begin, or the one under way end.
/// Probabilities are from 0 to 1. A burst lasts 1 / end frames on average.
struct burst_loss {
    double begin = 0;  ///< of a burst beginning with a frame
    double end = 1;    ///< of a burst being over with a frame
    double loss = 1;   ///< of each frame of a burst
};

/// What happens to frames on a line in one direction. Probabilities are from 0 to 1, and of each frame.
struct impairments {
    std::uint64_t rate = 0;                            ///< bits a second that get through; 0 is no limit
    std::size_t overhead = 0;                          ///< bytes that the line needs for each frame besides: 24 on a real Ethernet
    std::size_t queue_limit = 1000;                    ///< frames held at a time; what comes beyond is lost
    std::size_t queue_limit_bytes = 0;                 ///< the same in bytes; 0 is no limit
    duration delay{};                                  ///< of every frame
    duration jitter{};                                 ///< at most so much more, by chance; keeps the order
    double loss = 0;                                   ///< of each frame by itself
    burst_loss bursts{};
    double duplicate = 0;
    double corrupt = 0;                                ///< of one bit behind the link header being turned over
    double reorder = 0;                                ///< of a frame coming late, the next ones overtaking it
    duration reorder_by = std::chrono::milliseconds(5);///< how late at most
    std::size_t reorder_behind = 0;                    ///< how many frames overtake it; 0: as many as come in that time
};

/// The same; throws std::invalid_argument for what is no probability or no time.
inline const impairments& checked(const impairments& how) {
    for (const double p : {how.loss, how.duplicate, how.reorder, how.corrupt, how.bursts.begin, how.bursts.end, how.bursts.loss})
        if (!(p >= 0 && p <= 1)) throw std::invalid_argument("netkit: a probability of loss, duplication, corruption or reordering is not between 0 and 1");
    if (how.delay < duration::zero() || how.jitter < duration::zero() || how.reorder_by < duration::zero())
        throw std::invalid_argument("netkit: a delay, jitter or reorder_by is negative");
    return how;
}

}  // namespace netkit
