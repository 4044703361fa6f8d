#include <doctest/doctest.h>

#include "ends.hpp"

namespace protocol_tcp_closing_tests {

using namespace tcp_test;
using netkit::errc;

namespace {

/// An established end, whose peer is at `peer_sequence` and expects `own_sequence`.
struct established_end {
    made_up_time time;
    end e{time, 100};
    std::uint32_t peer = 9001, own = 101;

    established_end() {
        e.listen();
        segment syn;
        syn.sequence = 9000;
        syn.flags = tcp_flags::syn;
        e.arrive(syn);
        e.arrive(ack());
        REQUIRE(e.state() == tcp_state::established);
        e.sent.clear();
    }
    segment ack() const {
        segment s;
        s.sequence = peer;
        s.acknowledgement = own;
        return s;
    }
    segment fin() const {
        auto s = ack();
        s.flags = tcp_flags::fin | tcp_flags::ack;
        return s;
    }
};

}  // namespace

TEST_CASE("we close first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT") {
    established_end t;
    t.e.finish();
    CHECK(t.e.state() == tcp_state::fin_wait_1);
    const auto fin = t.e.take();
    CHECK(fin.flags == (tcp_flags::fin | tcp_flags::ack));
    CHECK(fin.sequence == 101);
    t.own = 102;
    t.e.arrive(t.ack());
    CHECK(t.e.state() == tcp_state::fin_wait_2);
    auto data = t.ack();
    data.payload = pattern(5);
    t.e.arrive(data);
    CHECK(t.e.read(10).bytes == 5);
    t.peer += 5;
    t.e.arrive(t.fin());
    CHECK(t.e.state() == tcp_state::time_wait);
    CHECK(t.e.sent.back().acknowledgement == t.peer + 1);
    CHECK(t.e.read(10).error == errc::end_of_stream);
}

TEST_CASE("the peer closes first: CLOSE-WAIT, LAST-ACK, CLOSED") {
    established_end t;
    t.e.arrive(t.fin());
    CHECK(t.e.state() == tcp_state::close_wait);
    CHECK(t.e.take().acknowledgement == 9002);
    CHECK(t.e.read(10).error == errc::end_of_stream);
    CHECK(t.e.write(100).bytes == 100);
    CHECK(t.e.take().size() == 100);
    t.e.finish();
    CHECK(t.e.state() == tcp_state::last_ack);
    CHECK(t.e.write(1).error == errc::shut_down);
    t.peer = 9002;
    t.own = 202;
    t.e.arrive(t.ack());
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.c().error == errc::ok);
}

TEST_CASE("both close at once: CLOSING") {
    established_end t;
    t.e.finish();
    t.e.sent.clear();
    t.e.arrive(t.fin());
    CHECK(t.e.state() == tcp_state::closing);
    CHECK(t.e.take().acknowledgement == 9002);
    t.peer = 9002;
    t.own = 102;
    t.e.arrive(t.ack());
    CHECK(t.e.state() == tcp_state::time_wait);
}

TEST_CASE("a FIN that acknowledges ours goes straight to TIME-WAIT") {
    established_end t;
    t.e.finish();
    t.own = 102;
    t.e.arrive(t.fin());
    CHECK(t.e.state() == tcp_state::time_wait);
}

TEST_CASE("a FIN beyond a gap waits for what is missing, in each state that hears it") {
    for (int closed_first = 0; closed_first < 3; ++closed_first) {
        CAPTURE(closed_first);
        established_end t;
        if (closed_first != 0) t.e.finish();
        if (closed_first == 2) {
            t.own = 102;
            t.e.arrive(t.ack());
        }
        const auto before = t.e.state();
        auto late = t.ack();
        late.payload = pattern(10);
        auto fin = t.fin();
        fin.sequence += 10;
        t.e.arrive(fin);
        CHECK(t.e.state() == before);
        CHECK(t.e.sent.back().acknowledgement == 9001);
        t.e.arrive(late);
        CHECK(t.e.state() == (closed_first == 0 ? tcp_state::close_wait : closed_first == 1 ? tcp_state::closing : tcp_state::time_wait));
        CHECK(t.e.sent.back().acknowledgement == 9012);
        CHECK(t.e.read(100).bytes == 10);
        CHECK(t.e.read(100).error == errc::end_of_stream);
    }
}

TEST_CASE("data behind the FIN does not exist") {
    established_end t;
    auto beyond = t.ack();
    beyond.sequence += 1;
    beyond.payload = pattern(10);
    t.e.arrive(beyond);
    t.e.arrive(t.fin());
    CHECK(t.e.state() == tcp_state::close_wait);
    CHECK(t.e.read(100).error == errc::end_of_stream);
}

TEST_CASE("a FIN is repeated until it is acknowledged") {
    established_end t;
    t.e.finish();
    t.e.take();
    t.e.pass(4s);
    REQUIRE(t.e.sent.size() >= 2);
    for (const auto& s : t.e.sent) {
        CHECK(s.has(tcp_flags::fin));
        CHECK(s.sequence == 101);
    }
    t.own = 102;
    t.e.arrive(t.ack());
    CHECK(t.e.state() == tcp_state::fin_wait_2);
}

