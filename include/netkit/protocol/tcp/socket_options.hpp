#pragma once

#include <chrono>
#include <cstdint>

namespace netkit {

using tcp_seconds = std::chrono::duration<std::uint32_t>;
using tcp_milliseconds = std::chrono::duration<std::uint32_t, std::milli>;

/// Explicit congestion notification (RFC 3168): never, where the peer asks for it, or asked for.
enum class tcp_ecn : std::uint8_t { off, answer, ask };

/// What a program may choose for one connection, and for the connections that a listener accepts.
struct tcp_socket_options {
    /// What buffers begin with that the program has not fixed, in bytes.
    static constexpr std::uint32_t first_send_buffer = 256 * 1024, first_receive_buffer = 128 * 1024;

    bool no_delay = false;       ///< small segments need not wait for acknowledgements (turns the Nagle algorithm off)
    bool cork = false;           ///< more is to come: only full segments leave, until this is taken back
    bool pacing = false;         ///< segments leave evenly spread, at the congestion control's pace, rather than in bursts
    bool quick_ack = false;      ///< acknowledge each segment at once
    bool keep_alive = false;     ///< probe an idle peer (RFC 9293 section 3.8.4)
    bool reuse_address = false;  ///< bind beside others that allow it too, as long as no one listens
    bool v6_only = false;        ///< a socket bound to `::` does not hear IPv4
    bool linger = false;         ///< closing waits `linger_time` for acknowledgements and then resets; zero resets at once
    bool timestamps = true;      ///< offer and answer them (RFC 7323 section 3)
    bool window_scaling = true;  ///< offer and answer it (RFC 7323 section 2)
    bool selective_acknowledgements = true;  ///< offer and answer them (RFC 2018)
    tcp_ecn ecn = tcp_ecn::answer;
    std::uint8_t traffic_class = 0;                ///< of the IP header, without the two bits of ECN, which are not the program's (RFC 2474)
    std::uint8_t hop_limit = 0;                    ///< of the IP header; 0: the stack's
    std::uint8_t keep_alive_count = 9;             ///< unanswered probes until the connection fails with timed_out
    std::uint16_t maximum_segment = 0;             ///< payload bytes of a segment at most; 0: what the path takes
    tcp_seconds keep_alive_idle{7200};             ///< silence before the first probe
    tcp_seconds keep_alive_interval{75};           ///< between probes
    tcp_seconds linger_time{0};
    tcp_milliseconds user_timeout{0};              ///< how long data may stay unacknowledged (RFC 5482); 0: until retransmissions run out
    std::uint32_t send_buffer = 0;                 ///< bytes kept until they are acknowledged; 0: as many as keep the way busy
    std::uint32_t receive_buffer = 0;              ///< bytes the peer may send ahead of the program's reads, two units of its window at least; 0: as many as keep the way busy
    std::uint32_t most_send_buffer = 4 << 20;      ///< where send_buffer is 0: how far it may grow
    std::uint32_t most_receive_buffer = 6 << 20;   ///< where receive_buffer is 0: how far it may grow

    bool operator==(const tcp_socket_options&) const = default;
};

}  // namespace netkit
