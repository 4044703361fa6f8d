#include <doctest/doctest.h>

#include "selective_sender.hpp"

namespace protocol_tcp_send_timing_tests {

using namespace tcp_test;
using sender = selective_sender;

TEST_CASE("acknowledgements that were lost do not lengthen the timeout") {
    for (const bool timestamps : {false, true}) {
        CAPTURE(timestamps);
        sender t(100, timestamps);
        t.forget_round_trip();
        t.c().rtt.sample(100ms);
        t.write(1000);
        const auto stamp = t.e.sent.front().options.ts_value;
        t.sent();
        // It arrived, but what told of it was lost again and again, until a retransmission arrives as well.
        t.pass(20s);
        CHECK(t.c().timeouts >= 5);
        CHECK(t.c().rtt.timeout() > 5s);
        t.acknowledge(1000, {{0, 1000}}, stamp);
        CHECK(t.c().rtt.smoothed() < 10s);
        t.sent();
        t.write(1000);
        t.pass(100ms);
        t.acknowledge(2000);
        CHECK(t.c().rtt.timeout() < 5s);
    }
}

TEST_CASE("a path that has become slow is measured anew, and not taken for lossy for ever") {
    sender t(100, true);
    t.pass(1s);
    std::size_t timeouts = 0;
    for (std::uint32_t n = 0; n < 20'000; n += 1000) {
        // Each acknowledgement takes two seconds, whatever is sent again meanwhile.
        t.write(1000);
        REQUIRE(!t.e.sent.empty());
        const auto stamp = t.e.sent.front().options.ts_value;
        const auto before = t.c().timeouts;
        t.pass(2s);
        t.sent();
        timeouts = t.c().timeouts - before;
        t.acknowledge(n + 1000, {}, stamp);
    }
    CHECK(timeouts == 0);
    CHECK(t.c().rtt.smoothed() > 1s);
}

TEST_CASE("pacing spreads a window over the round trip") {
    sender t;
    auto o = *t.c().options;
    o.pacing = true;
    o.send_buffer = 1 << 20;
    t.e.set(o);
    t.write(100'000);
    const auto at_once = t.sent().size();
    CHECK(at_once >= 1);
    CHECK(at_once <= 3);
    std::size_t all = at_once, most = 0;
    for (int i = 0; i < 100; ++i) {
        t.pass(1ms);
        const auto now = t.sent().size();
        most = std::max(most, now);
        all += now;
    }
    CHECK(all == 10);
    CHECK(most <= 2);
}

TEST_CASE("the delivery rate is what the path carried") {
    netkit::tcp_socket_options o;
    sender t;
    o = *t.c().options;
    o.send_buffer = 1 << 20;
    t.e.set(o);
    t.write(200'000);
    // A segment arrives every 10 ms: 100 kB/s.
    for (std::uint32_t n = 1000; n <= 40'000; n += 1000) {
        t.pass(10ms);
        t.acknowledge(n);
    }
    netkit::tcp_info info;
    netkit::tcp_machine::describe(t.c(), info);
    CHECK(info.delivery_rate > 95'000);
    CHECK(info.delivery_rate < 105'000);
}

}  // namespace protocol_tcp_send_timing_tests
