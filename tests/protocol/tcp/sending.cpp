#include <doctest/doctest.h>

#include "plain_sender.hpp"

namespace protocol_tcp_sending_tests {

using namespace tcp_test;
using sender = plain_sender;
using netkit::errc;

TEST_CASE("Nagle: one small segment is under way at a time") {
    sender t;
    t.write(10);
    t.write(20);
    t.write(30);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 10);
    t.acknowledge(10);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 50);
}

TEST_CASE("full segments do not wait, the rest of them does") {
    sender t;
    t.write(2500);
    REQUIRE(t.sent() == 2);
    t.e.sent.clear();
    t.acknowledge(2000);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 500);
}

TEST_CASE("no_delay sends small segments at once") {
    netkit::tcp_socket_options o;
    o.no_delay = true;
    sender t(65535, o);
    t.write(10);
    t.write(20);
    REQUIRE(t.sent() == 2);
    CHECK(t.e.sent[1].size() == 20);
    CHECK(t.e.sent[1].has(tcp_flags::psh));
}

TEST_CASE("cork keeps what is not full; taking it back lets it go") {
    netkit::tcp_socket_options o;
    o.cork = true;
    sender t(65535, o);
    t.write(10);
    CHECK(t.sent() == 0);
    t.write(1500);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 1000);
    t.acknowledge(1000);
    o.cork = false;
    t.e.set(o);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 510);
}

TEST_CASE("slow start: ten segments, then twice as many") {
    netkit::tcp_socket_options o;
    o.send_buffer = 1 << 20;
    sender t(65535, o);
    t.write(60'000);
    CHECK(t.sent() == 10);
    t.e.sent.clear();
    t.acknowledge(2000);
    CHECK(t.sent() == 4);
    t.e.sent.clear();
    t.acknowledge(10'000);
    CHECK(t.sent() == 16);
}

TEST_CASE("silly windows are not filled bit by bit") {
    sender t(4000);
    t.write(10'000);
    REQUIRE(t.sent() == 4);
    t.e.sent.clear();
    t.acknowledge(4000, 100);
    CHECK(t.sent() == 0);
    t.acknowledge(4000, 900);
    CHECK(t.sent() == 0);
    t.acknowledge(4000, 1000);
    CHECK(t.sent() == 1);
}

TEST_CASE("a window that is never large is used all the same") {
    sender t(300);
    t.write(1000);
    CHECK(t.sent() == 1);
    CHECK(t.e.take().size() == 300);
    t.acknowledge(300, 200);
    REQUIRE(t.sent() == 1);  // half of the most there ever was
    CHECK(t.e.take().size() == 200);
    t.acknowledge(500, 100);
    CHECK(t.sent() == 0);
    t.e.pass(250ms);  // the override
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().size() == 100);
}

TEST_CASE("a window taken back does no harm") {
    sender t(8000);
    t.write(8000);
    t.e.sent.clear();
    t.acknowledge(1000, 500);
    CHECK(t.sent() == 0);
    t.e.pass(2s);
    t.acknowledge(8000, 8000);
    t.write(500);
    CHECK(t.e.sent.back().sequence == t.first + 8000);
}

TEST_CASE("where a window was taken back, segments without data are numbered within what is left of it") {
    sender t(8000);
    t.write(8000);
    t.acknowledge(1000, 500);
    t.e.sent.clear();
    segment data;
    data.sequence = 9001;
    data.acknowledgement = t.first + 1000;
    data.window = 500;
    data.payload = bytes(1000);
    t.e.arrive(data);
    t.e.pass(100ms);
    REQUIRE(t.sent() != 0);
    CHECK(t.e.sent.front().size() == 0);
    CHECK(t.e.sent.front().sequence >= t.first + 1000);
    CHECK(t.e.sent.front().sequence < t.first + 1500);
}

TEST_CASE("the send buffer's end is told, and its room again") {
    netkit::tcp_socket_options o;
    o.send_buffer = 9000;
    sender t(65535, o);
    CHECK(t.e.write(20'000).bytes == 9000);
    CHECK(t.e.write(1).error == errc::would_block);
    t.e.c().events = {};
    t.acknowledge(1000);
    CHECK(!t.e.c().events.writable);
    t.acknowledge(4000);
    CHECK(bool(t.e.c().events.writable));
    CHECK(t.e.write(20'000).bytes == 4000);
}

TEST_CASE("sequence numbers wrap in every way of sending") {
    for (std::uint32_t before = 0; before < 12'000; before += 499) {
        CAPTURE(before);
        sender t(65535, {}, 0u - before);
        t.write(10'000);
        t.e.sent.clear();
        for (int i = 0; i < 3; ++i) t.acknowledge(0);
        CHECK(t.e.take().sequence == t.first);
        t.acknowledge(5000);
        t.e.pass(5s);
        t.acknowledge(10'000);
        t.write(100);
        t.acknowledge(10'100);
        CHECK(t.e.c().in_flight() == 0);
        CHECK(t.e.c().sending.empty());
        CHECK(t.e.state() == tcp_state::established);
    }
}

TEST_CASE("keep-alive asks a silent peer, and gives it up") {
    netkit::tcp_socket_options o;
    o.keep_alive = true;
    o.keep_alive_idle = netkit::tcp_seconds(10);
    o.keep_alive_interval = netkit::tcp_seconds(2);
    o.keep_alive_count = 3;
    sender t(65535, o);
    t.e.pass(9s);
    CHECK(t.sent() == 0);
    t.e.pass(2s);
    REQUIRE(t.sent() == 1);
    CHECK(t.e.take().sequence == t.first - 1);
    t.acknowledge(0);
    t.e.pass(9s);
    CHECK(t.sent() == 0);
    t.e.pass(60s);
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.c().error == errc::timed_out);
    CHECK(t.sent() == 4);
    CHECK(t.e.sent.back().has(tcp_flags::rst));
}

}  // namespace protocol_tcp_sending_tests
