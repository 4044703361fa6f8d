#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/negotiation.hpp>
#include <netkit/protocol/tcp/timing.hpp>

#include <algorithm>
#include <cstdint>

/// Paths on which large packets vanish, and no router says so (RFC 8899 section 4.3, RFC 4821 section 7.7).
namespace netkit::tcp_machine {

/// The first segment has been sent again and again in vain: smaller ones may get through. What they were is tried again after ten minutes.
template <class Host, class Connection>
NETKIT_COLD void suspect_black_hole(Host& host, Connection& c) {
    if (c.attempts < tcp_timing::attempts_that_suggest_a_black_hole) return;
    // The last segment need not be a full one to be too large.
    const auto vanishes = std::min<std::uint32_t>(c.sending.size(), c.send_mss) + (c.timestamps ? timestamps_size : 0u);
    // The payloads that the smallest paths of IPv6 and of IPv4 carry, and one in between that most tunnels do.
    const std::uint16_t smallest = c.key.six ? 1220 : 536;
    const std::uint16_t next = vanishes > 1380 ? std::uint16_t(1380) : vanishes > 1220 ? std::uint16_t(1220) : smallest;
    if (vanishes <= next) return;
    c.way.mss = next;
    if (c.way.most_payload != 0) c.way.most_payload = static_cast<std::uint16_t>(c.way.most_payload / next * next);
    c.way.narrowed_at = host.now();
    c.way.narrowed = true;
    choose_send_mss(c);
}

/// After some time the path may have changed: the way is asked for anew.
template <class Host, class Connection>
void hope_for_wider_path(Host& host, Connection& c) {
    if (!c.way.narrowed || host.now() - c.way.narrowed_at < tcp_timing::narrow_path_life) [[likely]] return;
    c.way.narrowed = false;
    c.way.generation = 0;
}

}  // namespace netkit::tcp_machine
