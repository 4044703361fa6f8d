#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace netkit {

/// Why a frame went no further. Each frame that enters a stack is delivered, forwarded, or counted under one of these, once.
enum class drop_reason : std::uint8_t {
    truncated,              ///< shorter than its header
    malformed,              ///< a field or a length that contradicts the rest
    checksum,               ///< a sum that does not come out
    not_for_us,             ///< another host's link or network address
    bad_source,             ///< a source no host can have (multicast, broadcast, our own, loopback from outside)
    no_upper_layer,         ///< no layer claims its protocol number
    no_socket,              ///< no socket is bound to its port
    no_route,               ///< no way to its target
    no_neighbour,           ///< the next hop did not answer
    neighbour_queue_full,   ///< too many packets wait for one neighbour
    hop_limit_exceeded,     ///< its time to live ran out
    too_big,                ///< larger than the next link, and may not be fragmented
    fragment_overlap,       ///< RFC 5722, RFC 8200 section 4.5
    fragment_limit,         ///< beyond the memory set aside for reassembly
    fragment_timeout,       ///< its other fragments did not come in time
    fragment_too_long,      ///< offset and length beyond 65535
    unsupported,            ///< well-formed, and of a kind this layer does not take part in
    filtered,               ///< refused by a filter
    injected,               ///< lost on purpose
    no_buffers,             ///< the pool, or a byte budget, is exhausted
    socket_buffer_full,     ///< the receiver is slower than the sender
    backlog_full,           ///< a listener's queue is full
    device_full,            ///< the device and its queue take no more
    interface_down,
    bad_state,              ///< not acceptable in the connection's state (RFC 9293 section 3.10.7)
    out_of_window,          ///< outside the receive window
    old_timestamp,          ///< PAWS, RFC 7323 section 5
    bad_acknowledgement,    ///< acknowledges what was never sent
    rate_limited,           ///< an answer withheld
    stack_closed,           ///< still waiting when its stack was destroyed
    count_
};
inline constexpr std::size_t drop_reasons = static_cast<std::size_t>(drop_reason::count_);

constexpr std::string_view to_string(drop_reason r) {
    constexpr std::string_view names[drop_reasons] = {
        "truncated", "malformed", "checksum", "not_for_us", "bad_source", "no_upper_layer", "no_socket", "no_route", "no_neighbour",
        "neighbour_queue_full", "hop_limit_exceeded", "too_big", "fragment_overlap", "fragment_limit", "fragment_timeout", "fragment_too_long",
        "unsupported", "filtered", "injected", "no_buffers", "socket_buffer_full", "backlog_full", "device_full", "interface_down", "bad_state",
        "out_of_window", "old_timestamp", "bad_acknowledgement", "rate_limited", "stack_closed"};
    return static_cast<std::size_t>(r) < drop_reasons ? names[static_cast<std::size_t>(r)] : "unknown";
}

}  // namespace netkit
