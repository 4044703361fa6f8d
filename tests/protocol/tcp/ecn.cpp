#include <doctest/doctest.h>

#include "receiver.hpp"

namespace protocol_tcp_ecn_tests {

using namespace tcp_test;
using netkit::tcp_ecn;

namespace {

constexpr auto ece = tcp_flags::ece, cwr = tcp_flags::cwr, syn = tcp_flags::syn, ack = tcp_flags::ack;
constexpr auto asking = syn | ece | cwr;

tcp_flags ecn_flags(const segment& s) { return s.flags & (ece | cwr); }

/// An established end with ECN, made by hand: it is the passive side.
struct end_with_ecn : receiver {
    static netkit::tcp_socket_options options() {
        netkit::tcp_socket_options o;
        o.no_delay = true;
        return o;
    }
    end_with_ecn() : receiver(options(), false, 9000, asking) {
        REQUIRE(ecn());
        e.c().quick_acknowledgements = 0;
    }
    bool ecn() { return e.c().ecn; }
    segment marked(std::uint32_t offset, std::size_t n, std::uint8_t mark = 3) const {
        auto s = at(offset, n);
        s.ecn = mark;
        return s;
    }
    /// The peer acknowledges the first n bytes.
    segment acknowledges(std::uint32_t n, tcp_flags more = tcp_flags::none) const {
        auto s = at(0, 0);
        s.acknowledgement = 101 + n;
        s.flags |= more;
        return s;
    }
};

bool agreed(end& e) { return e.c().ecn; }

}  // namespace

TEST_CASE("asked for, answered, or neither") {
    for (const auto a : {tcp_ecn::off, tcp_ecn::answer, tcp_ecn::ask})
        for (const auto b : {tcp_ecn::off, tcp_ecn::answer, tcp_ecn::ask}) {
            CAPTURE(int(a));
            CAPTURE(int(b));
            pair p;
            p.keep_log = true;
            p.a.options.ecn = a;
            p.b.options.ecn = b;
            p.open();
            const bool both = a == tcp_ecn::ask && b != tcp_ecn::off;
            CHECK(p.log_a.at(0).flags == (a == tcp_ecn::ask ? asking : syn));
            CHECK(p.log_b.at(0).flags == (both ? syn | ack | ece : syn | ack));
            CHECK(agreed(p.a) == both);
            CHECK(agreed(p.b) == both);
            CHECK(p.log_a.at(0).ecn == 0);
            CHECK(p.log_b.at(0).ecn == 0);
        }
}

TEST_CASE("a SYN that is not answered is sent again without asking") {
    made_up_time time;
    end e(time);
    e.options.ecn = tcp_ecn::ask;
    e.connect();
    const auto first = e.take();
    CHECK(first.flags == asking);
    e.pass(1100ms);
    CHECK(e.take().flags == syn);
    // And an answer to the first comes too late.
    segment answer;
    answer.sequence = 5000;
    answer.acknowledgement = first.sequence + 1;
    answer.flags = syn | ack | ece;
    e.arrive(answer);
    REQUIRE(e.state() == tcp_state::established);
    CHECK(!agreed(e));
}

TEST_CASE("a peer that no longer asks in its second SYN gets none") {
    made_up_time time;
    end e(time);
    e.listen();
    segment s;
    s.sequence = 5000;
    s.acknowledgement = 0;
    s.flags = asking;
    e.arrive(s);
    CHECK(e.take().flags == (syn | ack | ece));
    s.flags = syn;
    e.arrive(s);
    CHECK(e.take().flags == (syn | ack));
    CHECK(!agreed(e));
}

TEST_CASE("an answer with both flags is a reflection, and no agreement") {
    made_up_time time;
    end e(time);
    e.options.ecn = tcp_ecn::ask;
    e.connect();
    segment answer;
    answer.sequence = 5000;
    answer.acknowledgement = e.take().sequence + 1;
    answer.flags = syn | ack | ece | cwr;
    e.arrive(answer);
    CHECK(!agreed(e));
}

TEST_CASE("a mark is echoed at once, and on, until the peer has reduced") {
    end_with_ecn t;
    t.e.arrive(t.marked(0, 100, 2));
    CHECK(t.e.sent.empty());
    t.e.arrive(t.marked(100, 100));
    REQUIRE(t.e.sent.size() == 1);
    CHECK(ecn_flags(t.e.take()) == ece);
    t.e.arrive(t.marked(200, 100, 2));
    CHECK(t.e.sent.empty());
    t.e.pass(50ms);
    CHECK(ecn_flags(t.e.take()) == ece);
    CHECK(t.e.write(10).bytes == 10);
    CHECK(ecn_flags(t.e.take()) == ece);
    // CWR without data ends nothing.
    auto reduced = t.at(300, 0);
    reduced.flags |= cwr;
    t.e.arrive(reduced);
    CHECK(t.e.write(10).bytes == 10);
    CHECK(ecn_flags(t.e.take()) == ece);
    reduced = t.marked(300, 100, 2);
    reduced.flags |= cwr;
    t.e.arrive(reduced);
    t.e.pass(50ms);
    CHECK(ecn_flags(t.e.take()) == tcp_flags::none);
    // Marked again, in the very segment that says so.
    t.e.arrive(t.marked(400, 100));
    reduced = t.marked(500, 100);
    reduced.flags |= cwr;
    t.e.arrive(reduced);
    t.e.pass(50ms);
    CHECK(ecn_flags(t.e.sent.back()) == ece);
    netkit::tcp_info info;
    netkit::tcp_machine::describe(t.e.c(), info);
    CHECK(info.ecn);
    CHECK(info.marks_received == 3);
}

TEST_CASE("a mark on what lies outside of the window, or without agreement, is not heard") {
    end_with_ecn t;
    t.e.arrive(t.at(0, 100));
    t.e.arrive(t.marked(0, 100));
    CHECK(ecn_flags(t.e.sent.back()) == tcp_flags::none);
    t.e.arrive(t.marked(200'000, 100));
    CHECK(ecn_flags(t.e.sent.back()) == tcp_flags::none);
    receiver without;
    auto s = without.at(0, 2000);
    s.ecn = 3;
    without.e.arrive(s);
    REQUIRE(!without.e.sent.empty());
    CHECK(ecn_flags(without.e.sent.back()) == tcp_flags::none);
}

TEST_CASE("only new data may be marked: no ACK, no retransmission, no probe") {
    end_with_ecn t;
    t.e.arrive(t.at(0, 1000));
    t.e.arrive(t.at(1000, 1000));
    CHECK(t.e.take().ecn == 0);
    CHECK(t.e.write(100).bytes == 100);
    CHECK(t.e.take().ecn == 2);
    t.e.pass(2s);
    REQUIRE(!t.e.sent.empty());
    for (const auto& s : t.e.sent) CHECK(s.ecn == 0);
    t.e.sent.clear();
    auto shut = t.acknowledges(100);
    shut.sequence += 2000;
    shut.window = 0;
    t.e.arrive(shut);
    CHECK(t.e.write(100).bytes == 100);
    t.e.pass(10s);
    REQUIRE(!t.e.sent.empty());
    for (const auto& s : t.e.sent) CHECK(s.ecn == 0);
    t.e.sent.clear();
    t.e.finish();
    for (const auto& s : t.e.sent) CHECK(s.ecn == 0);
}

TEST_CASE("an echo halves the window once a round trip, loses nothing, and is answered with CWR on new data, once") {
    end_with_ecn t;
    CHECK(t.e.write(100'000).bytes == 100'000);
    auto& c = t.e.c();
    const auto before = c.congestion.window();
    REQUIRE(before >= 10'000);
    const auto in_flight = c.in_flight();
    t.e.sent.clear();
    t.e.arrive(t.acknowledges(1000, ece));
    CHECK(c.congestion.window() <= before / 4 * 3);
    CHECK(c.congestion.window() >= before / 4);
    const auto reduced = c.congestion.window();
    t.e.arrive(t.acknowledges(2000, ece));
    t.e.arrive(t.acknowledges(3000, ece));
    t.e.arrive(t.acknowledges(3000, ece));
    CHECK(c.congestion.window() >= reduced);
    CHECK(c.segments_retransmitted == 0);
    t.e.arrive(t.acknowledges(in_flight));
    std::size_t told = 0;
    bool first = true;
    for (const auto& s : t.e.sent) {
        if (s.size() == 0) continue;
        if (first) CHECK(s.has(cwr));
        first = false;
        told += s.has(cwr);
        CHECK(s.ecn == 2);
    }
    CHECK(told == 1);
    // A round trip later an echo counts again.
    const auto now = c.congestion.window();
    t.e.arrive(t.acknowledges(in_flight + 1000, ece));
    CHECK(c.congestion.window() < now);
    netkit::tcp_info info;
    netkit::tcp_machine::describe(c, info);
    CHECK(info.marks_echoed == 2);
}

TEST_CASE("a router that marks: the sender slows down, and nothing is lost") {
    pair p({20ms});
    p.a.options.ecn = tcp_ecn::ask;
    p.open();
    // The router marks all of a round trip where more than 60 kB were sent in it.
    p.keep_log = true;
    std::size_t in_round = 0;
    netkit::time_point round{};
    p.changes = [&](bool from_a, segment& s) {
        if (!from_a) return;
        if (p.time.now - round > 40ms) {
            round = p.time.now;
            in_round = 0;
        }
        in_round += s.size();
        if (in_round > 60'000 && s.ecn == 2) s.ecn = 3;
    };
    CHECK(transfer(p, p.a, p.b, pattern(3'000'000), 600s, 100'000));
    CHECK(p.a.c().segments_retransmitted == 0);
    CHECK(p.a.c().marks_echoed > 3);
    CHECK(p.b.c().marks_received > 3);
    CHECK(p.a.c().congestion.window() < 200'000);
}

}  // namespace protocol_tcp_ecn_tests
