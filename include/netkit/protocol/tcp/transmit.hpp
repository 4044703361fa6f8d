#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/ecn.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_writer.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

/// What the machine asks of the world: time, buffers, a way out, and a timer. `send` puts the header, whose ports and checksum are
/// its to fill, and its options in front of the payload; `refuse` answers a segment with a reset. `arm` has tcp_machine::expired called
/// at a moment, unless it will be sooner anyway.
/// `memory_is_scarce` is asked before something is kept that the peer can send again; the host sees to it that others give back what they keep so.
/// `admit` is asked when a passive connection's handshake ends: false where its listener has no room, or is gone.
template <class Host, class Connection>
concept tcp_host = requires(Host& host, Connection& c, packet p, const tcp_header& header, const tcp_option_bytes& options, time_point when, drop_reason why) {
    { host.now() } -> std::same_as<time_point>;
    { host.buffers() } -> std::same_as<pool&>;
    { host.allocate(std::size_t{}) } -> std::same_as<packet>;
    { host.send(c, std::move(p), header, options) } -> std::same_as<errc>;
    { host.admit(c) } -> std::same_as<bool>;
    { host.memory_is_scarce() } -> std::same_as<bool>;
    host.arm(c, when);
    host.refuse(c, tcp_segment{});
    host.deliver(p);
    host.drop(std::move(p), why);
};

namespace tcp_machine {

/// Has the timer fire at the soonest of the connection's deadlines. One that already fires sooner is left alone: it looks again then.
template <class Host, class Connection>
void schedule(Host& host, Connection& c) {
    if (c.state == tcp_state::closed) return;
    const auto next = c.next_deadline();
    if (next != time_point::max()) host.arm(c, next);
}

/// How much more room is worth telling of (RFC 9293 section 3.8.6.2.2): a full segment, or half of the buffer.
template <class Connection>
std::uint32_t worthwhile_room(const Connection& c) {
    return std::max<std::uint32_t>(std::min<std::uint32_t>(c.own_mss, c.receive_buffer() / 2), 1);
}

/// A window, rounded up to what the window field can say.
template <class Connection>
std::uint32_t whole_units(const Connection& c, std::uint32_t window) {
    const auto unit = 1u << c.receive_scale;
    return (window + unit - 1) & ~(unit - 1);
}

/// How far the peer may send, moved on where that is worth telling.
template <class Connection>
void open_receive_window(Connection& c) {
    const auto room = std::min(c.receive_room(), 65535u << c.receive_scale);
    const auto offered = c.receive_window();
    if (room >= offered + worthwhile_room(c)) {
        c.receive_edge = c.receive_next + room;
    } else if (const auto whole = whole_units(c, offered); whole <= room) {
        // The field cannot say it exactly: rather a little more than that the edge seems to go back.
        c.receive_edge = c.receive_next + whole;
    }
}

/// The window field: what is offered, scaled; rounded down, so that no more is ever promised.
template <class Connection>
std::uint16_t window_field(const Connection& c, bool syn) {
    const auto scaled = syn ? c.receive_window() : c.receive_window() >> c.receive_scale;
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(scaled, 65535));
}

/// The options of a SYN (RFC 9293 section 3.7.1, RFC 7323): everything is offered by the side that speaks first, and what was
/// offered is answered.
template <class Connection>
tcp_parsed_options syn_options(const Connection& c, std::uint32_t clock) {
    tcp_parsed_options options;
    options.has_mss = true;
    options.mss = c.own_mss;
    options.sack_permitted = c.selective;
    options.has_window_scale = c.scaling;
    options.window_scale = c.receive_scale;
    options.has_timestamps = c.timestamps;
    options.ts_value = clock;
    options.ts_echo = c.recent_timestamp;
    return options;
}

/// What a segment without data is numbered: behind all that was sent, but for a window probe's byte, which the peer may have refused; and within
/// the window, where the peer has taken some of that back: it does not listen to what lies beyond (RFC 9293 section 3.8.6).
template <class Connection>
sequence_number empty_sequence(const Connection& c) {
    if (c.waiting == tcp_waiting::window) return c.send_next;
    const auto edge = c.send_unacknowledged + c.send_window;
    // The field may say up to a unit less than the peer takes.
    if (c.send_highest <= edge + (1u << c.send_scale)) [[likely]] return c.send_highest;
    return c.send_window == 0 ? edge : edge - 1;
}

/// What a segment without data reports: its blocks, in `space` behind the other options.
template <class Connection>
NETKIT_COLD tcp_option_bytes with_report(Connection& c, std::span<std::byte> space, const tcp_option_bytes& others) {
    tcp_parsed_options options;
    const auto most = (space.size() - others.size() - 4) / sizeof(tcp_sack_block);
    options.sack_blocks = static_cast<std::uint8_t>(report_runs(c.reassembly, c.duplicate, options.sack, most));
    c.duplicate = {};
    c.report_due = !c.reassembly.empty();
    auto sum = others.sum;
    const auto size = others.size() + write_tcp_options(space.subspan(others.size()), options, sum);
    return {space.first(size), sum};
}
template <class Connection>
NETKIT_COLD tcp_option_bytes written_syn_options(const Connection& c, std::span<std::byte> space, std::uint32_t clock) {
    std::uint64_t sum = 0;
    const auto size = write_tcp_options(space, syn_options(c, clock), sum);
    return {space.first(size), sum};
}

