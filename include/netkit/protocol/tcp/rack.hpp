#pragma once

#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/loss_detection.hpp>
#include <netkit/protocol/tcp/transmissions.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// Recent acknowledgement (RFC 8985 section 6): what was sent a little before something that has arrived, and has not arrived itself, is
/// lost. How little depends on how much this path has been seen to reorder.
class rack {
public:
    /// How patient it has become.
    struct lasting {
        std::uint8_t patience = 1;           // in quarters of the shortest round trip
        std::uint8_t patience_left : 7 = 0;  // recoveries
        bool reordering : 1 = false;
    };
    rack() = default;
    explicit rack(lasting known) : known_(known) {}
    explicit operator lasting() const { return known_; }

    /// `t` arrived. A retransmission that seems to have arrived faster than anything ever did, or `may_be_original`, says nothing: it was
    /// the original that arrived.
    void delivered(const tcp_transmission& t, const tcp_loss_circumstances& about, bool may_be_original) {
        if (!t.retransmitted) {
            if (!any_ || t.end > furthest_) furthest_ = t.end;
            else if (t.end < furthest_) known_.reordering = true;
        }
        const auto took = std::chrono::duration_cast<tcp_microseconds>(about.now - t.sent_at);
        if (t.retransmitted && (may_be_original || took < about.least_rtt)) return;
        if (any_ && !is_later(t.sent_at, t.end, sent_at_, end_)) return;
        any_ = true;
        sent_at_ = t.sent_at;
        spread_ = tcp_microseconds(t.spread);
        end_ = t.end;
        rtt_ = took;
    }
    /// Patience was too short: for the next sixteen recoveries there is more of it (section 6.2.1, step 4).
    void duplicated(const tcp_loss_circumstances& about) {
        if (known_.patience != 1 && about.unacknowledged < patience_from_) return;
        patience_from_ = about.next;
        if (known_.patience < most_patience) ++known_.patience;
        known_.patience_left = 16;
    }
    void recovered() {
        if (known_.patience_left == 0) return;
        if (--known_.patience_left == 0) known_.patience = 1;
    }
    bool saw_reordering() const { return known_.reordering; }

    time_point detect(tcp_transmissions& all, const tcp_loss_circumstances& about) {
        if (!any_) return time_point::max();
        const auto wait = duration(rtt_) + duration(reordering_window(all, about));
        auto again = time_point::max();
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto& t = all[i];
            // What was sent again did not leave in the order of sequence numbers: what arrived must have left after it for sure.
            const auto left_at = t.retransmitted ? sent_at_ - spread_ : sent_at_;
            if (!is_later(left_at, end_, t.sent_at, t.end)) {
                // What was sent once lies in the order of time: behind this one there is nothing older.
                if (!t.retransmitted && t.first >= furthest_) break;
                continue;
            }
            if (t.selected || t.lost) continue;
            const auto late_at = t.sent_at + wait;
            if (late_at <= about.now) all.lose(i);
            else again = std::min(again, late_at);
        }
        return again;
    }

private:
    static constexpr std::uint8_t most_patience = 64;

    static bool is_later(time_point a, sequence_number a_end, time_point b, sequence_number b_end) { return a > b || (a == b && a_end > b_end); }

    tcp_microseconds reordering_window(const tcp_transmissions& all, const tcp_loss_circumstances& about) const {
        // Three segments beyond a gap have always been enough, as long as nothing came out of order (section 6.2, step 4).
        if (!known_.reordering && (about.recovering || all.selected() > 2 * about.segment)) return tcp_microseconds(0);
        return std::min(tcp_microseconds(about.least_rtt.count() / 4 * known_.patience), about.smoothed_rtt);
    }

    time_point sent_at_{};             // of what was sent last, among what has arrived
    sequence_number end_;
    sequence_number furthest_;         // of what has arrived at the first attempt
    sequence_number patience_from_;    // more patience only for what was sent from here on
    tcp_microseconds rtt_{0};
    tcp_microseconds spread_{0};       // of it: parts left so much earlier
    lasting known_{};
    bool any_ = false;
};

static_assert(loss_detection<rack>);

}  // namespace netkit
