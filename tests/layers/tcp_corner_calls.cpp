// What a program is told in each state, and what wakes one that waits.

#include <tests/layers/tcp_states.hpp>

#include <string>
#include <string_view>

namespace layers_tcp_corner_calls_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_state;

namespace {

/// What a socket answers, all of it in one line.
std::string answers(subject& t) {
    std::byte one{'x'};
    const auto text = [](netkit::io_result r) { return r.error == errc::ok ? std::to_string(r.bytes) : std::string(to_string(r.error)); };
    const auto ready = t.socket.readiness();
    std::string line = std::string(ready.connected ? "connected " : "") + (ready.connecting ? "connecting " : "") + (ready.readable ? "readable " : "") + (ready.writable ? "writable " : "");
    line += "| receive: " + text(t.socket.receive(std::span(&one, 1)));
    line += " | send: " + text(t.socket.send(std::span<const std::byte>(&one, 1)));
    line += " | connect: " + std::string(to_string(t.socket.connect({subject::peer_address, subject::peer_port})));
    (void)t.take();
    return line;
}

}  // namespace

TEST_CASE("in each state") {
    const struct {
        start from;
        std::string_view expected;
    } cases[] = {
        {{"SYN-SENT", tcp_state::syn_sent, false}, "connecting | receive: operation would block | send: operation would block | connect: connection already in progress"},
        {{"SYN-RECEIVED", tcp_state::syn_received, false}, "connecting | receive: operation would block | send: operation would block | connect: connection already in progress"},
        {{"ESTABLISHED", tcp_state::established}, "connected writable | receive: operation would block | send: 1 | connect: already connected"},
        {{"FIN-WAIT-1", tcp_state::fin_wait_1}, "connected writable | receive: operation would block | send: sending after shutdown | connect: already connected"},
        {{"FIN-WAIT-2", tcp_state::fin_wait_2}, "connected writable | receive: operation would block | send: sending after shutdown | connect: already connected"},
        {{"CLOSE-WAIT", tcp_state::close_wait}, "connected readable writable | receive: end of stream | send: 1 | connect: already connected"},
        {{"CLOSING", tcp_state::closing}, "connected readable writable | receive: end of stream | send: sending after shutdown | connect: already connected"},
        {{"LAST-ACK", tcp_state::last_ack}, "connected readable writable | receive: end of stream | send: sending after shutdown | connect: already connected"},
        {{"TIME-WAIT", tcp_state::time_wait}, "connected readable writable | receive: end of stream | send: sending after shutdown | connect: already connected"},
    };
    for (const auto& [from, expected] : cases) {
        CAPTURE(from.name);
        started s(from);
        CHECK(answers(s.t) == expected);
        (void)s.t.socket.abort();
        (void)s.t.take();
    }
}

TEST_CASE("after a reset in each state: both directions say so, and what had arrived can still be read") {
    for (const start& from : {start{"ESTABLISHED", tcp_state::established}, {"FIN-WAIT-1", tcp_state::fin_wait_1}, {"FIN-WAIT-2", tcp_state::fin_wait_2}, {"CLOSE-WAIT", tcp_state::close_wait}}) {
        CAPTURE(from.name);
        started s(from);
        auto next = static_cast<std::uint32_t>(s.block.rcv_nxt);
        const bool takes_data = from.state != tcp_state::close_wait;
        if (takes_data) {
            s.t.inject(s.t.peer.data(next, static_cast<std::uint32_t>(s.block.una), "last words"));
            s.t.expect(within(45ms), is_tcp(flags(".")));
            next += 10;
        }
        s.t.inject(s.t.peer.rst(next));
        s.t.expect_nothing();
        CHECK(s.t.state() == tcp_state::closed);
        CHECK(s.t.socket.readable());
        CHECK(s.t.socket.writable());
        CHECK(s.t.read().starts_with(takes_data ? "last words<" : "<"));
        CHECK(s.t.write("x") == 0);
        s.t.expect_nothing(100s);
    }
}

