#include <doctest/doctest.h>

#include "ends.hpp"

#include <initializer_list>
#include <utility>

namespace protocol_tcp_recovery_tests {

using namespace tcp_test;
using phase = netkit::tcp_loss_recovery::phase;

namespace {

/// An established end whose peer acknowledges by hand, selectively, a round trip of 100 ms away. Segments are of 1000 bytes, and the
/// congestion window of ten of them.
struct sender {
    made_up_time time;
    end e;
    std::uint32_t first;
    bool timestamps = false;

    explicit sender(std::uint32_t isn = 100, bool with_timestamps = false) : e(time, isn), first(isn + 1), timestamps(with_timestamps) {
        e.listen();
        segment syn;
        syn.sequence = 9000;
        syn.flags = tcp_flags::syn;
        syn.options.has_mss = true;
        syn.options.mss = with_timestamps ? 1012 : 1000;
        syn.options.sack_permitted = true;
        syn.options.has_timestamps = with_timestamps;
        syn.options.ts_value = 1;
        e.arrive(syn);
        time.now += 100ms;
        acknowledge(0);
        REQUIRE(e.state() == tcp_state::established);
        e.sent.clear();
    }
    using block = std::pair<std::uint32_t, std::uint32_t>;
    /// Acknowledges the first n bytes of the stream, and these runs of it beyond.
    void acknowledge(std::uint32_t n, std::initializer_list<block> beyond = {}, std::uint32_t echo = 0) {
        segment s;
        s.sequence = 9001;
        s.acknowledgement = first + n;
        s.options.has_timestamps = timestamps;
        s.options.ts_value = 2;
        s.options.ts_echo = echo;
        for (const auto& [left, right] : beyond) s.options.sack[s.options.sack_blocks++] = {first + left, first + right};
        e.arrive(s);
    }
    /// Time passes, and its timers fire.
    void pass(netkit::duration by) { e.pass(by); }
    void write(std::size_t n) { CHECK(e.write(n).bytes == n); }
    /// What it sent since it was asked last, as offsets into the stream.
    std::vector<std::uint32_t> sent() {
        std::vector<std::uint32_t> result;
        for (; !e.sent.empty(); e.sent.pop_front())
            if (e.sent.front().size() != 0) result.push_back(e.sent.front().sequence - first);
        return result;
    }
    auto& c() { return e.c(); }
    /// So that there is no probe, and the timer waits for a second.
    void forget_round_trip() {
        c().rtt = {};
        c().rtt.note_least(100ms, time.now);
    }
};

using offsets = std::vector<std::uint32_t>;

}  // namespace

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

TEST_CASE("where there is new data the probe is new data") {
    sender t;
    t.write(10'000);
    t.sent();
    t.write(3000);
    CHECK(t.sent().empty());  // the congestion window is full
    t.pass(204ms);
    CHECK(t.sent() == offsets{10'000});
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

}  // namespace protocol_tcp_recovery_tests
