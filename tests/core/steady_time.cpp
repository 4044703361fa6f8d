#include <netkit/core/steady_time.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

namespace core_steady_time_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

time_point real() { return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch())); }

/// Asks both for so long; the time told lies between what the clock says before and after, but for a millisecond.
void compare(steady_time& time, duration how_long) {
    auto last = time.now();
    for (const auto end = real() + how_long; last < end;) {
        const auto before = real();
        const auto told = time.now();
        const auto after = real();
        REQUIRE(told >= last);
        REQUIRE(told >= before - 1ms);
        REQUIRE(told <= after + 1ms);
        last = told;
    }
}

}  // namespace

TEST_CASE("it is the steady clock's time, and never goes back") {
    steady_time time;
    compare(time, 30ms);
    // After a pause within which the speed of the counter is measured, and after one that is too long for that.
    std::this_thread::sleep_for(5ms);
    compare(time, 5ms);
    std::this_thread::sleep_for(1100ms);
    compare(time, 5ms);
}

TEST_CASE("each is by itself") {
    steady_time early;
    compare(early, 3ms);
    steady_time late;
    compare(late, 3ms);
    compare(early, 3ms);
}

}  // namespace core_steady_time_tests
