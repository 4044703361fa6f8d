// Closing: FINs out of order, into closed windows, again; directions shut in every order; what was not read.

#include <tests/layers/tcp_states.hpp>

#include <algorithm>
#include <string>

namespace layers_tcp_corner_closing_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_state;

TEST_CASE("a FIN that arrives before the data in front of it waits for it, in every state that receives") {
    const struct {
        start from;
        tcp_state then;
    } cases[] = {{{"ESTABLISHED", tcp_state::established}, tcp_state::close_wait},
                 {{"FIN-WAIT-1", tcp_state::fin_wait_1}, tcp_state::closing},
                 {{"FIN-WAIT-2", tcp_state::fin_wait_2}, tcp_state::time_wait}};
    for (const auto& [from, then] : cases) {
        CAPTURE(from.name);
        started s(from);
        const auto una = static_cast<std::uint32_t>(s.block.una), nxt = static_cast<std::uint32_t>(s.block.nxt);
        s.t.inject(s.t.peer.fin(11, una));
        s.t.expect(is_tcp(flags("."), sequence(nxt), acknowledgement(1)));
        CHECK(s.t.state() == from.state);
        s.t.inject(s.t.peer.data(6, una, "world"));
        s.t.expect(is_tcp(flags("."), sequence(nxt), acknowledgement(1)));
        s.t.inject(s.t.peer.data(1, una, "hello"));
        s.t.expect(is_tcp(flags("."), sequence(nxt), acknowledgement(12)));
        CHECK(s.t.state() == then);
        if (then != tcp_state::time_wait) CHECK(s.t.read() == "helloworld<end of stream>");
        (void)s.t.socket.abort();
        (void)s.t.take();
    }
}

TEST_CASE("a FIN out of order that also acknowledges ours") {
    started s({"FIN-WAIT-1", tcp_state::fin_wait_1});
    const auto nxt = static_cast<std::uint32_t>(s.block.nxt);
    s.t.inject(s.t.peer.fin(6, nxt));
    s.t.expect(is_tcp(flags("."), sequence(nxt), acknowledgement(1)));
    CHECK(s.t.state() == tcp_state::fin_wait_2);
    s.t.inject(s.t.peer.data(1, nxt, "hello"));
    s.t.expect(is_tcp(flags("."), sequence(nxt), acknowledgement(7)));
    CHECK(s.t.state() == tcp_state::time_wait);
    CHECK(s.t.read() == "hello<end of stream>");
}

TEST_CASE("two FINs at different places: the first that was seen counts, and nothing behind it is taken") {
    subject t;
    t.establish();
    t.inject(t.peer.fin(6, 1));
    t.expect(is_tcp(flags("."), acknowledgement(1)));
    t.inject(t.peer.segment("FP.", 6, 1).payload("beyond"));
    (void)t.take();
    t.inject(t.peer.segment("FP.", 1, 1).payload("hello, longer than it was"));
    (void)t.take();
    CHECK(t.read() == "hello<end of stream>");
    CHECK(t.state() == tcp_state::close_wait);
    t.inject(t.peer.data(7, 1, "more"));
    t.expect_nothing(100ms);
    CHECK(t.read() == "<end of stream>");
}

TEST_CASE("the peer's FIN again, in each state after it: acknowledged again, and nothing else") {
    for (const start& from : {start{"CLOSE-WAIT", tcp_state::close_wait}, {"CLOSING", tcp_state::closing}, {"LAST-ACK", tcp_state::last_ack}, {"TIME-WAIT", tcp_state::time_wait}}) {
        CAPTURE(from.name);
        started s(from);
        s.t.inject(s.t.peer.fin(1, static_cast<std::uint32_t>(s.block.una)));
        s.t.expect(is_tcp(flags("."), sequence(static_cast<std::uint32_t>(s.block.nxt)), acknowledgement(2)));
        CHECK(s.t.state() == from.state);
        (void)s.t.socket.abort();
        (void)s.t.take();
    }
}

TEST_CASE("our FIN waits where the peer's window is closed, is sent as a probe, and goes when the window opens") {
    subject t;
    t.establish();
    t.inject(t.peer.ack(1, 1).window(0));
    CHECK(t.write("last words") == 10);
    CHECK(t.finish() == errc::ok);
    CHECK(t.state() == tcp_state::fin_wait_1);
    for (int i = 0; i < 4; ++i) {
        const auto probe = t.expect(within(20s), is_tcp(acknowledgement(1)));
        CHECK(probe.payload.size() <= 1);
        CHECK(!probe.tcp->has(netkit::tcp_flags::fin));
        t.inject(t.peer.ack(1, 1).window(0));
    }
    t.inject(t.peer.ack(1, 1).window(10));
    const auto data = t.expect(is_tcp(sequence(1), payload("last words")));
    if (!data.tcp->has(netkit::tcp_flags::fin)) {
        t.inject(t.peer.ack(1, 11).window(10));
        t.expect(is_tcp(flags("F."), sequence(11), payload_size(0)));
    }
    t.inject(t.peer.ack(1, 12).window(10));
    t.expect_nothing(30s);
    CHECK(t.state() == tcp_state::fin_wait_2);
}

