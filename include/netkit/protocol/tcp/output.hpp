#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/ecn.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit::tcp_machine {

/// Slices that one packet may borrow: 17, so that a device's descriptor has a place for the header.
inline constexpr std::size_t most_slices = 17;

/// Whether a tail loss probe is worth its while (RFC 8985 section 7.2): it needs selective acknowledgements to tell anything, and nothing is
/// known to be missing.
template <class Connection>
bool may_probe_tail(const Connection& c) {
    return c.selective && c.outgoing.held && !c.recovery.recovering() && !c.recovery.probing && c.transmissions.selected() == 0 && c.rtt.measured() && is_synchronized(c.state);
}

/// The transmission timer starts over: for a tail loss probe, or for the retransmission timeout where that comes first (RFC 6298 section 5,
/// RFC 8985 section 7.2).
template <class Host, class Connection>
void start_retransmission_timer(Host& host, Connection& c) {
    const auto now = host.now();
    c.waiting = tcp_waiting::acknowledgement;
    c.transmit_at = now + c.rtt.timeout();
    if (may_probe_tail(c)) {
        // A single segment may be acknowledged as late as the peer pleases.
        const auto patience = c.in_flight() <= c.send_mss ? tcp_timing::longest_acknowledgement_delay : duration::zero();
        const auto probe_at = now + 2 * duration(c.rtt.smoothed()) + std::max(patience, tcp_timing::least_probe_delay);
        if (probe_at < c.transmit_at) {
            c.waiting = tcp_waiting::tail;
            c.transmit_at = probe_at;
        }
    }
    host.arm(c, c.transmit_at);
}

/// The window is closed and something waits: probes begin (RFC 9293 section 3.8.6.1). They go on where they were, if the peer opened the window and
/// took nothing: doing so again and again gains it no time.
template <class Host, class Connection>
NETKIT_COLD void start_probing(Host& host, Connection& c) {
    if (c.waiting == tcp_waiting::window) return;
    c.waiting = tcp_waiting::window;
    if (c.probe_backoff == 0) {
        c.attempts = 0;
        if (c.in_flight() == 0) c.progress_at = host.now();
    }
    c.transmit_at = host.now() + c.rtt.timeout();
    schedule(host, c);
}

/// Sends `n` bytes from `sequence` on, as one segment or, where n is more than a full one, as a super-segment. With `fin` the FIN goes
/// with them. Returns how many bytes left; nothing, with `sent` false, where there was no buffer.
template <class Host, class Connection>
NETKIT_HOT std::uint32_t send_data_inlined(Host& host, Connection& c, sequence_number sequence, std::uint32_t n, bool fin, bool& sent) {
    sent = false;
    if (!c.wake(host.buffers())) [[unlikely]] return 0;
    auto p = host.allocate(n <= tcp_send_queue::copied_up_to ? n : 0);
    if (!p) [[unlikely]] return 0;
    const auto offset = sequence - c.send_unacknowledged;
    if (n != 0) {
        auto filled = c.sending.fill(p, offset, n, most_slices);
        if (filled != n) [[unlikely]] {
            // In many small pieces: what fits, whole segments of it where that is more than one.
            if (filled > c.send_mss) filled -= filled % c.send_mss;
            p.trim(filled);
            n = filled;
            fin = false;
        }
    }
    if (n > c.send_mss) p.gso_size(c.send_mss);
    auto flags = tcp_flags::ack;
    if (offset + n == c.sending.size() && n != 0) flags |= tcp_flags::psh;
    if (fin) flags |= tcp_flags::fin;
    const auto end = sequence + n + (fin ? 1u : 0u);

    // A window probe goes beyond what the peer offers, and may not be what it seems.
    if (c.ecn) [[unlikely]] flags |= mark_data(c, sequence >= c.send_highest && n != 0 && c.waiting != tcp_waiting::window);
    if (sequence < c.send_highest) [[unlikely]] c.segments_retransmitted += std::max((n + c.send_mss - 1u) / c.send_mss, 1u);
    if (end > c.send_highest) c.sent_to(end, fin);
    // Whether the device or the neighbour took it is the retransmission timer's business.
    (void)send_segment_inlined(host, c, std::move(p), sequence, flags);
    c.ecn_capable_segment = false;
    sent = true;
    return n;
}

/// The same as a function by itself, for what is rarely sent.
template <class Host, class Connection>
[[gnu::noinline]] std::uint32_t send_data(Host& host, Connection& c, sequence_number sequence, std::uint32_t n, bool fin, bool& sent) {
    return send_data_inlined(host, c, sequence, n, fin, sent);
}

