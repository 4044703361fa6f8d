#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/time.hpp>
#include <netkit/testing/congestion_mark.hpp>
#include <netkit/testing/queueing_discipline.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit::testing {

/// Controlled delay (RFC 8289): when frames have waited longer than the target for an interval, it drops one, and then more and
/// more often until they wait less.
class codel_queue {
public:
    struct settings {
        duration target = std::chrono::milliseconds(5);
        duration interval = std::chrono::milliseconds(100);
        std::size_t packets = 1000;         ///< what comes while so many wait is lost
        std::size_t least_bytes = 1514;     ///< never drops while no more than this waits: one frame of full size
        bool ecn = false;                   ///< marks packets that can carry it instead of dropping them
        duration mark_above = duration::max();  ///< marks each of those that waited at least so long, whatever the rest does
        link_type link = link_type::ethernet;   ///< where to look for the mark
    };

    codel_queue() = default;
    explicit codel_queue(const settings& how) : how_(how) {}

    void enqueue(packet p, time_point now) {
        if (queue_.size() >= how_.packets) {
            ++counters_.dropped;
            return;
        }
        p.control(now);
        queue_.push_back(std::move(p));
    }
    packet dequeue(time_point now) {
        auto next = take(now);
        if (dropping_) go_on_dropping(next, now);
        else if (next.waited_too_long) begin_to_drop(next, now);
        if (next.frame && next.sojourn >= how_.mark_above) mark(next.frame);
        return std::move(next.frame);
    }
    std::size_t size() const { return queue_.size(); }
    std::size_t bytes() const { return queue_.bytes(); }
    const queue_counters& counters() const { return counters_; }

private:
    struct taken {
        packet frame;
        duration sojourn{};
        bool waited_too_long = false;  // for an interval already
    };

    taken take(time_point now) {
        if (queue_.empty()) {
            above_since_ = {};
            return {};
        }
        const auto sojourn = now - queue_.front_control<time_point>();
        taken next{queue_.pop_front(), sojourn, false};
        if (sojourn < how_.target || queue_.bytes() <= how_.least_bytes) above_since_ = {};
        else if (above_since_ == time_point{}) above_since_ = now;
        else next.waited_too_long = now >= above_since_ + how_.interval;
        return next;
    }
    void begin_to_drop(taken& next, time_point now) {
        dropping_ = true;
        if (!marks(next.frame)) drop(next, now);
        // Where it has just been dropping, it goes on at about the rate that kept the queue short.
        const auto since = count_ - last_count_;
        count_ = since > 1 && now - drop_next_ < 16 * how_.interval ? since : 1;
        last_count_ = count_;
        drop_next_ = after_interval(now);
    }
    void go_on_dropping(taken& next, time_point now) {
        if (!next.waited_too_long) dropping_ = false;
        while (dropping_ && now >= drop_next_) {
            ++count_;
            if (marks(next.frame)) {
                drop_next_ = after_interval(drop_next_);
                return;
            }
            drop(next, now);
            if (next.waited_too_long) drop_next_ = after_interval(drop_next_);
            else dropping_ = false;
        }
    }
    void drop(taken& next, time_point now) {
        ++counters_.dropped;
        next = take(now);
    }
    bool marks(packet& frame) { return how_.ecn && mark(frame); }
    bool mark(packet& frame) {
        const auto before = ecn_of(frame, how_.link);
        if (!mark_congestion(frame, how_.link)) return false;
        if (before != 3) ++counters_.marked;
        return true;
    }
    time_point after_interval(time_point from) const {
        return from + duration(static_cast<duration::rep>(static_cast<double>(how_.interval.count()) / std::sqrt(static_cast<double>(count_))));
    }

    settings how_{};
    packet_queue queue_;
    queue_counters counters_;
    time_point above_since_{};  // when frames began to wait longer than the target; zero while they do not
    time_point drop_next_{};
    std::uint32_t count_ = 0, last_count_ = 0;
    bool dropping_ = false;
};
static_assert(queueing_discipline<codel_queue>);

}  // namespace netkit::testing
