#pragma once

#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/state.hpp>

#include <cstdint>
#include <string_view>

namespace netkit {

/// What a connection knows of itself, for people and for measurement. Windows and sizes are in bytes.
struct tcp_info {
    tcp_state state = tcp_state::closed;
    bool timestamps = false;        ///< negotiated, RFC 7323 section 3
    bool window_scaling = false;    ///< negotiated, RFC 7323 section 2
    bool selective_acknowledgements = false;  ///< negotiated, RFC 2018
    bool ecn = false;               ///< negotiated, RFC 3168
    std::uint8_t send_scale = 0, receive_scale = 0;
    bool in_recovery = false;       ///< a loss is being repaired
    duration rtt{};                 ///< smoothed; zero before the first sample
    duration rtt_variation{};
    duration rto{};                 ///< retransmission timeout, backoff included
    std::uint32_t send_mss = 0, receive_mss = 0;
    std::string_view congestion_control;  ///< its name
    std::uint32_t congestion_window = 0;
    std::uint32_t slow_start_threshold = 0;
    std::uint32_t send_window = 0;     ///< what the peer offers
    std::uint32_t receive_window = 0;  ///< what we offer
    std::uint32_t send_buffer = 0;     ///< how many bytes may wait for acknowledgement, as of now
    std::uint32_t receive_buffer = 0;  ///< how many bytes may wait to be read, as of now
    duration receive_rtt{};            ///< the round trip by which the receive buffer is tuned; zero where it is fixed
    std::uint32_t unacknowledged = 0;  ///< sent and not acknowledged
    std::uint32_t unsent = 0;          ///< accepted from the program and not sent
    std::uint32_t readable = 0;        ///< received in order and not read
    std::uint32_t out_of_order = 0;    ///< received beyond a gap
    std::uint64_t bytes_sent = 0;      ///< payload, first transmissions only
    std::uint64_t bytes_received = 0;  ///< payload taken in order
    std::uint32_t segments_sent = 0, segments_received = 0;
    std::uint32_t retransmitted = 0;   ///< segments sent again, for whatever reason
    std::uint32_t marks_received = 0;  ///< segments of data that came marked by a router
    std::uint32_t marks_echoed = 0;    ///< reductions of the congestion window because the peer told of marks
    std::uint32_t timeouts = 0;        ///< expiries of the retransmission timer
    std::uint32_t fast_retransmits = 0;///< losses found by what arrived beyond them
    std::uint32_t tail_probes = 0;     ///< sent because nothing was heard for two round trips (RFC 8985 section 7)
    std::uint32_t undone = 0;          ///< losses that were none: the congestion window was given back
    duration least_rtt{};              ///< of the last ten seconds or so
    std::uint64_t delivery_rate = 0;   ///< bytes a second that last arrived; 0 before there is a measurement
    std::uint32_t in_network = 0;      ///< sent, and neither acknowledged, selected nor lost
    std::uint32_t selected = 0;        ///< the peer has beyond a gap
    std::uint32_t lost = 0;            ///< to be sent again
};

}  // namespace netkit
