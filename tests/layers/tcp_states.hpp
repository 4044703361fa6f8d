#pragma once

#include <tests/layers/tcp_model.hpp>
#include <tests/layers/tcp_script.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace netkit::tcp_script {

/// How a connection comes to the state from which a row of the matrix starts.
struct start {
    std::string_view name;
    tcp_state state;
    bool passive = true;
    bool listener_stays = false;
};

/// A host brought to a state, with data of its own under way where the state allows it, and what a model needs to know of it.
struct started {
    static constexpr unsigned peer_window = 5000;
    static constexpr std::uint32_t data = 100;

    subject t;
    tcp_model::block block;
    duration round_trip = 100ms;  // so that no timer of ours interferes

    explicit started(const start& from)
        : t({.mtu = 9000, .socket = {.receive_buffer = 4000}}) {
        block.state = from.state;
        block.passive = from.passive;
        block.largest_window = peer_window;
        const auto wanted = from.state;
        if (wanted == tcp_state::closed) return;
        if (from.passive) t.listen();
        if (wanted == tcp_state::listen) return;
        if (from.passive) open_passively();
        else open_actively();
        if (wanted == tcp_state::syn_sent || wanted == tcp_state::syn_received) return;
        complete();
        go_on(wanted);
        if (from.listener_stays) block.listener = true;
        else CHECK(t.listener.close() == (from.passive ? errc::ok : errc::bad_descriptor));
        REQUIRE(t.state() == wanted);
    }

private:
    /// What the host says of itself in a segment that it sent.
    void note(const seen_packet& p) {
        block.rcv_nxt = p.acknowledgement();
        block.rcv_wnd = p.tcp->window;
        block.nxt = p.sequence() + static_cast<std::uint32_t>(p.payload.size()) + p.tcp->has(tcp_flags::syn) + p.tcp->has(tcp_flags::fin);
    }
    void open_passively() {
        t.inject(t.peer.syn().mss(8000).window(peer_window));
        note(t.expect(is_tcp(flags("S."))));
    }
    void open_actively() {
        t.connect();
        t.expect(is_tcp(flags("S")));
        block.nxt = 1;
        if (block.state == tcp_state::syn_sent) return;
        t.inject(t.peer.syn().mss(8000).window(peer_window));
        note(t.expect(is_tcp(flags("S."))));
    }
    void complete() {
        t.pass(round_trip);
        t.inject(t.peer.ack(1, 1).window(peer_window));
        REQUIRE(t.listener.accept(t.socket) == errc::ok);
        block.una = block.nxt = 1;
        if (block.state == tcp_state::fin_wait_2 || block.state == tcp_state::time_wait) return;
        REQUIRE(t.write(data) == data);
        note(t.expect(is_tcp(sequence(1), payload_size(data))));
    }
    void close_ours() {
        REQUIRE(t.finish() == errc::ok);
        note(t.expect(is_tcp(flags("F."))));
    }
    void close_theirs() {
        t.inject(t.peer.fin(1, static_cast<std::uint32_t>(block.una)).window(peer_window));
        note(t.expect(is_tcp(flags("."), acknowledgement(2))));
    }
    void go_on(tcp_state wanted) {
        switch (wanted) {
        case tcp_state::fin_wait_1: return close_ours();
        case tcp_state::fin_wait_2:
        case tcp_state::time_wait:
            close_ours();
            t.inject(t.peer.ack(1, 2).window(peer_window));
            block.una = 2;
            if (wanted == tcp_state::time_wait) close_theirs();
            return;
        case tcp_state::close_wait: return close_theirs();
        case tcp_state::closing:
            close_ours();
            return close_theirs();
        case tcp_state::last_ack:
            close_theirs();
            return close_ours();
        default: return;
        }
    }
};

}  // namespace netkit::tcp_script
