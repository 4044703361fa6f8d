// Handshakes that do not go as planned, and what is negotiated in them.

#include <tests/layers/tcp_states.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace layers_tcp_corner_opening_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_state;

TEST_CASE("the ACK that completes a handshake is lost: SYN and ACK come again until it is heard") {
    subject t;
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S."), sequence(0), acknowledgement(1)));
    t.expect(after(1s), is_tcp(flags("S."), sequence(0), acknowledgement(1), mss(1460)));
    t.expect(after(2s), is_tcp(flags("S."), sequence(0), acknowledgement(1)));
    CHECK(t.listener.accept(t.socket) == errc::would_block);
    t.inject(t.peer.ack(1, 1));
    t.expect_nothing(10s);
    CHECK(t.listener.accept(t.socket) == errc::ok);
}

TEST_CASE("the ACK that completes a handshake is lost, but what follows it says the same") {
    for (const std::string_view what : {"data", "FIN"}) {
        CAPTURE(what);
        subject t;
        t.listen();
        t.inject(t.peer.syn().mss(1460));
        t.expect(is_tcp(flags("S.")));
        if (what == "data") t.inject(t.peer.data(1, 1, "hello"));
        else t.inject(t.peer.fin(1, 1));
        t.expect(within(40ms), is_tcp(flags("."), sequence(1), acknowledgement(what == "data" ? 6 : 2)));
        REQUIRE(t.listener.accept(t.socket) == errc::ok);
        CHECK(t.read() == (what == "data" ? "hello" : "<end of stream>"));
    }
}

TEST_CASE("the ACK that completes a handshake comes several times: it changes nothing") {
    subject t;
    t.establish();
    for (int i = 0; i < 3; ++i) t.inject(t.peer.ack(1, 1));
    t.expect_nothing(10s);
    netkit::tcp_socket second;
    CHECK(t.listener.accept(second) == errc::would_block);
    CHECK(t.state() == tcp_state::established);
}

TEST_CASE("SYN and ACK, again: the peer's last ACK was lost, and is repeated") {
    subject t;
    t.connect();
    t.expect(is_tcp(flags("S"), sequence(0)));
    t.inject(t.peer.syn_ack().mss(1460));
    t.expect(is_tcp(flags("."), sequence(1), acknowledgement(1)));
    t.inject(t.peer.syn_ack().mss(1460));
    t.expect(is_tcp(flags("."), sequence(1), acknowledgement(1)));
    CHECK(t.socket.connected());
}

TEST_CASE("the SYN comes again: it is answered again, and begins nothing new") {
    subject t;
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S."), sequence(0), acknowledgement(1)));
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S."), sequence(0), acknowledgement(1)));
    t.inject(t.peer.ack(1, 1));
    t.expect_nothing();
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    netkit::tcp_socket second;
    CHECK(t.listener.accept(second) == errc::would_block);
}

TEST_CASE("a reset in SYN-RECEIVED: back to LISTEN, silently, and the next SYN is answered") {
    subject t;
    t.listen();
    for (const std::string_view kind : {"R", "R."}) {
        CAPTURE(kind);
        t.inject(t.peer.syn().mss(1460));
        t.expect(is_tcp(flags("S.")));
        t.inject(t.peer.segment(kind, 1, 1));
        t.expect_nothing(100s);
        CHECK(t.state() == tcp_state::listen);
        CHECK(t.listener.accept(t.socket) == errc::would_block);
    }
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S.")));
    t.inject(t.peer.ack(1, 1));
    CHECK(t.listener.accept(t.socket) == errc::ok);
}

TEST_CASE("a reset after the handshake, before the program accepts: the program finds a connection that was reset") {
    subject t;
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S.")));
    t.inject(t.peer.ack(1, 1));
    t.inject(t.peer.rst(1));
    t.expect_nothing();
    if (t.listener.accept(t.socket) == errc::ok) CHECK(t.read() == "<connection reset by peer>");
    CHECK(t.state() == tcp_state::listen);
}

TEST_CASE("a reset in SYN-RECEIVED where both opened: connection refused") {
    subject t;
    t.connect();
    t.expect(is_tcp(flags("S")));
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S.")));
    t.inject(t.peer.rst(1));
    t.expect_nothing();
    CHECK(t.socket.take_error() == errc::connection_refused);
}

TEST_CASE("a listener closed before the handshake completes: nothing is left, and the peer is told when it speaks") {
    subject t;
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S.")));
    CHECK(t.listener.close() == errc::ok);
    t.expect_nothing(100s);
    CHECK(t.state() == tcp_state::closed);
    t.inject(t.peer.ack(1, 1));
    t.expect(is_tcp(flags("R"), sequence(1)));
}

