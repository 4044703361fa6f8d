#pragma once

#include <netkit/core/time.hpp>

#include <cstdint>

namespace netkit {

/// A moment that has passed, in four bytes: to 17 ms, for 27 months.
class tcp_coarse_time {
public:
    constexpr tcp_coarse_time() = default;
    constexpr tcp_coarse_time(time_point t) : value_(units(t)) {}

    /// How long ago it was.
    friend constexpr duration operator-(time_point now, tcp_coarse_time then) { return duration(static_cast<duration::rep>(std::uint64_t{units(now) - then.value_} << 24)); }

private:
    static constexpr std::uint32_t units(time_point t) { return static_cast<std::uint32_t>(static_cast<std::uint64_t>(t.time_since_epoch().count()) >> 24); }

    std::uint32_t value_ = 0;
};

}  // namespace netkit
