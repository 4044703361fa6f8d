#include <doctest/doctest.h>

#include "congestion_bottleneck.hpp"

#include <netkit/protocol/tcp/congestion/bbr.hpp>
#include <netkit/protocol/tcp/congestion/choice.hpp>
#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <chrono>
#include <cstdint>

namespace protocol_tcp_congestion_bbr_tests {

using namespace netkit;
using namespace std::chrono_literals;
using congestion_test::bottleneck;
using bbr_flow = congestion_test::flow<bbr>;

static_assert(congestion_hears_recovery<bbr>);
static_assert(!congestion_hears_recovery<cubic>);

namespace {

double milliseconds(duration sum, std::uint64_t delivered) { return std::chrono::duration<double, std::milli>(sum).count() / (double(delivered) / bbr_flow::segment); }

}  // namespace

TEST_CASE("bbr: fills a link within a second, and keeps its queue short") {
    for (const double queue : {0.2, 1.0, 8.0}) {
        CAPTURE(queue);
        bbr_flow f({.queue = queue * 500e3}, 1, true);
        f.run(1s);
        const auto before = f.delivered;
        const auto queued_before = f.queued_for;
        const auto used = f.utilization(8s);
        CAPTURE(used);
        CHECK(used > 0.95);
        const auto queued = milliseconds(f.queued_for - queued_before, f.delivered - before);
        CAPTURE(queued);
        CHECK(queued < 10);
        CHECK(f.timeouts == 0);
    }
}

TEST_CASE("bbr: what is lost by chance does not slow it down, as it does the others") {
    bottleneck link{.queue = 500e3, .loss = 0.01};
    bbr_flow f(link, 7, true);
    f.run(2s);
    const auto used = f.utilization(10s);
    CAPTURE(used);
    CHECK(used > 0.9);
    congestion_test::flow<reno> other(link, 7, false);
    other.run(2s);
    CHECK(other.utilization(10s) < 0.3);
}

TEST_CASE("bbr: follows a link whose rate changes, both ways") {
    bbr_flow f({.queue = 1000e3}, 1, true);
    f.run(3s);
    f.link().rate = 2.5e6;
    f.run(4s);
    CHECK(f.utilization(3s) > 0.9);
    const auto delivered = f.delivered;
    const auto queued = f.queued_for;
    f.run(1s);
    CHECK(milliseconds(f.queued_for - queued, f.delivered - delivered) < 60);
    f.link().rate = 25e6;
    f.run(4s);
    CHECK(f.utilization(3s) > 0.9);
}

TEST_CASE("bbr: looks for the shortest round trip every ten seconds, with half as much in flight") {
    bbr_flow f({.queue = 2000e3}, 1, true);
    f.run(3s);
    // A little longer than ever before: nothing tells that it is the path.
    f.link().rtt = 42ms;
    f.run(2s);
    f.least_window = ~0u;
    f.run(7s);
    CHECK(f.least_window > 700'000);
    f.least_window = ~0u;
    f.run(4s);
    CHECK(f.least_window < 300'000);
    CHECK(f.least_window > 200'000);
    CHECK(f.control.window() > 700'000);
    // The path becomes longer: so it finds out.
    f.link().rtt = 80ms;
    f.run(25s);
    CHECK(f.utilization(5s) > 0.9);
    CHECK(f.control.window() > 1'700'000);
}

TEST_CASE("bbr: marks bound the window, losses do not; both are undone") {
    bbr_flow f({}, 1, true);
    f.run(3s);
    const auto window = f.control.window();
    f.control.lost({.in_flight = window, .segment = 1500, .now = f.now});
    CHECK(f.control.window() == window);
    f.control.lost({.in_flight = window, .segment = 1500, .now = f.now, .marked = true});
    CHECK(f.control.window() == window / 10 * 7);
    f.run(400ms);
    CHECK(f.control.window() < window / 10 * 7 + 20 * 1500);
    CHECK(f.control.window() > window / 10 * 7 + 5 * 1500);
    f.control.timed_out({.in_flight = window, .segment = 1500, .now = f.now}, false);
    CHECK(f.control.window() == 1500);
    f.control.undo();
    CHECK(f.control.window() > window / 10 * 7);
}

TEST_CASE("bbr: paces whether the program asks for it or not; in a choice where it is chosen") {
    congestion_choice<cubic, bbr> c;
    c.start(1500, time_point(1s));
    CHECK(!congestion_paces(c));
    CHECK(c.choose("bbr"));
    CHECK(congestion_paces(c));
    CHECK(congestion_paces(bbr{}));
    CHECK(!congestion_paces(reno{}));
    CHECK(c.pacing_rate(tcp_microseconds(0)) == 0);
    CHECK(c.pacing_rate(tcp_microseconds(100ms)) == 14'600 * 277 / 10);
}

}  // namespace protocol_tcp_congestion_bbr_tests
