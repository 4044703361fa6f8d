#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/black_hole.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delivery.hpp>
#include <netkit/protocol/tcp/loss_repair.hpp>
#include <netkit/protocol/tcp/output.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/sack_processing.hpp>
#include <netkit/protocol/tcp/tail_loss_probe.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace netkit::tcp_machine {

/// The peer's window (RFC 9293 section 3.10.7.4), unless the segment is older than the one that told of it last. One that
/// acknowledges something new never is, even where its data comes again: else the old window would count from the new SND.UNA
/// on, beyond what was offered.
template <class Connection>
NETKIT_HOT void update_send_window(Connection& c, const tcp_segment& s, bool acknowledges_more = false) {
    const bool is_older = s.sequence < c.window_sequence || (s.sequence == c.window_sequence && s.acknowledgement < c.window_acknowledgement);
    if (is_older && !acknowledges_more) return;
    c.send_window = s.has(tcp_flags::syn) ? s.window : std::uint32_t(s.window) << c.send_scale;
    c.largest_window = std::max(c.largest_window, c.send_window);
    c.window_sequence = s.sequence;
    c.window_acknowledgement = s.acknowledgement;
}

/// The round trip of what had to be sent again, where the peer shows which transmission it answers: with a duplicate reported, the last; else
/// by the echo of our timestamp (RFC 7323 section 4). Zero where nothing can be said (Karn).
template <class Host, class Connection>
NETKIT_COLD duration round_trip_of_resent(Host& host, const Connection& c, const tcp_segment& s, const tcp_delivery& news) {
    if (!news.advances || !news.rate.any) return {};
    if (news.twice) return news.rate.newest.retransmitted ? host.now() - news.rate.newest.sent_at : duration::zero();
    if (!c.timestamps || !s.options.has_timestamps || s.options.ts_echo == 0) return {};
    // Where acknowledgements were lost until the timer fired, an older echo would count that time as well, and the timer be set longer and longer.
    if (c.timeouts != 0 && echoes_older(c, s, c.recovery.timed_out_at)) return {};
    const auto elapsed = tcp_timing::timestamp_clock(host.now()) + c.timestamp_offset - s.options.ts_echo;
    if (elapsed >= 1u << 24) return {};
    return std::max<duration>(std::chrono::milliseconds(elapsed), std::chrono::microseconds(1));
}

/// A round trip measured by when we sent what has arrived. Returns it, where it was sent once only; else zero.
template <class Host, class Connection>
NETKIT_HOT tcp_microseconds measure_round_trip(Host& host, Connection& c, const tcp_segment& s, const tcp_delivery& news, bool round_ended) {
    duration measured{};
    // Where something was sent again after it, or the peer got something twice, that was what the peer answered: it may have had this for long.
    const bool answers_original = news.original && !news.rate.newest.retransmitted && !news.twice;
    if (answers_original) [[likely]] {
        measured = host.now() - news.original_sent_at;
        c.rtt.note_least(measured, host.now());
    } else {
        measured = round_trip_of_resent(host, c, s, news);
        if (measured == duration::zero()) return {};
    }
    // Once a round trip, as RFC 6298's weights assume.
    if (round_ended || !c.rtt.measured() || c.rtt.backoff() != 0) c.rtt.sample(measured);
    return answers_original ? std::chrono::duration_cast<tcp_microseconds>(measured) : tcp_microseconds(0);
}

/// Where data or a FIN of ours remains unacknowledged the timer starts over; else it stops (RFC 6298 sections 5.2 and 5.3).
template <class Host, class Connection>
NETKIT_HOT void restart_retransmission_timer(Host& host, Connection& c) {
    if (c.send_highest == c.send_unacknowledged) {
        c.waiting = tcp_waiting::nothing;
        c.transmit_at = time_point::max();
    } else {
        start_retransmission_timer(host, c);
    }
}
/// What is late counts as lost at `when`, unless the timer fires sooner anyway.
template <class Host, class Connection>
void wait_for_reordering(Host& host, Connection& c, time_point when) {
    if (when >= c.transmit_at && c.waiting != tcp_waiting::tail) return;
    c.waiting = tcp_waiting::reordering;
    c.transmit_at = when;
    schedule(host, c);
}

/// The peer acknowledges something new: SND.UNA moves.
template <class Host, class Connection>
NETKIT_HOT void advance(Host& host, Connection& c, const tcp_segment& s, tcp_delivery& news) {
    auto bytes = s.acknowledgement - c.send_unacknowledged;
    if (bytes > c.sending.size()) {
        // Beyond the last byte there is only our FIN.
        bytes = c.sending.size();
        c.fin_acknowledged = true;
    }
    c.attempts = c.probe_backoff = 0;
    c.progress_at = host.now();
    if (bytes != 0) c.sending.release(bytes);
    c.send_unacknowledged = s.acknowledgement;
    if (c.send_next < c.send_unacknowledged) c.send_next = c.send_unacknowledged;
    const auto about = circumstances(host, c);
    c.transmissions.acknowledge(c.send_unacknowledged, [&](const tcp_transmission& t) { count_delivered(c, news, t, s, about, true); });
    // Kept behind the flow, so that it does not come to lie ahead when sequence numbers wrap.
    if (c.send_unacknowledged - c.repair().recover > 1u << 30 && !c.recovery.recovering()) c.repair().recover = c.send_unacknowledged - 1;
    if (bytes != 0) tune_send_buffer(host, c);
    if (c.writer_waits && c.has_worthwhile_send_room()) {
        c.writer_waits = false;
        c.events.writable = true;
    }
}