TEST_CASE("our FIN alone before a closed window: it is offered until it is taken") {
    subject t;
    t.establish();
    t.inject(t.peer.ack(1, 1).window(0));
    CHECK(t.finish() == errc::ok);
    for (int i = 0; i < 3; ++i) {
        t.expect(within(20s), is_tcp(flags("F."), sequence(1), payload_size(0)));
        t.inject(t.peer.ack(1, 1).window(0));
    }
    t.expect(within(60s), is_tcp(flags("F."), sequence(1)));
    t.inject(t.peer.ack(1, 2).window(0));
    t.expect_nothing(100s);
    CHECK(t.state() == tcp_state::fin_wait_2);
}

TEST_CASE("the peer's FIN behind data that fills our window needs no room, and is taken; one that finds it closed is asked for again") {
    subject t({.socket = {.receive_buffer = 1000}});
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    const auto answer = t.expect(is_tcp(flags("S.")));
    t.inject(t.peer.ack(1, 1));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    const std::uint32_t window = answer.tcp->window;
    const auto fin_with_data = [&](std::uint32_t first, std::uint32_t size) { return t.peer.segment("FP.", first, 1).payload_size(size); };
    SUBCASE("with the data that fills it") {
        t.inject(fin_with_data(1, window));
        t.expect(is_tcp(flags("."), acknowledgement(2 + window)));
        CHECK(t.state() == tcp_state::close_wait);
    }
    SUBCASE("behind data that overfills it: what fits is taken, and no FIN") {
        t.inject(fin_with_data(1, window + 1));
        t.expect(is_tcp(flags("."), acknowledgement(1 + window)));
        CHECK(t.state() == tcp_state::established);
        CHECK(t.read().size() == window);
        t.settle();
        (void)t.take();
        t.inject(fin_with_data(1 + window, 1));
        t.expect(is_tcp(flags("."), acknowledgement(3 + window)));
    }
    SUBCASE("alone, while it is closed") {
        t.inject(t.peer.segment("P.", 1, 1).payload_size(window));
        t.expect(within(40ms), is_tcp(flags("."), acknowledgement(1 + window), netkit::testing::window(0)));
        t.inject(t.peer.fin(1 + window, 1));
        t.expect(is_tcp(flags("."), acknowledgement(1 + window) || acknowledgement(2 + window)));
        CHECK(t.read().size() == window);
        t.settle();
        (void)t.take();
        if (t.state() == tcp_state::established) {
            t.inject(t.peer.fin(1 + window, 1));
            t.expect(is_tcp(flags("."), acknowledgement(2 + window)));
        }
    }
    CHECK(t.socket.available() <= window);
    (void)t.read();
    CHECK(t.read() == "<end of stream>");
    CHECK(t.state() == tcp_state::close_wait);
}

TEST_CASE("data that was not read when the program closes: a reset, in every state that may hold some") {
    for (const bool peer_closed : {false, true})
        for (const bool we_closed : {false, true}) {
            CAPTURE(peer_closed);
            CAPTURE(we_closed);
            subject t;
            t.establish();
            if (we_closed) {
                CHECK(t.finish() == errc::ok);
                t.expect(is_tcp(flags("F.")));
            }
            t.inject(t.peer.data(1, 1, "unread"));
            t.expect(within(40ms), is_tcp(flags("."), acknowledgement(7)));
            if (peer_closed) {
                t.inject(t.peer.fin(7, 1));
                t.expect(is_tcp(flags("."), acknowledgement(8)));
            }
            CHECK(t.socket.close() == errc::ok);
            t.expect(is_tcp(flags("R."), sequence(we_closed ? 2 : 1), acknowledgement(peer_closed ? 8 : 7)));
            t.expect_nothing(100s);
            CHECK(t.state() == tcp_state::listen);
        }
}

TEST_CASE("data that arrives after the program has closed: a reset; but what is old, or an ACK, none") {
    subject t;
    t.establish();
    t.inject(t.peer.data(1, 1, "hello"));
    CHECK(t.read() == "hello");
    t.expect(within(40ms), is_tcp(flags("."), acknowledgement(6)));
    CHECK(t.socket.close() == errc::ok);
    t.expect(is_tcp(flags("F."), sequence(1), acknowledgement(6)));
    t.inject(t.peer.data(1, 1, "hello"));
    t.expect(is_tcp(flags("."), sequence(2), acknowledgement(6)));
    t.inject(t.peer.ack(6, 2));
    t.expect_nothing();
    t.inject(t.peer.data(6, 2, "too late"));
    t.expect(is_tcp(flags("R."), sequence(2)));
    t.expect_nothing(100s);
    CHECK(t.state() == tcp_state::listen);
}