TEST_CASE("a listener closed after the handshake, before the program accepts: reset") {
    subject t;
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S.")));
    t.inject(t.peer.ack(1, 1));
    t.inject(t.peer.data(1, 1, "hello"));
    t.expect(within(40ms), is_tcp(flags("."), acknowledgement(6)));
    CHECK(t.listener.close() == errc::ok);
    t.expect(is_tcp(flags("R."), sequence(1), acknowledgement(6)));
    t.expect_nothing(100s);
    CHECK(t.host.at<netkit::tcp>()->connections.in_use() == 0);
}

TEST_CASE("the backlog is full: the ACK is as good as lost, and heard once there is room") {
    subject t;
    t.listen(1);
    auto other = t.tcp({subject::peer_address, 4001}, {subject::own_address, subject::own_port}, 77);
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S.")));
    t.inject(other.syn().mss(1460));
    t.expect(is_tcp(flags("S."), to_port(4001)));
    t.inject(t.peer.ack(1, 1));
    t.inject(other.ack(1, 1));
    t.expect(within(1s), is_tcp(flags("S."), to_port(4001)));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    t.inject(other.ack(1, 1));
    t.expect_nothing(10s);
    netkit::tcp_socket second;
    CHECK(t.listener.accept(second) == errc::ok);
}

TEST_CASE("no reset is answered with a reset, or with anything, whatever it says") {
    const start starts[] = {{"CLOSED", tcp_state::closed, false},      {"LISTEN", tcp_state::listen},           {"SYN-SENT", tcp_state::syn_sent, false},
                            {"SYN-RECEIVED", tcp_state::syn_received}, {"ESTABLISHED", tcp_state::established}, {"FIN-WAIT-1", tcp_state::fin_wait_1},
                            {"FIN-WAIT-2", tcp_state::fin_wait_2},     {"CLOSE-WAIT", tcp_state::close_wait},   {"CLOSING", tcp_state::closing},
                            {"LAST-ACK", tcp_state::last_ack},         {"TIME-WAIT", tcp_state::time_wait}};
    for (const auto& from : starts)
        for (const std::string_view kind : {"R", "R.", "RS", "RF.", "RS.", "RP.", "RSF.UP"})
            for (const std::uint32_t sequence : {0u, 1u, 2u, 3u, 500u, 100'000u, 0x8000'0000u})
                for (const std::uint32_t acknowledgement : {0u, 1u, 2u, 102u, 5000u}) {
                    CAPTURE(from.name);
                    CAPTURE(kind);
                    CAPTURE(sequence);
                    CAPTURE(acknowledgement);
                    started s(from);
                    s.t.inject(s.t.peer.segment(kind, sequence, acknowledgement).payload_size(sequence % 2 ? 3 : 0));
                    const auto sent = s.t.take();
                    CHECK(sent.size() <= 1);
                    // RFC 5961's challenge is no reset.
                    for (const auto& p : sent) CHECK(is_tcp(flags(".")).problem(p) == "");
                    (void)s.t.socket.abort();
                    (void)s.t.listener.abort();
                    (void)s.t.take();
                }
}

TEST_CASE("the MSS that the peer announces is kept to, and cannot make segments tiny: 1460, 536, 48; 0 says nothing") {
    const struct {
        int announced;
        std::size_t segment;
    } cases[] = {{1460, 1460}, {536, 536}, {1461, 1460}, {9000, 1460}, {89, 89}, {48, 88}, {1, 88}, {0, 536}, {-1, 536}};
    for (const auto& [announced, segment] : cases)
        for (const bool passive : {true, false}) {
            CAPTURE(announced);
            CAPTURE(passive);
            subject t;
            auto syn = passive ? t.peer.syn() : t.peer.syn_ack();
            if (announced >= 0) syn.mss(static_cast<unsigned>(announced));
            if (passive) {
                t.establish(syn);
            } else {
                t.connect();
                t.expect(is_tcp(flags("S")));
                t.pass(100ms);
                t.inject(syn);
                t.expect(is_tcp(flags(".")));
            }
            CHECK(t.write(5 * segment + 10) == 5 * segment + 10);
            for (std::uint32_t i = 0; i < 5; ++i) t.expect(is_tcp(sequence(static_cast<std::uint32_t>(1 + i * segment)), payload_size(segment)));
            const auto end = static_cast<std::uint32_t>(1 + 5 * segment);
            // The rest is small, and Nagle holds it back.
            t.inject(t.peer.ack(1, end));
            t.expect(is_tcp(sequence(end), payload_size(10)));
            t.inject(t.peer.ack(1, end + 10));
            t.expect_nothing(1s);
        }
}