/// Sends a segment of these flags from `sequence` on, with the payload in `p`. Acknowledges, where the ACK flag is there, all that
/// was received.
template <class Host, class Connection>
NETKIT_HOT errc send_segment_inlined(Host& host, Connection& c, packet p, sequence_number sequence, tcp_flags flags) {
    const bool syn = has(flags, tcp_flags::syn);
    std::array<std::byte, tcp_longest_options> space;
    tcp_option_bytes options;
    if (syn) [[unlikely]] {
        options = written_syn_options(c, space, tcp_timing::timestamp_clock(host.now()) + c.timestamp_offset);
    } else {
        if (c.ecn_echo) [[unlikely]] flags |= tcp_flags::ece;
        open_receive_window(c);
        if (c.timestamps) options = write_tcp_timestamps(std::span(space).template first<12>(), tcp_timing::timestamp_clock(host.now()) + c.timestamp_offset, c.recent_timestamp);
        // A full segment of data has no room for blocks. They follow without data.
        if (c.report_due && p.size() == 0 && !has(flags, tcp_flags::rst)) [[unlikely]] options = with_report(c, space, options);
    }
    tcp_header header{};
    header.sequence = sequence.value();
    header.offset = tcp_header::make_offset(sizeof header + options.size());
    header.control = static_cast<std::uint8_t>(flags);
    header.window = window_field(c, syn);
    if (has(flags, tcp_flags::ack)) {
        header.acknowledgement = c.receive_next.value();
        c.acknowledged_to = c.receive_next;
        c.unacknowledged_bytes = 0;
        if (!c.report_due || p.size() == 0) [[likely]] c.acknowledge_now = false;
        c.acknowledge_at = time_point::max();
    }
    ++c.segments_sent;
    return host.send(c, std::move(p), header, options);
}

/// The same as a function by itself, for segments that are rare.
template <class Host, class Connection>
[[gnu::noinline]] errc send_segment(Host& host, Connection& c, packet p, sequence_number sequence, tcp_flags flags) {
    return send_segment_inlined(host, c, std::move(p), sequence, flags);
}

/// An acknowledgement without data. Where there is no buffer for it, it is tried again a little later.
template <class Host, class Connection>
[[gnu::noinline]] void send_acknowledgement(Host& host, Connection& c) {
    auto p = host.allocate(0);
    if (!p) [[unlikely]] {
        c.acknowledge_now = false;
        c.acknowledge_at = host.now() + tcp_timing::acknowledgement_delay;
        return schedule(host, c);
    }
    (void)send_segment(host, c, std::move(p), empty_sequence(c), tcp_flags::ack);
}

/// RFC 5961: answers what may be forged with where we are, so that an honest peer that has lost its state can reset us.
template <class Host, class Connection>
NETKIT_COLD void challenge(Host& host, Connection& c) {
    if (c.challenges.allow(host.now())) send_acknowledgement(host, c);
}

/// SYN, or SYN and ACK.
template <class Host, class Connection>
NETKIT_COLD void send_syn(Host& host, Connection& c) {
    auto p = host.allocate(0);
    if (!p) return;
    const auto flags = syn_ecn_flags(c) | (c.state == tcp_state::syn_received ? tcp_flags::syn | tcp_flags::ack : tcp_flags::syn);
    (void)send_segment(host, c, std::move(p), c.initial_send, flags);
}

/// Tells the peer that the connection is no more.
template <class Host, class Connection>
NETKIT_COLD void send_reset(Host& host, Connection& c) {
    auto p = host.allocate(0);
    if (!p) return;
    const auto flags = c.state == tcp_state::syn_sent ? tcp_flags::rst : tcp_flags::rst | tcp_flags::ack;
    (void)send_segment(host, c, std::move(p), empty_sequence(c), flags);
}

/// Ends the connection: nothing is sent any more. `error` is for the program; ok where there is nothing to tell.
template <class Connection>
NETKIT_COLD void end(Connection& c, errc error) {
    if (error != errc::ok && c.error == errc::ok) c.error = error;
    c.state = tcp_state::closed;
    c.waiting = tcp_waiting::nothing;
    c.transmit_at = c.acknowledge_at = c.life_at = time_point::max();
    c.sending.clear();
    c.transmissions.clear();
    c.pacing_waits = false;
    c.reassembly.clear();
    c.duplicate = {};
    c.acknowledge_now = c.report_due = false;
    c.rest();
    c.events.readable = c.events.writable = c.events.changed = true;
}

/// Aborts: a reset to the peer, an error to the program.
template <class Host, class Connection>
NETKIT_COLD void abort(Host& host, Connection& c, errc error) {
    if (c.state == tcp_state::syn_received || c.state == tcp_state::established || c.state == tcp_state::fin_wait_1 ||
        c.state == tcp_state::fin_wait_2 || c.state == tcp_state::close_wait || c.state == tcp_state::closing || c.state == tcp_state::last_ack)
        send_reset(host, c);
    end(c, error);
}

}  // namespace tcp_machine
}  // namespace netkit
