#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/core/time.hpp>
#include <netkit/testing/queueing_discipline.hpp>

#include <cstddef>
#include <utility>

namespace netkit::testing {

/// First in, first out; what comes while it is full is lost.
class drop_tail_queue {
public:
    struct settings {
        std::size_t packets = 1000;
        std::size_t bytes = 0;  ///< 0 is no limit; a frame that would go beyond it is lost
    };

    drop_tail_queue() = default;
    explicit drop_tail_queue(const settings& limits) : limits_(limits) {}

    void enqueue(packet p, time_point) {
        const bool full = queue_.size() >= limits_.packets || (limits_.bytes != 0 && queue_.bytes() + p.size() > limits_.bytes);
        if (full) ++counters_.dropped;
        else queue_.push_back(std::move(p));
    }
    packet dequeue(time_point) { return queue_.pop_front(); }
    std::size_t size() const { return queue_.size(); }
    std::size_t bytes() const { return queue_.bytes(); }
    const queue_counters& counters() const { return counters_; }

    /// For what comes from now on.
    void change(const settings& limits) { limits_ = limits; }

private:
    settings limits_{};
    packet_queue queue_;
    queue_counters counters_;
};
static_assert(queueing_discipline<drop_tail_queue>);

}  // namespace netkit::testing
