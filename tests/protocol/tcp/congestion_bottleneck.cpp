#include <doctest/doctest.h>

#include "congestion_bottleneck.hpp"

#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <chrono>

/// Controls that go by losses, on a link of 100 Mbit/s and 40 ms, which holds 500 kB.
namespace protocol_tcp_congestion_bottleneck_tests {

using namespace netkit;
using namespace std::chrono_literals;
using congestion_test::flow;

namespace {

template <class Control>
double used(double queue, bool paces) {
    flow<Control> f({.queue = queue * 500e3}, 1, paces);
    f.run(10s);
    const auto result = f.utilization(30s);
    CHECK(f.timeouts == 0);
    return result;
}

}  // namespace

TEST_CASE("a link is full where its queue makes up for the reduction") {
    for (const bool paces : {false, true}) {
        CAPTURE(paces);
        CHECK(used<reno>(1, paces) > 0.98);
        CHECK(used<cubic>(0.5, paces) > 0.98);
        CHECK(used<cubic>(1, paces) > 0.98);
        CHECK(used<cubic>(2, paces) > 0.98);
    }
}

TEST_CASE("with a short queue a link is as full as the algorithm's window is on average") {
    // Reno: between half and whole. CUBIC: between 0.7 and whole, and mostly near whole.
    CHECK(used<reno>(0.1, true) > 0.75);
    CHECK(used<cubic>(0.1, true) > 0.88);
}

TEST_CASE("HyStart++ ends slow start before a long queue overflows, and loses far less where it does") {
    const auto lost = []<class Control>(Control, double queue) {
        flow<Control> f({.queue = queue * 500e3}, 1, false);
        f.run(4s);
        CHECK(f.utilization(1s) > 0.98);
        return f.lost;
    };
    using without = basic_cubic<standard_slow_start>;
    CHECK(lost(cubic{}, 12) == 0);
    CHECK(lost(without{}, 12) > 3000);
    CHECK(lost(cubic{}, 4) < lost(without{}, 4) / 4);
}

}  // namespace protocol_tcp_congestion_bottleneck_tests
