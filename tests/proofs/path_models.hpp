#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace proofs {

/// A way between two hosts whose slowest line is the one looked at.
struct path {
    double rate = 0;        ///< bits a second, of frames
    double round_trip = 0;  ///< seconds, while no queue builds up
    double loss = 0;        ///< of each segment with data
    double queue = 1;       ///< before the line, as a part of rate * round_trip

    static constexpr double frame = 1514, payload = 1448;  // bytes: Ethernet, IPv4, TCP with timestamps

    /// Segments that the line alone keeps under way.
    double segments() const { return rate * round_trip / 8 / frame; }
    /// What the queue holds; four frames at the least.
    double queue_frames() const { return std::max(4.0, std::floor(queue * segments())); }
    /// Bits of payload a second that the line carries.
    double capacity() const { return rate * payload / frame; }
};

/// How congestion avoidance goes on after a loss, and what RFC 9438 and RFC 5681 expect of it.
struct response {
    std::string_view name;
    double decrease = 0;  ///< what is left of the window after a loss
    bool cubic = false;
};
inline constexpr response cubic_response{"cubic", 0.7, true}, reno_response{"reno", 0.5, false};

/// Seconds from a reduction at a window of `segments` until it is reached again.
inline double climb(const response& how, double segments, double round_trip) {
    const double additive = how.cubic ? 3 * (1 - how.decrease) / (1 + how.decrease) : 1;
    const double straight = segments * (1 - how.decrease) / additive * round_trip;
    if (!how.cubic) return straight;
    return std::min(straight, std::cbrt(segments * (1 - how.decrease) / 0.4));
}

/// Without losses but those of a full queue: the part of the line that the window fills on average while it climbs from a reduction to
/// where line and queue are full, K seconds later (RFC 9438 section 4.2).
inline double saw_tooth(const response& how, const path& over) {
    const double line = std::max(over.segments(), 1.0), most = over.segments() + over.queue_frames();
    const double lasts = climb(how, most, over.round_trip);
    const double K = std::cbrt(most * (1 - how.decrease) / 0.4);
    const double additive = how.cubic ? 3 * (1 - how.decrease) / (1 + how.decrease) : 1;
    constexpr int steps = 10'000;
    double filled = 0;
    for (int i = 0; i < steps; ++i) {
        const double t = lasts * (i + 0.5) / steps;
        double window = most * how.decrease + additive * t / over.round_trip;
        if (how.cubic) window = std::max(window, most + 0.4 * std::pow(t - K, 3));
        filled += std::min(window, line);
    }
    return filled / steps / line;
}

/// Segments in a round trip at which growth and losses balance. Reno's: RFC 5348 section 3.1 with b = 1, the formula of Padhye and others,
/// which counts timeouts of 200 ms or four round trips; for few losses it is 1.22 / sqrt(p). CUBIC's: RFC 9438 section 5.1, figure 5.
inline double reno_window(const path& over) {
    const double p = over.loss, timeout = std::max(0.2, 4 * over.round_trip);
    const double seconds = over.round_trip * std::sqrt(2 * p / 3) + timeout * 3 * std::sqrt(3 * p / 8) * p * (1 + 32 * p * p);
    return over.round_trip / seconds;
}
inline double cubic_window(const path& over) { return 1.054 * std::pow(over.round_trip / over.loss, 0.75); }

/// What a flow may expect.
struct expectation {
    double goodput = 0;     ///< bits of payload a second
    std::string_view by;    ///< what sets it
};
inline expectation expected(const response& how, const path& over) {
    const double filled = saw_tooth(how, over);
    expectation line{over.capacity() * filled, filled > 0.999 ? "link" : "saw-tooth"};
    if (over.loss == 0) return line;
    const double a_segment = path::payload * 8 / over.round_trip;
    expectation reno{reno_window(over) * a_segment, "Reno"};
    if (how.cubic && cubic_window(over) * a_segment > reno.goodput) reno = {cubic_window(over) * a_segment, "CUBIC"};
    return reno.goodput < line.goodput ? reno : line;
}

}  // namespace proofs
