#include <doctest/doctest.h>

#include "selective_sender.hpp"

namespace protocol_tcp_tail_loss_probe_tests {

using namespace tcp_test;
using sender = selective_sender;
using phase = netkit::tcp_loss_recovery::phase;
using offsets = std::vector<std::uint32_t>;

TEST_CASE("a lost tail is repaired by a probe, not by the timer") {
    sender t;
    t.write(5000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(3000);
    // The last two are lost. Two round trips of silence later the last is sent again...
    t.pass(199ms);
    CHECK(t.sent().empty());
    t.pass(5ms);
    CHECK(t.sent() == offsets{4000});
    CHECK(t.c().tail_probes == 1);
    t.pass(100ms);
    t.acknowledge(3000, {{4000, 5000}});  // ... which tells that the one before is missing
    t.pass(30ms);
    CHECK(t.sent() == offsets{3000});
    t.pass(70ms);
    t.acknowledge(5000);
    CHECK(t.c().timeouts == 0);
    CHECK(t.c().fast_retransmits == 1);
    CHECK(!t.c().recovery.recovering());
}

TEST_CASE("a probe that repairs the loss of the very last segment is a sign of congestion all the same") {
    sender t;
    t.write(5000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(3000);
    t.pass(204ms);
    CHECK(t.sent() == offsets{4000});
    const auto before = t.c().congestion.window();
    t.acknowledge(5000);
    CHECK(t.c().congestion.window() >= before);  // not yet: a duplicate may be reported
    t.write(1000);
    t.pass(100ms);
    t.acknowledge(6000);
    CHECK(t.c().timeouts == 0);
    CHECK(t.c().congestion.window() < before);
}

TEST_CASE("a probe of which the peer says that it had it already changes nothing") {
    sender t;
    t.write(5000);
    t.sent();
    t.pass(100ms);
    t.acknowledge(3000);
    t.pass(204ms);
    CHECK(t.sent() == offsets{4000});
    const auto before = t.c().congestion.window();
    t.acknowledge(5000);
    t.acknowledge(5000, {{4000, 5000}});
    t.write(1000);
    t.pass(100ms);
    t.acknowledge(6000);
    CHECK(t.c().congestion.window() >= before);
    CHECK(t.c().timeouts == 0);
}

TEST_CASE("a lost tail of several segments is repaired by a probe, where timestamps are echoed only of what is in order") {
    sender t(100, true);
    t.write(5000);
    CHECK(t.sent().size() == 5);
    t.pass(50ms);
    t.acknowledge(2000, {}, 1);
    // The probe is the last segment again; it arrives beyond a gap, so that an older timestamp is echoed.
    offsets again;
    for (int i = 0; i < 40 && again.empty(); ++i) {
        t.pass(10ms);
        again = t.sent();
    }
    CHECK(again == offsets{4000});
    CHECK(t.c().tail_probes == 1);
    t.pass(100ms);
    t.acknowledge(2000, {{4000, 5000}}, 1);
    t.pass(60ms);
    CHECK(t.c().recovery.now == phase::recovery);
    CHECK(t.sent() == offsets{2000});
    t.acknowledge(3000, {{4000, 5000}});
    CHECK(t.sent() == offsets{3000});
    CHECK(t.c().timeouts == 0);
    t.acknowledge(5000);
    CHECK(t.c().transmissions.empty());
}

TEST_CASE("where there is new data the probe is new data") {
    sender t;
    t.write(10'000);
    t.sent();
    t.write(3000);
    CHECK(t.sent().empty());  // the congestion window is full
    t.pass(204ms);
    CHECK(t.sent() == offsets{10'000});
}

}  // namespace protocol_tcp_tail_loss_probe_tests