TEST_CASE("after shutting the reading side what arrives is acknowledged and thrown away") {
    subject t;
    t.establish();
    t.inject(t.peer.data(1, 1, "never read"));
    t.expect(within(40ms), is_tcp(flags("."), acknowledgement(11)));
    CHECK(t.socket.shutdown(true, false) == errc::ok);
    (void)t.take();
    CHECK(t.read() == "<end of stream>");
    for (std::uint32_t i = 0; i < 300; ++i) {
        t.inject(t.peer.segment("P.", 11 + 1000 * i, 1).payload_size(1000));
        (void)t.take();
    }
    t.pass(50ms);
    (void)t.take();
    CHECK(t.read() == "<end of stream>");
    CHECK(t.write("still writing") == 13);
    t.expect(is_tcp(flags("P."), sequence(1), acknowledgement(11 + 300'000), payload("still writing")));
    CHECK(t.socket.close() == errc::ok);
    t.expect(is_tcp(flags("F.")));
}

/// All orders in which both sides may shut each direction: a letter a step.
/// r: we shut reading. w: we shut writing. F: the peer's FIN arrives. a: the peer acknowledges all that we sent.
TEST_CASE("read and write shut in every order, the peer's FIN and ACKs between them: the same end") {
    std::string order = "Farw";
    std::size_t orders = 0;
    do {
        CAPTURE(order);
        ++orders;
        subject t;
        t.establish();
        bool fin_sent = false, fin_received = false;
        std::uint32_t acknowledged = 1;
        for (const char step : order) {
            switch (step) {
            case 'r': {
                const bool over = fin_received && acknowledged == 2;
                CHECK(t.socket.shutdown(true, false) == (over && t.state() == tcp_state::listen ? errc::not_connected : errc::ok));
                break;
            }
            case 'w':
                CHECK(t.finish() == errc::ok);
                t.expect(is_tcp(flags("F."), sequence(1), acknowledgement(fin_received ? 2 : 1)));
                fin_sent = true;
                break;
            case 'F':
                t.inject(t.peer.fin(1, acknowledged));
                t.expect(is_tcp(flags("."), sequence(fin_sent ? 2 : 1), acknowledgement(2)));
                fin_received = true;
                break;
            default:
                acknowledged = fin_sent ? 2 : 1;
                t.inject(t.peer.ack(fin_received ? 2 : 1, acknowledged));
                break;
            }
            t.expect_nothing();
        }
        if (acknowledged == 1) t.inject(t.peer.ack(2, 2));
        CHECK(t.read() == "<end of stream>");
        CHECK(t.write("x") == 0);
        CHECK(t.socket.send(std::as_bytes(std::span("x", 1))).error == errc::shut_down);
        // Who sent the first FIN waits.
        const bool we_began = order.find('w') < order.find('F');
        CHECK(t.state() == (we_began ? tcp_state::time_wait : tcp_state::listen));
        CHECK(t.socket.close() == errc::ok);
        t.expect_nothing(200s);
        CHECK(t.state() == tcp_state::listen);
        CHECK(t.host.at<netkit::tcp>()->connections.in_use() == 0);
        CHECK(t.host.buffers().in_use() == 0);
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(orders == 24);
}

TEST_CASE("a close of the socket at each moment of a connection's end leaves nothing behind") {
    for (const start& from : {start{"ESTABLISHED", tcp_state::established}, {"FIN-WAIT-1", tcp_state::fin_wait_1}, {"FIN-WAIT-2", tcp_state::fin_wait_2},
                              {"CLOSE-WAIT", tcp_state::close_wait}, {"CLOSING", tcp_state::closing}, {"LAST-ACK", tcp_state::last_ack}, {"TIME-WAIT", tcp_state::time_wait}})
        for (const bool abort : {false, true}) {
            CAPTURE(from.name);
            CAPTURE(abort);
            started s(from);
            CHECK((abort ? s.t.socket.abort() : s.t.socket.close()) == errc::ok);
            // The peer has vanished.
            s.t.pass(3000s);
            for (const auto& p : s.t.take()) CHECK((is_tcp(flags("F.")) || is_tcp(flags("R.")) || is_tcp(flags("."))).problem(p) == "");
            CHECK(s.t.state() == tcp_state::closed);
            CHECK(s.t.host.at<netkit::tcp>()->connections.in_use() == 0);
            CHECK(s.t.host.buffers().in_use() == 0);
        }
}

}  // namespace layers_tcp_corner_closing_tests
