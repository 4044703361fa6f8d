// Windows that close, shrink and open again; acknowledgements of what was not sent; programs that wait meanwhile.

#include <tests/layers/tcp_states.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace layers_tcp_corner_windows_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_flags;
using netkit::tcp_state;

namespace {

/// What the host has sent of its stream, put together from its segments, whatever their order; numbers from 1.
struct stream_seen {
    std::string text;
    void add(const seen_packet& p) {
        if (!p.tcp || p.payload.empty()) return;
        const auto at = p.sequence() - 1;
        if (text.size() < at + p.payload.size()) text.resize(at + p.payload.size(), '?');
        for (std::size_t i = 0; i < p.payload.size(); ++i) text[at + i] = std::to_integer<char>(p.payload[i]);
    }
};
std::string counted(std::size_t n) {
    std::string text(n, ' ');
    for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>('a' + i % 26);
    return text;
}

}  // namespace

TEST_CASE("a window that closes with data queued is probed, ever more rarely, for as long as the peer answers") {
    subject t;
    t.establish();
    CHECK(t.write(5000) == 5000);
    (void)t.take();
    t.inject(t.peer.ack(1, 2921).window(0));
    auto before = t.elapsed();
    netkit::duration gap{}, longest{};
    for (int i = 0; i < 20; ++i) {
        CAPTURE(i);
        const auto probe = t.expect(within(130s), is_tcp(acknowledgement(1)));
        CHECK(probe.payload.size() <= 1);
        CHECK(probe.sequence() <= 5001);
        const auto now = t.elapsed();
        CHECK(now - before >= gap);
        gap = std::min(now - before, netkit::duration(59s));
        longest = std::max(longest, now - before);
        before = now;
        t.inject(t.peer.ack(1, 2921).window(0));
    }
    CHECK(longest >= 50s);
    CHECK(longest <= 120s);
    CHECK(t.state() == tcp_state::established);
    t.inject(t.peer.ack(1, 2921).window(65535));
    stream_seen seen;
    for (int i = 0; i < 3; ++i) {
        for (const auto& p : t.take()) seen.add(p);
        t.inject(t.peer.ack(1, static_cast<std::uint32_t>(seen.text.size()) + 1));
    }
    CHECK(seen.text.size() == 5000);
    t.expect_nothing(100s);
}

TEST_CASE("what the peer sends to fill a gap tells of its window where it acknowledges more: nothing goes beyond") {
    subject t;
    t.establish();
    t.inject(t.peer.ack(1, 1).window(4000));
    t.inject(t.peer.data(6, 1, "second").window(4000));
    CHECK(t.write(counted(9000)) == 9000);
    std::uint32_t highest = 0;
    const auto look = [&] {
        for (const auto& p : t.take())
            if (p.tcp) highest = std::max<std::uint32_t>(highest, p.sequence() + static_cast<std::uint32_t>(p.payload.size()));
    };
    t.pass(1s);
    look();
    REQUIRE(highest > 2000);
    CHECK(highest <= 4001);
    // It begins before what told of the window last, but its acknowledgement is new. The edge stays at 4001.
    t.inject(t.peer.data(1, 2001, "first").window(2000));
    t.pass(10s);
    look();
    CHECK(highest <= 4001);
}

TEST_CASE("a peer that does not answer window probes any more is given up") {
    subject t;
    t.establish();
    t.inject(t.peer.ack(1, 1).window(0));
    CHECK(t.write("data") == 4);
    t.pass(3600s);
    const auto sent = t.take();
    CHECK(sent.size() >= 8);
    CHECK(sent.size() <= 20);
    CHECK(t.state() == tcp_state::listen);
    CHECK(t.read() == "<timed out>");
}

