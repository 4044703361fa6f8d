#pragma once

#include <netkit/core/error.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/negotiation.hpp>
#include <netkit/protocol/tcp/output.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <cstdint>

/// What routers and peers say of our segments by ICMP (RFC 5927, RFC 9293 section 3.9.2.2).
namespace netkit::tcp_machine {

/// Whether an error quotes a segment that is under way: who is not on the path cannot know.
template <class Connection>
bool quotes_what_is_under_way(const Connection& c, sequence_number quoted) {
    return c.send_unacknowledged <= quoted && quoted < c.send_highest;
}

/// The target cannot be reached, for `why`. Where trying again is in vain (`hard`), a connection attempt ends at once. Else, and later, it is only
/// told when the connection times out: what does not work now may work again, and a router's word may be forged (RFC 5461, RFC 5927 section 5).
template <class Connection>
void network_unreachable(Connection& c, errc why, bool hard) {
    if (c.state == tcp_state::closed) return;
    c.soft_error = why;
    if (hard && c.state == tcp_state::syn_sent) end(c, why);
}

/// Segments are too big for the way, which takes `mss` bytes of payload: smaller ones are sent at once, without taking it for
/// congestion (RFC 1191 section 6.4).
template <class Host, class Connection>
void path_narrowed(Host& host, Connection& c, std::uint16_t mss) {
    if (mss >= c.way.mss) return;
    c.way.mss = std::max(mss, least_mss);
    if (c.way.most_payload != 0) c.way.most_payload = static_cast<std::uint16_t>(c.way.most_payload / c.way.mss * c.way.mss);
    const auto before = c.send_mss;
    choose_send_mss(c);
    if (c.send_mss >= before || !is_synchronized(c.state) || c.send_highest == c.send_unacknowledged) return;
    c.transmissions.lose_all();
    output(host, c);
}

}  // namespace netkit::tcp_machine