TEST_CASE("with timestamps their option comes off the MSS, and off no floor") {
    for (const unsigned announced : {1460u, 536u, 48u, 0u}) {
        CAPTURE(announced);
        subject t;
        t.listen();
        t.inject(t.peer.syn().mss(announced).timestamps(1000, 0));
        const auto answer = t.expect(is_tcp(flags("S."), timestamps(), echoes(1000)));
        t.pass(100ms);
        t.inject(t.peer.ack(1, 1).timestamps(1100, answer.options.ts_value));
        REQUIRE(t.listener.accept(t.socket) == errc::ok);
        CHECK(t.write(3000) == 3000);
        t.expect(is_tcp(sequence(1), payload_size((announced == 0 ? 536 : std::max(announced, 88u)) - 12), timestamps()));
        (void)t.take();
    }
}

TEST_CASE("an MTU that leaves no room for the peer's MSS decides") {
    subject t({.mtu = 296});
    t.listen();
    t.inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S."), mss(256)));
    t.inject(t.peer.ack(1, 1));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    CHECK(t.write(300) == 300);
    t.expect(is_ipv4(packet_size(296)) && is_tcp(payload_size(256)));
}

TEST_CASE("what a listener has agreed on stays, whatever its options become before the handshake is complete") {
    subject t;
    t.socket_options.ecn = netkit::tcp_ecn::answer;
    t.socket_options.most_receive_buffer = 1 << 20;
    t.listen();
    t.inject(t.peer.segment("SEW", 0).mss(1460).timestamps(100, 0).window_scale(3).sack_permitted());
    const auto agreed = is_tcp(flags("S.E"), mss(1460), timestamps(), echoes(100), window_scale(5), sack_permitted());
    t.expect(agreed);
    netkit::tcp_socket_options other;
    other.timestamps = other.window_scaling = other.selective_acknowledgements = false;
    other.ecn = netkit::tcp_ecn::off;
    other.receive_buffer = 5000;
    t.listener.set_options(other);
    t.expect(after(1s), agreed);
    t.inject(t.peer.ack(1, 1).timestamps(101, 0));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    const auto info = t.socket.info();
    CHECK(info.timestamps);
    CHECK(info.window_scaling);
    CHECK(info.selective_acknowledgements);
    CHECK(info.ecn);
    CHECK(info.send_scale == 3);
    CHECK(info.receive_scale == 5);
    t.inject(t.peer.data(1, 1, "hello").timestamps(102, 0));
    t.expect(within(40ms), is_tcp(flags("."), acknowledgement(6), timestamps(), echoes(102)));

    // Nor does what was not agreed on come into being.
    subject u;
    u.socket_options = other;
    u.listen();
    u.inject(u.peer.segment("SEW", 0).mss(1460).timestamps(100, 0).window_scale(3).sack_permitted());
    const auto plain = is_tcp(flags("S."), timestamps(false), sack_permitted(false));
    CHECK(!has(u.expect(plain).tcp->flags(), netkit::tcp_flags::ece));
    u.listener.set_options({});
    u.expect(after(1s), plain);
    u.inject(u.peer.ack(1, 1));
    REQUIRE(u.listener.accept(u.socket) == errc::ok);
    CHECK(!u.socket.info().timestamps);
    CHECK(!u.socket.info().window_scaling);
    CHECK(!u.socket.info().selective_acknowledgements);
    CHECK(!u.socket.info().ecn);
}

TEST_CASE("the program chooses how routers treat a connection's packets, from the first on, and while it lasts") {
    const auto treated = [](unsigned a_class, unsigned a_limit) { return is_ipv4(traffic_class(a_class), hop_limit(a_limit)); };
    for (const bool passive : {true, false}) {
        CAPTURE(passive);
        subject t;
        t.socket_options.traffic_class = 0xbb;  // the lower two bits are not the program's
        t.socket_options.hop_limit = 7;
        if (passive) {
            t.listen();
            t.inject(t.peer.syn().mss(1460));
            t.expect(is_tcp(flags("S.")) && treated(0xb8, 7));
            t.inject(t.peer.ack(1, 1));
            REQUIRE(t.listener.accept(t.socket) == errc::ok);
        } else {
            t.connect();
            t.expect(is_tcp(flags("S")) && treated(0xb8, 7));
            t.inject(t.peer.syn_ack().mss(1460));
            t.expect(is_tcp(flags(".")) && treated(0xb8, 7));
        }
        CHECK(t.write(100) == 100);
        t.expect(is_tcp(sequence(1)) && treated(0xb8, 7));
        t.inject(t.peer.ack(1, 101));
        t.socket.set_options({});
        CHECK(t.write(100) == 100);
        t.expect(is_tcp(sequence(101)) && treated(0, 64));
    }
}

}  // namespace layers_tcp_corner_opening_tests