TEST_CASE("a probe's byte may be taken, or not: the stream goes on from where the peer says") {
    for (const bool taken : {false, true}) {
        CAPTURE(taken);
        subject t;
        t.establish();
        t.inject(t.peer.ack(1, 1).window(0));
        CHECK(t.write("abcdef") == 6);
        const auto probe = t.expect(within(2s), is_tcp(sequence(1)));
        const bool has_byte = probe.payload.size() == 1;
        t.inject(t.peer.ack(1, taken && has_byte ? 2 : 1).window(0));
        t.expect_nothing(100ms);
        t.inject(t.peer.ack(1, taken && has_byte ? 2 : 1).window(1000));
        if (taken && has_byte) t.expect(is_tcp(sequence(2), payload("bcdef")));
        else t.expect(is_tcp(sequence(1), payload("abcdef")));
        t.inject(t.peer.ack(1, 7).window(1000));
        t.expect_nothing(10s);
    }
}

TEST_CASE("the window update that opens the window is lost: a probe brings it again") {
    subject t;
    t.establish();
    t.inject(t.peer.ack(1, 1).window(0));
    CHECK(t.write("data") == 4);
    // The peer's update never comes; its answer to the probe says it all the same.
    t.expect(within(1s), is_tcp(acknowledgement(1)));
    t.inject(t.peer.ack(1, 1).window(5000));
    t.expect(is_tcp(sequence(1), payload("data")));
}

TEST_CASE("an old segment does not bring back an old window") {
    subject t;
    t.establish();
    t.inject(t.peer.data(1, 1, "one").window(0));
    t.expect(within(40ms), is_tcp(acknowledgement(4)));
    CHECK(t.write("data") == 4);
    // The ACK that completed the handshake, again: from before the window closed.
    t.inject(t.peer.ack(1, 1).window(65535));
    for (const auto& p : t.take()) CHECK(p.payload.empty());
    t.inject(t.peer.ack(4, 1).window(4));
    t.expect(is_tcp(sequence(1), payload("data")));
}

