#pragma once

#include <netkit/core/time.hpp>

#include <chrono>
#include <cstdint>

namespace netkit {

/// How often a connection answers segments that may be forged (RFC 5961 section 7): ten times a second. Each connection
/// counts for itself, so that nothing can be learnt of one through another (CVE-2016-5696).
class tcp_challenge_limit {
public:
    static constexpr unsigned most_a_second = 10;

    bool allow(time_point now) {
        const auto second = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
        if (const auto this_one = second % seconds_known; this_one != second_) {
            second_ = this_one % seconds_known;
            count_ = 0;
        }
        if (count_ == most_a_second) return false;
        ++count_;
        return true;
    }

private:
    static constexpr std::uint32_t seconds_known = 1u << 24;

    std::uint32_t second_ : 24 = 0;  // modulo half a year
    std::uint32_t count_ : 8 = 0;
};

}  // namespace netkit
