#include <doctest/doctest.h>

#include "plain_sender.hpp"

namespace protocol_tcp_closed_window_tests {

using namespace tcp_test;
using sender = plain_sender;
using netkit::errc;

TEST_CASE("a closed window is probed with one byte, at growing intervals, for as long as the peer answers") {
    sender t(2000);
    t.write(5000);
    REQUIRE(t.sent() == 2);
    t.e.sent.clear();
    t.acknowledge(2000, 0);
    CHECK(t.sent() == 0);
    std::size_t probes = 0;
    netkit::duration last_gap{};
    auto last = t.time.now;
    for (int i = 0; i < 400'000; ++i) {
        t.e.pass(10ms);
        while (!t.e.sent.empty()) {
            const auto s = t.e.take();
            REQUIRE(s.size() == 1);
            CHECK(s.sequence == t.first + 2000);
            ++probes;
            last_gap = t.time.now - last;
            last = t.time.now;
            t.acknowledge(2000, 0);
        }
    }
    CHECK(probes > 30);
    CHECK(last_gap == 60s);
    CHECK(t.e.state() == tcp_state::established);
    t.acknowledge(2000, 65535);
    CHECK(t.sent() >= 3);
    CHECK(t.e.sent[0].sequence == t.first + 2000);
    CHECK(t.e.sent[0].size() == 1000);
}

TEST_CASE("a probe's byte that is taken is not sent twice") {
    sender t(1000);
    t.write(1500);
    t.e.sent.clear();
    t.acknowledge(1000, 0);
    t.e.pass(250ms);
    REQUIRE(t.sent() == 1);
    t.e.sent.clear();
    t.acknowledge(1001, 65535);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.sent[0].sequence == t.first + 1001);
    CHECK(t.e.sent[0].size() == 499);
}

TEST_CASE("both ends probe, and each has taken the other's byte: what the peer says is heard, though it seems to be old") {
    sender t;
    t.acknowledge(0, 0);
    t.write(3000);
    t.e.pass(2s);
    REQUIRE(t.sent() != 0);
    // A peer that probes counts its byte as little as we do ours.
    segment probe;
    probe.sequence = 9001;
    probe.acknowledgement = t.first;
    probe.window = 0;
    probe.payload = {std::byte{42}};
    t.e.arrive(probe);
    t.e.sent.clear();
    t.acknowledge(1, 2000);
    CHECK(t.e.c().send_unacknowledged == netkit::sequence_number(t.first + 1));
    REQUIRE(t.sent() != 0);
    CHECK(t.e.sent.front().sequence == t.first + 1);
    CHECK(t.e.sent.front().size() == 1000);
    CHECK(t.e.sent.front().acknowledgement == 9002);
}

TEST_CASE("what seems to be old is not heard where nothing is being probed, nor a reset or what is older while something is") {
    sender t;
    t.write(500);
    segment byte;
    byte.sequence = 9001;
    byte.acknowledgement = t.first;
    byte.payload = {std::byte{42}};
    t.e.arrive(byte);
    t.acknowledge(500);
    CHECK(t.e.c().send_unacknowledged == netkit::sequence_number(t.first));
    segment next;
    next.sequence = 9002;
    next.acknowledgement = t.first + 500;
    next.window = 0;
    next.payload = {std::byte{43}};
    t.e.arrive(next);
    t.write(500);
    t.e.pass(2s);
    // Two bytes ago.
    t.acknowledge(501);
    CHECK(t.e.c().send_unacknowledged == netkit::sequence_number(t.first + 500));
    segment reset;
    reset.sequence = 9002;
    reset.flags = tcp_flags::rst;
    t.e.arrive(reset);
    CHECK(t.e.state() == tcp_state::established);
}

TEST_CASE("a peer that no longer answers probes is given up") {
    sender t(1000);
    t.write(1500);
    t.acknowledge(1000, 0);
    t.e.pass(3600s);
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.c().error == errc::timed_out);
}

TEST_CASE("an orphan does not probe for ever, even where it is answered") {
    sender t(1000);
    t.write(1500);
    t.acknowledge(1000, 0);
    t.e.close();
    for (int i = 0; i < 400'000 && t.e.state() != tcp_state::closed; ++i) {
        t.e.pass(10ms);
        for (; !t.e.sent.empty(); t.e.sent.pop_front())
            if (t.e.state() != tcp_state::closed) t.acknowledge(1000, 0);
    }
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.pool().in_use() == 0);
}

TEST_CASE("a FIN behind a closed window is probed for as well") {
    sender t(1000);
    t.write(1000);
    t.acknowledge(1000, 0);
    t.e.sent.clear();
    t.e.finish();
    t.e.pass(3s);
    REQUIRE(t.sent() >= 1);
    CHECK(t.e.sent[0].has(tcp_flags::fin));
    t.acknowledge(1001, 0);
    CHECK(t.e.state() == tcp_state::fin_wait_2);
}

}  // namespace protocol_tcp_closed_window_tests