/// Congestion control hears what has arrived, and how long it took.
template <class Host, class Connection>
NETKIT_HOT void grow_window(Host& host, Connection& c, const tcp_delivery& news, tcp_microseconds rtt, bool round_ended, bool recovering) {
    if (news.bytes == 0) return;
    if constexpr (!congestion_hears_recovery<typename Connection::congestion_type>) {
        // What arrives beyond a gap does not open the window (RFC 5681 section 3.2, step 1).
        if (recovering || !news.advances) return;
    }
    const auto window = c.congestion.window();
    tcp_acknowledged told;
    told.bytes = news.bytes;
    told.segment = c.send_mss;
    told.in_flight = news.in_flight;
    // In slow start the window grows as long as half of it is used (RFC 7661 in spirit).
    const bool half_in_slow_start = window < c.congestion.slow_start_threshold() && news.in_flight >= window / 2;
    told.window_was_used = c.window_limited || news.in_flight + c.send_mss > window || half_in_slow_start;
    told.round_ended = round_ended;
    told.application_limited = news.rate.newest.application_limited;
    told.recovering = recovering;
    told.now = host.now();
    told.rtt = rtt;
    told.smoothed_rtt = c.rtt.smoothed();
    told.least_rtt = c.rtt.least();
    told.delivered = c.delivery_rate.measure(news.rate, c.rtt.least().count());
    c.congestion.acknowledged(told);
}

/// RFC 5681 section 2: what counts as a duplicate acknowledgement.
template <class Connection>
NETKIT_HOT bool is_duplicate(const Connection& c, const tcp_segment& s) {
    return s.acknowledgement == c.send_unacknowledged && s.size == 0 && !s.has(tcp_flags::syn | tcp_flags::fin) && c.send_highest != c.send_unacknowledged &&
           c.waiting != tcp_waiting::window && std::uint32_t(s.window) << c.send_scale == c.send_window;
}

/// What an acknowledgement has brought changes how we send.
template <class Host, class Connection>
NETKIT_HOT void learn(Host& host, Connection& c, const tcp_segment& s, const tcp_delivery& news, bool duplicate) {
    const bool recovering = c.recovery.now == tcp_loss_recovery::phase::recovery;
    const bool round_ended = news.advances && c.send_unacknowledged >= c.repair().round_end;
    const auto rtt = measure_round_trip(host, c, s, news, round_ended);
    if (c.recovery.probing) [[unlikely]] tail_probe_acknowledged(host, c, s, news);
    auto look_again = time_point::max();
    const bool calm = !c.recovery.recovering() && !c.recovery.may_undo && c.transmissions.selected() == 0 && !duplicate && !news.twice && c.repair().left == 0;
    if (!calm) [[unlikely]] look_again = repair(host, c, s, news, duplicate);
    grow_window(host, c, news, rtt, round_ended, recovering);
    if (round_ended) {
        hope_for_wider_path(host, c);
        c.repair().round_end = c.send_next;
        c.window_limited = false;
    }
    if (c.waiting == tcp_waiting::window) return;
    if (news.advances || news.selects) restart_retransmission_timer(host, c);
    if (look_again != time_point::max()) [[unlikely]] wait_for_reordering(host, c, look_again);
}

/// The peer answered while we probed its window: it lives, and where it takes something, probing ends. The probe's byte was never
/// counted as sent; it goes again with the rest.
template <class Host, class Connection>
NETKIT_COLD void probe_answered(Host& host, Connection& c) {
    c.attempts = 0;
    const bool something_waits = c.in_flight() != 0 || c.unsent() != 0 || c.fin_unsent();
    if (c.send_window == 0 && something_waits) return;
    restart_retransmission_timer(host, c);
    if (c.in_flight() == 0) {
        c.waiting = tcp_waiting::nothing;
        c.transmit_at = time_point::max();
    }
}

/// Whether the ACK field can be the peer's: not where it acknowledges what was never sent, or is so old that it may be forged (RFC 5961 section 5).
template <class Connection>
NETKIT_HOT bool is_plausible(const Connection& c, sequence_number ack) {
    return ack <= c.send_highest && ack >= c.send_unacknowledged - c.largest_window;
}

/// The ACK field, which is plausible, in a synchronized state.
template <class Host, class Connection>
NETKIT_HOT void process_acknowledgement(Host& host, Connection& c, const tcp_segment& s) {
    const auto ack = s.acknowledgement;
    if (ack >= c.send_unacknowledged) {
        tcp_delivery news;
        news.in_flight = c.in_flight();
        news.lost = c.transmissions.lost();
        news.advances = ack > c.send_unacknowledged;
        const bool duplicate = !news.advances && is_duplicate(c, s);
        if (s.options.sack_blocks != 0 && c.selective) [[unlikely]] read_selective_acknowledgements(host, c, s, news);
        if (news.advances) advance(host, c, s, news);
        update_send_window(c, s, news.advances);
        if (news.advances || news.selects || news.twice || duplicate) learn(host, c, s, news, duplicate);
        // What came twice may have been told of while nothing was under way, and no timer is armed.
        if (news.twice) [[unlikely]] c.rest();
    }
    if (c.waiting == tcp_waiting::window) [[unlikely]] probe_answered(host, c);
    c.rest_soon();
}

}  // namespace netkit::tcp_machine
