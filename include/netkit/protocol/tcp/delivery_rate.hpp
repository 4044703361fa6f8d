#pragma once

#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/transmissions.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace netkit {

/// How fast a connection's data arrives: each acknowledgement tells how much did since the newest of what it acknowledges had been
/// sent, and in how long (draft-ietf-ccwg-bbr section 4.5.2). Bytes and microseconds are counted modulo 2^32.
class tcp_delivery_rate {
public:
    /// Marks what is being sent; `idle` where nothing else is under way.
    void stamp(tcp_transmission& t, time_point now, bool idle) {
        if (idle) burst_began_ = delivered_at_ = in_microseconds(now);
        t.sent_at = now;
        t.delivered = delivered_;
        t.delivered_at = delivered_at_;
        t.burst_began = burst_began_;
        t.application_limited = limited_;
    }
    /// The program, not the network, sets the pace, with so much under way.
    void application_limited(std::uint32_t in_flight) {
        limited_ = true;
        limited_until_ = delivered_ + in_flight;
    }

    /// What one acknowledgement says of it.
    struct sample {
        tcp_transmission newest{};
        bool any = false;
    };
    void arrived(sample& s, const tcp_transmission& t, time_point now) {
        delivered_ += t.size();
        delivered_at_ = in_microseconds(now);
        if (s.any && t.sent_at < s.newest.sent_at) return;
        s.any = true;
        s.newest = t;
    }
    /// Nothing can be said in less than the shortest round trip.
    tcp_delivered measure(const sample& s, std::uint32_t least_rtt_in_microseconds) {
        if (!s.any) return {};
        if (limited_ && static_cast<std::int32_t>(delivered_ - limited_until_) > 0) limited_ = false;
        burst_began_ = in_microseconds(s.newest.sent_at);
        const auto sending = burst_began_ - s.newest.burst_began;
        const auto arriving = delivered_at_ - s.newest.delivered_at;
        const auto took = std::max({sending, arriving, 1u});
        if (took < least_rtt_in_microseconds) return {};
        bytes_ = delivered_ - s.newest.delivered;
        took_ = std::min(took, longest) & longest;
        return {bytes_, tcp_microseconds(took)};
    }
    /// The last that was measured, in bytes a second; 0 before.
    std::uint64_t last() const { return tcp_delivered{bytes_, tcp_microseconds(took_)}.rate(); }
    std::uint32_t delivered() const { return delivered_; }

private:
    static constexpr std::uint32_t longest = ~std::uint32_t(0) >> 1;

    std::uint32_t bytes_ = 0;  // of the last that was measured
    std::uint32_t took_ : 31 = 0;
    bool limited_ : 1 = false;
    std::uint32_t delivered_ = 0;
    std::uint32_t delivered_at_ = 0;
    std::uint32_t burst_began_ = 0;
    std::uint32_t limited_until_ = 0;
};

}  // namespace netkit
