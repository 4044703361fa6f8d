#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delivery.hpp>
#include <netkit/protocol/tcp/loss_recovery.hpp>
#include <netkit/protocol/tcp/timing.hpp>

#include <algorithm>
#include <cstdint>

/// Fast recovery (RFC 6675; RFC 6582 without selective acknowledgements) and what follows the retransmission timer.
namespace netkit::tcp_machine {

/// From here on a reduction of the window may turn out to be for nothing.
template <class Connection>
void remember_for_undo(Connection& c) {
    auto& r = c.recovery;
    auto& notes = c.repair();
    r.may_undo = true;
    r.any_resent = false;
    notes.resent = 0;
    notes.undo_until = c.send_next;
}

template <class Host, class Connection>
NETKIT_COLD void begin_recovery(Host& host, Connection& c) {
    auto& r = c.recovery;
    auto& notes = c.repair();
    r.now = tcp_loss_recovery::phase::recovery;
    notes.recover = c.send_next;
    remember_for_undo(c);
    r.probing = false;
    notes.reduction.start(c.in_flight());
    ++c.fast_retransmits;
    c.congestion.lost({.in_flight = c.in_flight(), .segment = c.send_mss, .now = host.now()});
    notes.reduced_until = c.send_next;
    c.ecn_reduced = c.ecn;
}

/// Everything that was under way when the loss was found has arrived.
template <class Connection>
NETKIT_COLD void end_recovery(Connection& c) {
    auto& r = c.recovery;
    auto& notes = c.repair();
    r.now = tcp_loss_recovery::phase::open;
    r.timeout_doubted = tcp_loss_recovery::doubt::none;
    notes.duplicates = 0;
    notes.left = 0;
    notes.undo_until = c.send_next;
    c.detection.recovered();
}

/// The retransmission timer fired: all that is under way counts as lost, but for what the peer has. `again`: nothing has been
/// acknowledged since it fired before.
template <class Host, class Connection>
NETKIT_COLD void begin_loss(Host& host, Connection& c, bool again) {
    auto& r = c.recovery;
    auto& notes = c.repair();
    const bool was_open = r.now == tcp_loss_recovery::phase::open;
    r.timed_out_at = tcp_timing::timestamp_clock(host.now()) + c.timestamp_offset;
    c.ecn_reduced = c.ecn;
    c.congestion.timed_out({.in_flight = c.in_flight(), .segment = c.send_mss, .now = host.now()}, again);
    if (!again) {
        remember_for_undo(c);
        // In a recovery the timer is no surprise.
        r.timeout_doubted = was_open ? tcp_loss_recovery::doubt::first_resent : tcp_loss_recovery::doubt::none;
    } else {
        r.timeout_doubted = tcp_loss_recovery::doubt::none;
    }
    r.now = tcp_loss_recovery::phase::loss;
    notes.recover = c.send_next;
    notes.duplicates = 0;
    notes.left = 0;
    r.probing = false;
    if (c.transmissions.reneged()) c.transmissions.select_nothing();
    c.transmissions.lose_all();
}

/// The last reduction was for nothing: what counted as lost is only late.
template <class Connection>
NETKIT_COLD void undo_reduction(Connection& c) {
    auto& r = c.recovery;
    auto& notes = c.repair();
    ++c.undone;
    c.congestion.undo();
    c.transmissions.lose_nothing();
    r.may_undo = false;
    r.now = tcp_loss_recovery::phase::open;
    r.timeout_doubted = tcp_loss_recovery::doubt::none;
    notes.duplicates = 0;
    notes.left = 0;
}

/// Whether the last loss was none: the peer answers what was sent before anything was sent again (RFC 3522), or has all of that
/// twice (RFC 3708).
template <class Connection>
bool was_spurious(Connection& c, const tcp_segment& s, const tcp_delivery& news) {
    auto& r = c.recovery;
    auto& notes = c.repair();
    if (!r.may_undo) return false;
    if (r.any_resent && news.advances && r.recovering() && echoes_older(c, s, notes.first_resent_at)) return true;
    // What came twice before that was sent again in an earlier phase.
    const bool twice_of_this_phase = news.twice && r.any_resent && sequence_number(s.options.sack[0].left) >= notes.first_resent;
    if (twice_of_this_phase && notes.resent != 0 && --notes.resent == 0) return true;
    if (!r.recovering() && c.send_unacknowledged >= notes.undo_until) r.may_undo = false;
    return false;
}

/// F-RTO (RFC 5682 section 3.1): what follows a timeout shows whether the segments or only their acknowledgements were late.
/// True where the timeout was spurious.
template <class Connection>
NETKIT_COLD bool timeout_was_spurious(Connection& c, const tcp_delivery& news) {
    auto& r = c.recovery;
    using doubt = tcp_loss_recovery::doubt;
    if (r.timeout_doubted == doubt::none) return false;
    // Selectively acknowledged or not: what was sent once, before the timer fired, has arrived just now.
    if (c.selective && news.original) return true;
    if (!news.advances) {
        r.timeout_doubted = doubt::none;
        return false;
    }
    if (r.timeout_doubted == doubt::new_data_tried) return news.original;
    r.timeout_doubted = c.unsent() != 0 && c.send_unacknowledged < c.repair().recover ? doubt::new_data_tried : doubt::none;
    return false;
}

/// Without selective acknowledgements: duplicates are counted, and a partial acknowledgement tells of the next loss. Returns how many bytes
/// have left the network since the last acknowledgement: a segment for each duplicate, which is taken off what is acknowledged later.
template <class Host, class Connection>
NETKIT_COLD std::uint32_t count_duplicates(Host& host, Connection& c, const tcp_delivery& news, bool duplicate) {
    auto& r = c.recovery;
    auto& notes = c.repair();
    if (duplicate) {
        if (notes.duplicates < 255) ++notes.duplicates;
        const auto most = c.in_flight() - std::min<std::uint32_t>(c.in_flight(), c.send_mss);
        if (r.now != tcp_loss_recovery::phase::loss) notes.left = std::min(notes.left + c.send_mss, most);
        // Duplicates of what was sent before the last recovery tell nothing new (RFC 6582 section 3.2, step 1).
        const bool new_loss = r.now == tcp_loss_recovery::phase::open && c.send_unacknowledged > notes.recover;
        if (new_loss && notes.duplicates == tcp_loss_recovery::duplicates_that_tell) c.transmissions.lose_first(host.buffers(), c.send_mss);
        return c.send_mss;
    }
    const auto counted = std::min(notes.left, news.bytes);
    notes.duplicates = 0;
    notes.left -= counted;
    if (r.now != tcp_loss_recovery::phase::recovery) notes.left = 0;
    else if (c.send_unacknowledged < notes.recover) c.transmissions.lose_first(host.buffers(), c.send_mss);
    return news.bytes - counted;
}

/// An acknowledgement in bad weather: what is lost is found, and how much may be sent. Returns when to look again for what is late.
template <class Host, class Connection>
NETKIT_COLD time_point repair(Host& host, Connection& c, const tcp_segment& s, const tcp_delivery& news, bool duplicate) {
    using phase = tcp_loss_recovery::phase;
    auto& r = c.recovery;
    // Where the pool is exhausted it tells nothing.
    if (!c.wake(host.buffers())) return time_point::max();
    auto& notes = c.repair();
    if (news.twice) c.detection.duplicated(circumstances(host, c));
    const bool doubted_wrongly = r.now == phase::loss && timeout_was_spurious(c, news);
    if (doubted_wrongly || was_spurious(c, s, news)) undo_reduction(c);

    if (r.recovering() && c.send_unacknowledged >= notes.recover) end_recovery(c);
    auto again = time_point::max();
    auto delivered = news.bytes;
    if (c.selective) again = c.detection.detect(circumstances(host, c));
    else delivered = count_duplicates(host, c, news, duplicate);
    const bool more_lost = c.transmissions.lost() > news.lost;
    if (r.now == phase::open && more_lost) begin_recovery(host, c);
    if (r.now == phase::recovery) {
        notes.window = notes.reduction.window(delivered, c.in_network(), c.congestion.slow_start_threshold(), c.send_mss, news.advances && !more_lost);
        // A partial acknowledgement has its segment sent again at once (RFC 6582 section 3.2, step 5).
        if (!c.selective && news.advances) notes.window = std::max(notes.window, c.in_network() + c.send_mss);
    }
    return again;
}

/// The time has come at which what seemed late counts as lost (RFC 8985 section 6.3). Returns when to look again.
template <class Host, class Connection>
NETKIT_COLD time_point repair_late(Host& host, Connection& c) {
    const auto before = c.transmissions.lost();
    const auto again = c.detection.detect(circumstances(host, c));
    if (c.transmissions.lost() == before) return again;
    if (c.recovery.now == tcp_loss_recovery::phase::open) begin_recovery(host, c);
    if (c.recovery.now == tcp_loss_recovery::phase::recovery)
        c.repair().window = c.repair().reduction.window(0, c.in_network(), c.congestion.slow_start_threshold(), c.send_mss, false);
    return again;
}

}  // namespace netkit::tcp_machine
