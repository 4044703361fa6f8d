#pragma once

#include <netkit/buffer/shared_packet.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/acknowledgement.hpp>
#include <netkit/protocol/tcp/initial_sequence.hpp>
#include <netkit/protocol/tcp/negotiation.hpp>
#include <netkit/protocol/tcp/output.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

/// What a program asks of a connection: the user calls of RFC 9293 section 3.10.
namespace netkit::tcp_machine {

template <class Host, class Connection>
void begin(Host& host, Connection& c, const tcp_beginnings& beginnings) {
    c.initial_send = beginnings.sequence;
    c.timestamp_offset = beginnings.timestamp_offset;
    c.send_unacknowledged = c.initial_send;
    c.send_next = c.send_highest = c.initial_send + 1u;
    c.attempts = 1;
    c.timing = true;
    c.progress_at = c.last_heard = host.now();
    make_offer(c);
}

/// Active OPEN (section 3.10.1): the SYN leaves. The connection's key, way and options are set.
template <class Host, class Connection>
void open(Host& host, Connection& c, const tcp_beginnings& beginnings) {
    begin(host, c, beginnings);
    c.state = tcp_state::syn_sent;
    send_syn(host, c);
    start_retransmission_timer(host, c);
}

/// Goes on with a handshake that a listener has led without a connection (section 3.10.7.2).
template <class Host, class Connection>
void resume_passive(Host& host, Connection& c, const tcp_beginnings& beginnings, const tcp_led_handshake& led) {
    begin(host, c, beginnings);
    c.passive = true;
    c.state = tcp_state::syn_received;
    accept_again(c, led, host.now());
    c.attempts = led.attempts;
    c.timing = led.attempts == 1;
    c.progress_at = led.answered_at;
}

/// Answers a SYN with a connection of its own, for a host whose listeners keep no handshakes.
template <class Host, class Connection>
void open_passive(Host& host, Connection& c, const tcp_beginnings& beginnings, const tcp_segment& syn) {
    begin(host, c, beginnings);
    c.passive = true;
    c.state = tcp_state::syn_received;
    accept_syn(c, syn, host.now());
    update_send_window(c, syn);
    send_syn(host, c);
    start_retransmission_timer(host, c);
}

/// Whether writing makes sense: ok, or the error to give.
template <class Connection>
errc may_write(const Connection& c) {
    if (c.fin_queued) return errc::shut_down;
    if (may_send(c.state)) return errc::ok;
    if (c.state == tcp_state::syn_sent || c.state == tcp_state::syn_received) return errc::would_block;
    if (c.error != errc::ok) return c.error;
    return c.was_established ? errc::connection_reset : errc::not_connected;
}

/// Nothing could be put behind what is to be sent.
template <class Connection>
NETKIT_COLD void nothing_was_queued(Connection& c) {
    // A chunk may wait to be filled.
    if (c.sending.empty()) c.sending.clear();
    c.rest();
}

/// There is no memory to queue anything.
template <class Connection>
NETKIT_COLD io_result cannot_queue(Connection& c, std::span<const std::span<const std::byte>> buffers) {
    const bool wanted = std::any_of(buffers.begin(), buffers.end(), [](const auto& buffer) { return !buffer.empty(); });
    c.writer_waits = c.writer_waits || wanted;
    return {0, wanted ? errc::no_buffers : errc::ok};
}

/// Segments whose checksums are made here, of bytes that are lent to them, have these added up as they are written.
template <class Connection>
tcp_foreseen_cut foreseen_cut(const Connection& c, std::size_t written) {
    if (!c.way.sums_while_writing || written < c.send_mss) return {};
    return {c.send_mss - c.unsent() % c.send_mss, c.send_mss};
}

/// SEND: copies what there is room for.
template <class Host, class Connection>
NETKIT_HOT io_result send(Host& host, Connection& c, std::span<const std::span<const std::byte>> buffers) {
    const auto can = may_write(c);
    if (can != errc::ok) return {0, can};
    std::size_t done = 0;
    bool wanted = false, out_of_buffers = false;
    if (!c.wake(host.buffers())) [[unlikely]] return cannot_queue(c, buffers);
    for (auto buffer : buffers) {
        wanted = wanted || !buffer.empty();
        const auto n = std::min<std::size_t>(buffer.size(), c.send_room());
        const auto taken = c.sending.append(host.buffers(), buffer.first(n), foreseen_cut(c, n));
        done += taken;
        out_of_buffers = taken < n;
        if (taken < buffer.size()) {
            c.writer_waits = true;
            break;
        }
    }
    if (done != 0) output(host, c);
    else nothing_was_queued(c);
    if (done != 0 || !wanted) return {done, errc::ok};
    return {0, out_of_buffers ? errc::no_buffers : errc::would_block};
}

/// SEND without a copy: all or nothing.
template <class Host, class Connection>
io_result send(Host& host, Connection& c, shared_packet bytes) {
    const auto can = may_write(c);
    if (can != errc::ok) return {0, can};
    const auto n = bytes.size();
    // What is larger than the whole buffer may go when nothing else waits.
    if (n > c.send_room() && !c.sending.empty()) {
        c.writer_waits = true;
        return {0, errc::would_block};
    }
    if (n != 0 && (!c.wake(host.buffers()) || !c.sending.append(host.buffers(), std::move(bytes)))) {
        nothing_was_queued(c);
        return {0, errc::no_buffers};
    }
    output(host, c);
    return {n, errc::ok};
}

/// What RECEIVE says where nothing waits to be read.
template <class Connection>
errc nothing_to_read(const Connection& c) {
    if (c.error != errc::ok && c.state == tcp_state::closed) return c.error;
    if (c.fin_received || c.receive_shut) return errc::end_of_stream;
    if (c.state == tcp_state::closed) return c.was_established ? errc::end_of_stream : errc::not_connected;
    return errc::would_block;
}

/// After reading: whether the peer is to be told of the room, since it may be waiting for it, and there is worth in it (section
/// 3.8.6.2.2). While it may still send two full segments and nearly half of the buffer, it is not.
template <class Connection>
bool is_to_tell_of_room(const Connection& c) {
    const auto offered = c.receive_window();
    const bool may_wait = offered < 2u * c.own_mss || offered <= c.receive_buffer() / 16 * 7;
    if (!may_wait || !may_receive(c.state)) [[likely]] return false;
    const auto room = std::min(c.receive_room(), 65535u << c.receive_scale);
    return room >= 2 * offered && room >= offered + worthwhile_room(c);
}
template <class Host, class Connection>
void bytes_were_read(Host& host, Connection& c) {
    if (is_to_tell_of_room(c)) send_acknowledgement(host, c);
}

/// RECEIVE: copies what has arrived. Afterwards it may be time to tell of the room: see is_to_tell_of_room.
template <class Connection>
io_result read(Connection& c, std::span<const std::span<std::byte>> buffers, bool peek) {
    if (c.receiving.empty()) {
        std::size_t wanted = 0;
        for (const auto& b : buffers) wanted += b.size();
        if (wanted == 0 && c.error == errc::ok) return {};
        return {0, nothing_to_read(c)};
    }
    return {c.receiving.read(buffers, peek), errc::ok};
}
template <class Host, class Connection>
io_result receive(Host& host, Connection& c, std::span<const std::span<std::byte>> buffers, bool peek) {
    const auto result = read(c, buffers, peek);
    if (!peek && result.bytes != 0) bytes_were_read(host, c);
    return result;
}

/// RECEIVE without a copy.
template <class Connection>
io_result read(Connection& c, shared_packet& bytes, std::size_t most) {
    if (c.receiving.empty()) return {0, nothing_to_read(c)};
    bytes = c.receiving.take(most);
    if (!bytes) return {0, most == 0 ? errc::ok : errc::no_buffers};
    return {bytes.size(), errc::ok};
}
template <class Host, class Connection>
io_result receive(Host& host, Connection& c, shared_packet& bytes, std::size_t most) {
    const auto result = read(c, bytes, most);
    if (result.bytes != 0) bytes_were_read(host, c);
    return result;
}

/// CLOSE of the sending direction: a FIN behind all that was written.
template <class Host, class Connection>
void finish_sending(Host& host, Connection& c) {
    if (c.fin_queued) return;
    switch (c.state) {
    case tcp_state::syn_received: c.fin_queued = true; return;
    case tcp_state::established: c.state = tcp_state::fin_wait_1; break;
    case tcp_state::close_wait: c.state = tcp_state::last_ack; break;
    default: return;
    }
    c.fin_queued = true;
    output(host, c);
}

/// The program reads no more; what has arrived is thrown away, and what arrives will be.
template <class Host, class Connection>
void finish_receiving(Host& host, Connection& c) {
    c.receive_shut = true;
    if (c.receiving.empty()) return;
    c.receiving.clear();
    bytes_were_read(host, c);
}

/// CLOSE of a connection that the program gives up (sections 3.6.1 and 3.10.4). It goes on by itself until it is closed.
template <class Host, class Connection>
void close(Host& host, Connection& c) {
    c.orphan = true;
    const bool at_once = c.options->linger && c.options->linger_time.count() == 0;
    const bool unread = !c.receiving.empty();
    c.receiving.clear();
    if (c.state == tcp_state::closed || c.state == tcp_state::time_wait) return;
    if (c.state == tcp_state::syn_sent) return end(c, errc::ok);
    if (at_once || unread) return abort(host, c, errc::connection_aborted);
    finish_sending(host, c);
    c.life_at = time_point::max();
    if (c.state == tcp_state::fin_wait_2) c.life_at = host.now() + tcp_timing::fin_wait_2;
    if (c.options->linger) c.life_at = host.now() + c.options->linger_time;
    if (c.life_at != time_point::max()) schedule(host, c);
}

/// Options were changed while it is open.
template <class Host, class Connection>
void options_changed(Host& host, Connection& c, const tcp_shared_options& options) {
    const bool kept_alive = c.options->keep_alive;
    if (c.options->hop_limit != options->hop_limit) c.way.generation = 0;  // the way is asked for anew
    c.options = options;
    choose_buffers(c);
    if (!is_synchronized(c.state)) return;
    choose_send_mss(c);
    if (!c.orphan && options->keep_alive != kept_alive) c.life_at = options->keep_alive ? host.now() + options->keep_alive_idle : time_point::max();
    if (c.life_at != time_point::max()) schedule(host, c);
    if (c.unsent() != 0) output(host, c);
    if (options->quick_ack && c.unacknowledged_bytes != 0) send_acknowledgement(host, c);
    bytes_were_read(host, c);
}

}  // namespace netkit::tcp_machine
