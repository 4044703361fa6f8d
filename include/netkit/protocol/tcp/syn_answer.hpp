#pragma once

#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/buffer_tuning.hpp>
#include <netkit/protocol/tcp/negotiation.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/socket_options.hpp>
#include <netkit/protocol/tcp/transmit.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_parser.hpp>

#include <cstdint>

namespace netkit {

/// What a listener answers a SYN with, before there is a connection: as much of one as negotiation works on.
struct tcp_syn_answer {
    tcp_syn_answer(const tcp_socket_options& listeners, std::uint16_t way_mss, bool six, const tcp_segment& syn, time_point now) : tcp_syn_answer(listeners, way_mss, six) {
        tcp_machine::accept_syn(*this, syn, now);
    }
    /// Another answer to the same SYN: what was agreed on stays.
    tcp_syn_answer(const tcp_socket_options& listeners, std::uint16_t way_mss, bool six, const tcp_led_handshake& led, time_point now) : tcp_syn_answer(listeners, way_mss, six) {
        tcp_machine::accept_again(*this, led, now);
    }

    const tcp_socket_options* options;
    struct {
        std::uint16_t mss = 0;
    } way;
    struct {
        bool six = false;
    } key;
    static constexpr bool passive = true;
    bool timestamps = false, scaling = false, selective = false, ecn = false;
    std::uint8_t send_scale = 0, receive_scale = 0;
    std::uint16_t own_mss = 0, peer_mss = 0, send_mss = 0;
    std::uint32_t recent_timestamp = 0;
    sequence_number initial_receive, receive_next, receive_edge, acknowledged_to, window_sequence, window_acknowledgement;
    time_point timestamp_at{};
    std::uint32_t send_buffer = 0;
    tcp_receive_tuning tuning;

    std::uint32_t receive_room() const { return tuning.buffer(); }
    std::uint32_t receive_window() const { return receive_edge - receive_next; }

    /// The SYN and ACK numbered `sequence`; options and ports are not in it.
    tcp_header header(sequence_number sequence) const {
        tcp_header h{};
        h.sequence = sequence.value();
        h.acknowledgement = receive_next.value();
        h.control = static_cast<std::uint8_t>(tcp_flags::syn | tcp_flags::ack | (ecn ? tcp_flags::ece : tcp_flags::none));
        h.window = tcp_machine::window_field(*this, true);
        return h;
    }
    tcp_parsed_options syn_options(std::uint32_t clock) const { return tcp_machine::syn_options(*this, clock); }

private:
    tcp_syn_answer(const tcp_socket_options& listeners, std::uint16_t way_mss, bool six) : options(&listeners) {
        way.mss = way_mss;
        key.six = six;
        tcp_machine::make_offer(*this);
    }
};

}  // namespace netkit
