#include <doctest/doctest.h>

#include "selective_sender.hpp"

namespace protocol_tcp_recovery_tests {

using namespace tcp_test;
using sender = selective_sender;
using phase = netkit::tcp_loss_recovery::phase;
using offsets = std::vector<std::uint32_t>;

TEST_CASE("one lost segment in a window: one recovery, one retransmission, no timeout") {
    sender t;
    t.write(10'000);
    CHECK(t.sent().size() == 10);
    t.pass(100ms);
    t.acknowledge(3000);
    t.acknowledge(3000, {{4000, 5000}});
    t.acknowledge(3000, {{4000, 6000}});
    CHECK(t.sent().empty());
    t.acknowledge(3000, {{4000, 7000}});
    CHECK(t.sent() == offsets{3000});
    CHECK(t.c().recovery.now == phase::recovery);
    for (std::uint32_t end = 8000; end <= 10'000; end += 1000) t.acknowledge(3000, {{4000, end}});
    CHECK(t.sent().empty());
    t.pass(100ms);
    t.acknowledge(10'000);
    CHECK(t.c().recovery.now == phase::open);
    CHECK(t.c().fast_retransmits == 1);
    CHECK(t.c().timeouts == 0);
    CHECK(t.c().segments_retransmitted == 1);
    CHECK(t.c().congestion.window() == t.c().congestion.slow_start_threshold());
    CHECK(t.c().transmissions.empty());
}

TEST_CASE("many holes in one window are repaired in one recovery, in order") {
    sender t;
    t.write(10'000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(0, {{1000, 2000}});
    t.acknowledge(0, {{3000, 4000}, {1000, 2000}});
    t.acknowledge(0, {{5000, 6000}, {3000, 4000}, {1000, 2000}});
    offsets again;
    const auto collect = [&] {
        for (const auto offset : t.sent()) again.push_back(offset);
    };
    collect();
    for (std::uint32_t end = 7000; end <= 10'000; end += 1000) {
        t.acknowledge(0, {{5000, end}, {3000, 4000}, {1000, 2000}});
        collect();
    }
    t.pass(50ms);
    collect();
    CHECK(again == offsets{0, 2000, 4000});
    t.acknowledge(10'000);
    CHECK(t.c().fast_retransmits == 1);
    CHECK(t.c().timeouts == 0);
    CHECK(t.c().segments_retransmitted == 3);
}

TEST_CASE("recovery sends in proportion to what arrives, never in a burst") {
    netkit::tcp_socket_options o;
    sender t;
    o = *t.c().options;
    o.send_buffer = 1 << 20;
    t.e.set(o);
    t.write(100'000);
    t.pass(100ms);
    for (std::uint32_t n = 1000; n <= 10'000; n += 1000) t.acknowledge(n);
    CHECK(t.c().in_flight() == 20'000);
    t.sent();
    t.pass(100ms);
    std::size_t most_at_once = 0, all = 0;
    for (std::uint32_t end = 12'000; end <= 30'000; end += 1000) {
        t.acknowledge(10'000, {{11'000, end}});
        const auto now = t.sent().size();
        all += now;
        most_at_once = std::max(most_at_once, now);
    }
    CHECK(most_at_once == 1);
    // Of twenty in flight the window keeps half (reno), or seven tenths (cubic); what arrives before the loss is known lets new data go as well.
    CHECK(all >= 9);
    CHECK(all <= 16);
    const auto threshold = t.c().congestion.slow_start_threshold();
    t.acknowledge(30'000);
    CHECK(t.c().in_network() <= threshold);
    CHECK(t.c().fast_retransmits == 1);
}

TEST_CASE("what was only reordered is not sent again") {
    sender t;
    t.write(10'000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(0, {{1000, 2000}});
    t.pass(10ms);  // less than a quarter of the round trip
    t.acknowledge(2000);
    t.acknowledge(2000, {{3000, 6000}});  // more than two segments beyond: this path is known to reorder
    t.pass(10ms);
    t.acknowledge(10'000);
    CHECK(t.sent().empty());
    CHECK(t.c().segments_retransmitted == 0);
    CHECK(t.c().saw_reordering());
}

TEST_CASE("a segment that stays away is found by time, when nothing else comes") {
    sender t;
    t.write(3000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(1000, {{2000, 3000}});
    CHECK(t.sent().empty());
    t.pass(24ms);
    CHECK(t.sent().empty());
    t.pass(3ms);
    CHECK(t.sent() == offsets{1000});
    CHECK(t.c().timeouts == 0);
    CHECK(t.c().fast_retransmits == 1);
}

TEST_CASE("a lost retransmission is sent again without a timeout") {
    netkit::tcp_socket_options o;
    sender t;
    o = *t.c().options;
    o.send_buffer = 1 << 20;
    t.e.set(o);
    t.write(100'000);
    t.sent();
    t.pass(100ms);
    std::uint32_t end = 10'000;
    t.acknowledge(0, {{1000, end}});
    auto again = t.sent();
    REQUIRE(!again.empty());
    CHECK(again[0] == 0);
    // What is sent after it arrives, and it does not.
    std::size_t resent = 0;
    for (int round = 0; round < 4 && resent == 0; ++round) {
        t.pass(101ms);
        const auto next = t.c().send_next.value() - t.first;
        for (end += 1000; end <= next; end += 1000) t.acknowledge(0, {{1000, end}});
        end -= 1000;
        for (const auto offset : t.sent()) resent += offset == 0;
    }
    CHECK(resent == 1);
    CHECK(t.c().timeouts == 0);
}

TEST_CASE("a peer that lets go of what it had selected gets it all again after a timeout") {
    sender t;
    t.write(5000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(0, {{2000, 5000}});
    t.sent();
    t.acknowledge(2000);  // and what was selected is no longer mentioned
    CHECK(t.c().transmissions.reneged());
    t.pass(3s);
    const auto again = t.sent();
    REQUIRE(!again.empty());
    CHECK(again[0] == 2000);
    t.acknowledge(3000);
    t.acknowledge(5000);
    CHECK(t.c().transmissions.empty());
}

TEST_CASE("blocks that make no sense change nothing") {
    sender t;
    t.write(10'000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(0, {{5000, 4000}});
    t.acknowledge(0, {{9000, 11'000}});
    t.acknowledge(0, {{0x80000000, 0x80000100}});
    t.acknowledge(0, {{4000, 4000}, {0, 1}});
    CHECK(t.c().transmissions.selected() == 0);
    CHECK(t.sent().empty());
    t.acknowledge(10'000);
    CHECK(t.c().transmissions.empty());
}

TEST_CASE("sequence numbers wrap in every recovery") {
    for (std::uint32_t before = 0; before < 12'000; before += 499) {
        CAPTURE(before);
        for (const bool by_time : {false, true}) {
            sender t(0u - before);
            t.write(10'000);
            t.sent();
            t.pass(100ms);
            t.acknowledge(1000);
            if (by_time) {
                t.pass(2s);
                t.acknowledge(3000, {{5000, 8000}});
                t.pass(10s);
            } else {
                t.acknowledge(1000, {{2000, 5000}});
                t.acknowledge(2000, {{3000, 5000}, {6000, 7000}});
                t.pass(60ms);
            }
            t.acknowledge(10'000);
            t.write(100);
            t.acknowledge(10'100);
            CHECK(t.c().in_flight() == 0);
            CHECK(t.c().in_network() == 0);
            CHECK(t.c().transmissions.empty());
            CHECK(t.c().sending.empty());
            CHECK(!t.c().recovery.recovering());
        }
    }
}

TEST_CASE("segments that have grown beyond the congestion window still leave") {
    sender t;
    t.c().peer_mss = 88;
    netkit::tcp_machine::choose_send_mss(t.c());
    t.forget_round_trip();
    t.write(88);
    t.pass(1001ms);
    t.c().peer_mss = 1000;
    netkit::tcp_machine::choose_send_mss(t.c());
    t.acknowledge(88);
    CHECK(t.c().congestion.window() < 1000);
    t.sent();
    t.write(3000);
    CHECK(!t.sent().empty());
}

}  // namespace protocol_tcp_recovery_tests
