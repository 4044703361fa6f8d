#include <doctest/doctest.h>

#include "plain_sender.hpp"

#include <netkit/protocol/tcp/network_errors.hpp>

namespace protocol_tcp_retransmission_tests {

using namespace tcp_test;
using sender = plain_sender;
using netkit::errc;

TEST_CASE("one lost segment is repaired by three duplicates, without a timeout") {
    sender t;
    t.write(10'000);
    REQUIRE(t.sent() == 10);
    t.e.sent.clear();
    t.acknowledge(1000);
    t.acknowledge(1000);
    t.acknowledge(1000);
    CHECK(t.sent() == 0);
    t.acknowledge(1000);
    REQUIRE(t.sent() == 1);
    const auto again = t.e.take();
    CHECK(again.sequence == t.first + 1000);
    CHECK(again.size() == 1000);
    CHECK(t.e.c().congestion.slow_start_threshold() == 4500);
    CHECK(t.e.c().fast_retransmits == 1);
    t.acknowledge(10'000);
    CHECK(t.e.c().congestion.window() == 4500);
    CHECK(t.e.c().undone == 0);
    CHECK(!t.e.c().recovery.recovering());
    CHECK(t.e.c().timeouts == 0);
}

TEST_CASE("duplicates let new data go, so that the stream does not stand still") {
    sender t;
    t.write(30'000);
    t.e.sent.clear();
    t.acknowledge(0);
    t.acknowledge(0);
    CHECK(t.sent() == 2);  // limited transmit, RFC 3042
    CHECK(t.e.sent[0].sequence == t.first + 10'000);
    t.acknowledge(0);
    CHECK(t.e.sent[2].sequence == t.first);
    for (int i = 0; i < 9; ++i) t.acknowledge(0);
    CHECK(t.sent() > 5);
}

TEST_CASE("NewReno: a partial acknowledgement repairs the next loss at once") {
    sender t;
    t.write(10'000);
    t.e.sent.clear();
    for (int i = 0; i < 3; ++i) t.acknowledge(0);
    REQUIRE(t.sent() == 1);
    t.e.sent.clear();
    t.acknowledge(4000);  // 4000 to 5000 is missing as well
    REQUIRE(t.sent() >= 1);
    CHECK(t.e.sent[0].sequence == t.first + 4000);
    CHECK(t.e.c().recovery.recovering());
    t.acknowledge(10'000);
    CHECK(!t.e.c().recovery.recovering());
    CHECK(t.e.c().timeouts == 0);
}

TEST_CASE("what carries data, or another window, is no duplicate") {
    sender t;
    t.write(10'000);
    t.e.sent.clear();
    for (std::uint16_t i = 1; i < 10; ++i) t.acknowledge(0, static_cast<std::uint16_t>(65535 - i));
    CHECK(t.sent() == 0);
}

TEST_CASE("the retransmission timer backs off, and fails the connection in the end") {
    sender t;
    t.e.c().rtt = {};
    t.write(500);
    t.e.take();
    std::vector<netkit::duration> gaps;
    auto last = t.time.now;
    for (int i = 0; i < 1'000'000 && t.e.state() == tcp_state::established; ++i) {
        t.e.pass(10ms);
        while (!t.e.sent.empty()) {
            const auto s = t.e.take();
            if (s.has(tcp_flags::rst)) continue;
            CHECK(s.sequence == t.first);
            CHECK(s.size() == 500);
            gaps.push_back(t.time.now - last);
            last = t.time.now;
        }
    }
    REQUIRE(gaps.size() == 15);
    CHECK(gaps[0] == 1s);
    CHECK(gaps[1] == 2s);
    CHECK(gaps[2] == 4s);
    CHECK(gaps[10] == 60s);
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.c().error == errc::timed_out);
    CHECK(t.e.c().congestion.window() == 1000);
}

TEST_CASE("the user timeout ends it sooner") {
    netkit::tcp_socket_options o;
    o.user_timeout = netkit::tcp_milliseconds(3000);
    sender t(65535, o);
    t.write(500);
    t.e.pass(2900ms);
    CHECK(t.e.state() == tcp_state::established);
    t.e.pass(5s);
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.c().error == errc::timed_out);
}

TEST_CASE("after a timeout sending begins anew from the first missing byte") {
    sender t;
    t.write(10'000);
    t.e.sent.clear();
    t.e.pass(250ms);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().sequence == t.first);
    t.acknowledge(1000);
    REQUIRE(t.sent() == 2);  // slow start
    CHECK(t.e.sent[0].sequence == t.first + 1000);
    CHECK(t.e.sent[1].sequence == t.first + 2000);
    t.e.sent.clear();
    t.acknowledge(10'000);  // the rest had arrived
    CHECK(t.sent() == 0);
    CHECK(t.e.c().in_flight() == 0);
    t.write(1000);
    CHECK(t.e.take().sequence == t.first + 10'000);
}

TEST_CASE("a FIN that never left is not taken for sent when the data before it times out") {
    sender t(300);
    t.write(500);
    t.e.finish();
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 300);
    t.e.pass(250ms);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 300);  // no more than the window takes
    t.acknowledge(300, 1000);
    REQUIRE(t.sent() == 1);
    const auto rest = t.e.take();
    CHECK(rest.size() == 200);
    CHECK(rest.has(tcp_flags::fin));
    t.acknowledge(501, 1000);
    CHECK(t.e.state() == tcp_state::fin_wait_2);
}

TEST_CASE("a narrower path: what is under way goes again in smaller segments") {
    sender t;
    t.write(5000);
    t.e.sent.clear();
    t.e.c().way.mss = 1460;
    netkit::tcp_machine::path_narrowed(t.e, t.e.c(), 500);
    REQUIRE(t.sent() == 10);
    CHECK(t.e.sent[0].sequence == t.first);
    CHECK(t.e.sent[0].size() == 500);
    netkit::tcp_machine::path_narrowed(t.e, t.e.c(), 1);
    CHECK(t.e.c().send_mss == 88);
}

TEST_CASE("where full segments vanish smaller ones are tried, and larger ones again after a while") {
    sender t;
    t.e.c().way.generation = 7;
    t.e.c().peer_mss = 1460;
    netkit::tcp_machine::choose_send_mss(t.e.c());
    t.write(10'000);
    const auto arrive = [&](std::uint32_t most) {
        std::uint32_t largest = 0;
        for (; !t.e.sent.empty(); t.e.sent.pop_front()) {
            const auto& s = t.e.sent.front();
            largest = std::max(largest, s.size());
            if (s.size() <= most && s.sequence <= t.e.c().send_unacknowledged.value()) {
                const auto end = s.end();
                t.e.sent.clear();
                t.acknowledge(end - t.first);
                return largest;
            }
        }
        return largest;
    };
    for (int i = 0; i < 4000 && t.e.c().in_flight() != 0; ++i) {
        t.e.pass(100ms);
        arrive(1300);
    }
    CHECK(t.e.c().in_flight() == 0);
    CHECK(t.e.c().send_mss == 1220);
    CHECK(t.e.c().way.generation == 7);
    t.e.pass(600s);
    t.write(100);
    arrive(1300);
    CHECK(t.e.c().way.generation == 0);
}

TEST_CASE("a last segment that vanishes need not be a full one to be taken for too large") {
    sender t;
    t.write(700);
    for (int i = 0; i < 100 && t.e.c().in_flight() != 0; ++i) {
        t.e.sent.clear();
        t.e.pass(100ms);
        for (const auto& s : t.e.sent)
            if (s.size() <= 550) {
                t.acknowledge(s.end() - t.first);
                break;
            }
    }
    CHECK(t.e.c().in_flight() == 0);
    CHECK(t.e.c().send_mss == 536);
}

TEST_CASE("errors from the network are soft once it is established") {
    sender t;
    t.write(500);
    CHECK(netkit::tcp_machine::quotes_what_is_under_way(t.e.c(), netkit::sequence_number(t.first)));
    CHECK(!netkit::tcp_machine::quotes_what_is_under_way(t.e.c(), netkit::sequence_number(t.first + 500)));
    CHECK(!netkit::tcp_machine::quotes_what_is_under_way(t.e.c(), netkit::sequence_number(t.first - 1)));
    netkit::tcp_machine::network_unreachable(t.e.c(), errc::host_unreachable, true);
    CHECK(t.e.state() == tcp_state::established);
    t.e.pass(3600s);
    CHECK(t.e.c().error == errc::host_unreachable);

    made_up_time time;
    end connecting(time);
    connecting.connect();
    netkit::tcp_machine::network_unreachable(connecting.c(), errc::host_unreachable, false);
    CHECK(connecting.state() == tcp_state::syn_sent);
    netkit::tcp_machine::network_unreachable(connecting.c(), errc::connection_refused, true);
    CHECK(connecting.state() == tcp_state::closed);
    CHECK(connecting.c().error == errc::connection_refused);
}

TEST_CASE("a retransmission lends the same bytes and copies none") {
    sender t;
    t.write(4000);
    const auto before = t.e.pool().in_use();
    t.e.sent.clear();
    t.e.pass(250ms);
    CHECK(t.sent() == 1);
    CHECK(t.e.pool().in_use() == before + 1);  // what tells apart when each was sent
}

}  // namespace protocol_tcp_retransmission_tests