/// Whether a segment that is not full may leave: the Nagle algorithm, cork, and silly-window avoidance of the sender
/// (RFC 9293 sections 3.7.4 and 3.8.6.2.1).
template <class Connection>
bool may_send_small(const Connection& c, std::uint32_t n, std::uint32_t unsent) {
    if (n == unsent) {
        if (c.fin_queued) return true;
        if (c.options->cork) return false;
        return c.options->no_delay || c.in_flight() == 0;
    }
    // The peer's window cuts it short: it may be all that the peer will ever offer.
    return n >= c.largest_window / 2 && n != 0;
}

template <class Connection>
bool paces(const Connection& c) {
    return c.options->pacing || congestion_paces(c.congestion);
}
/// Holds back what would leave faster than the congestion control's pace: true where sending has to wait.
template <class Host, class Connection>
bool waits_for_pace(Host& host, Connection& c) {
    if (host.now() >= c.paced_until || !paces(c)) return false;
    c.pacing_waits = true;
    schedule(host, c);
    return true;
}
/// So many bytes have left: when the next may.
template <class Host, class Connection>
void keep_pace(Host& host, Connection& c, std::uint32_t n) {
    if (!paces(c)) return;
    const auto rate = c.congestion.pacing_rate(c.rtt.smoothed());
    if (rate == 0) return;
    c.paced_until = std::max(c.paced_until, host.now() - tcp_timing::pacing_slack) + duration(static_cast<duration::rep>(std::uint64_t(n) * 1'000'000'000 / rate));
}

/// What a transmission that leaves now is remembered by.
template <class Host, class Connection>
tcp_transmission stamped(Host& host, Connection& c) {
    tcp_transmission t;
    c.delivery_rate.stamp(t, host.now(), c.in_flight() == 0);
    return t;
}

/// How many bytes of the next piece leave at once: whole segments where there is more than one.
template <class Connection>
std::uint32_t in_whole_segments(const Connection& c, std::uint32_t n) {
    if (n <= c.send_mss) return n;
    if (c.way.most_payload <= c.send_mss) return c.send_mss;
    return std::min<std::uint32_t>(n, c.way.most_payload) / c.send_mss * c.send_mss;
}

/// Sends again what is lost, the first of it first, as far as the congestion window allows; a whole segment always, where nothing is in the network.
template <class Host, class Connection>
NETKIT_COLD bool send_lost_again(Host& host, Connection& c) {
    if (c.waiting == tcp_waiting::window || c.recovery.timeout_doubted == tcp_loss_recovery::doubt::new_data_tried) return false;
    bool any = false;
    while (c.transmissions.lost() != 0) {
        const auto in_network = c.in_network();
        const auto window = c.congestion_window();
        auto room = window > in_network ? window - in_network : 0;
        if (in_network == 0) room = std::max<std::uint32_t>(room, c.send_mss);
        sequence_number first;
        auto n = c.transmissions.next_lost(first, c.way.most_payload > c.send_mss ? c.way.most_payload : c.send_mss);
        if (std::min<std::uint32_t>(n, c.send_mss) > room) {
            c.window_limited = true;
            break;
        }
        if (waits_for_pace(host, c)) break;
        n = in_whole_segments(c, std::min(n, std::max<std::uint32_t>(room, c.send_mss)));
        // The FIN's number lies behind the last byte.
        const auto data_end = c.send_end();
        const bool fin = first + n > data_end;
        bool sent = false;
        auto done = send_data(host, c, first, n - (fin ? 1u : 0u), fin, sent);
        if (!sent) [[unlikely]] {
            if (c.transmit_at == time_point::max()) start_retransmission_timer(host, c);
            return any;
        }
        if (fin && done == n - 1) ++done;
        any = true;
        const auto segments = (done + c.send_mss - 1) / c.send_mss;
        c.repair().resent = static_cast<std::uint16_t>(std::min<std::uint32_t>(c.repair().resent + segments, 65535));
        if (!c.recovery.any_resent) {
            c.recovery.any_resent = true;
            c.repair().first_resent = first;
            c.repair().first_resent_at = tcp_timing::timestamp_clock(host.now()) + c.timestamp_offset;
        }
        c.repair().reduction.sent(done);
        c.transmissions.sent_again(host.buffers(), first, done, stamped(host, c));
        keep_pace(host, c, done);
        if (c.waiting == tcp_waiting::nothing) start_retransmission_timer(host, c);
    }
    return any;
}

/// Sends what was never sent, as far as both windows allow.
template <class Host, class Connection>
NETKIT_HOT bool send_new(Host& host, Connection& c) {
    bool any = false;
    const auto granularity = duration(c.rtt.smoothed()) / 128;
    for (;;) {
        const auto unsent = c.unsent();
        if (unsent == 0) break;
        const auto in_flight = c.in_flight(), in_network = c.in_network();
        const auto offered = c.send_window > in_flight ? c.send_window - in_flight : 0;
        const auto window = c.congestion_window();
        auto room = window > in_network ? window - in_network : 0;
        // A window that was right for smaller segments must not keep the larger ones of a path that is wide again for ever.
        if (in_network == 0) room = std::max<std::uint32_t>(room, c.send_mss);
        auto n = std::min({unsent, offered, room});
        if (n != unsent && room < std::min({unsent, offered, std::uint32_t(c.send_mss)})) c.window_limited = true;
        if (n >= c.send_mss) {
            n = in_whole_segments(c, n);
        } else if (n == room && n < std::min(unsent, offered)) {
            // The congestion window leaves no room for as much as may be sent: what is in the network makes some.
            break;
        } else if (!may_send_small(c, n, unsent)) {
            break;
        }
        if (waits_for_pace(host, c)) break;
        const bool fin = c.fin_queued && n == unsent;
        auto stamp = stamped(host, c);
        stamp.first = c.send_next;
        stamp.retransmitted = c.send_next < c.send_highest;
        bool sent = false;
        const auto done = send_data_inlined(host, c, c.send_next, n, fin, sent);
        if (!sent) [[unlikely]] {
            // No buffers: the timer tries again.
            if (c.transmit_at == time_point::max()) start_retransmission_timer(host, c);
            break;
        }
        any = true;
        c.send_next += done + (fin && done == n ? 1u : 0u);
        stamp.end = c.send_next;
        c.transmissions.sent(host.buffers(), stamp, granularity);
        c.repair().reduction.sent(done);
        keep_pace(host, c, done);
        if (in_flight == 0 && c.probe_backoff == 0) c.progress_at = host.now();
    }
    if (any && c.waiting != tcp_waiting::acknowledgement && c.waiting != tcp_waiting::reordering) start_retransmission_timer(host, c);
    return any;
}

/// The FIN alone, where all data has left.
template <class Host, class Connection>
[[gnu::noinline]] bool send_fin(Host& host, Connection& c) {
    auto stamp = stamped(host, c);
    stamp.first = c.send_next;
    stamp.end = c.send_next + 1u;
    bool sent = false;
    send_data(host, c, c.send_next, 0, true, sent);
    if (sent) {
        ++c.send_next;
        c.transmissions.sent(host.buffers(), stamp, duration::zero());
    }
    if (c.waiting != tcp_waiting::acknowledgement) start_retransmission_timer(host, c);
    return sent;
}

/// Sends what may be sent: what was lost, then new data, as far as both windows allow; a FIN behind the last byte. Returns whether
/// anything left.
template <class Host, class Connection>
[[gnu::noinline]] NETKIT_FLATTEN bool output(Host& host, Connection& c) {
    if (c.state < tcp_state::established) return false;
    bool any = false;
    if (c.transmissions.lost() != 0) [[unlikely]] any = send_lost_again(host, c);
    if (c.in_flight() == 0 && c.unsent() != 0 && c.has_sent()) {
        const auto idle = host.now() - c.progress_at;
        if (idle > c.rtt.timeout()) [[unlikely]] c.congestion.idled(c.send_mss, idle);
    }
    // New data must not overtake what could be repaired.
    if (c.transmissions.lost() == 0 || c.recovery.timeout_doubted == tcp_loss_recovery::doubt::new_data_tried) any |= send_new(host, c);
    if (c.fin_unsent() && c.unsent() == 0 && (c.send_window != 0 || c.in_flight() != 0)) any |= send_fin(host, c);
    if (c.unsent() == 0 && !c.window_limited) c.delivery_rate.application_limited(c.in_flight());
    if (c.in_flight() == 0 && (c.unsent() != 0 || c.fin_unsent())) [[unlikely]] {
        // Nothing is under way whose acknowledgement would bring news of the window; unless it is we who hold back, ask for it.
        const bool held_back = c.unsent() != 0 && c.send_window >= std::min<std::uint32_t>(c.unsent(), c.send_mss);
        if (!held_back && !c.pacing_waits) start_probing(host, c);
    }
    return any;
}

/// Sends what may be sent, and an acknowledgement where one is due and none went with data.
template <class Host, class Connection>
void respond(Host& host, Connection& c) {
    if (c.unsent() != 0 || c.transmissions.lost() != 0 || (c.fin_queued && !c.fin_acknowledged)) output(host, c);
    if (c.acknowledge_now) send_acknowledgement(host, c);
}

}  // namespace netkit::tcp_machine
