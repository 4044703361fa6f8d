#pragma once

#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit::tcp_machine {

/// Slices that one packet may borrow: 17, so that a device's descriptor has a place for the header.
inline constexpr std::size_t most_slices = 17;

/// The retransmission timer starts where it does not run (RFC 6298 section 5.1).
template <class Host, class Connection>
void start_retransmission_timer(Host& host, Connection& c) {
    c.waiting = tcp_waiting::acknowledgement;
    c.transmit_at = host.now() + c.rtt.timeout();
    schedule(host, c);
}

/// The window is closed and something waits: probes begin (RFC 9293 section 3.8.6.1).
template <class Host, class Connection>
NETKIT_COLD void start_probing(Host& host, Connection& c) {
    if (c.waiting == tcp_waiting::window) return;
    c.waiting = tcp_waiting::window;
    c.attempts = 0;
    c.probe_backoff = 0;
    c.progress_at = host.now();
    c.transmit_at = host.now() + c.rtt.timeout();
    schedule(host, c);
}

/// Sends `n` bytes from `sequence` on, as one segment or, where n is more than a full one, as a super-segment. With `fin` the FIN goes
/// with them. Returns how many bytes left; nothing, with `sent` false, where there was no buffer.
template <class Host, class Connection>
std::uint32_t send_data(Host& host, Connection& c, sequence_number sequence, std::uint32_t n, bool fin, bool& sent) {
    sent = false;
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

    if (sequence < c.send_highest) [[unlikely]] {
        ++c.segments_retransmitted;
        c.timing = false;
        c.retransmitted = true;
    } else if (!c.timing) {
        c.timing = true;
        c.timed_sequence = end;
        c.timed_at = host.now();
    }
    if (end > c.send_highest) {
        c.bytes_sent += end - c.send_highest - (fin ? 1u : 0u);
        c.send_highest = end;
    }
    // Whether the device or the neighbour took it is the retransmission timer's business.
    (void)send_segment(host, c, std::move(p), sequence, flags);
    sent = true;
    return n;
}

/// Whether a segment that is not full may leave: the Nagle algorithm, cork, and silly-window avoidance of the sender
/// (RFC 9293 sections 3.7.4 and 3.8.6.2.1).
template <class Connection>
bool may_send_small(const Connection& c, std::uint32_t n, std::uint32_t unsent) {
    if (n == unsent) {
        if (c.fin_queued) return true;
        if (c.options.cork) return false;
        return c.options.no_delay || c.in_flight() == 0;
    }
    // The peer's window cuts it short: it may be all that the peer will ever offer.
    return n >= c.largest_window / 2 && n != 0;
}

/// Sends what may be sent: data as far as both windows allow, a FIN behind the last byte. Returns whether anything left.
template <class Host, class Connection>
bool output(Host& host, Connection& c) {
    if (c.state < tcp_state::established) return false;
    bool any = false;
    if (c.unsent() != 0 && c.send_next == c.send_highest && c.in_flight() == 0 && c.bytes_sent != 0 && host.now() - c.progress_at > c.rtt.timeout())
        [[unlikely]] c.congestion.idled(c.send_mss, host.now() - c.progress_at);
    for (;;) {
        const auto unsent = c.unsent();
        const auto in_flight = c.in_flight();
        const auto window = std::min(c.send_window, c.congestion_window());
        const auto usable = window > in_flight ? window - in_flight : 0;
        if (unsent == 0) break;
        auto n = std::min(unsent, usable);
        if (n >= c.send_mss) n = c.way.most_payload > c.send_mss ? std::min(n, c.way.most_payload) / c.send_mss * c.send_mss : c.send_mss;
        else if (!may_send_small(c, n, unsent)) break;
        const bool fin = c.fin_queued && n == unsent;
        bool sent = false;
        const bool was_idle = in_flight == 0;
        const auto done = send_data(host, c, c.send_next, n, fin, sent);
        if (!sent) [[unlikely]] {
            // No buffers: the timer tries again.
            if (c.transmit_at == time_point::max()) start_retransmission_timer(host, c);
            return any;
        }
        any = true;
        c.send_next += done + (fin && done == n ? 1u : 0u);
        if (was_idle) c.progress_at = host.now();
        if (c.waiting != tcp_waiting::acknowledgement) start_retransmission_timer(host, c);
    }
    if (c.fin_unsent() && c.unsent() == 0 && (c.send_window != 0 || c.in_flight() != 0)) {
        bool sent = false;
        send_data(host, c, c.send_next, 0, true, sent);
        if (sent) {
            any = true;
            ++c.send_next;
        }
        if (c.waiting != tcp_waiting::acknowledgement) start_retransmission_timer(host, c);
    }
    if (c.in_flight() == 0 && (c.unsent() != 0 || c.fin_unsent())) [[unlikely]] {
        // Nothing is under way whose acknowledgement would bring news of the window; unless it is we who hold back, ask for it.
        const bool held_back = c.unsent() != 0 && c.send_window >= std::min<std::uint32_t>(c.unsent(), c.send_mss);
        if (!held_back) start_probing(host, c);
    }
    return any;
}

/// Sends what may be sent, and an acknowledgement where one is due and none went with data.
template <class Host, class Connection>
void respond(Host& host, Connection& c) {
    if (c.unsent() != 0 || (c.fin_queued && !c.fin_acknowledged)) output(host, c);
    if (c.acknowledge_now) send_acknowledgement(host, c);
}

/// Sends the first unacknowledged segment again (RFC 5681 section 3.2). Returns how many sequence numbers it takes up.
template <class Host, class Connection>
NETKIT_COLD std::uint32_t retransmit_first(Host& host, Connection& c) {
    const auto allowed = std::max(c.send_highest - c.send_unacknowledged, c.send_window);
    const auto n = std::min({std::uint32_t(c.send_mss), c.sending.size(), allowed});
    const bool fin = c.fin_queued && !c.fin_acknowledged && n == c.sending.size() && c.send_highest > c.send_end();
    if (n == 0 && !fin) return 0;
    bool sent = false;
    send_data(host, c, c.send_unacknowledged, n, fin, sent);
    return n + (fin ? 1u : 0u);
}

}  // namespace netkit::tcp_machine
