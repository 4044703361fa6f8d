#pragma once

#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/loss_detection.hpp>
#include <netkit/protocol/tcp/transmissions.hpp>

#include <cstddef>
#include <cstdint>

namespace netkit {

/// What RFC 6675 takes for lost: that beyond which more than two segments, or three runs, have arrived. Of a retransmission that is lost only
/// the timer finds out. For comparison with `rack`, and for who wants no clock in it.
class duplicate_threshold {
public:
    static constexpr unsigned runs_that_tell = 3;

    void delivered(const tcp_transmission&, const tcp_loss_circumstances&, bool) {}
    void duplicated(const tcp_loss_circumstances&) {}
    void recovered() {}
    bool saw_reordering() const { return false; }

    time_point detect(tcp_transmissions& all, const tcp_loss_circumstances& about) {
        std::uint32_t arrived = 0;
        unsigned runs = 0;
        for (std::size_t i = all.size(); i-- > 0;) {
            const auto& t = all[i];
            if (t.selected) {
                arrived += t.size();
                ++runs;
            } else if (!t.retransmitted && (arrived > 2 * about.segment || runs >= runs_that_tell)) {
                all.lose(i);
            }
        }
        return time_point::max();
    }
};

static_assert(loss_detection<duplicate_threshold>);

}  // namespace netkit
