#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delayed_acknowledgement.hpp>
#include <netkit/protocol/tcp/reassembly.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmit.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace netkit::tcp_machine {

/// Payload that comes next in the stream, for the program.
template <class Connection>
NETKIT_HOT void take_text(Connection& c, packet p) {
    const auto n = static_cast<std::uint32_t>(p.size());
    c.received(n);
    c.unacknowledged_bytes += n;
    if (c.receive_shut) return;
    c.receiving.push(std::move(p));
    c.events.readable = true;
}

/// Data that had been received before: the next acknowledgement says so (RFC 2883), where none was to be told of already.
template <class Connection>
NETKIT_COLD void came_twice(Connection& c, tcp_range data) {
    if (!c.selective || data.empty() || !c.duplicate.empty()) return;
    c.duplicate = data;
    c.report_due = true;
}

/// A gap has been filled: what waited behind it follows.
template <class Connection>
NETKIT_COLD void take_what_waited(Connection& c) {
    tcp_range run;
    for (auto packets = c.reassembly.take(c.receive_next, run); !packets.empty(); packets = c.reassembly.take(c.receive_next, run)) {
        if (run.first < c.receive_next) came_twice(c, {run.first, min(run.end, c.receive_next)});
        while (auto p = packets.pop_front()) {
            const auto size = static_cast<std::uint32_t>(p.size());
            const auto known = c.receive_next > run.first ? std::min(c.receive_next - run.first, size) : 0;
            run.first += size;
            if (known == size) continue;
            // Without memory to cut it, it is as if it had been lost, and what is behind it too.
            if (known != 0 && !tcp_reassembly::cut_front(p, known)) {
                c.acknowledge_now = true;
                return;
            }
            take_text(c, std::move(p));
        }
    }
    c.report_due = c.selective && (!c.reassembly.empty() || !c.duplicate.empty());
    c.acknowledge_now = true;
}

/// What may be held beyond gaps, in bytes with all overhead.
template <class Connection>
std::uint32_t most_memory_out_of_order(const Connection& c) {
    return std::min(c.receive_buffer(), 1u << 30) * 2 + 65536;
}

/// What waits beyond a gap is given up, for want of memory: the peer sends it again.
template <class Connection>
NETKIT_COLD void give_up_out_of_order(Connection& c) {
    c.reassembly.clear();
    c.duplicate = {};
    c.report_due = false;
}

/// Beyond a gap: kept, as long as memory is not scarce, and told at once, so that the peer may count duplicates (RFC 5681 section 4.2).
template <class Host, class Connection>
NETKIT_COLD void process_out_of_order(Host& host, Connection& c, packet p, sequence_number first) {
    c.acknowledge_now = true;
    c.quick_acknowledgements = tcp_timing::most_quick_acknowledgements;
    if (host.memory_is_scarce()) return;
    const auto insertion = c.reassembly.insert(host.buffers(), std::move(p), first, most_memory_out_of_order(c));
    came_twice(c, insertion.duplicate);
    if (c.selective && !c.reassembly.empty()) c.report_due = true;
}

/// The payload of a segment that has been cut to the receive window, starting at `first`.
template <class Host, class Connection>
NETKIT_HOT void process_text(Host& host, Connection& c, packet p, sequence_number first) {
    if (first == c.receive_next) [[likely]] {
        const auto size = static_cast<std::uint32_t>(p.size()), segment = segment_size(p);
        take_text(c, std::move(p));
        if (!c.reassembly.empty()) [[unlikely]] take_what_waited(c);
        else acknowledge_soon(host, c, size, segment);
        return;
    }
    process_out_of_order(host, c, std::move(p), first);
}

/// Where the last byte before the peer's FIN has arrived, the FIN counts (RFC 9293 section 3.10.7.4, eighth).
template <class Host, class Connection>
NETKIT_COLD void process_fin(Host& host, Connection& c) {
    if (c.fin_received || c.receive_next != c.fin_sequence) return;
    c.fin_received = true;
    c.received(1);
    if (c.receive_edge < c.receive_next) c.receive_edge = c.receive_next;
    c.acknowledge_now = true;
    c.events.readable = true;
    switch (c.state) {
    case tcp_state::syn_received:
    case tcp_state::established: c.state = tcp_state::close_wait; break;
    case tcp_state::fin_wait_1: c.state = c.fin_acknowledged ? tcp_state::time_wait : tcp_state::closing; break;
    case tcp_state::fin_wait_2: c.state = tcp_state::time_wait; break;
    default: break;
    }
    (void)host;
}

}  // namespace netkit::tcp_machine
