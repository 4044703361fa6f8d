#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/wire/tcp.hpp>

#include <algorithm>

/// Explicit congestion notification (RFC 3168): routers mark packets rather than drop them.
namespace netkit::tcp_machine {

/// Both ECE and CWR, as only a SYN that asks for ECN has them (section 6.1.1).
inline bool asks_for_ecn(const tcp_segment& s) { return s.has(tcp_flags::ece) && s.has(tcp_flags::cwr); }

/// What our SYN, or SYN and ACK, says of it. A SYN that was not answered may have fallen to a middlebox: the next one does not ask.
template <class Connection>
tcp_flags syn_ecn_flags(Connection& c) {
    if (c.state == tcp_state::syn_sent && c.attempts > 1) c.ecn = false;
    if (!c.ecn) return tcp_flags::none;
    return c.state == tcp_state::syn_received ? tcp_flags::ece : tcp_flags::ece | tcp_flags::cwr;
}

/// The peer's SYN. Where we have not asked in ours, its asking comes too late.
template <class Connection>
void accept_ecn(Connection& c, const tcp_segment& s) {
    if (s.has(tcp_flags::ack)) c.ecn = c.ecn && s.has(tcp_flags::ece) && !s.has(tcp_flags::cwr);
    else if (c.passive) c.ecn = c.options->ecn != tcp_ecn::off && asks_for_ecn(s);
    else c.ecn = c.ecn && asks_for_ecn(s);
}

/// What a segment of data that has been accepted says: a router's mark is echoed until the peer says that it sends less (section 6.1.3).
template <class Connection>
NETKIT_COLD void hear_marks(Connection& c, const tcp_segment& s) {
    if (s.size == 0) return;
    if (s.has(tcp_flags::cwr)) c.ecn_echo = false;
    if (!s.is_marked()) return;
    if (c.marks_received < 65535) ++c.marks_received;
    if (c.ecn_echo) return;
    c.ecn_echo = true;
    c.acknowledge_now = true;
}

/// The peer echoes a mark: once a window the sender reduces its own, as if something had been lost, and says so (section 6.1.2).
template <class Host, class Connection>
NETKIT_COLD void congestion_experienced(Host& host, Connection& c) {
    auto& r = c.recovery;
    const auto flight = c.send_highest - c.send_unacknowledged;
    // While nothing is under way, all that is known is whether there was a reduction since.
    const auto known = c.outgoing.held ? c.repair().reduced_until - c.send_unacknowledged : r.reduced_here ? 0u : ~0u;
    // What acknowledges the last segment from before the reduction (known is 0) was sent before the peer could hear of it.
    if (r.recovering() || known <= flight) return;
    if (c.outgoing.held) c.repair().reduced_until = c.send_highest;
    else r.reduced_here = true;
    if (c.marks_echoed < 65535) ++c.marks_echoed;
    c.congestion.lost({.in_flight = c.in_flight(), .segment = c.send_mss, .now = host.now(), .marked = true});
    r.may_undo = false;
    c.ecn_reduced = true;
}

/// Data is to be sent. Only what is new says that routers may mark it (sections 6.1.4 to 6.1.6), and the first of it after a reduction
/// that there was one. The layer looks at `ecn_capable_segment`.
template <class Connection>
NETKIT_COLD tcp_flags mark_data(Connection& c, bool is_new) {
    c.ecn_capable_segment = is_new;
    if (!is_new || !c.ecn_reduced) return tcp_flags::none;
    c.ecn_reduced = false;
    return tcp_flags::cwr;
}

}  // namespace netkit::tcp_machine
