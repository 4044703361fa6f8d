#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>

#include <cstdint>

namespace netkit {

/// The pacing rate of a control that thinks in windows, in bytes a second: `percent` of a window a round trip, so that the window
/// and not the pacing limits. 0 before the round trip is known.
constexpr std::uint64_t tcp_pacing_rate(std::uint32_t window, tcp_microseconds smoothed_rtt, std::uint32_t percent) {
    if (smoothed_rtt.count() == 0) return 0;
    return std::uint64_t(window) * (10'000 * percent) / smoothed_rtt.count();
}

/// The same as is usual: twice the window in slow start, which doubles it a round trip, and 1.2 times after.
constexpr std::uint64_t tcp_pacing_rate(std::uint32_t window, bool slow_start, tcp_microseconds smoothed_rtt) {
    return tcp_pacing_rate(window, smoothed_rtt, slow_start ? 200 : 120);
}

}  // namespace netkit
