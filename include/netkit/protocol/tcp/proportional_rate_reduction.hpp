#pragma once

#include <algorithm>
#include <cstdint>

namespace netkit {

/// Spreads the sending of a recovery evenly over it, in proportion to what arrives (RFC 6937, with the choice between its two
/// bounds by whether things get better, as RFC 9937 has it). Bytes.
class tcp_proportional_rate_reduction {
public:
    /// A recovery begins with so much in flight.
    void start(std::uint32_t in_flight) {
        at_start_ = std::max(in_flight, 1u);
        delivered_ = sent_ = 0;
    }
    void sent(std::uint32_t n) { sent_ += n; }
    /// An acknowledgement told of `news` bytes that arrived. Returns what may be in the network now: `in_network`, what is taken to
    /// be there, and what may be sent. `better`: SND.UNA moved, and nothing more is known to be lost.
    std::uint32_t window(std::uint32_t news, std::uint32_t in_network, std::uint32_t threshold, std::uint32_t segment, bool better) {
        delivered_ += news;
        std::uint32_t may_send = 0;
        if (in_network > threshold) {
            const auto due = (std::uint64_t(delivered_) * threshold + at_start_ - 1) / at_start_;
            may_send = due > sent_ ? static_cast<std::uint32_t>(due - sent_) : 0;
        } else {
            auto limit = std::max(delivered_ > sent_ ? delivered_ - sent_ : 0, news);
            if (better) limit += segment;
            may_send = std::min(threshold - in_network, limit);
        }
        // The segment whose loss began it goes at once.
        if (sent_ == 0) may_send = std::max(may_send, segment);
        return in_network + may_send;
    }

private:
    std::uint32_t at_start_ = 1;   // RecoverFS
    std::uint32_t delivered_ = 0;  // prr_delivered
    std::uint32_t sent_ = 0;       // prr_out
};

}  // namespace netkit