TEST_CASE("a window that shrinks below what is under way: nothing new is sent, what is lost is sent again within it, all arrives") {
    subject t;
    t.establish();
    const auto text = counted(40'000);
    CHECK(t.write(text) == text.size());
    stream_seen seen;
    for (const auto& p : t.take()) seen.add(p);
    CHECK(seen.text.size() == 14'600);
    // All but the first two segments are beyond the new right edge.
    t.inject(t.peer.ack(1, 1461).window(1460));
    for (const auto& p : t.take()) CHECK(p.sequence() + p.payload.size() <= 14'601);
    std::uint32_t acknowledged = 1461;
    for (int i = 0; i < 200 && acknowledged < text.size() + 1; ++i) {
        // The peer takes only what lies within the window that it says.
        t.pass(1s);
        const auto edge = acknowledged + 1460;
        for (const auto& p : t.take()) {
            if (p.payload.empty()) continue;
            const auto end = p.sequence() + static_cast<std::uint32_t>(p.payload.size());
            if (p.sequence() <= acknowledged && end > acknowledged) acknowledged = std::min(end, edge);
            seen.add(p);
        }
        t.inject(t.peer.ack(1, acknowledged).window(1460));
        for (const auto& p : t.take()) {
            CHECK(p.sequence() + p.payload.size() <= std::max(acknowledged + 1460, 14'601u));
            seen.add(p);
            if (p.sequence() <= acknowledged) acknowledged = std::max(acknowledged, std::min(p.sequence() + static_cast<std::uint32_t>(p.payload.size()), acknowledged + 1460));
        }
    }
    CHECK(acknowledged == text.size() + 1);
    CHECK(seen.text == text);
}

TEST_CASE("a window that shrinks to nothing with all of it under way, and opens again") {
    subject t;
    t.establish();
    const auto text = counted(3000);
    CHECK(t.write(text) == text.size());
    (void)t.take();
    t.inject(t.peer.ack(1, 1).window(0));
    t.pass(30s);
    const auto asked = t.take();
    CHECK(!asked.empty());
    for (const auto& p : asked) CHECK(p.sequence() == 1);
    CHECK(t.state() == tcp_state::established);
    t.inject(t.peer.ack(1, 1).window(65535));
    stream_seen seen;
    std::uint32_t acknowledged = 1;
    for (int i = 0; i < 20 && acknowledged != 3001; ++i) {
        t.pass(1s);
        for (const auto& p : t.take()) {
            seen.add(p);
            if (p.sequence() <= acknowledged) acknowledged = std::max(acknowledged, p.sequence() + static_cast<std::uint32_t>(p.payload.size()));
        }
        t.inject(t.peer.ack(1, acknowledged));
    }
    for (const auto& p : t.take()) seen.add(p);
    CHECK(acknowledged == 3001);
    CHECK(seen.text == text);
}

TEST_CASE("an ACK of what was not sent is answered, changes nothing, and its data is not taken") {
    for (const start& from : {start{"ESTABLISHED", tcp_state::established}, {"FIN-WAIT-1", tcp_state::fin_wait_1}, {"FIN-WAIT-2", tcp_state::fin_wait_2}}) {
        CAPTURE(from.name);
        started s(from);
        const auto una = static_cast<std::uint32_t>(s.block.una), nxt = static_cast<std::uint32_t>(s.block.nxt);
        for (const std::uint32_t beyond : {nxt + 1, nxt + 100, nxt + 0x7fff'0000}) {
            s.t.inject(s.t.peer.data(1, beyond, "forged").window(1));
            s.t.expect(is_tcp(flags("."), sequence(nxt), acknowledgement(1)));
        }
        CHECK(s.t.read().empty());
        CHECK(s.t.state() == from.state);
        s.t.inject(s.t.peer.data(1, una, "honest"));
        s.t.expect(within(45ms), is_tcp(flags("."), sequence(nxt), acknowledgement(7)));
        CHECK(s.t.read() == "honest");
        (void)s.t.socket.abort();
        (void)s.t.take();
    }
}

TEST_CASE("challenges are few: forged segments are answered ten times a second at most") {
    subject t;
    t.establish();
    std::size_t answers = 0;
    for (std::uint32_t i = 0; i < 500; ++i) {
        t.inject(t.peer.rst(100 + i));
        answers += t.take().size();
    }
    CHECK(answers >= 1);
    CHECK(answers <= 10);
    t.pass(2s);
    t.inject(t.peer.segment("S", 500));
    t.expect(is_tcp(flags("."), sequence(1), acknowledgement(1)));
    CHECK(t.state() == tcp_state::established);
}

TEST_CASE("a program that does not read: the window closes, nothing more is taken; reading opens it, and the peer is told") {
    subject t({.socket = {.receive_buffer = 8000}});
    t.establish();
    std::uint32_t sent = 1;
    unsigned offered = 8000;
    while (offered >= 1000) {
        t.inject(t.peer.segment("P.", sent, 1).payload_size(1000));
        sent += 1000;
        offered = t.expect(within(45ms), is_tcp(flags("."), acknowledgement(sent))).tcp->window;
    }
    CHECK(offered == 0);
    // A probe of ours is answered, and not taken.
    t.inject(t.peer.segment(".", sent, 1).payload_size(1));
    t.expect(is_tcp(flags("."), acknowledgement(sent), window(0)));
    CHECK(t.socket.available() == sent - 1);
    std::vector<std::byte> little(100);
    CHECK(t.socket.receive(std::span(little)).bytes == 100);
    // A hundred bytes are not worth telling (RFC 9293 section 3.8.6.2.2).
    t.expect_nothing();
    CHECK(t.read().size() == sent - 101);
    t.expect(is_tcp(flags("."), acknowledgement(sent), window_at_least(4000)));
    t.inject(t.peer.data(sent, 1, "more"));
    t.expect(within(45ms), is_tcp(flags("."), acknowledgement(sent + 4)));
    CHECK(t.read() == "more");
}

TEST_CASE("a full send buffer: the program waits, and is told when there is room, whatever ends the wait") {
    struct waiting {
        int calls = 0;
        static void ready(void* self) { ++static_cast<waiting*>(self)->calls; }
    };
    for (const std::string_view end : {"acknowledged", "reset", "timed out"}) {
        CAPTURE(end);
        subject t({.socket = {.send_buffer = 20'000}});
        t.establish(t.peer.syn().mss(1460).window(5000));
        waiting w;
        std::size_t written = 0;
        for (std::size_t n = 1; n != 0; written += n) n = t.write(7000);
        CHECK(written >= 20'000);
        CHECK(written <= 30'000);
        CHECK(t.socket.send(std::as_bytes(std::span("x", 1))).error == errc::would_block);
        CHECK(!t.socket.writable());
        (void)t.take();
        t.socket.on_ready(&waiting::ready, &w);
        std::uint32_t acknowledged = 1;
        if (end == "acknowledged") {
            while (!t.socket.writable() && acknowledged < 30'000) {
                acknowledged = std::min<std::uint32_t>(acknowledged + 1460, static_cast<std::uint32_t>(written) + 1);
                t.inject(t.peer.ack(1, acknowledged).window(5000));
                (void)t.take();
            }
            CHECK(w.calls == 1);
            CHECK(t.write("x") == 1);
        } else if (end == "reset") {
            t.inject(t.peer.rst(1));
            CHECK(w.calls == 1);
            CHECK(t.socket.writable());
            CHECK(t.socket.send(std::as_bytes(std::span("x", 1))).error == errc::connection_reset);
        } else {
            t.pass(5000s);
            CHECK(w.calls >= 1);
            CHECK(t.socket.send(std::as_bytes(std::span("x", 1))).error == errc::timed_out);
        }
        (void)t.socket.abort();
        (void)t.take();
    }
}

TEST_CASE("a receive buffer that the program makes smaller than the window's unit still lets the peer go on") {
    subject t;
    t.establish(t.peer.syn().mss(1460).window_scale(7));
    auto o = t.socket_options;
    o.receive_buffer = 1;
    t.socket.set_options(o);
    // What was promised before is kept to; then the window is closed.
    std::uint32_t sequence = 1;
    const std::uint32_t edge = sequence + t.socket.info().receive_window;
    while (sequence != edge) {
        const auto n = std::min<std::uint32_t>(edge - sequence, 1460);
        t.inject(t.peer.segment(".", sequence, 1).payload_size(n));
        (void)t.take();
        sequence += n;
    }
    t.pass(1s);
    (void)t.take();
    CHECK(t.read().size() == edge - 1);
    t.expect(is_tcp(flags("."), acknowledgement(sequence), window_at_least(1)));
    for (int i = 0; i < 5; ++i) {
        CAPTURE(i);
        t.inject(t.peer.segment(".", sequence, 1).payload_size(1));
        ++sequence;
        CHECK(t.read().size() == 1);
        t.pass(1s);
        const auto seen = t.take();
        REQUIRE(!seen.empty());
        CHECK(seen.back().tcp->window > 0);
    }
}

TEST_CASE("a peer that has filled the window, and lost some of that, is heard all the same") {
    subject t;
    t.socket_options.receive_buffer = 1000;
    t.establish();
    t.inject(t.peer.segment(".", 101, 1).payload_size(900));
    t.expect(is_tcp(flags("."), acknowledgement(1)));
    CHECK(t.write(500) == 500);
    t.expect(is_tcp(sequence(1)));
    // Its acknowledgements begin where the window ends.
    t.inject(t.peer.ack(1001, 501));
    CHECK(t.socket.info().unacknowledged == 0);
    // Not so a reset, nor what lies beyond.
    (void)t.take();
    CHECK(t.write(500) == 500);
    (void)t.take();
    t.inject(t.peer.ack(1002, 1001));
    (void)t.take();
    t.inject(t.peer.segment("R", 1001));
    (void)t.take();
    CHECK(t.state() == tcp_state::established);
    CHECK(t.socket.info().unacknowledged == 500);
    // Two such peers do not answer each other for ever.
    std::size_t answers = 0;
    for (int i = 0; i < 100; ++i) {
        t.inject(t.peer.ack(1001, 501));
        answers += t.take().size();
    }
    CHECK(answers <= 20);
}

}  // namespace layers_tcp_corner_windows_tests
