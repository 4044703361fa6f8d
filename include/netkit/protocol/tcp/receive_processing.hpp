#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/acknowledgement.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delayed_acknowledgement.hpp>
#include <netkit/protocol/tcp/ecn.hpp>
#include <netkit/protocol/tcp/negotiation.hpp>
#include <netkit/protocol/tcp/output.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/text.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <cstdint>
#include <utility>

/// What a connection does with a segment that arrives: RFC 9293 section 3.10.7, as RFC 5961 and RFC 7323 amend it. Each segment
/// is delivered or dropped, once.
namespace netkit::tcp_machine {

/// The handshake is complete.
template <class Host, class Connection>
void established(Host& host, Connection& c) {
    c.state = tcp_state::established;
    c.was_established = true;
    if (c.attempts > 1) c.rtt.handshake_was_slow();
    c.attempts = 0;
    c.congestion.start(c.send_mss, host.now());
    c.timing = false;
    c.events.changed = c.events.writable = true;
    c.waiting = tcp_waiting::nothing;
    c.transmit_at = time_point::max();
    c.last_heard = c.progress_at = host.now();
    if (c.options->keep_alive) c.life_at = host.now() + c.options->keep_alive_idle;
    if (c.life_at != time_point::max()) schedule(host, c);
}

/// SYN-SENT (section 3.10.7.3).
template <class Host, class Connection>
NETKIT_COLD void receive_in_syn_sent(Host& host, Connection& c, const tcp_segment& s, packet p) {
    const bool acknowledges = s.has(tcp_flags::ack);
    if (acknowledges && s.acknowledgement != c.initial_send + 1u) {
        if (!s.has(tcp_flags::rst)) host.refuse(c, s);
        return host.drop(std::move(p), drop_reason::bad_acknowledgement);
    }
    if (s.has(tcp_flags::rst)) {
        if (!acknowledges) return host.drop(std::move(p), drop_reason::bad_state);
        end(c, errc::connection_refused);
        return host.deliver(p);
    }
    if (!s.has(tcp_flags::syn)) return host.drop(std::move(p), drop_reason::bad_state);

    accept_syn(c, s, host.now());
    if (acknowledges) {
        if (c.timing) c.rtt.sample(host.now() - c.progress_at);
        c.send_unacknowledged = c.send_next = c.send_highest = s.acknowledgement;
        established(host, c);
        update_send_window(c, s);
        c.acknowledge_now = true;
    } else {
        // Both opened at once.
        c.state = tcp_state::syn_received;
        update_send_window(c, s);
        send_syn(host, c);
        start_retransmission_timer(host, c);
    }
    host.deliver(p);
    // Data with a SYN is the peer's to send again: it was not acknowledged.
    respond(host, c);
}

/// PAWS (RFC 7323 section 5.3): a segment older than the last in order, or without the timestamp that was agreed on.
template <class Host, class Connection>
bool is_old_duplicate(Host& host, const Connection& c, const tcp_segment& s) {
    if (!c.timestamps || s.has(tcp_flags::rst)) return false;
    if (!s.options.has_timestamps) return true;
    const auto behind = static_cast<std::int32_t>(s.options.ts_value - c.recent_timestamp);
    return behind < 0 && host.now() - c.timestamp_at < tcp_timing::timestamp_life;
}

/// Section 3.10.7.4, first: whether any of the segment lies in the window.
template <class Connection>
bool is_acceptable(const Connection& c, const tcp_segment& s) {
    const auto window = c.receive_window();
    const auto length = s.length();
    if (length == 0) return window == 0 ? s.sequence == c.receive_next : s.sequence.in(c.receive_next, window);
    if (window == 0) return false;
    return s.end() > c.receive_next && s.sequence < c.receive_edge;
}

/// A segment outside the window: the peer is told where we are.
template <class Host, class Connection>
NETKIT_COLD void receive_unacceptable(Host& host, Connection& c, const tcp_segment& s, packet p, drop_reason why) {
    if (!s.has(tcp_flags::rst)) {
        if (c.state == tcp_state::syn_received && s.has(tcp_flags::syn) && s.sequence == c.initial_receive) {
            // The peer did not hear our SYN and ACK, or not that we agree to ECN, and no longer asks for it.
            c.ecn = c.ecn && asks_for_ecn(s);
            if (c.challenges.allow(host.now())) send_syn(host, c);
        } else if (s.size != 0 || s.has(tcp_flags::fin)) {
            if (s.sequence < c.receive_next) came_twice(c, {s.sequence, min(s.sequence + s.size, c.receive_next)});
            send_acknowledgement(host, c);
        } else {
            challenge(host, c);
        }
    }
    host.drop(std::move(p), why);
}

/// RST (second): only exactly where we are; elsewhere in the window it may be forged (RFC 5961 section 3).
template <class Host, class Connection>
NETKIT_COLD void receive_reset(Host& host, Connection& c, const tcp_segment& s, packet p) {
    if (s.sequence != c.receive_next) {
        challenge(host, c);
        return host.drop(std::move(p), drop_reason::out_of_window);
    }
    host.deliver(p);
    switch (c.state) {
    case tcp_state::syn_received: return end(c, errc::connection_refused);
    case tcp_state::closing:
    case tcp_state::last_ack: return end(c, errc::ok);
    default: return end(c, errc::connection_reset);
    }
}

/// SYN-RECEIVED: the ACK that completes the handshake (fifth). False where the segment went no further.
template <class Host, class Connection>
NETKIT_COLD bool complete_handshake(Host& host, Connection& c, const tcp_segment& s, packet& p) {
    if (s.acknowledgement != c.initial_send + 1u) {
        host.refuse(c, s);
        host.drop(std::move(p), drop_reason::bad_acknowledgement);
        return false;
    }
    if (c.passive && !host.admit(c)) {
        // The listener's queue is full: as if the ACK had been lost. The peer hears our SYN and ACK again.
        host.drop(std::move(p), drop_reason::backlog_full);
        return false;
    }
    if (c.timing && c.attempts <= 1) c.rtt.sample(host.now() - c.progress_at);
    c.send_unacknowledged = c.send_next = c.send_highest = s.acknowledgement;
    const bool closed = c.fin_queued;
    established(host, c);
    if (closed) c.state = tcp_state::fin_wait_1;
    update_send_window(c, s);
    return true;
}

/// What our own FIN's acknowledgement changes (fifth).
template <class Host, class Connection>
NETKIT_COLD void fin_was_acknowledged(Host& host, Connection& c) {
    switch (c.state) {
    case tcp_state::fin_wait_1:
        c.state = tcp_state::fin_wait_2;
        if (c.orphan) {
            c.life_at = host.now() + tcp_timing::fin_wait_2;
            schedule(host, c);
        }
        break;
    case tcp_state::closing: c.state = tcp_state::time_wait; break;
    case tcp_state::last_ack: end(c, errc::ok); break;
    default: break;
    }
}

/// Payload and FIN, cut to the window (section 3.10.7.4, "segments with higher beginning sequence numbers ...").
template <class Host, class Connection>
NETKIT_HOT void receive_text(Host& host, Connection& c, packet p, sequence_number first, bool fin) {
    if (!may_receive(c.state)) {
        // Behind the peer's FIN there is nothing.
        host.drop(std::move(p), drop_reason::bad_state);
        return;
    }
    if (c.orphan && p.size() != 0 && first + static_cast<std::uint32_t>(p.size()) > c.receive_next) [[unlikely]] {
        // No one will ever read it: the peer must know (RFC 9293 section 3.6.1).
        abort(host, c, errc::connection_aborted);
        return host.deliver(p);
    }
    host.deliver(p);
    if (first < c.receive_next) [[unlikely]] {
        const auto known = c.receive_next - first;
        c.acknowledge_now = true;
        came_twice(c, {first, min(first + static_cast<std::uint32_t>(p.size()), c.receive_next)});
        if (known >= p.size()) p.trim(0);
        else if (!tcp_reassembly::cut_front(p, known)) return;
        first = c.receive_next;
    }
    const auto room = c.receive_edge - first;
    if (p.size() > room) [[unlikely]] {
        p.trim(room);
        fin = false;
        c.acknowledge_now = true;
    }
    if (c.fin_known) [[unlikely]] {
        const auto before_fin = c.fin_sequence < first ? 0 : c.fin_sequence - first;
        if (p.size() > before_fin) p.trim(before_fin);
    }
    if (fin && !c.fin_known) {
        c.fin_known = true;
        c.fin_sequence = first + static_cast<std::uint32_t>(p.size());
        // What is behind it does not exist.
        if (c.reassembly.reaches_beyond(c.fin_sequence)) [[unlikely]] give_up_out_of_order(c);
    }
    if (p.size() != 0) process_text(host, c, std::move(p), first);
    if (c.fin_known) [[unlikely]] {
        if (fin) c.acknowledge_now = true;
        process_fin(host, c);
    }
}

/// Whether a segment in a synchronized state passes all checks up to its acknowledgement, as nearly each does ("header prediction"): it
/// begins where we are, its timestamp is no older than the last, and it has neither SYN nor RST.
template <class Connection>
NETKIT_HOT bool is_expected(const Connection& c, const tcp_segment& s) {
    if (s.sequence != c.receive_next || (s.flags & (tcp_flags::syn | tcp_flags::rst | tcp_flags::ack)) != tcp_flags::ack) return false;
    if (c.timestamps && (!s.options.has_timestamps || static_cast<std::int32_t>(s.options.ts_value - c.recent_timestamp) < 0)) return false;
    return is_synchronized(c.state) && (c.receive_window() != 0 || s.length() == 0);
}

/// The checks one by one (section 3.10.7.4, first to fourth), for a segment that is not what was expected; ends a handshake. False where the
/// segment goes no further. `sequence` and `flags` are what counts of it.
template <class Host, class Connection>
NETKIT_COLD bool examine(Host& host, Connection& c, const tcp_segment& s, packet& p, sequence_number& sequence, tcp_flags& flags) {
    if (c.state == tcp_state::syn_received && has(flags, tcp_flags::syn) && has(flags, tcp_flags::ack) && sequence == c.initial_receive &&
        s.acknowledgement == c.initial_send + 1u) {
        // Both opened at once, and the peer's ACK comes with its SYN again.
        ++sequence;
        flags &= ~tcp_flags::syn;
        c.acknowledge_now = true;
    } else {
        if (is_old_duplicate(host, c, s)) {
            receive_unacceptable(host, c, s, std::move(p), drop_reason::old_timestamp);
            return false;
        }
        if (!is_acceptable(c, s)) {
            // Where the window is closed, what the rest of the next segment says still counts. So does what a peer says that probes our window while
            // we probe its own: neither counts its probe's byte as sent before that is acknowledged, and what it says seems to be old.
            const bool is_next = sequence == c.receive_next && c.receive_window() == 0;
            const bool both_probe = c.waiting == tcp_waiting::window && sequence + 1u == c.receive_next;
            // And so does what a peer says that has filled the window, and may have to send some of that again: all its acknowledgements begin where
            // the window ends. Where both had, neither would hear what the other has got.
            const bool at_edge = sequence == c.receive_edge && s.length() == 0 && is_synchronized(c.state) && is_plausible(c, s.acknowledgement);
            const bool counts = has(flags, tcp_flags::rst) ? is_next : is_next || both_probe || at_edge;
            if (!counts || has(flags, tcp_flags::syn)) {
                receive_unacceptable(host, c, s, std::move(p), drop_reason::out_of_window);
                return false;
            }
            flags &= ~tcp_flags::fin;
            p.trim(0);
            // Two that answered each other's acknowledgements would never end.
            if (at_edge) challenge(host, c);
            else c.acknowledge_now = true;
        }
    }
    if (has(flags, tcp_flags::rst)) {
        receive_reset(host, c, s, std::move(p));
        return false;
    }
    if (has(flags, tcp_flags::syn)) {
        challenge(host, c);
        host.drop(std::move(p), drop_reason::bad_state);
        return false;
    }
    if (!has(flags, tcp_flags::ack)) {
        host.drop(std::move(p), drop_reason::bad_state);
        return false;
    }
    return c.state != tcp_state::syn_received || complete_handshake(host, c, s, p);
}

/// A segment for this connection, which is not closed and not in TIME-WAIT.
template <class Host, class Connection>
NETKIT_HOT void receive(Host& host, Connection& c, const tcp_segment& s, packet p) {
    ++c.segments_received;
    auto sequence = s.sequence;
    auto flags = s.flags;
    if (!is_expected(c, s)) [[unlikely]] {
        if (c.state == tcp_state::syn_sent) return receive_in_syn_sent(host, c, s, std::move(p));
        if (!examine(host, c, s, p, sequence, flags)) return;
    }
    // Until here a segment may be forged by who only guesses a sequence number in the window: nothing of it is remembered before.
    if (!is_plausible(c, s.acknowledgement)) [[unlikely]] {
        challenge(host, c);
        return host.drop(std::move(p), drop_reason::bad_acknowledgement);
    }
    if (const auto silence = host.now() - c.last_heard; silence >= tcp_rtt_estimator::least_timeout) [[unlikely]] heard_after_silence(c, silence);
    c.last_heard = host.now();
    c.keep_alive_probes = 0;
    if (c.timestamps && s.sequence <= c.acknowledged_to && s.options.has_timestamps) {
        c.recent_timestamp = s.options.ts_value;
        c.timestamp_at = c.last_heard;
    }
    process_acknowledgement(host, c, s);
    if (c.ecn) [[unlikely]] {
        if (has(flags, tcp_flags::ece) && s.acknowledgement == c.send_unacknowledged) congestion_experienced(host, c);
        hear_marks(c, s);
    }
    if (c.fin_acknowledged) [[unlikely]] fin_was_acknowledged(host, c);
    if (c.state == tcp_state::closed || c.state == tcp_state::time_wait) [[unlikely]] return host.deliver(p);

    if (p.size() == 0 && !has(flags, tcp_flags::fin)) {
        host.deliver(p);
    } else {
        receive_text(host, c, std::move(p), sequence, has(flags, tcp_flags::fin));
        if (c.last_heard >= c.tuning.round_ends()) [[unlikely]] tune_receive_buffer(host, c, s.options);
    }
    if (c.state != tcp_state::closed) respond(host, c);
}

}  // namespace netkit::tcp_machine
