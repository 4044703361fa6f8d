#include <doctest/doctest.h>

#include "ends.hpp"

namespace protocol_tcp_handshake_tests {

using namespace tcp_test;
using netkit::errc;

namespace {

segment syn_of_peer(std::uint32_t sequence = 9000) {
    segment s;
    s.sequence = sequence;
    s.flags = tcp_flags::syn;
    s.options.has_mss = true;
    s.options.mss = 1460;
    return s;
}

}  // namespace

TEST_CASE("a handshake: options offered, taken up, and the round trip measured") {
    pair p({30ms, 0ms, 0, 0});
    p.keep_log = true;
    p.open();
    REQUIRE(p.a.state() == tcp_state::established);
    REQUIRE(p.b.state() == tcp_state::established);
    const auto& syn = p.log_a.at(0);
    CHECK(syn.flags == tcp_flags::syn);
    CHECK(syn.sequence == 1000);
    CHECK(syn.options.mss == 1460);
    CHECK(syn.options.has_window_scale);
    CHECK(syn.options.has_timestamps);
    CHECK(syn.window == 65535);
    const auto& answer = p.log_b.at(0);
    CHECK(answer.flags == (tcp_flags::syn | tcp_flags::ack));
    CHECK(answer.acknowledgement == 1001);
    CHECK(answer.options.ts_echo == syn.options.ts_value);
    CHECK(p.log_a.at(1).flags == tcp_flags::ack);
    CHECK(p.log_a.at(1).acknowledgement == 5001);
    CHECK(p.a.c().send_mss == 1448);
    CHECK(p.a.c().rtt.smoothed() == 60ms);
    CHECK(p.b.c().rtt.smoothed() == 60ms);
    CHECK(p.a.c().congestion.window() == 10 * 1448);
    CHECK(p.log_a.size() == 2);
    CHECK(p.log_b.size() == 1);
}

TEST_CASE("each part of the handshake may be lost") {
    for (int lost = 0; lost < 3; ++lost) {
        CAPTURE(lost);
        pair p;
        p.loses = [&](bool from_a, std::size_t n, const segment&) { return from_a ? (lost == 0 && n == 1) || (lost == 2 && n == 2) : lost == 1 && n == 1; };
        p.open();
        CHECK(p.a.state() == tcp_state::established);
        CHECK(p.b.state() == tcp_state::established);
        CHECK(transfer(p, p.a, p.b, pattern(20'000), 60s));
    }
}

TEST_CASE("a SYN without an answer is repeated with backoff, and then given up") {
    made_up_time time;
    end e(time);
    e.connect();
    std::vector<netkit::duration> when;
    const auto start = time.now;
    for (int i = 0; i < 100000 && e.state() == tcp_state::syn_sent; ++i) {
        while (!e.sent.empty()) {
            CHECK(e.take().flags == tcp_flags::syn);
            when.push_back(time.now - start);
        }
        e.pass(10ms);
    }
    REQUIRE(when.size() == 8);
    CHECK(when[1] == 1s);
    CHECK(when[2] == 3s);
    CHECK(when[3] == 7s);
    CHECK(when[7] == 123s);
    CHECK(e.state() == tcp_state::closed);
    CHECK(e.c().error == errc::timed_out);
    CHECK(e.sent.empty());
}

TEST_CASE("after a handshake that was slow the timeout is three seconds") {
    made_up_time time;
    end e(time);
    e.connect();
    e.pass(1500ms);
    segment s = syn_of_peer();
    s.flags = tcp_flags::syn | tcp_flags::ack;
    s.acknowledgement = 1001;
    e.arrive(s);
    REQUIRE(e.state() == tcp_state::established);
    CHECK(e.c().rtt.timeout() == 3s);
}

TEST_CASE("a reset refuses, but only one that acknowledges the SYN") {
    made_up_time time;
    end e(time);
    e.connect();
    segment r;
    r.flags = tcp_flags::rst | tcp_flags::ack;
    r.acknowledgement = 1000;
    e.arrive(r);
    CHECK(e.state() == tcp_state::syn_sent);
    CHECK(e.drops.back() == netkit::drop_reason::bad_acknowledgement);
    r.flags = tcp_flags::rst;
    e.arrive(r);
    CHECK(e.state() == tcp_state::syn_sent);
    CHECK(e.resets == 0);
    r.flags = tcp_flags::rst | tcp_flags::ack;
    r.acknowledgement = 1001;
    e.arrive(r);
    CHECK(e.state() == tcp_state::closed);
    CHECK(e.c().error == errc::connection_refused);
}

TEST_CASE("a SYN and ACK that acknowledges something else is answered with a reset") {
    made_up_time time;
    end e(time);
    e.connect();
    e.take();
    segment s = syn_of_peer();
    s.flags = tcp_flags::syn | tcp_flags::ack;
    s.acknowledgement = 4711;
    e.arrive(s);
    CHECK(e.state() == tcp_state::syn_sent);
    const auto r = e.take();
    CHECK(r.flags == tcp_flags::rst);
    CHECK(r.sequence == 4711);
}

TEST_CASE("both ends open at once") {
    for (const bool one_is_lost : {false, true}) {
        CAPTURE(one_is_lost);
        pair p;
        p.loses = [&](bool from_a, std::size_t n, const segment&) { return one_is_lost && from_a && n == 2; };
        p.a.connect();
        p.b.connect();
        CHECK(p.run_until([&] { return p.a.state() == tcp_state::established && p.b.state() == tcp_state::established; }, 60s));
        CHECK(p.a.c().send_mss == 1448);
        CHECK(transfer(p, p.a, p.b, pattern(50'000), 60s));
        CHECK(p.a.resets + p.b.resets == 0);
    }
}

TEST_CASE("a reset in SYN-RECEIVED ends a passive attempt") {
    made_up_time time;
    end e(time);
    e.listen();
    e.arrive(syn_of_peer());
    REQUIRE(e.state() == tcp_state::syn_received);
    segment r;
    r.flags = tcp_flags::rst;
    r.sequence = 9002;  // in the window, but not exact
    e.arrive(r);
    CHECK(e.state() == tcp_state::syn_received);
    r.sequence = 9001;
    e.arrive(r);
    CHECK(e.state() == tcp_state::closed);
}

TEST_CASE("in SYN-RECEIVED a wrong acknowledgement is reset, a repeated SYN answered again") {
    made_up_time time;
    end e(time, 100);
    e.listen();
    e.arrive(syn_of_peer());
    const auto answer = e.take();
    CHECK(answer.flags == (tcp_flags::syn | tcp_flags::ack));
    e.arrive(syn_of_peer());
    const auto again = e.take();
    CHECK(again.flags == (tcp_flags::syn | tcp_flags::ack));
    CHECK(again.sequence == 100);

    segment ack;
    ack.sequence = 9001;
    ack.acknowledgement = 99;
    e.arrive(ack);
    CHECK(e.take().flags == tcp_flags::rst);
    CHECK(e.state() == tcp_state::syn_received);
    ack.acknowledgement = 101;
    e.arrive(ack);
    CHECK(e.state() == tcp_state::established);
}

TEST_CASE("the SYN and ACK is repeated a bounded number of times") {
    made_up_time time;
    end e(time);
    e.listen();
    e.arrive(syn_of_peer());
    e.pass(600s);
    CHECK(e.state() == tcp_state::closed);
    std::size_t answers = 0, resets = 0;
    for (const auto& s : e.sent) {
        answers += s.has(tcp_flags::syn);
        resets += s.has(tcp_flags::rst);
    }
    CHECK(answers == 6);
    CHECK(resets == 1);
}

TEST_CASE("where the listener has no room the last ACK counts for nothing, until it has") {
    made_up_time time;
    end e(time, 100);
    e.listen();
    e.admits = false;
    e.arrive(syn_of_peer());
    segment ack;
    ack.sequence = 9001;
    ack.acknowledgement = 101;
    e.arrive(ack);
    CHECK(e.state() == tcp_state::syn_received);
    CHECK(e.drops.back() == netkit::drop_reason::backlog_full);
    e.admits = true;
    e.arrive(ack);
    CHECK(e.state() == tcp_state::established);
}

TEST_CASE("data with the last ACK is taken") {
    made_up_time time;
    end e(time, 100);
    e.listen();
    e.arrive(syn_of_peer());
    segment ack;
    ack.sequence = 9001;
    ack.acknowledgement = 101;
    ack.payload = pattern(10);
    e.arrive(ack);
    CHECK(e.state() == tcp_state::established);
    CHECK(e.read(100).bytes == 10);
}

TEST_CASE("what a peer announces is kept within bounds") {
    struct {
        bool has;
        std::uint16_t mss;
        std::uint16_t sent;
    } const cases[] = {{true, 0, 536}, {true, 1, 88}, {true, 8, 88}, {true, 48, 88}, {true, 536, 536}, {true, 1460, 1460}, {true, 65535, 1460}, {false, 0, 536}};
    for (const auto& each : cases) {
        CAPTURE(each.mss);
        made_up_time time;
        end e(time, 100);
        e.listen();
        auto syn = syn_of_peer();
        syn.options.has_mss = each.has;
        syn.options.mss = each.mss;
        e.arrive(syn);
        segment ack;
        ack.sequence = 9001;
        ack.acknowledgement = 101;
        e.arrive(ack);
        e.sent.clear();
        CHECK(e.write(5000).bytes == 5000);
        REQUIRE(!e.sent.empty());
        CHECK(e.take().size() == each.sent);
    }
}

TEST_CASE("window scales beyond 14 are taken for 14; without the option there is none") {
    made_up_time time;
    end e(time, 100);
    e.listen();
    auto syn = syn_of_peer();
    syn.options.has_window_scale = true;
    syn.options.window_scale = 14;
    e.arrive(syn);
    CHECK(e.c().send_scale == 14);
    segment ack;
    ack.sequence = 9001;
    ack.acknowledgement = 101;
    ack.window = 3;
    e.arrive(ack);
    CHECK(e.c().send_window == 3u << 14);

    end plain(time, 100);
    plain.listen();
    plain.arrive(syn_of_peer());
    CHECK(!plain.take().options.has_window_scale);
    CHECK(plain.c().receive_scale == 0);
    CHECK(plain.c().send_scale == 0);
    CHECK(!plain.c().timestamps);
}

TEST_CASE("closing an attempt sends nothing more") {
    made_up_time time;
    end e(time);
    e.connect();
    e.take();
    e.close();
    CHECK(e.state() == tcp_state::closed);
    CHECK(e.sent.empty());
}

}  // namespace protocol_tcp_handshake_tests
