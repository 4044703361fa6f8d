#include <doctest/doctest.h>

#include "receiver.hpp"

namespace protocol_tcp_receiving_tests {

using namespace tcp_test;
using netkit::drop_reason;
using netkit::errc;

TEST_CASE("out of order: told at once, put together, delivered once") {
    receiver t;
    t.e.arrive(t.at(100, 50));
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.acknowledged() == 0);
    t.e.arrive(t.at(200, 50));
    t.e.arrive(t.at(100, 50));  // twice
    t.e.arrive(t.at(120, 100));  // across what is there, and the gap
    CHECK(t.e.sent.size() == 4);
    CHECK(t.e.read(1000).error == errc::would_block);
    CHECK(t.e.c().reassembly.size() == 150);
    CHECK(t.e.c().reassembly.runs() == 1);
    t.e.arrive(t.at(0, 110));
    CHECK(t.acknowledged() == 250);
    CHECK(t.e.read(1000).bytes == 250);
    CHECK(t.e.c().reassembly.empty());
    CHECK(t.e.pool().in_use() == 0);
}

TEST_CASE("the furthest is given up where memory for disorder runs out") {
    netkit::tcp_socket_options o;
    o.receive_buffer = 100'000;
    receiver t(o);
    for (std::uint32_t i = 1; i < 30'000; ++i) t.e.arrive(t.at(2 * i, 1));
    CHECK(t.e.c().reassembly.memory() <= 300'000);
    CHECK(t.e.pool().allocated() < 2'000'000);
    CHECK(t.e.c().reassembly.run(0).first.value() == t.next + 2);
    CHECK(t.e.drops.empty());
    t.e.arrive(t.at(0, 2));
    CHECK(t.acknowledged() == 3);
}

TEST_CASE("many tiny segments in order do not hold a buffer each") {
    receiver t;
    for (std::uint32_t i = 0; i < 20'000; ++i) t.e.arrive(t.at(i, 1));
    CHECK(t.e.c().receiving.size() == 20'000);
    CHECK(t.e.pool().in_use() < 20);
    CHECK(t.e.read(30'000).bytes == 20'000);
}

TEST_CASE("what is left of the window, right of it, and across") {
    netkit::tcp_socket_options o;
    o.receive_buffer = 10'000;
    receiver t(o);
    t.e.arrive(t.at(0, 4000));
    t.e.sent.clear();
    SUBCASE("left") {
        t.e.arrive(t.at(0, 4000));
        CHECK(t.e.drops.back() == drop_reason::out_of_window);
        CHECK(t.acknowledged() == 4000);
    }
    SUBCASE("right") {
        t.e.arrive(t.at(10'000, 100));
        CHECK(t.e.drops.back() == drop_reason::out_of_window);
        CHECK(t.acknowledged() == 4000);
    }
    SUBCASE("across the left edge") {
        t.e.arrive(t.at(3900, 200));
        CHECK(t.acknowledged() == 4100);
        CHECK(t.e.read(10'000).bytes == 4100);
    }
    SUBCASE("across the right edge") {
        t.e.arrive(t.at(4000, 8000));
        CHECK(t.acknowledged() == 10'000);
        CHECK(t.e.read(20'000).bytes == 10'000);
    }
    SUBCASE("across both") {
        t.e.arrive(t.at(3000, 9000));
        CHECK(t.acknowledged() == 10'000);
    }
}

TEST_CASE("a full window: shut, and opened when there is worth in it") {
    netkit::tcp_socket_options o;
    o.receive_buffer = 10'000;
    receiver t(o);
    for (std::uint32_t i = 0; i < 10; ++i) t.e.arrive(t.at(i * 1000, 1000));
    CHECK(t.e.sent.back().window == 0);
    t.e.sent.clear();
    CHECK(t.e.read(100).bytes == 100);
    CHECK(t.e.sent.empty());
    auto probe = t.at(10'000, 1);
    t.e.arrive(probe);
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.acknowledged() == 10'000);
    CHECK(t.e.sent.back().window == 0);  // 100 bytes are not worth telling
    t.e.sent.clear();
    CHECK(t.e.read(5000).bytes == 5000);
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.e.sent.back().window == 5100);
    t.e.arrive(probe);
    CHECK(t.e.c().receiving.size() == 4901);
}

TEST_CASE("with the window shut the rest of a segment still counts") {
    netkit::tcp_socket_options o;
    o.receive_buffer = 2000;
    receiver t(o);
    CHECK(t.e.write(100).bytes == 100);
    t.e.arrive(t.at(0, 2000));
    REQUIRE(t.e.c().receive_window() == 0);
    auto s = t.at(2000, 10);
    s.acknowledgement = 201;
    t.e.arrive(s);
    CHECK(t.e.c().in_flight() == 0);
    CHECK(t.e.c().receiving.size() == 2000);
}

TEST_CASE("the window's right edge is never taken back") {
    netkit::tcp_socket_options o;
    o.receive_buffer = 30'000;
    receiver t(o);
    std::uint32_t edge = 0, at = 0;
    for (std::uint32_t n : {1000u, 3000u, 500u, 10'000u, 1u, 999u}) {
        t.e.arrive(t.at(at, n));
        at += n;
        t.e.pass(50ms);
        const auto& s = t.e.sent.back();
        const auto now = s.acknowledgement - t.next + s.window;
        CHECK(now >= edge);
        edge = now;
    }
    o.receive_buffer = 5000;
    t.e.set(o);
    t.e.arrive(t.at(at, 1000));
    t.e.pass(50ms);
    CHECK(t.acknowledged() + t.e.sent.back().window == edge);
}

TEST_CASE("PAWS: what is older than the last in order is dropped, and answered") {
    receiver t({}, true);
    t.e.arrive(t.at(0, 100));
    t.e.sent.clear();
    t.clock -= 1000;
    t.e.arrive(t.at(100, 100));
    CHECK(t.e.drops.back() == drop_reason::old_timestamp);
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.acknowledged() == 100);
    auto without = t.at(100, 100);
    without.options.has_timestamps = false;
    t.e.arrive(without);
    CHECK(t.e.drops.back() == drop_reason::old_timestamp);
    auto reset = t.at(100, 0);
    reset.flags = tcp_flags::rst;
    t.clock += 2000;
    t.e.arrive(t.at(100, 100));
    CHECK(t.e.c().receiving.size() == 200);
    CHECK(t.e.c().recent_timestamp == t.clock);
    // A timestamp of 24 days ago says nothing.
    t.e.pass(std::chrono::hours(24 * 25));
    t.clock -= 100;
    t.e.arrive(t.at(200, 100));
    CHECK(t.e.c().receiving.size() == 300);
}

TEST_CASE("our timestamps run on, and echo the peer's") {
    receiver t({}, true);
    t.e.arrive(t.at(0, 100));
    t.e.pass(50ms);
    const auto first = t.e.take();
    CHECK(first.options.has_timestamps);
    CHECK(first.options.ts_echo == t.clock);
    t.e.pass(950ms);
    t.clock += 1000;
    t.e.arrive(t.at(100, 100));
    t.e.pass(50ms);
    const auto second = t.e.take();
    CHECK(second.options.ts_echo == t.clock);
    CHECK(second.options.ts_value - first.options.ts_value == 1000);
}

TEST_CASE("RFC 5961: a reset counts only where it is exact") {
    receiver t;
    auto r = t.at(0, 0);
    r.flags = tcp_flags::rst;
    r.sequence += 1;
    t.e.arrive(r);
    CHECK(t.e.state() == tcp_state::established);
    REQUIRE(t.e.sent.size() == 1);
    CHECK(t.e.sent.back().flags == tcp_flags::ack);
    r.sequence -= 2;
    t.e.arrive(r);
    CHECK(t.e.state() == tcp_state::established);
    CHECK(t.e.sent.size() == 1);
    r.sequence += 1;
    t.e.arrive(r);
    CHECK(t.e.state() == tcp_state::closed);
}

TEST_CASE("RFC 5961: a SYN is challenged, wherever it lies") {
    receiver t;
    for (std::uint32_t offset : {0u, 1u, 1000u, 1u << 30, 0xffff'0000u}) {
        auto s = t.at(offset, 0);
        s.flags = tcp_flags::syn;
        t.e.arrive(s);
        CHECK(t.e.state() == tcp_state::established);
        CHECK(t.e.sent.back().flags == tcp_flags::ack);
        CHECK(t.acknowledged() == 0);
    }
    CHECK(t.e.sent.size() == 5);
}

TEST_CASE("RFC 5961: acknowledgements of what was never sent, or long ago, are challenged") {
    receiver t;
    CHECK(t.e.write(100).bytes == 100);
    t.e.sent.clear();
    auto s = t.at(0, 10);
    s.acknowledgement = 202;
    t.e.arrive(s);
    CHECK(t.e.drops.back() == drop_reason::bad_acknowledgement);
    s.acknowledgement = 101u - 100'000u;
    t.e.arrive(s);
    CHECK(t.e.drops.back() == drop_reason::bad_acknowledgement);
    CHECK(t.e.sent.size() == 2);
    CHECK(t.e.c().receiving.empty());
    s.acknowledgement = 101u - 1000u;  // merely late
    t.e.arrive(s);
    CHECK(t.e.c().receiving.size() == 10);
}

TEST_CASE("challenges are limited, anew each second") {
    receiver t;
    auto s = t.at(5, 0);
    s.flags = tcp_flags::rst;
    for (int i = 0; i < 1000; ++i) t.e.arrive(s);
    CHECK(t.e.sent.size() == 10);
    t.e.pass(1s);
    for (int i = 0; i < 1000; ++i) t.e.arrive(s);
    CHECK(t.e.sent.size() == 20);
    CHECK(t.e.state() == tcp_state::established);
}

TEST_CASE("without an ACK nothing is taken") {
    receiver t;
    auto s = t.at(0, 10);
    s.flags = tcp_flags::none;
    t.e.arrive(s);
    CHECK(t.e.drops.back() == drop_reason::bad_state);
    CHECK(t.e.c().receiving.empty());
}

TEST_CASE("urgent data is ordinary data") {
    receiver t;
    auto s = t.at(0, 10);
    s.flags = tcp_flags::ack | tcp_flags::urg;
    t.e.arrive(s);
    CHECK(t.e.read(100).bytes == 10);
}

TEST_CASE("receive numbers wrap, in order and out of it") {
    for (std::uint32_t before = 0; before < 400; before += 37) {
        CAPTURE(before);
        receiver t({}, false, 0u - before);
        t.e.arrive(t.at(200, 100));
        t.e.arrive(t.at(100, 100));
        t.e.arrive(t.at(0, 100));
        CHECK(t.e.read(1000).bytes == 300);
        auto fin = t.at(300, 0);
        fin.flags = tcp_flags::fin | tcp_flags::ack;
        t.e.arrive(fin);
        CHECK(t.e.state() == tcp_state::close_wait);
    }
}

TEST_CASE("reading: peek, in part, without a copy") {
    receiver t;
    auto s = t.at(0, 0);
    s.payload = pattern(3000);
    t.e.arrive(s);
    bytes buffer(5000);
    CHECK(t.e.read(std::span(buffer).first(1000), true).bytes == 1000);
    CHECK(t.e.read(std::span(buffer).first(3000), true).bytes == 3000);
    CHECK(std::equal(s.payload.begin(), s.payload.end(), buffer.begin()));
    CHECK(t.e.read(std::span(buffer).first(500)).bytes == 500);
    netkit::shared_packet piece;
    CHECK(netkit::tcp_machine::receive(t.e, t.e.c(), piece, 1000).bytes == 1000);
    CHECK(std::equal(piece.bytes().begin(), piece.bytes().end(), s.payload.begin() + 500));
    CHECK(netkit::tcp_machine::receive(t.e, t.e.c(), piece, 100'000).bytes == 1500);
    CHECK(std::equal(piece.bytes().begin(), piece.bytes().end(), s.payload.begin() + 1500));
    CHECK(netkit::tcp_machine::receive(t.e, t.e.c(), piece, 1).error == errc::would_block);
    CHECK(t.e.read(0).error == errc::ok);
}

TEST_CASE("any segment, with any flags, at any place, in any state: each ends once and nothing breaks") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        receiver t({}, seed % 2 == 0);
        std::uint32_t sent = 0;
        for (int i = 0; i < 300 && t.e.state() != tcp_state::closed && t.e.state() != tcp_state::time_wait; ++i) {
            auto s = t.at(static_cast<std::uint32_t>(random() % 4000) - 1000u, random() % 2 ? random() % 2000 : 0);
            static constexpr std::uint32_t edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 65535, 262143, 262144};
            if (random() % 4 == 0) s.sequence = t.next + edges[random() % 8];
            if (random() % 4 == 0) s.acknowledgement = 101 + sent + edges[random() % 8];
            else s.acknowledgement = 101 + static_cast<std::uint32_t>(random() % (sent + 1));
            s.flags = random() % 3 == 0 ? static_cast<tcp_flags>(random() % 256) : tcp_flags::ack;
            if (netkit::has(s.flags, tcp_flags::rst) && random() % 8 != 0) s.flags &= ~tcp_flags::rst;
            s.window = static_cast<std::uint16_t>(random() % 3 == 0 ? random() % 10 : random());
            s.options.ts_value += static_cast<std::uint32_t>(random() % 10);
            t.e.arrive(s);
            if (random() % 5 == 0) sent += static_cast<std::uint32_t>(t.e.write(random() % 3000).bytes);
            if (random() % 5 == 0) (void)t.e.read(random() % 3000);
            if (random() % 50 == 0) t.e.finish();
            if (random() % 10 == 0) t.e.pass(std::chrono::milliseconds(random() % 700));
            for (const auto& out : t.e.sent) CHECK(out.size() <= 1000);
            t.e.sent.clear();
            if (t.e.state() != tcp_state::closed) CHECK(t.e.c().in_flight() <= t.e.c().sending.size() + 1);
        }
        t.e.close();
    }
}

}  // namespace protocol_tcp_receiving_tests
