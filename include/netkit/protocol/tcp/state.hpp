#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace netkit {

/// The states of a connection (RFC 9293 section 3.3.2), in the order of a connection's life.
enum class tcp_state : std::uint8_t {
    closed,
    listen,
    syn_sent,
    syn_received,
    established,
    fin_wait_1,
    fin_wait_2,
    close_wait,
    closing,
    last_ack,
    time_wait,
};

constexpr std::string_view to_string(tcp_state state) {
    constexpr std::string_view names[] = {"CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
                                          "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
    return names[static_cast<std::size_t>(state)];
}

/// Both sides have agreed on their initial sequence numbers.
constexpr bool is_synchronized(tcp_state state) { return state >= tcp_state::established; }
/// The program may still put bytes into the stream.
constexpr bool may_send(tcp_state state) { return state == tcp_state::established || state == tcp_state::close_wait; }
/// The peer may still send bytes.
constexpr bool may_receive(tcp_state state) {
    return state == tcp_state::established || state == tcp_state::fin_wait_1 || state == tcp_state::fin_wait_2;
}

}  // namespace netkit
