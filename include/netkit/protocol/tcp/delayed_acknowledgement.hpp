#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <cstdint>

/// When data in order is acknowledged (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
namespace netkit::tcp_machine {

/// The size of the segments that a packet brought: several, where it stands for more than one.
inline std::uint32_t segment_size(const packet& p) {
    return p.gso_size() != 0 ? p.gso_size() : static_cast<std::uint32_t>(p.size());
}

/// Data in order has come, `size` bytes in segments of `segment`. Two full segments are acknowledged at once, and each of the first
/// ones of a flow, so that a peer in slow start hears of all; anything less a little later, so that the program's answer may carry it.
template <class Host, class Connection>
NETKIT_HOT void acknowledge_soon(Host& host, Connection& c, std::uint32_t size, std::uint32_t segment) {
    if (segment > c.receive_mss) [[unlikely]] c.receive_mss = static_cast<std::uint16_t>(std::min<std::uint32_t>(segment, c.own_mss));
    if (c.unacknowledged_bytes >= 2u * c.receive_mss || c.options->quick_ack) {
        c.acknowledge_now = true;
    } else if (c.quick_acknowledgements != 0 && size >= c.receive_mss) {
        --c.quick_acknowledgements;
        c.acknowledge_now = true;
    } else if (c.acknowledge_at == time_point::max()) {
        c.acknowledge_at = host.now() + tcp_timing::acknowledgement_delay;
        host.arm(c, c.acknowledge_at);
    }
}

/// The peer speaks after it has been silent for so long: it will be in slow start, if it has idled.
template <class Connection>
NETKIT_COLD void heard_after_silence(Connection& c, duration silence) {
    if (silence >= c.rtt.timeout()) c.quick_acknowledgements = tcp_timing::most_quick_acknowledgements;
}

/// Nothing came, and the program said nothing, for as long as an acknowledgement may wait.
template <class Host, class Connection>
NETKIT_COLD void delayed_acknowledgement(Host& host, Connection& c) {
    c.acknowledge_at = time_point::max();
    // The way may have become narrower, and what seemed less than two full segments be more.
    c.receive_mss = std::min<std::uint16_t>(c.receive_mss, 536);
    send_acknowledgement(host, c);
}

}  // namespace netkit::tcp_machine
