#pragma once

#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/ecn.hpp>
#include <netkit/protocol/tcp/segment.hpp>

#include <algorithm>
#include <cstdint>

/// What the two sides agree on in their SYNs.
namespace netkit {

/// How far a listener has led a handshake, without a connection.
struct tcp_led_handshake {
    tcp_segment syn;                 ///< the peer's, asking for what was agreed on and for nothing else
    std::uint8_t receive_scale = 0;  ///< of our windows, as we announced it
    std::uint8_t attempts = 0;       ///< answers sent; 0 where nothing is known of them
    time_point answered_at{};        ///< the last time
};

namespace tcp_machine {

/// No peer makes us send smaller segments (CVE-2019-11479), in bytes, options counted.
inline constexpr std::uint16_t least_mss = 88;
/// What a peer takes that announces nothing (RFC 9293 section 3.7.1).
constexpr std::uint16_t default_mss(bool six) { return six ? 1220 : 536; }
/// The timestamps of every segment: their option, padded.
inline constexpr std::uint16_t timestamps_size = 12;

/// The payload of a full segment: what the peer takes, the way carries, and the program wants, without our options.
template <class Connection>
void choose_send_mss(Connection& c) {
    auto mss = std::min(c.peer_mss, c.way.mss);
    if (c.options->maximum_segment != 0) mss = std::min(mss, c.options->maximum_segment);
    mss = std::max(mss, least_mss);
    c.send_mss = static_cast<std::uint16_t>(mss - (c.timestamps ? timestamps_size : 0));
}

/// What we offer: an MSS that fits our own interface, timestamps, selective acknowledgements, and a scale that lets the window cover all that the receive buffer
/// may become.
template <class Connection>
void make_offer(Connection& c) {
    c.own_mss = std::max(c.way.mss, least_mss);
    if (c.options->maximum_segment != 0) c.own_mss = std::clamp(c.options->maximum_segment, least_mss, c.own_mss);
    c.timestamps = c.options->timestamps;
    c.scaling = c.options->window_scaling;
    c.selective = c.options->selective_acknowledgements;
    c.ecn = c.options->ecn == tcp_ecn::ask;
    c.receive_scale = 0;
    choose_buffers(c);
    while (c.scaling && c.receive_scale < tcp_largest_window_scale && most_receive_buffer(c) >> c.receive_scale > 65535) ++c.receive_scale;
    c.receive_edge = c.receive_next + std::min(c.receive_room(), 65535u);
}

/// The peer's SYN: what it does not offer we do without.
template <class Connection>
void accept_syn(Connection& c, const tcp_segment& s, time_point now) {
    c.scaling = c.scaling && s.options.has_window_scale;
    c.send_scale = c.scaling ? std::min(s.options.window_scale, tcp_largest_window_scale) : std::uint8_t(0);
    if (!c.scaling) c.receive_scale = 0;
    accept_ecn(c, s);
    c.selective = c.selective && s.options.sack_permitted;
    c.timestamps = c.timestamps && s.options.has_timestamps;
    if (c.timestamps) {
        c.recent_timestamp = s.options.ts_value;
        c.timestamp_at = now;
    }
    // An MSS of zero cannot be meant.
    c.peer_mss = s.options.has_mss && s.options.mss != 0 ? s.options.mss : default_mss(c.key.six);
    choose_send_mss(c);
    c.initial_receive = s.sequence;
    c.receive_next = c.acknowledged_to = s.sequence + 1u;
    c.receive_edge = c.receive_next + std::min(c.receive_room(), 65535u);
    c.window_sequence = s.sequence;
    c.window_acknowledgement = s.acknowledgement;
}

/// The peer's SYN, which a listener has answered already: what it agreed on counts, whatever its options say by now.
template <class Connection>
void accept_again(Connection& c, const tcp_led_handshake& led, time_point now) {
    const auto& agreed = led.syn.options;
    c.timestamps = agreed.has_timestamps;
    c.scaling = agreed.has_window_scale;
    c.selective = agreed.sack_permitted;
    c.receive_scale = led.receive_scale;
    choose_buffers(c);
    accept_syn(c, led.syn, now);
    c.ecn = asks_for_ecn(led.syn);
}

}  // namespace tcp_machine
}  // namespace netkit
