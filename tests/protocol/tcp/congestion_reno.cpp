#include <doctest/doctest.h>

#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <chrono>
#include <cstdint>

namespace protocol_tcp_congestion_reno_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

tcp_acknowledged acknowledgement(std::uint32_t bytes, bool window_was_used = true) {
    tcp_acknowledged news;
    news.bytes = bytes;
    news.segment = 1000;
    news.window_was_used = window_was_used;
    return news;
}
tcp_congestion_event loss(std::uint32_t in_flight) {
    return {.in_flight = in_flight, .segment = 1000, .now = {}};
}
reno fresh() {
    reno control;
    control.start(1000, time_point{});
    return control;
}

}  // namespace

TEST_CASE("reno: slow start, avoidance, halving, and one segment after a timeout") {
    auto control = fresh();
    CHECK(control.window() == 10'000);
    control.acknowledged(acknowledgement(1000));
    CHECK(control.window() == 11'000);
    control.lost(loss(11'000));
    CHECK(control.window() == 5500);
    for (int i = 0; i < 11; ++i) control.acknowledged(acknowledgement(500));
    CHECK(control.window() == 6500);
    control.timed_out(loss(6000), false);
    CHECK(control.window() == 1000);
    CHECK(control.slow_start_threshold() == 3000);
    control.timed_out(loss(1000), true);
    CHECK(control.slow_start_threshold() == 3000);
    control.lost(loss(0));
    CHECK(control.window() == 2000);
}

TEST_CASE("reno: an acknowledgement of a super-segment opens the window by eight segments at most") {
    auto control = fresh();
    control.acknowledged(acknowledgement(40'000));
    CHECK(control.window() == 18'000);
}

TEST_CASE("reno: a window that is not used does not grow") {
    auto control = fresh();
    control.acknowledged(acknowledgement(1000, false));
    CHECK(control.window() == 10'000);
    control.lost(loss(10'000));
    for (int i = 0; i < 100; ++i) control.acknowledged(acknowledgement(1000, false));
    CHECK(control.window() == 5000);
}

TEST_CASE("reno: a mark of a router is a loss that nothing was lost by") {
    auto control = fresh();
    auto marked = loss(10'000);
    marked.marked = true;
    control.lost(marked);
    CHECK(control.window() == 5000);
    CHECK(control.slow_start_threshold() == 5000);
    // Down to a single segment, which a loss does not ask for.
    for (int i = 0; i < 3; ++i) {
        marked.in_flight = control.window();
        control.lost(marked);
    }
    CHECK(control.window() == 1000);
    CHECK(control.slow_start_threshold() == 2000);
}

TEST_CASE("reno: a reduction that was a mistake is undone, once") {
    auto control = fresh();
    control.acknowledged(acknowledgement(4000));
    control.lost(loss(14'000));
    control.undo();
    CHECK(control.window() == 14'000);
    CHECK(control.slow_start_threshold() == tcp_most_congestion_window);
    control.undo();
    CHECK(control.window() == 14'000);
    control.lost(loss(14'000));
    control.timed_out(loss(7000), false);
    control.timed_out(loss(1000), true);
    CHECK(control.window() == 1000);
    control.undo();
    CHECK(control.window() == 7000);
    CHECK(control.slow_start_threshold() == 7000);
}

TEST_CASE("reno: after a pause slow start begins anew, up to three quarters of where it was") {
    auto control = fresh();
    for (int i = 0; i < 90; ++i) control.acknowledged(acknowledgement(1000));
    control.lost(loss(100'000));
    CHECK(control.window() == 50'000);
    for (int i = 0; i < 10'000 && control.window() < 80'000; ++i) control.acknowledged(acknowledgement(1000));
    control.idled(1000, 2s);
    CHECK(control.window() == 10'000);
    CHECK(control.slow_start_threshold() == 60'000);
}

TEST_CASE("reno: pacing leaves the window to limit") {
    auto control = fresh();
    CHECK(control.pacing_rate(tcp_microseconds{0}) == 0);
    CHECK(control.pacing_rate(100ms) == 200'000);
    control.lost(loss(10'000));
    CHECK(control.window() == 5000);
    CHECK(control.pacing_rate(100ms) == 60'000);
    CHECK(tcp_pacing_rate(tcp_most_congestion_window, tcp_microseconds{1}, 200) == 2'000'000ull * tcp_most_congestion_window);
}

TEST_CASE("the initial window is ten segments, or 14600 bytes, or two segments") {
    CHECK(tcp_initial_window(1460) == 14'600);
    CHECK(tcp_initial_window(9000) == 18'000);
    CHECK(tcp_initial_window(536) == 5360);
}

}  // namespace protocol_tcp_congestion_reno_tests
