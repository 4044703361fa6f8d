#pragma once

#include <netkit/core/sequence_number.hpp>

#include <algorithm>
#include <cstdint>

namespace netkit {

/// Finding and repairing losses without selective acknowledgements: fast retransmit and fast recovery of RFC 6582 (NewReno), and
/// limited transmit (RFC 3042). It counts; the connection sends.
class tcp_loss_recovery {
public:
    enum class phase : std::uint8_t {
        open,      ///< nothing is known to be lost
        recovery,  ///< duplicate acknowledgements told of a loss
        loss,      ///< the retransmission timer expired
    };
    static constexpr unsigned duplicates_that_tell = 3;

    void start(sequence_number initial) { recover_ = initial; }

    /// An acknowledgement that acknowledges nothing new, with data outstanding. True where the first unacknowledged segment is to
    /// be sent again now, and the congestion control told.
    bool duplicate(sequence_number unacknowledged, sequence_number highest, std::uint32_t segment) {
        if (duplicates_ < 255) ++duplicates_;
        if (phase_ == phase::recovery) {
            inflation_ += segment;
            return false;
        }
        if (phase_ == phase::loss) return false;
        if (duplicates_ < duplicates_that_tell) {
            inflation_ = duplicates_ * segment;
            return false;
        }
        // Duplicates of what was sent before the last recovery tell nothing new (RFC 6582 section 3.2, step 1).
        if (duplicates_ != duplicates_that_tell || unacknowledged <= recover_) return false;
        phase_ = phase::recovery;
        recover_ = highest;
        inflation_ = duplicates_that_tell * segment;
        return true;
    }
    /// New data was acknowledged. True where more is known to be lost, and the segment that is now the first is to be sent again.
    bool acknowledged(sequence_number unacknowledged, std::uint32_t bytes, std::uint32_t segment) {
        duplicates_ = 0;
        if (phase_ == phase::open) [[likely]] {
            inflation_ = 0;
            // Kept behind the flow, so that it does not come to lie ahead when sequence numbers wrap.
            if (unacknowledged - recover_ > (1u << 30)) recover_ = unacknowledged - 1;
            return false;
        }
        if (unacknowledged >= recover_) {
            phase_ = phase::open;
            inflation_ = 0;
            return false;
        }
        if (phase_ == phase::loss) return false;
        inflation_ -= std::min(inflation_, bytes);
        if (bytes >= segment) inflation_ += segment;
        return true;
    }
    void timed_out(sequence_number highest) {
        phase_ = phase::loss;
        recover_ = highest;
        duplicates_ = 0;
        inflation_ = 0;
    }

    phase current() const { return phase_; }
    bool recovering() const { return phase_ != phase::open; }
    /// Whether the congestion control is to be told of acknowledgements.
    bool window_grows() const { return phase_ != phase::recovery; }
    /// Bytes that may be in flight beyond the congestion window, for those that have left the network.
    std::uint32_t inflation() const { return inflation_; }
    unsigned duplicates() const { return duplicates_; }
    sequence_number recover() const { return recover_; }

private:
    sequence_number recover_;
    std::uint32_t inflation_ = 0;
    std::uint8_t duplicates_ = 0;
    phase phase_ = phase::open;
};

}  // namespace netkit
