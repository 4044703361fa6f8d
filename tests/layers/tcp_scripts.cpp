// How TCP behaves where all goes well, in scripts that can be read as documentation.

#include <tests/layers/tcp_script.hpp>

namespace layers_tcp_scripts_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_state;

TEST_CASE("a peer connects, asks, is answered, and closes") {
    subject t;
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S."), sequence(0), acknowledgement(1), mss(1460)));
    t.inject(t.peer.ack(1, 1));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    t.inject(t.peer.data(1, 1, "GET /"));
    CHECK(t.read() == "GET /");
    CHECK(t.write("Hello") == 5);
    t.expect(is_tcp(flags("P."), sequence(1), acknowledgement(6), payload("Hello")));
    t.inject(t.peer.fin(6, 6));
    t.expect(is_tcp(flags("."), sequence(6), acknowledgement(7)));
    CHECK(t.read() == "<end of stream>");
    CHECK(t.socket.close() == errc::ok);
    t.expect(is_tcp(flags("F."), sequence(6), acknowledgement(7)));
    t.inject(t.peer.ack(7, 7));
    t.expect_nothing(300s);
    CHECK(t.state() == tcp_state::listen);
}

TEST_CASE("the host connects, and closes first: it waits in TIME-WAIT for a minute") {
    subject t;
    t.connect();
    t.expect(is_tcp(flags("S"), sequence(0), mss(1460), timestamps(), window_at_least(60'000)));
    t.inject(t.peer.syn_ack().mss(1460));
    t.expect(is_tcp(flags("."), sequence(1), acknowledgement(1), timestamps(false)));
    CHECK(t.socket.connected());
    CHECK(t.finish() == errc::ok);
    t.expect(is_tcp(flags("F."), sequence(1), acknowledgement(1)));
    t.inject(t.peer.ack(1, 2));
    CHECK(t.state() == tcp_state::fin_wait_2);
    t.inject(t.peer.fin(1, 2));
    t.expect(is_tcp(flags("."), sequence(2), acknowledgement(2)));
    CHECK(t.state() == tcp_state::time_wait);
    t.expect_nothing(59s);
    t.inject(t.peer.fin(1, 2));
    t.expect(is_tcp(flags("."), sequence(2), acknowledgement(2)));
    t.expect_nothing(59s);
    CHECK(t.state() == tcp_state::time_wait);
    t.expect_nothing(2s);
    CHECK(t.state() == tcp_state::closed);
}

TEST_CASE("both open at once (RFC 9293, figure 7)") {
    subject t;
    t.connect();
    t.expect(is_tcp(flags("S"), sequence(0)));
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S."), sequence(0), acknowledgement(1)));
    CHECK(t.state() == tcp_state::syn_received);
    t.inject(t.peer.syn_ack());
    CHECK(t.state() == tcp_state::established);
    CHECK(t.socket.connected());
    (void)t.take();
}

TEST_CASE("both close at once (RFC 9293, figure 13)") {
    subject t;
    t.establish();
    CHECK(t.finish() == errc::ok);
    t.expect(is_tcp(flags("F."), sequence(1), acknowledgement(1)));
    t.inject(t.peer.fin(1, 1));
    t.expect(is_tcp(flags("."), sequence(2), acknowledgement(2)));
    CHECK(t.state() == tcp_state::closing);
    t.inject(t.peer.ack(2, 2));
    t.expect_nothing();
    CHECK(t.state() == tcp_state::time_wait);
}

TEST_CASE("a SYN is repeated after one second, then two, four, and so on, until it has timed out") {
    subject t;
    t.connect();
    t.expect(is_tcp(flags("S"), sequence(0)));
    for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s}) t.expect(after(wait), is_tcp(flags("S"), sequence(0), mss(1460)));
    t.expect_nothing(200s);
    CHECK(t.state() == tcp_state::closed);
    CHECK(t.socket.take_error() == errc::timed_out);
}

TEST_CASE("nobody listens: connection refused, on either side") {
    subject t;
    t.inject(t.peer.syn());
    t.expect(is_tcp(flags("R."), acknowledgement(1), payload_size(0)));
    t.connect();
    t.expect(is_tcp(flags("S")));
    t.inject(t.peer.segment("R.", 0, 1));
    CHECK(t.socket.take_error() == errc::connection_refused);
}

TEST_CASE("the first full segments are acknowledged one by one, then every second at once, others within 40 milliseconds") {
    subject t;
    t.establish();
    std::uint32_t at = 1;
    const auto next = [&] {
        t.inject(t.peer.segment(".", at, 1).payload_size(1460));
        at += 1460;
    };
    for (int i = 0; i < 16; ++i) {
        next();
        t.expect(is_tcp(flags("."), acknowledgement(at)));
    }
    next();
    t.expect_nothing(39ms);
    t.expect(within(1ms), is_tcp(flags("."), acknowledgement(at)));
    next();
    next();
    t.expect(is_tcp(flags("."), acknowledgement(at)));
    t.expect_nothing(1s);
}

TEST_CASE("ten full segments leave at first; each acknowledgement lets more follow") {
    subject t;
    t.establish();
    CHECK(t.write(60'000) == 60'000);
    for (std::uint32_t i = 0; i < 10; ++i) t.expect(is_tcp(flags("."), sequence(1 + 1460 * i), payload_size(1460)));
    t.expect_nothing(50ms);
    t.inject(t.peer.ack(1, 1 + 2 * 1460));
    for (std::uint32_t i = 10; i < 14; ++i) t.expect(is_tcp(sequence(1 + 1460 * i), payload_size(1460)));
    t.expect_nothing();
}

TEST_CASE("a small segment waits for the acknowledgement of the one before it, unless told not to (Nagle)") {
    subject t;
    t.establish();
    CHECK(t.write("a") == 1);
    t.expect(is_tcp(flags("P."), sequence(1), payload("a")));
    CHECK(t.write("b") == 1);
    CHECK(t.write("c") == 1);
    t.expect_nothing(50ms);
    t.inject(t.peer.ack(1, 2));
    t.expect(is_tcp(flags("P."), sequence(2), payload("bc")));
    auto options = t.socket.options();
    options.no_delay = true;
    t.socket.set_options(options);
    CHECK(t.write("d") == 1);
    t.expect(is_tcp(flags("P."), sequence(4), payload("d")));
}

TEST_CASE("what arrives out of order is kept, and told of at once") {
    subject t;
    t.establish();
    t.inject(t.peer.data(6, 1, "world"));
    t.expect(is_tcp(flags("."), acknowledgement(1)));
    CHECK(t.read().empty());
    t.inject(t.peer.data(1, 1, "hello"));
    t.expect(is_tcp(flags("."), acknowledgement(11)));
    CHECK(t.read() == "helloworld");
}

TEST_CASE("SACK tells what has arrived behind a gap, the latest first") {
    subject t;
    t.establish(t.peer.syn().mss(1460).sack_permitted());
    t.inject(t.peer.data(11, 1, "0123456789"));
    t.expect(is_tcp(flags("."), acknowledgement(1), sack({{11, 21}})));
    t.inject(t.peer.data(31, 1, "0123456789"));
    t.expect(is_tcp(flags("."), acknowledgement(1), sack({{31, 41}, {11, 21}})));
    t.inject(t.peer.data(1, 1, "0123456789"));
    t.expect(is_tcp(flags("."), acknowledgement(21), sack({{31, 41}})));
    t.inject(t.peer.data(21, 1, "0123456789"));
    t.expect(is_tcp(flags("."), acknowledgement(41), sack({})));
}

TEST_CASE("three duplicate acknowledgements have the missing segment sent again at once") {
    subject t;
    t.establish();
    CHECK(t.write(14'600) == 14'600);
    (void)t.take();
    t.inject(t.peer.ack(1, 1));
    t.inject(t.peer.ack(1, 1));
    t.ignore(is_tcp() && !is_tcp(sequence(1)));
    t.inject(t.peer.ack(1, 1));
    t.expect(is_tcp(flags("."), sequence(1), payload_size(1460)));
}

TEST_CASE("a closed window is probed, and opens again") {
    subject t;
    t.establish();
    t.inject(t.peer.ack(1, 1).window(0));
    CHECK(t.write("data") == 4);
    const auto probe = t.expect(within(1s), is_tcp(acknowledgement(1)));
    CHECK(probe.payload.size() <= 1);
    t.inject(t.peer.ack(1, 1).window(0));
    t.expect(within(3s), is_tcp(acknowledgement(1)));
    t.inject(t.peer.ack(1, 1).window(1000));
    t.expect(is_tcp(sequence(1), payload("data")));
}

TEST_CASE("after a retransmission timeout the first segment is sent again, each time after twice the wait") {
    subject t;
    t.establish();
    CHECK(t.write("lost") == 4);
    t.expect(is_tcp(sequence(1), payload("lost")));
    const auto first = t.expect(within(1s), is_tcp(sequence(1), payload("lost")));
    netkit::time_point before = first.when;
    netkit::duration wait{};
    for (int i = 0; i < 5; ++i) {
        const auto again = t.expect(within(60s), is_tcp(sequence(1), payload("lost")));
        if (wait != netkit::duration{}) CHECK(again.when - before == 2 * wait);
        wait = again.when - before;
        before = again.when;
    }
    t.inject(t.peer.ack(1, 5));
    t.expect_nothing(200s);
}

TEST_CASE("closing with data that was not read resets") {
    subject t;
    t.establish();
    t.inject(t.peer.data(1, 1, "unread"));
    CHECK(t.socket.close() == errc::ok);
    t.expect(is_tcp(flags("R."), sequence(1), acknowledgement(7)));
    CHECK(t.state() == tcp_state::listen);
}

TEST_CASE("keep-alive asks a silent peer, and gives up when there is no answer") {
    subject t;
    t.establish();
    auto options = t.socket.options();
    options.keep_alive = true;
    options.keep_alive_idle = netkit::tcp_seconds(10);
    options.keep_alive_interval = netkit::tcp_seconds(5);
    options.keep_alive_count = 2;
    t.socket.set_options(options);
    t.expect(within(10s), is_tcp(flags("."), sequence(0), acknowledgement(1)));
    t.inject(t.peer.ack(1, 1));
    t.expect(after(10s), is_tcp(flags("."), sequence(0)));
    t.expect(after(5s), is_tcp(flags("."), sequence(0)));
    t.expect(after(5s), is_tcp(flags("R.")));
    CHECK(t.read() == "<timed out>");
}

}  // namespace layers_tcp_scripts_tests
