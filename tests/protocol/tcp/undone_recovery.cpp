#include <doctest/doctest.h>

#include "selective_sender.hpp"

namespace protocol_tcp_undone_recovery_tests {

using namespace tcp_test;
using sender = selective_sender;
using phase = netkit::tcp_loss_recovery::phase;
using offsets = std::vector<std::uint32_t>;

TEST_CASE("what an earlier recovery sent twice does not take back a later one") {
    sender t;
    t.write(10'000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(0, {{1000, 4000}});
    CHECK(t.sent() == offsets{0});
    t.acknowledge(10'000);
    CHECK(t.c().recovery.now == phase::open);
    t.write(5000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(10'000, {{11'000, 14'000}});
    CHECK(t.sent() == offsets{10'000});
    const auto reduced = t.c().congestion.window();
    // The first recovery's segment arrives after all.
    t.acknowledge(10'000, {{0, 1000}, {11'000, 14'000}});
    CHECK(t.c().recovery.now == phase::recovery);
    CHECK(t.c().undone == 0);
    CHECK(t.c().congestion.window() == reduced);
    t.acknowledge(15'000);
    CHECK(t.c().recovery.now == phase::open);
}

TEST_CASE("F-RTO: a timeout for what was only delayed is taken back") {
    sender t;
    t.forget_round_trip();
    t.write(10'000);
    t.sent();
    const auto window = t.c().congestion.window();
    t.pass(1001ms);
    CHECK(t.sent() == offsets{0});
    CHECK(t.c().timeouts == 1);
    CHECK(t.c().congestion.window() == 1000);
    t.acknowledge(2000);  // not only what was sent again: the originals arrive
    CHECK(t.c().undone == 1);
    CHECK(t.c().congestion.window() >= window);
    CHECK(t.c().transmissions.lost() == 0);
    CHECK(t.sent().empty());
}

TEST_CASE("F-RTO: a timeout for what was lost is not taken back") {
    sender t;
    t.forget_round_trip();
    t.write(10'000);
    t.sent();
    t.pass(1001ms);
    CHECK(t.sent() == offsets{0});
    t.acknowledge(1000);
    // Nothing new to send: the rest of what was lost goes again, in slow start.
    CHECK(t.sent() == offsets{1000, 2000});
    t.acknowledge(3000);
    CHECK(t.sent().size() == 4);
    CHECK(t.c().undone == 0);
    t.acknowledge(10'000);
    CHECK(t.c().recovery.now == phase::open);
}

TEST_CASE("a timestamp that is older than the retransmission shows that the timeout was for nothing") {
    sender t(100, true);
    t.forget_round_trip();
    t.write(1000);
    const auto stamp = t.e.sent.front().options.ts_value;
    t.sent();
    t.pass(1001ms);
    CHECK(t.sent() == offsets{0});
    const auto before = t.c().undone;
    t.acknowledge(1000, {}, stamp);
    CHECK(t.c().undone == before + 1);
    CHECK(t.c().congestion.window() >= 10'000);
}

TEST_CASE("a recovery of which all turns out to have arrived twice is taken back") {
    sender t;
    t.write(10'000);
    t.sent();
    const auto window = t.c().congestion.window();
    t.pass(100ms);
    t.acknowledge(0, {{1000, 4000}});
    CHECK(t.sent() == offsets{0});
    CHECK(t.c().congestion.slow_start_threshold() < window);
    t.acknowledge(10'000);  // the first one was late
    CHECK(t.c().undone == 0);
    t.acknowledge(10'000, {{0, 1000}});
    CHECK(t.c().undone == 1);
    CHECK(t.c().congestion.window() >= window);
}

}  // namespace protocol_tcp_undone_recovery_tests
