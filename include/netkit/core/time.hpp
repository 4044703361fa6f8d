#pragma once

#include <chrono>
#include <cstdint>

namespace netkit {

using duration = std::chrono::nanoseconds;

/// The time of a stack. It has no now(): a stack asks its environment, so that time can be made up.
struct clock {
    using duration = netkit::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;
};
using time_point = clock::time_point;

/// A moment in units of `Unit` nanoseconds, modulo 2^32. Divided without a sign, which is cheaper: there is no time before the clock's first.
template <std::uint64_t Unit>
constexpr std::uint32_t counted_in(time_point t) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(t.time_since_epoch().count()) / Unit);
}
constexpr std::uint32_t in_microseconds(time_point t) { return counted_in<1'000>(t); }
constexpr std::uint32_t in_milliseconds(time_point t) { return counted_in<1'000'000>(t); }
constexpr std::uint32_t in_seconds(time_point t) { return counted_in<1'000'000'000>(t); }

}  // namespace netkit
