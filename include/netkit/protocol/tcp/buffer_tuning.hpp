#pragma once

#include <netkit/buffer/pool.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/socket_options.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/wire/tcp_option_parser.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace netkit {

/// How large a receive buffer has to be for the program's own pace to be what limits the peer: room for twice what the program reads in
/// a round trip, and twice that while it reads more each time, since the peer may be doubling what it sends. It never becomes smaller.
class tcp_receive_tuning {
public:
    /// From now on the buffer is of so many bytes, and stays so where it is `fixed`.
    void start(std::uint32_t buffer, bool fixed) {
        buffer_ = buffer;
        round_ends_ = fixed ? time_point::max() : time_point();
    }
    std::uint32_t buffer() const { return buffer_; }
    /// When the round trip being watched is over. `round_ended` is to be called on the first data after that.
    time_point round_ends() const { return round_ends_; }
    tcp_microseconds round_trip() const { return round_trip_; }

    /// `read`: bytes that the program has ever read, modulo 2^32. `measured`: a round trip, at least 1 us. The buffer grows to `most` at most.
    void round_ended(time_point now, std::uint32_t read, tcp_microseconds measured, std::uint32_t segment, std::uint32_t most) {
        follow(measured);
        const bool first = round_ends_ == time_point();
        const auto in_round = read - read_before_;
        read_before_ = read;
        round_ends_ = now + round_trip_;
        if (first || in_round <= most_in_round_) return;
        const bool growing = in_round / 3 * 2 >= most_in_round_;
        most_in_round_ = in_round;
        const auto wanted = std::uint64_t{in_round} * (growing ? 4 : 2) + 16 * segment;
        buffer_ = std::max(buffer_, static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, most)));
    }

private:
    /// The least counts at once, more only slowly: what waits for the peer's program, or in queues, is no round trip.
    void follow(tcp_microseconds measured) {
        if (round_trip_.count() == 0 || measured < round_trip_) round_trip_ = measured;
        else round_trip_ += (measured - round_trip_) / 8;
    }

    time_point round_ends_{};
    tcp_microseconds round_trip_{0};
    std::uint32_t read_before_ = 0;
    std::uint32_t most_in_round_ = 0;
    std::uint32_t buffer_ = tcp_socket_options::first_receive_buffer;
};

namespace tcp_machine {

/// Whether buffers may still grow: not where the pool has come near its limit, so that what windows promise finds memory.
inline bool has_memory_to_grow(const pool& buffers) { return buffers.allocated() < buffers.limit() / 4 * 3; }

/// Whether so little memory is left that what waits beyond gaps, which the peer has to keep anyway, makes way for all else (RFC 2018 section 8).
inline bool is_memory_scarce(const pool& buffers) { return buffers.used() > buffers.limit() / 4 * 3; }

/// The buffers that the program has asked for, or, where it has not, those that a connection begins with and that grow. With a receive buffer of less
/// than two units of the window field there would be times when no window is worth telling, and the peer would wait for ever.
template <class Connection>
void choose_buffers(Connection& c) {
    const auto& o = *c.options;
    if (o.send_buffer != 0) c.send_buffer = o.send_buffer;
    else c.send_buffer = std::max(c.send_buffer, std::min(tcp_socket_options::first_send_buffer, o.most_send_buffer));
    if (o.receive_buffer != 0) c.tuning.start(std::max(o.receive_buffer, 2u << c.receive_scale), true);
    else if (c.tuning.round_ends() == time_point() || c.tuning.round_ends() == time_point::max())
        c.tuning.start(std::min(tcp_socket_options::first_receive_buffer, o.most_receive_buffer), false);
}

/// The most that the receive buffer will ever be, as far as is known: what the window's scale has to cover.
template <class Connection>
std::uint32_t most_receive_buffer(const Connection& c) {
    return c.options->receive_buffer != 0 ? c.options->receive_buffer : c.options->most_receive_buffer;
}

/// Data has come after the end of a round trip, with such options.
template <class Host, class Connection>
[[gnu::noinline]] void tune_receive_buffer(Host& host, Connection& c, const tcp_parsed_options& options) {
    using std::chrono::milliseconds;
    const bool echoed = options.has_timestamps && options.ts_echo != 0;
    const auto echo_age = tcp_timing::timestamp_clock(host.now()) + c.timestamp_offset - options.ts_echo;  // in milliseconds
    auto measured = c.rtt.measured() ? tcp_microseconds(c.rtt.smoothed()) : tcp_microseconds(milliseconds(100));
    // An age of zero says less than a millisecond, of which our own measurement may know more.
    if (echoed && echo_age == 0) measured = std::min(measured, tcp_microseconds(milliseconds(1)));
    else if (echoed && echo_age < 60'000) measured = milliseconds(echo_age);
    const auto read = c.receive_next - c.initial_receive - c.receiving.size();
    const auto most = has_memory_to_grow(host.buffers()) ? c.options->most_receive_buffer : c.tuning.buffer();
    c.tuning.round_ended(host.now(), read, std::max(measured, tcp_microseconds(1)), c.receive_mss, most);
}

/// New data was acknowledged: the send buffer holds twice the congestion window, so that there is always something to send.
template <class Host, class Connection>
NETKIT_HOT void tune_send_buffer(Host& host, Connection& c) {
    if (c.options->send_buffer != 0) return;
    const auto wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{2} * c.congestion_window(), c.options->most_send_buffer));
    if (wanted > c.send_buffer && has_memory_to_grow(host.buffers())) c.send_buffer = wanted;
}

}  // namespace tcp_machine
}  // namespace netkit
