#pragma once

#include <netkit/protocol/tcp/acknowledgement.hpp>
#include <netkit/protocol/tcp/black_hole.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delayed_acknowledgement.hpp>
#include <netkit/protocol/tcp/loss_repair.hpp>
#include <netkit/protocol/tcp/output.hpp>
#include <netkit/protocol/tcp/tail_loss_probe.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

/// What happens when time has passed (RFC 9293 section 3.10.8, RFC 6298 section 5).
namespace netkit::tcp_machine {

/// What the program hears after too many attempts: what routers said of the way, if they did.
template <class Connection>
errc why_it_failed(const Connection& c) {
    return c.soft_error != errc::ok ? c.soft_error : errc::timed_out;
}

/// Whether the peer has been silent for longer than anyone is to wait.
template <class Host, class Connection>
bool has_given_up(Host& host, const Connection& c) {
    if (c.options->user_timeout.count() != 0 && host.now() - c.progress_at >= c.options->user_timeout) return true;
    // A peer that answers probes, and never opens its window, must not hold what nobody waits for (CVE-2008-4609).
    if (c.orphan && c.waiting == tcp_waiting::window && c.probe_backoff >= tcp_timing::most_orphan_attempts) return true;
    if (c.state == tcp_state::syn_sent) return c.attempts >= tcp_timing::most_syn_attempts;
    if (c.state == tcp_state::syn_received) return c.attempts >= tcp_timing::most_syn_received_attempts;
    return c.attempts >= (c.orphan ? tcp_timing::most_orphan_attempts : tcp_timing::most_attempts) && c.options->user_timeout.count() == 0;
}

/// The timer fires no later than when the user timeout ends.
template <class Connection>
void fire_by_user_timeout(Connection& c) {
    if (c.options->user_timeout.count() != 0) c.transmit_at = std::min(c.transmit_at, c.progress_at + duration(c.options->user_timeout));
}

/// The retransmission timer (RFC 6298 sections 5.4 to 5.7).
template <class Host, class Connection>
NETKIT_COLD void retransmission_timeout(Host& host, Connection& c) {
    if (has_given_up(host, c)) return abort(host, c, why_it_failed(c));
    ++c.timeouts;
    c.rtt.back_off();
    const bool again = c.attempts != 0;
    if (c.attempts < 255) ++c.attempts;
    if (!is_synchronized(c.state)) {
        c.timing = false;
        ++c.segments_retransmitted;
        send_syn(host, c);
        start_retransmission_timer(host, c);
        return fire_by_user_timeout(c);
    }
    suspect_black_hole(host, c);
    if (!c.outgoing.held) return start_retransmission_timer(host, c);
    begin_loss(host, c, again);
    if (c.send_window == 0 && !c.sending.empty()) return start_probing(host, c);
    start_retransmission_timer(host, c);
    fire_by_user_timeout(c);
    output(host, c);
}

/// What was only late counts as lost now (RFC 8985 section 6.3).
template <class Host, class Connection>
NETKIT_COLD void reordering_timeout(Host& host, Connection& c) {
    const auto look_again = repair_late(host, c);
    restart_retransmission_timer(host, c);
    if (look_again != time_point::max()) wait_for_reordering(host, c, look_again);
    output(host, c);
}

/// One byte, or the FIN, beyond a closed window (RFC 9293 section 3.8.6.1); what fits, where it is only too small. For as long as the
/// peer answers.
template <class Host, class Connection>
NETKIT_COLD void probe_window(Host& host, Connection& c) {
    if (has_given_up(host, c)) return abort(host, c, why_it_failed(c));
    if (c.attempts < 255) ++c.attempts;
    if (c.probe_backoff < 16) ++c.probe_backoff;
    const auto longest = tcp_timing::longest_probe_interval;
    const auto interval = duration(c.rtt.timeout()) * (1u << c.probe_backoff);
    c.transmit_at = host.now() + std::min<duration>(interval, longest);
    fire_by_user_timeout(c);
    bool sent = false;
    if (c.in_flight() != 0) {
        // The window closed on what is under way already: its first byte asks as well as any.
        const bool fin = c.sending.empty();
        send_data(host, c, c.send_unacknowledged, fin ? 0 : 1, fin, sent);
        return schedule(host, c);
    }
    const auto n = std::min({c.unsent(), std::max(c.send_window, 1u), std::uint32_t(c.send_mss)});
    const bool fin = c.fin_unsent() && n == c.unsent();
    auto stamp = stamped(host, c);
    stamp.first = c.send_next;
    stamp.retransmitted = c.send_next < c.send_highest;
    const auto done = send_data(host, c, c.send_next, n, fin, sent);
    if (sent && c.send_window != 0) {
        c.send_next += done + (fin && done == n ? 1u : 0u);
        stamp.end = c.send_next;
        c.transmissions.sent(host.buffers(), stamp, duration::zero());
        c.waiting = tcp_waiting::acknowledgement;
    }
    schedule(host, c);
}

/// Keep-alive (RFC 9293 section 3.8.4), the end of an orphan's wait, or of lingering.
template <class Host, class Connection>
NETKIT_COLD void life_timeout(Host& host, Connection& c) {
    c.life_at = time_point::max();
    if (c.orphan) {
        if (c.state == tcp_state::fin_wait_2 && !c.options->linger) return end(c, errc::ok);
        return abort(host, c, errc::connection_aborted);
    }
    if (!c.options->keep_alive || !is_synchronized(c.state)) return;
    const auto silence = host.now() - c.last_heard;
    if (c.send_highest != c.send_unacknowledged) {
        // Retransmissions ask as well.
        c.life_at = host.now() + c.options->keep_alive_idle;
    } else if (silence < c.options->keep_alive_idle) {
        c.life_at = c.last_heard + c.options->keep_alive_idle;
    } else if (c.keep_alive_probes >= c.options->keep_alive_count) {
        return abort(host, c, errc::timed_out);
    } else {
        ++c.keep_alive_probes;
        auto p = host.allocate(0);
        if (p) (void)send_segment(host, c, std::move(p), c.send_unacknowledged - 1, tcp_flags::ack);
        c.life_at = host.now() + c.options->keep_alive_interval;
    }
    schedule(host, c);
}

/// The connection's timer fired: whatever is due is done, and it is set for what is next.
template <class Host, class Connection>
void expired(Host& host, Connection& c) {
    if (c.state == tcp_state::closed) return;
    const auto now = host.now();
    if (c.acknowledge_at <= now) {
        delayed_acknowledgement(host, c);
    }
    if (c.transmit_at <= now) {
        c.transmit_at = time_point::max();
        // Where the pool is exhausted, what it is for is as if it had been lost.
        const bool awake = !is_synchronized(c.state) || c.wake(host.buffers());
        switch (awake ? c.waiting : tcp_waiting::acknowledgement) {
        case tcp_waiting::acknowledgement: retransmission_timeout(host, c); break;
        case tcp_waiting::tail: send_tail_probe(host, c); break;
        case tcp_waiting::reordering: reordering_timeout(host, c); break;
        case tcp_waiting::window: probe_window(host, c); break;
        case tcp_waiting::nothing: break;
        }
    }
    if (c.pacing_waits && c.paced_until <= now) {
        c.pacing_waits = false;
        output(host, c);
    }
    if (c.life_at <= now) life_timeout(host, c);
    c.rest();
    schedule(host, c);
}

}  // namespace netkit::tcp_machine
