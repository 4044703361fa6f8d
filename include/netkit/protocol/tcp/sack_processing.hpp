#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delivery.hpp>
#include <netkit/protocol/tcp/segment.hpp>

#include <cstddef>
#include <cstdint>

/// What the peer says it has beyond a gap (RFC 2018), or has twice (RFC 2883).
namespace netkit::tcp_machine {

/// Whether the first block tells of a duplicate: it is acknowledged already, or lies in the second (RFC 2883 section 4).
template <class Connection>
bool tells_of_duplicate(const Connection& c, const tcp_segment& s) {
    const auto& options = s.options;
    const sequence_number left(options.sack[0].left), right(options.sack[0].right);
    if (!(left < right) || right - left > c.largest_window + 65536) return false;
    if (right <= s.acknowledgement) return true;
    if (options.sack_blocks < 2) return false;
    return sequence_number(options.sack[1].left) <= left && right <= sequence_number(options.sack[1].right);
}

/// Marks what has arrived. Blocks that are no part of what is under way say nothing.
template <class Host, class Connection>
NETKIT_COLD void read_selective_acknowledgements(Host& host, Connection& c, const tcp_segment& s, tcp_delivery& news) {
    const auto about = circumstances(host, c);
    std::size_t i = 0;
    if (tells_of_duplicate(c, s)) {
        news.twice = true;
        ++i;
    }
    const auto before = news.bytes;
    for (; i < s.options.sack_blocks; ++i) {
        const sequence_number left(s.options.sack[i].left), right(s.options.sack[i].right);
        if (!(left < right) || left <= s.acknowledgement || right > c.send_next || left < c.send_unacknowledged) continue;
        c.transmissions.select(host.buffers(), left, right, [&](const tcp_transmission& t) { count_delivered(c, news, t, s, about, false); });
    }
    news.selects = news.bytes != before;
}

}  // namespace netkit::tcp_machine
