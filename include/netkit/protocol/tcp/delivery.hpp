#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/delivery_rate.hpp>
#include <netkit/protocol/tcp/loss_detection.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/timing.hpp>

#include <cstdint>

namespace netkit {

/// What one acknowledgement brings.
struct tcp_delivery {
    std::uint32_t in_flight = 0;      ///< before it
    std::uint32_t lost = 0;           ///< taken for lost before it
    std::uint32_t bytes = 0;          ///< sequence numbers that have newly arrived, acknowledged or selected
    bool advances = false;            ///< SND.UNA moves
    bool selects = false;             ///< some arrived beyond a gap
    bool twice = false;               ///< the peer got something twice (RFC 2883)
    bool original = false;            ///< something arrived that was sent once only
    time_point original_sent_at{};    ///< the newest of that
    tcp_delivery_rate::sample rate;
};

namespace tcp_machine {

template <class Host, class Connection>
NETKIT_HOT tcp_loss_circumstances circumstances(Host& host, const Connection& c) {
    tcp_loss_circumstances about;
    about.now = host.now();
    about.segment = c.send_mss;
    about.smoothed_rtt = c.rtt.smoothed();
    about.least_rtt = c.rtt.least();
    about.unacknowledged = c.send_unacknowledged;
    about.next = c.send_next;
    about.recovering = c.recovery.recovering();
    about.selective = c.selective;
    return about;
}

/// Whether the segment answers something that was sent before `sent_at`, as its timestamp shows (RFC 3522).
template <class Connection>
bool echoes_older(const Connection& c, const tcp_segment& s, std::uint32_t our_timestamp) {
    return c.timestamps && s.options.has_timestamps && s.options.ts_echo != 0 && static_cast<std::int32_t>(s.options.ts_echo - our_timestamp) < 0;
}

/// A run of what was under way has arrived; `in_order`, or beyond a gap.
template <class Connection>
NETKIT_HOT void count_delivered(Connection& c, tcp_delivery& news, const tcp_transmission& t, const tcp_segment& s, const tcp_loss_circumstances& about, bool in_order) {
    news.bytes += t.size();
    if (!t.retransmitted && (!news.original || t.sent_at > news.original_sent_at)) {
        news.original = true;
        news.original_sent_at = t.sent_at;
    }
    c.delivery_rate.arrived(news.rate, t, about.now);
    if (!c.selective) return;
    // What arrives beyond a gap has its timestamp echoed only later (RFC 7323 section 4.3).
    const bool may_be_original = t.retransmitted && in_order && echoes_older(c, s, tcp_timing::timestamp_clock(t.sent_at) + c.timestamp_offset);
    c.detection.delivered(t, about, may_be_original);
}

}  // namespace tcp_machine
}  // namespace netkit