TEST_CASE("a FIN goes behind what is still to be sent") {
    established_end t;
    CHECK(t.e.write(20'000).bytes == 20'000);
    t.e.finish();
    for (const auto& s : t.e.sent) CHECK(!s.has(tcp_flags::fin));
    std::uint32_t acknowledged = 101;
    for (int i = 0; i < 100 && t.e.state() == tcp_state::fin_wait_1; ++i) {
        while (!t.e.sent.empty()) acknowledged = t.e.take().end();
        t.own = acknowledged;
        t.e.arrive(t.ack());
    }
    CHECK(t.e.state() == tcp_state::fin_wait_2);
    CHECK(acknowledged == 101 + 20'000 + 1);
}

TEST_CASE("a reset ends every state, with an error where the program is to know") {
    established_end t;
    auto r = t.ack();
    r.flags = tcp_flags::rst;
    SUBCASE("ESTABLISHED") {
        auto data = t.ack();
        data.payload = pattern(5);
        t.e.arrive(data);
        r.sequence += 5;
        t.e.arrive(r);
        CHECK(t.e.c().error == errc::connection_reset);
        CHECK(t.e.read(10).bytes == 5);  // what came before it is still there
        CHECK(t.e.read(10).error == errc::connection_reset);
        CHECK(t.e.write(1).error == errc::connection_reset);
    }
    SUBCASE("FIN-WAIT-1") {
        t.e.finish();
        t.e.arrive(r);
        CHECK(t.e.c().error == errc::connection_reset);
    }
    SUBCASE("CLOSE-WAIT") {
        t.e.arrive(t.fin());
        ++r.sequence;
        t.e.arrive(r);
        CHECK(t.e.c().error == errc::connection_reset);
    }
    SUBCASE("CLOSING") {
        t.e.finish();
        t.e.arrive(t.fin());
        ++r.sequence;
        t.e.arrive(r);
        CHECK(t.e.c().error == errc::ok);
    }
    SUBCASE("LAST-ACK") {
        t.e.arrive(t.fin());
        t.e.finish();
        ++r.sequence;
        t.e.arrive(r);
        CHECK(t.e.c().error == errc::ok);
    }
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.resets == 0);
}

TEST_CASE("closing with unread bytes resets") {
    established_end t;
    auto data = t.ack();
    data.payload = pattern(5);
    t.e.arrive(data);
    t.e.sent.clear();
    t.e.close();
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.take().has(tcp_flags::rst));
}

TEST_CASE("closing without lingering resets at once") {
    established_end t;
    CHECK(t.e.write(100).bytes == 100);
    t.e.sent.clear();
    netkit::tcp_socket_options o;
    o.linger = true;
    t.e.set(o);
    t.e.close();
    CHECK(t.e.state() == tcp_state::closed);
    const auto r = t.e.take();
    CHECK(r.has(tcp_flags::rst));
    CHECK(r.sequence == 201);
    CHECK(t.e.pool().in_use() == 0);
}

TEST_CASE("lingering ends with a reset where the peer is silent") {
    established_end t;
    netkit::tcp_socket_options o;
    o.linger = true;
    o.linger_time = netkit::tcp_seconds(2);
    t.e.set(o);
    CHECK(t.e.write(100).bytes == 100);
    t.e.close();
    CHECK(t.e.state() == tcp_state::fin_wait_1);
    t.e.pass(1900ms);
    CHECK(t.e.state() == tcp_state::fin_wait_1);
    t.e.pass(200ms);
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.sent.back().has(tcp_flags::rst));
}

TEST_CASE("what arrives when no one can read it any more is answered with a reset") {
    established_end t;
    t.e.close();
    t.e.sent.clear();
    auto data = t.ack();
    data.payload = pattern(5);
    t.e.arrive(data);
    CHECK(t.e.state() == tcp_state::closed);
    CHECK(t.e.sent.back().has(tcp_flags::rst));
}

TEST_CASE("an orphan does not wait for ever in FIN-WAIT-2") {
    established_end t;
    t.e.close();
    t.own = 102;
    t.e.arrive(t.ack());
    CHECK(t.e.state() == tcp_state::fin_wait_2);
    t.e.pass(59s);
    CHECK(t.e.state() == tcp_state::fin_wait_2);
    t.e.pass(2s);
    CHECK(t.e.state() == tcp_state::closed);
}

TEST_CASE("who has only shut its sending side waits as long as it likes") {
    established_end t;
    t.e.finish();
    t.own = 102;
    t.e.arrive(t.ack());
    t.e.pass(3600s);
    CHECK(t.e.state() == tcp_state::fin_wait_2);
}

TEST_CASE("after the reading side is shut, what comes is acknowledged and thrown away") {
    established_end t;
    netkit::tcp_machine::finish_receiving(t.e, t.e.c());
    auto data = t.ack();
    data.payload = pattern(3000);
    t.e.arrive(data);
    t.e.pass(50ms);
    CHECK(t.e.sent.back().acknowledgement == 9001 + 3000);
    CHECK(t.e.read(10).error == errc::end_of_stream);
    CHECK(t.e.pool().in_use() == 0);
}

TEST_CASE("every order of closing ends with both ends closed, whatever is lost") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        pair p({10ms, 10ms, 0.2, 0.1}, seed);
        p.open();
        CHECK(p.a.write(seed * 100).bytes == seed * 100);
        if (seed % 3 == 0) CHECK(p.b.write(seed * 50).bytes == seed * 50);
        p.a.finish();
        if (seed % 2 == 0) p.b.finish();
        p.run(30s);
        (void)p.a.read(100'000);
        (void)p.b.read(100'000);
        p.b.finish();
        p.run(3600s);
        const auto over = [](tcp_state s) { return s == tcp_state::closed || s == tcp_state::time_wait; };
        CHECK(over(p.a.state()));
        CHECK(over(p.b.state()));
        CHECK(p.a.c().error == errc::ok);
        CHECK(p.b.c().error == errc::ok);
    }
}

}  // namespace protocol_tcp_closing_tests
