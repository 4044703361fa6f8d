#pragma once

#include <netkit/core/time.hpp>

#include <chrono>

namespace netkit::testing {

/// How the time of a simulation is told in the terms of any clock: what the simulation calls t, the clock calls a hundred years
/// after its epoch, and t. No clock of a system gets there, so that an expiry which is compared with Clock::now() always lies
/// ahead; but nothing that asks a system's clock is repeatable.
template <class Clock>
struct simulated_clock {
    using clock_duration = typename Clock::duration;
    using clock_time = typename Clock::time_point;
    static constexpr std::chrono::hours before_simulations{24 * 36525};

    static clock_time from_simulation(time_point t) {
        return clock_time(std::chrono::duration_cast<clock_duration>(before_simulations + t.time_since_epoch()));
    }
    /// Rounded up; what a simulation's time cannot express is its first or last moment.
    static time_point to_simulation(clock_time t) {
        using seconds = std::chrono::duration<double>;
        const seconds since_epoch = t.time_since_epoch();
        if (since_epoch >= seconds(duration::max() - std::chrono::hours(1))) return time_point::max();
        if (since_epoch <= seconds(-before_simulations)) return time_point::min();
        return time_point(std::chrono::ceil<duration>(t.time_since_epoch()) - before_simulations);
    }
    /// t + d, or the clock's first or last moment where that is beyond it.
    static clock_time later(clock_time t, clock_duration d) {
        if (d > clock_duration::zero() && t > (clock_time::max)() - d) return (clock_time::max)();
        if (d < clock_duration::zero() && t < (clock_time::min)() - d) return (clock_time::min)();
        return t + d;
    }
};

}  // namespace netkit::testing
