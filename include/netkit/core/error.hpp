#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace netkit {

/// What became of something that a program asked for. One byte, to be looked at. What a peer does is never an
/// exception; these are.
enum class [[nodiscard]] errc : std::uint8_t {
    ok,
    would_block,          ///< not now; wait for readiness
    no_route,             ///< no way to the target, or the stack lacks its family
    no_buffers,           ///< the pool, or a byte budget, is exhausted; recovers
    queue_full,           ///< the interface's or the neighbour's queue is full
    message_too_big,      ///< larger than the path or the protocol allows
    address_in_use,       ///< the local endpoint is taken
    address_not_available,///< not an address of this host
    no_ports,             ///< every ephemeral port is taken
    already_connected,
    already_started,      ///< a connection attempt is under way
    not_connected,
    connection_refused,
    connection_reset,
    connection_aborted,
    timed_out,
    host_unreachable,
    network_unreachable,
    end_of_stream,        ///< the peer has sent its last byte
    shut_down,            ///< writing after shutdown
    invalid_argument,
    not_supported,
    bad_descriptor,       ///< the socket is not open, or its stack is gone
    interface_down,
    access_denied,        ///< refused by a filter or an administrative ICMP error
};

/// One line for people.
constexpr std::string_view to_string(errc e) {
    switch (e) {
    case errc::ok: return "success";
    case errc::would_block: return "operation would block";
    case errc::no_route: return "no route to host";
    case errc::no_buffers: return "no buffer space available";
    case errc::queue_full: return "queue full";
    case errc::message_too_big: return "message too big";
    case errc::address_in_use: return "address in use";
    case errc::address_not_available: return "address not available";
    case errc::no_ports: return "no ephemeral port is free";
    case errc::already_connected: return "already connected";
    case errc::already_started: return "connection already in progress";
    case errc::not_connected: return "not connected";
    case errc::connection_refused: return "connection refused";
    case errc::connection_reset: return "connection reset by peer";
    case errc::connection_aborted: return "connection aborted";
    case errc::timed_out: return "timed out";
    case errc::host_unreachable: return "host unreachable";
    case errc::network_unreachable: return "network unreachable";
    case errc::end_of_stream: return "end of stream";
    case errc::shut_down: return "sending after shutdown";
    case errc::invalid_argument: return "invalid argument";
    case errc::not_supported: return "not supported";
    case errc::bad_descriptor: return "bad descriptor";
    case errc::interface_down: return "interface is down";
    case errc::access_denied: return "access denied";
    }
    return "unknown error";
}

/// How many bytes were moved, and why no more were.
struct [[nodiscard]] io_result {
    std::size_t bytes = 0;
    errc error = errc::ok;
};

}  // namespace netkit
