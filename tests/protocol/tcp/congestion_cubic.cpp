#include <doctest/doctest.h>

#include "congestion_path.hpp"

#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>

namespace protocol_tcp_congestion_cubic_tests {

using namespace netkit;
using namespace std::chrono_literals;
using congestion_test::near;
using congestion_test::seconds;
using cubic_path = congestion_test::path<cubic>;

namespace {

/// RFC 9438 section 4.2, in segments and seconds.
double climb(double plateau, double from) { return std::cbrt((plateau - from) / 0.4); }
double function(double t, double K, double plateau) { return plateau + 0.4 * std::pow(t - K, 3); }

}  // namespace

TEST_CASE("cubic: the window follows the RFC's function for a minute") {
    for (const auto rtt : {tcp_microseconds(10ms), tcp_microseconds(50ms), tcp_microseconds(100ms)}) {
        CAPTURE(rtt.count());
        cubic_path p(rtt);
        p.open_to(4000);
        const auto plateau = p.window();
        p.lose();
        CHECK(near(p.window(), 0.7 * plateau, 0.001));
        p.acknowledge();
        const auto began = p.now;
        const auto K = climb(plateau, p.window());
        bool regained = false;
        double worst = 0;
        while (p.now < began + 60s) {
            p.acknowledge();
            const auto t = seconds(p.now - began);
            worst = std::max(worst, std::abs(p.window() / function(t, K, plateau) - 1));
            if (!regained && p.window() >= plateau) {
                regained = true;
                // The window runs ahead of the function by up to a round trip, and the function is flat here.
                CHECK(near(t, K, 0.15));
            }
        }
        CHECK(regained);
        CHECK(worst < 0.01);
        CHECK(p.window() > 2 * plateau);
    }
}

TEST_CASE("cubic: the plateau is reached after K, half way up within an eighth of the time") {
    cubic_path p(40ms);
    p.open_to(20'000);
    const auto plateau = p.window();
    p.lose();
    p.acknowledge();
    const auto began = p.now;
    const auto low = p.window();
    const auto K = climb(plateau, low);
    p.open_to(low + (plateau - low) / 2);
    CHECK(near(seconds(p.now - began), K * (1 - std::cbrt(0.5)), 0.01));
    p.open_to(plateau - 1);
    CHECK(near(seconds(p.now - began), K - std::cbrt(1 / 0.4), 0.01));
    p.open_to(plateau + 1);
    CHECK(near(seconds(p.now - began), K + std::cbrt(1 / 0.4), 0.01));
}

TEST_CASE("cubic: fast convergence gives up what others need") {
    cubic_path p(100ms);
    p.open_to(1000);
    p.lose();
    p.acknowledge();
    p.open_to(900);
    const auto second = p.window();
    p.lose();
    p.acknowledge();
    const auto began = p.now;
    const auto plateau = second * (1 + 0.7) / 2;
    const auto K = climb(plateau, p.window());
    p.pass(10s);
    CHECK(near(p.window(), function(seconds(p.now - began), K, plateau), 0.01));

    // As large as before: the plateau is where the loss was.
    cubic_path q(100ms);
    q.open_to(1000);
    const auto before = q.window();
    q.lose();
    q.open_to(before);
    const auto again = q.window();
    q.lose();
    q.acknowledge();
    const auto from = q.now;
    const auto climb_again = climb(again, q.window());
    q.pass(10s);
    CHECK(near(q.window(), function(seconds(q.now - from), climb_again, again), 0.01));
}

TEST_CASE("cubic: the mean window is that of the response function") {
    for (const auto rtt : {tcp_microseconds(20ms), tcp_microseconds(100ms), tcp_microseconds(200ms)}) {
        for (const double p : {1e-4, 1e-5, 1e-6}) {
            cubic_path path(rtt);
            const auto expected = 1.054 * std::pow(seconds(rtt), 0.75) / std::pow(p, 0.75);
            const auto as_reno = std::sqrt(1.5 / p);
            CAPTURE(rtt.count());
            CAPTURE(p);
            CAPTURE(expected);
            CAPTURE(as_reno);
            const auto mean = path.mean_window(1 / p, 30);
            CAPTURE(mean);
            if (expected > 2 * as_reno) CHECK(near(mean, expected, 0.1));
            else CHECK(mean > 0.9 * std::max(expected, as_reno));
        }
    }
}

TEST_CASE("cubic: where Reno would be faster it is as fast as Reno") {
    for (const double p : {0.01, 0.003, 0.001}) {
        cubic_path path(5ms);
        congestion_test::path<reno> other(5ms);
        const auto mean = path.mean_window(1 / p, 100);
        const auto its = other.mean_window(1 / p, 100);
        CAPTURE(p);
        CAPTURE(mean);
        CAPTURE(its);
        CHECK(near(its, std::sqrt(1.5 / p), 0.1));
        CHECK(near(mean, its, 0.12));
    }
}

TEST_CASE("cubic: after a timeout slow start up to the threshold, then growth from there without a plateau") {
    cubic_path p(100ms);
    p.open_to(1000);
    const auto before = p.window();
    p.time_out();
    CHECK(p.window() == 1);
    CHECK(near(p.control.slow_start_threshold() / 1000.0, 0.7 * before, 0.001));
    const auto timed_out = p.now;
    p.open_to(0.7 * before - 0.1);
    // 1, 2, 4 and so on: ten round trips and as many again where an acknowledgement covers more than eight segments.
    CHECK(seconds(p.now - timed_out) < 2);
    p.acknowledge();
    p.acknowledge();
    const auto began = p.now;
    const auto from = p.window();
    p.pass(20s);
    CHECK(near(p.window(), function(seconds(p.now - began), 0, from), 0.01));

    // Again for the same data: the threshold is what it was.
    p.time_out();
    const auto threshold = p.control.slow_start_threshold();
    p.control.timed_out(p.event(), true);
    CHECK(p.control.slow_start_threshold() == threshold);
    CHECK(p.window() == 1);
}

TEST_CASE("cubic: a mark of a router reduces the window as a loss does, down to a single segment") {
    cubic_path p(10ms);
    p.open_to(100);
    const auto before = p.window();
    auto marked = p.event();
    marked.marked = true;
    p.control.lost(marked);
    CHECK(near(p.window(), 0.7 * before, 0.001));
    for (int i = 0; i < 20; ++i) {
        marked.in_flight = p.control.window();
        p.control.lost(marked);
    }
    CHECK(p.window() == 1);
    CHECK(p.control.slow_start_threshold() == 2000);
    p.lose();
    CHECK(p.window() == 2);
}

TEST_CASE("cubic: what is less in flight than the window counts, not the window") {
    cubic_path p(10ms);
    p.open_to(100);
    auto event = p.event();
    event.in_flight = 50'000;
    p.control.lost(event);
    CHECK(p.window() == 35);
}

TEST_CASE("cubic: the first slow start ends without a loss where round trips grow") {
    cubic_path p(20ms);
    p.measures = true;
    p.open_to(200);
    p.rtt = 40ms;
    const auto slowed = p.window();
    p.pass(1s);
    CHECK(p.control.slow_start_threshold() < tcp_most_congestion_window);
    const auto threshold = p.control.slow_start_threshold() / 1000.0;
    CHECK(threshold > slowed);
    CHECK(threshold < 8 * slowed);
    // From there the convex half of the function, or Reno's growth.
    const auto began = p.now;
    const auto from = p.window();
    p.pass(4s);
    CHECK(p.window() > from);
    CHECK(p.window() < from + 1.2 * seconds(p.now - began) / 0.040);
}

TEST_CASE("cubic: a reduction that was a mistake is undone exactly") {
    for (const bool by_timer : {false, true}) {
        CAPTURE(by_timer);
        cubic_path p(50ms);
        p.open_to(500);
        p.lose();
        p.pass(3s);
        p.lose();
        p.pass(3s);
        auto undisturbed = p;
        if (by_timer) p.time_out();
        else p.lose();
        if (by_timer) p.control.timed_out(p.event(), true);
        p.acknowledge();
        CHECK(p.window() < undisturbed.window());
        p.control.undo();
        CHECK(p.control.window() == undisturbed.control.window());
        CHECK(p.control.slow_start_threshold() == undisturbed.control.slow_start_threshold());
        // And goes on as if nothing had been, up to the moment that it took.
        p.pass(20s);
        undisturbed.pass(20s);
        CHECK(near(p.window(), undisturbed.window(), 0.005));
        p.control.undo();
        CHECK(near(p.window(), undisturbed.window(), 0.005));
        // What the next loss makes of it is the same as well.
        p.lose();
        undisturbed.lose();
        p.pass(5s);
        undisturbed.pass(5s);
        CHECK(near(p.window(), undisturbed.window(), 0.005));
    }
}

TEST_CASE("cubic: an undone reduction of the first slow start leaves it as it was") {
    cubic_path p(50ms);
    p.open_to(50);
    const auto window = p.control.window();
    p.lose();
    p.control.undo();
    CHECK(p.control.window() == window);
    CHECK(p.control.slow_start_threshold() == tcp_most_congestion_window);
    p.pass(50ms);
    CHECK(near(p.window(), 2.718 * window / 1000.0, 0.1));  // acknowledgements come the faster the larger the window is
}

TEST_CASE("cubic: neither unused windows nor pauses make time pass") {
    cubic_path p(100ms);
    p.open_to(1000);
    p.lose();
    p.pass(3s);
    auto undisturbed = p;
    const auto window = p.control.window();
    p.window_is_used = false;
    p.pass(100s);
    CHECK(p.control.window() == window);
    p.window_is_used = true;
    p.pass(2s);
    undisturbed.pass(2s);
    CHECK(near(p.window(), undisturbed.window(), 0.01));

    p = undisturbed;
    p.now += 1000s;
    p.control.idled(1000, 1000s);
    CHECK(p.window() == 10);
    CHECK(p.control.slow_start_threshold() <= undisturbed.control.window());
    CHECK(near(p.control.slow_start_threshold(), 0.75 * undisturbed.control.window(), 0.1));
    p.pass(3s);
    undisturbed.pass(3s);
    CHECK(p.window() <= 1.01 * undisturbed.window());
    CHECK(p.window() >= 0.7 * undisturbed.window());
}

TEST_CASE("cubic: acknowledgements that come faster than a microsecond are not lost count of") {
    // 100 Gbit/s: a segment of 1000 bytes takes 80 ns, and so does its acknowledgement.
    cubic control;
    const time_point start(1000s);
    control.start(1000, start);
    tcp_acknowledged news;
    news.bytes = news.segment = 1000;
    news.now = start;
    news.smoothed_rtt = 10ms;
    while (control.window() < 100'000'000) control.acknowledged(news);
    control.lost({.in_flight = control.window(), .segment = 1000, .now = start});
    control.acknowledged(news);
    const auto from = control.window() / 1000.0;
    const auto K = climb(from / 0.7, from);
    for (int i = 0; i < 2'000'000; ++i) {
        news.now += 80ns;
        control.acknowledged(news);
    }
    const auto t = seconds(news.now - start);
    CHECK(near(control.window() / 1000.0 - from, function(t, K, from / 0.7) - from, 0.1));
}

TEST_CASE("cubic: nothing overflows, however large and slow") {
    for (const std::uint32_t segment : {1u, 48u, 1460u, 65'495u})
        for (const auto rtt : {tcp_microseconds(10us), tcp_microseconds(100s), tcp_microseconds::max()}) {
            CAPTURE(segment);
            CAPTURE(rtt.count());
            congestion_test::path<cubic> p(rtt, segment);
            for (int i = 0; i < 100'000 && p.control.window() < tcp_most_congestion_window; ++i) {
                p.acknowledge();
            }
            CHECK(p.control.window() >= std::min<std::uint64_t>(100'000 * std::uint64_t(segment), tcp_most_congestion_window));
            for (int round = 0; round < 5; ++round) {
                p.lose();
                bool in_order = true;
                for (int i = 0; i < 2000; ++i) {
                    const auto before = p.control.window();
                    p.acknowledge();
                    if (p.control.window() < before || p.control.window() > tcp_most_congestion_window) in_order = false;
                }
                CHECK(in_order);
            }
            p.now += std::chrono::hours(100'000);
            p.acknowledge();
            p.acknowledge();
            CHECK(p.control.window() <= tcp_most_congestion_window);
            CHECK(p.control.pacing_rate(tcp_microseconds(1)) >= p.control.window());
        }
}

}  // namespace protocol_tcp_congestion_cubic_tests
