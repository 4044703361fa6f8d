#pragma once

#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/output.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace netkit::tcp_machine {

/// The peer's window (RFC 9293 section 3.10.7.4), unless the segment is older than the one that told of it last.
template <class Connection>
void update_send_window(Connection& c, const tcp_segment& s) {
    if (s.sequence < c.window_sequence || (s.sequence == c.window_sequence && s.acknowledgement < c.window_acknowledgement)) return;
    c.send_window = s.has(tcp_flags::syn) ? s.window : std::uint32_t(s.window) << c.send_scale;
    c.largest_window = std::max(c.largest_window, c.send_window);
    c.window_sequence = s.sequence;
    c.window_acknowledgement = s.acknowledgement;
}

/// A round trip measured by our own clock, or, after a retransmission, by the echo of our timestamp (RFC 7323 section 4).
template <class Host, class Connection>
void measure_round_trip(Host& host, Connection& c, const tcp_segment& s) {
    if (c.timing && s.acknowledgement >= c.timed_sequence) {
        c.timing = false;
        c.rtt.sample(host.now() - c.timed_at);
    } else if (c.retransmitted && c.timestamps && s.options.has_timestamps && s.options.ts_echo != 0) {
        const auto elapsed = tcp_timing::timestamp_clock(host.now()) + c.timestamp_offset - s.options.ts_echo;
        if (elapsed < 1u << 24) c.rtt.sample(std::chrono::milliseconds(elapsed));
    }
}

/// Where data or a FIN of ours remains unacknowledged the timer starts over; else it stops (RFC 6298 sections 5.2 and 5.3).
template <class Host, class Connection>
void restart_retransmission_timer(Host& host, Connection& c) {
    if (c.send_highest == c.send_unacknowledged) {
        c.waiting = tcp_waiting::nothing;
        c.transmit_at = time_point::max();
    } else {
        start_retransmission_timer(host, c);
    }
}

/// The peer acknowledges something new: SND.UNA moves.
template <class Host, class Connection>
void acknowledged(Host& host, Connection& c, const tcp_segment& s) {
    const auto before = c.send_unacknowledged;
    const auto in_flight = c.in_flight();
    const bool window_was_used = in_flight + c.send_mss > c.congestion.window();
    auto bytes = s.acknowledgement - before;
    if (bytes > c.sending.size()) {
        // Beyond the last byte there is only our FIN.
        bytes = c.sending.size();
        c.fin_acknowledged = true;
    }
    measure_round_trip(host, c, s);
    c.retransmitted = false;
    c.rtt.end_backoff();
    c.attempts = 0;
    c.progress_at = host.now();
    if (bytes != 0) c.sending.release(bytes);
    c.send_unacknowledged = s.acknowledgement;
    if (c.send_next < c.send_unacknowledged) c.send_next = c.send_unacknowledged;

    const bool window_grows = c.recovery.window_grows();
    const bool more_is_lost = c.recovery.acknowledged(c.send_unacknowledged, bytes, c.send_mss);
    if (window_grows && bytes != 0) {
        tcp_acknowledged news;
        news.bytes = bytes;
        news.segment = c.send_mss;
        news.in_flight = in_flight;
        news.window_was_used = window_was_used;
        news.now = host.now();
        news.smoothed_rtt = c.rtt.smoothed();
        c.congestion.acknowledged(news);
    }
    restart_retransmission_timer(host, c);
    if (more_is_lost) [[unlikely]] retransmit_first(host, c);
    if (c.writer_waits && c.sending.size() <= c.options.send_buffer / 3 * 2) {
        c.writer_waits = false;
        c.events.writable = true;
    }
}

/// RFC 5681 section 2: what counts as a duplicate acknowledgement.
template <class Connection>
bool is_duplicate(const Connection& c, const tcp_segment& s) {
    return s.acknowledgement == c.send_unacknowledged && s.size == 0 && !s.has(tcp_flags::syn | tcp_flags::fin) && c.send_highest != c.send_unacknowledged &&
           c.waiting == tcp_waiting::acknowledgement && std::uint32_t(s.window) << c.send_scale == c.send_window;
}

template <class Host, class Connection>
NETKIT_COLD void duplicate_acknowledgement(Host& host, Connection& c) {
    if (!c.recovery.duplicate(c.send_unacknowledged, c.send_highest, c.send_mss)) return;
    ++c.fast_retransmits;
    c.congestion.lost({.in_flight = c.send_highest - c.send_unacknowledged, .segment = c.send_mss, .now = host.now()});
    retransmit_first(host, c);
    start_retransmission_timer(host, c);
}

/// The peer answered while we probed its window: it lives, and where it takes something, probing ends. The probe's byte was never
/// counted as sent; it goes again with the rest.
template <class Connection>
NETKIT_COLD void probe_answered(Connection& c) {
    c.attempts = 0;
    if (c.send_window == 0) return;
    c.waiting = tcp_waiting::nothing;
    c.transmit_at = time_point::max();
}

/// The ACK field, in a synchronized state. False where it acknowledges what was never sent, or is so old that it may be forged
/// (RFC 5961 section 5).
template <class Host, class Connection>
bool process_acknowledgement(Host& host, Connection& c, const tcp_segment& s) {
    const auto ack = s.acknowledgement;
    if (ack > c.send_highest || ack < c.send_unacknowledged - c.largest_window) [[unlikely]] {
        challenge(host, c);
        return false;
    }
    if (ack > c.send_unacknowledged) {
        acknowledged(host, c, s);
        update_send_window(c, s);
    } else if (ack == c.send_unacknowledged) {
        if (is_duplicate(c, s)) [[unlikely]] duplicate_acknowledgement(host, c);
        update_send_window(c, s);
    }
    if (c.waiting == tcp_waiting::window) [[unlikely]] probe_answered(c);
    return true;
}

}  // namespace netkit::tcp_machine
