#include <doctest/doctest.h>

#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/hystart.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <chrono>
#include <cstdint>

namespace protocol_tcp_congestion_hystart_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

/// A round of `samples` acknowledgements of a segment each, all after the same round trip; by how much the window grew.
std::uint32_t round(hystart& h, tcp_microseconds rtt, int samples = 20) {
    std::uint32_t growth = 0;
    for (int i = 0; i < samples; ++i) {
        tcp_acknowledged news;
        news.bytes = news.segment = 1000;
        news.round_ended = i == 0;
        news.rtt = rtt;
        growth += h.acknowledged(news);
    }
    return growth;
}
hystart after(tcp_microseconds rtt) {
    hystart h;
    h.start();
    round(h, rtt);
    return h;
}

}  // namespace

TEST_CASE("HyStart++ slows down when round trips grow by an eighth, 4 to 16 milliseconds") {
    struct {
        tcp_microseconds before, threshold;
    } const cases[] = {{1ms, 4ms}, {50us, 4ms}, {32ms, 4ms}, {80ms, 10ms}, {128ms, 16ms}, {1s, 16ms}};
    for (const auto& c : cases) {
        CAPTURE(c.before.count());
        auto h = after(c.before);
        auto other = h;
        CHECK(round(h, c.before + c.threshold - tcp_microseconds(1)) == 20'000);
        CHECK(!h.conservative());
        // Not before the eighth sample: seven times a whole segment, then quarters.
        CHECK(round(other, c.before + c.threshold) == 7 * 1000 + 13 * 250);
        CHECK(other.conservative());
        CHECK(!other.ended());
    }
}

TEST_CASE("HyStart++ ends slow start after five conservative rounds, the one it began in included") {
    auto h = after(20ms);
    round(h, 30ms);
    for (int i = 1; i < 5; ++i) {
        CHECK(!h.ended());
        CHECK(round(h, 30ms) == 20 * 250);
    }
    CHECK(!h.ended());
    round(h, 30ms, 1);
    CHECK(h.ended());
}

TEST_CASE("HyStart++ goes on when round trips turn out to be short after all") {
    auto h = after(20ms);
    round(h, 30ms);
    round(h, 30ms);
    CHECK(h.conservative());
    // Eight samples make a round; its shortest counts.
    round(h, 29ms, 7);
    CHECK(h.conservative());
    CHECK(round(h, 29ms) == 7 * 250 + 13 * 1000);
    CHECK(!h.conservative());
    // And it counts its conservative rounds anew.
    round(h, 40ms);
    CHECK(h.conservative());
    for (int i = 0; i < 4; ++i) round(h, 40ms);
    CHECK(!h.ended());
    round(h, 40ms);
    CHECK(h.ended());
}

TEST_CASE("HyStart++ draws no conclusion from single long round trips, or from few") {
    auto h = after(20ms);
    for (int i = 0; i < 20; ++i) {
        round(h, 100ms, 5);
        round(h, 20ms);
    }
    CHECK(!h.conservative());
    hystart unmeasured;
    unmeasured.start();
    for (int i = 0; i < 20; ++i) CHECK(round(unmeasured, 0ms) == 20'000);
    CHECK(!unmeasured.conservative());
}

TEST_CASE("HyStart++ is a part that Reno takes as well") {
    basic_reno<hystart> control;
    control.start(1000, time_point{});
    for (const auto rtt : {20ms, 20ms, 40ms, 40ms, 40ms, 40ms, 40ms, 40ms}) {
        for (int i = 0; i < 20; ++i) {
            tcp_acknowledged news;
            news.bytes = news.segment = 1000;
            news.round_ended = i == 0;
            news.rtt = rtt;
            control.acknowledged(news);
        }
    }
    CHECK(control.slow_start_threshold() < 100'000);
    CHECK(control.window() - control.slow_start_threshold() <= 2000);
}

TEST_CASE("a later slow start goes by the threshold alone") {
    cubic control;
    control.start(1000, time_point{});
    for (int i = 0; i < 90; ++i) {
        tcp_acknowledged news;
        news.bytes = news.segment = 1000;
        control.acknowledged(news);
    }
    control.timed_out({.in_flight = 100'000, .segment = 1000, .now = {}}, false);
    auto rtt = tcp_microseconds(10ms);
    for (int i = 0; i < 69; ++i) {
        tcp_acknowledged news;
        news.bytes = news.segment = 1000;
        news.round_ended = i % 10 == 0;
        if (news.round_ended) rtt += 20ms;
        news.rtt = rtt;
        control.acknowledged(news);
    }
    CHECK(control.window() == 70'000);
}

}  // namespace protocol_tcp_congestion_hystart_tests
