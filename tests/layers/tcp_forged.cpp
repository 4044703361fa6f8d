// What somebody who is not on the path, or a peer that means harm, may send, and what must not come of it.

#include <tests/layers/tcp_states.hpp>

#include <string>

namespace layers_tcp_forged_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_state;

TEST_CASE("a segment whose acknowledgement cannot be the peer's leaves no trace: neither its timestamp nor that something was heard") {
    subject t;
    t.socket_options.keep_alive = true;
    t.socket_options.keep_alive_idle = netkit::tcp_seconds(10);
    t.socket_options.keep_alive_interval = netkit::tcp_seconds(5);
    t.socket_options.keep_alive_count = 3;
    t.listen();
    t.inject(t.peer.syn().mss(1460).timestamps(1000, 0));
    t.expect(is_tcp(flags("S.")));
    t.inject(t.peer.ack(1, 1).timestamps(1001, 0));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    t.inject(t.peer.segment(".", 1, 1u << 30).payload_size(1400).timestamps(0x70000000, 0));
    (void)t.take();
    t.inject(t.peer.data(1, 1, "hello").timestamps(1002, 0));
    (void)t.take();
    CHECK(t.read() == "hello");
    // Nobody there but the forger: three probes, and it is over.
    for (int i = 0; i < 30 && t.state() == tcp_state::established; ++i) {
        t.pass(1s);
        (void)t.take();
        t.inject(t.peer.segment(".", 6, 1u << 30).payload_size(10).timestamps(1003, 0));
        (void)t.take();
    }
    CHECK(t.state() == tcp_state::listen);
    CHECK(t.socket.take_error() == errc::timed_out);
}

TEST_CASE("a peer that opens its window and takes nothing, again and again, gains no time") {
    for (const bool orphan : {true, false}) {
        CAPTURE(orphan);
        subject t;
        if (!orphan) t.socket_options.user_timeout = netkit::tcp_milliseconds(60'000);
        t.establish();
        CHECK(t.write(100'000) == 100'000);
        (void)t.take();
        t.inject(t.peer.ack(1, 2921).window(0));
        (void)t.take();
        if (orphan) (void)t.socket.close();
        const auto start = t.elapsed();
        for (unsigned window = 1; t.elapsed() - start < 2h && t.state() != tcp_state::listen; window ^= 1) {
            t.pass(500ms);
            if (t.take().empty()) continue;
            t.inject(t.peer.ack(1, 2921).window(window));
            (void)t.take();
        }
        CHECK(t.state() == tcp_state::listen);
        if (!orphan) CHECK(t.elapsed() - start < 80s);
    }
}

TEST_CASE("a user timeout ends on time, whatever the timer waited for") {
    for (const bool closed_window : {false, true}) {
        CAPTURE(closed_window);
        subject t;
        t.socket_options.user_timeout = netkit::tcp_milliseconds(60'000);
        t.establish();
        if (closed_window) t.inject(t.peer.ack(1, 1).window(0));
        CHECK(t.write(1000) == 1000);
        const auto start = t.elapsed();
        while (t.state() == tcp_state::established && t.elapsed() - start < 200s) {
            t.pass(100ms);
            (void)t.take();
        }
        CHECK(t.elapsed() - start >= 60s);
        CHECK(t.elapsed() - start <= 61s);
    }
}

TEST_CASE("a reset counts at a closed window as well, whatever it carries") {
    subject t;
    t.socket_options.receive_buffer = 1000;
    t.establish();
    t.inject(t.peer.segment(".", 1, 1).payload_size(1000));
    t.expect(within(1s), is_tcp(acknowledgement(1001), window(0)));
    t.inject(t.peer.segment("R", 1000).payload_size(10));
    CHECK(t.state() == tcp_state::established);
    (void)t.take();
    t.inject(t.peer.segment("R", 1001).payload_size(10));
    CHECK(t.state() == tcp_state::listen);
}

TEST_CASE("a FIN in front of data that is already here: behind it there is nothing") {
    subject t;
    t.establish();
    t.inject(t.peer.segment(".", 101, 1).payload_size(100));
    t.expect(is_tcp(acknowledgement(1)));
    t.inject(t.peer.fin(51, 1));
    (void)t.take();
    t.inject(t.peer.segment(".", 1, 1).payload_size(100));
    t.expect(is_tcp(acknowledgement(52)));
    CHECK(t.read() == std::string(50, 'x') + "<end of stream>");
    CHECK(t.state() == tcp_state::close_wait);
}

TEST_CASE("a SYN for a connection in TIME-WAIT waits where only a cookie could answer it") {
    subject t;
    t.establish();
    REQUIRE(t.finish() == errc::ok);
    t.expect(is_tcp(flags("F."), sequence(1)));
    t.inject(t.peer.fin(1, 2));
    t.expect(is_tcp(flags("."), acknowledgement(2)));
    (void)t.socket.close();
    REQUIRE(t.state() == tcp_state::time_wait);
    auto stranger = [&](std::uint16_t port) { return t.tcp({subject::peer_address, port}, {subject::own_address, subject::own_port}, 1); };
    for (std::uint16_t port = 5000; port < 5064; ++port) {
        t.inject(stranger(port).syn());
        (void)t.take();
    }
    t.inject(t.peer.segment("S", 1'000'000).mss(1460));
    CHECK(t.take().empty());
    CHECK(t.state() == tcp_state::time_wait);
}

}  // namespace layers_tcp_forged_tests
