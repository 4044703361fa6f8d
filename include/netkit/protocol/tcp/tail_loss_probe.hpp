#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delivery.hpp>
#include <netkit/protocol/tcp/output.hpp>
#include <netkit/protocol/tcp/segment.hpp>

#include <algorithm>
#include <cstdint>

/// Tail loss probes (RFC 8985 section 7): where the last segments of a flight are lost nothing tells of it; one more does.
namespace netkit::tcp_machine {

/// Nothing was heard for two round trips: new data, or else the last segment again.
template <class Host, class Connection>
NETKIT_COLD void send_tail_probe(Host& host, Connection& c) {
    auto& r = c.recovery;
    ++c.tail_probes;
    r.probing = true;
    const auto offered = c.send_window > c.in_flight() ? c.send_window - c.in_flight() : 0;
    const auto fresh = std::min({c.unsent(), offered, std::uint32_t(c.send_mss)});
    auto stamp = stamped(host, c);
    bool sent = false;
    if (fresh != 0) {
        r.probe_resent = false;
        const bool fin = c.fin_queued && fresh == c.unsent();
        stamp.first = c.send_next;
        const auto done = send_data(host, c, c.send_next, fresh, fin, sent);
        if (sent) {
            c.send_next += done + (fin && done == fresh ? 1u : 0u);
            stamp.end = c.send_next;
            c.transmissions.sent(host.buffers(), stamp, duration::zero());
        }
    } else {
        r.probe_resent = true;
        const bool fin = c.send_next > c.send_end();
        const auto end = fin ? c.send_end() : c.send_next;
        const auto n = std::min<std::uint32_t>(end - c.send_unacknowledged, c.send_mss);
        send_data(host, c, end - n, n, fin, sent);
        if (sent) c.transmissions.sent_again_from(host.buffers(), end - n, stamp);
    }
    c.repair().probe_end = c.send_next;
    // Sent or not, the next to come is the retransmission timeout.
    start_retransmission_timer(host, c);
}

/// What an acknowledgement says of a probe (section 7.4.2): one that repaired a loss is a sign of congestion as any other.
template <class Host, class Connection>
NETKIT_COLD void tail_probe_acknowledged(Host& host, Connection& c, const tcp_segment& s, const tcp_delivery& news) {
    auto& r = c.recovery;
    if (s.acknowledgement < c.repair().probe_end) return;
    const bool repaired = r.probe_resent && !news.twice && s.acknowledgement > c.repair().probe_end;
    // The original's acknowledgement and the probe's, a duplicate, are both on their way.
    const bool undecided = r.probe_resent && !news.twice && s.acknowledgement == c.repair().probe_end && (news.advances || s.options.sack_blocks != 0);
    if (undecided) return;
    r.probing = false;
    if (repaired && !r.recovering()) c.congestion.lost({.in_flight = news.in_flight, .segment = c.send_mss, .now = host.now()});
}

}  // namespace netkit::tcp_machine