TEST_CASE("who waits is woken: by data, by the end, by a reset, by the handshake, by a timeout; once for each") {
    struct counter {
        int calls = 0;
        static void called(void* self) { ++static_cast<counter*>(self)->calls; }
    };
    counter reader, acceptor;
    subject t;
    t.listen();
    t.listener.on_ready(&counter::called, &acceptor);
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S.")));
    CHECK(acceptor.calls == 0);
    t.inject(t.peer.ack(1, 1));
    CHECK(acceptor.calls == 1);
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    t.socket.on_ready(&counter::called, &reader);
    t.inject(t.peer.ack(1, 1));
    CHECK(reader.calls == 0);
    t.inject(t.peer.data(1, 1, "a"));
    CHECK(reader.calls == 1);
    t.inject(t.peer.data(3, 1, "c"));
    CHECK(reader.calls == 1);
    (void)t.take();
    t.inject(t.peer.data(2, 1, "b"));
    CHECK(reader.calls == 2);
    (void)t.take();
    CHECK(t.read() == "abc");
    t.inject(t.peer.fin(4, 1));
    CHECK(reader.calls == 3);
    t.expect(is_tcp(flags("."), acknowledgement(5)));
    t.inject(t.peer.rst(5));
    CHECK(reader.calls == 4);
}

TEST_CASE("a program that connects is told once: when it is connected, refused, unreachable at the end, or timed out") {
    struct counter {
        int calls = 0;
        static void called(void* self) { ++static_cast<counter*>(self)->calls; }
    };
    for (const std::string_view end : {"connected", "refused", "refused by ICMP", "unreachable", "timed out"}) {
        CAPTURE(end);
        counter told;
        subject t;
        t.socket.on_ready(&counter::called, &told);
        t.connect();
        const auto syn = t.expect(is_tcp(flags("S")));
        CHECK(told.calls == 0);
        if (end == "connected") {
            t.inject(t.peer.syn_ack().mss(1460));
            t.expect(is_tcp(flags(".")));
            CHECK(t.socket.connected());
        } else if (end == "refused") {
            t.inject(t.peer.segment("R.", 0, 1));
            CHECK(t.socket.take_error() == errc::connection_refused);
        } else if (end == "refused by ICMP") {
            t.inject(unreachable(subject::peer_address, syn, netkit::icmp_code::port_unreachable));
            CHECK(t.socket.take_error() == errc::connection_refused);
        } else if (end == "unreachable") {
            t.inject(unreachable(netkit::ip_address::parse("198.18.0.9"), syn, netkit::icmp_code::host_unreachable));
            t.pass(300s);
            CHECK(t.take().size() == 7);
            CHECK(t.socket.take_error() == errc::host_unreachable);
        } else {
            t.pass(300s);
            CHECK(t.take().size() == 7);
            CHECK(t.socket.take_error() == errc::timed_out);
        }
        CHECK(told.calls == 1);
        CHECK(t.socket.take_error() == errc::ok);
    }
}

TEST_CASE("a stream each way at once, both programs slow: neither holds up the other") {
    subject t({.socket = {.send_buffer = 8000, .receive_buffer = 8000}});
    t.establish(t.peer.syn().mss(1000).window(4000));
    constexpr std::uint32_t all = 60'000;
    std::uint32_t sent = 0, acknowledged_by_host = 1, window = 8000, received = 0, read = 0, written = 0;
    std::vector<std::byte> some(700);
    for (int turn = 0; turn < 2000 && (read < all || received < all); ++turn) {
        written += static_cast<std::uint32_t>(t.write(std::min<std::size_t>(900, all - written)));
        read += static_cast<std::uint32_t>(t.socket.receive(std::span(some)).bytes);
        t.pass(20ms);
        for (const auto& p : t.take()) {
            REQUIRE(p.fault.empty());
            if (p.sequence() == received + 1) received += static_cast<std::uint32_t>(p.payload.size());
            acknowledged_by_host = p.acknowledgement();
            window = p.tcp->window;
        }
        const auto room = acknowledged_by_host + window - (sent + 1);
        const auto n = std::min({std::uint32_t(1000), all - sent, room > 1'000'000 ? 0 : room});
        // The peer's program is slow, too: its window opens a little at a time.
        auto s = t.peer.segment(".", sent + 1, received + 1).window(turn % 3 ? 0 : 2500).payload_size(n);
        t.inject(s);
        sent += n;
    }
    (void)t.take();
    CHECK(read == all);
    CHECK(received == all);
    CHECK(written == all);
    CHECK(t.state() == tcp_state::established);
}

}  // namespace layers_tcp_corner_calls_tests
