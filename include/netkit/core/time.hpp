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

}  // namespace netkit
