#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/time.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace netkit::testing {

/// What a queue did to frames besides holding them.
struct queue_counters {
    std::uint64_t dropped = 0;
    std::uint64_t marked = 0;  ///< with "congestion experienced" (RFC 3168)
};

/// Where frames wait for a line: takes each or drops it, and gives the one to send next, dropping others first if it likes.
/// dequeue() gives an empty packet only when size() is 0.
template <class Q>
concept queueing_discipline = std::movable<Q> && requires(Q& q, const Q& c, packet p, time_point now) {
    { q.enqueue(std::move(p), now) } -> std::same_as<void>;
    { q.dequeue(now) } -> std::same_as<packet>;
    { c.size() } -> std::convertible_to<std::size_t>;
    { c.bytes() } -> std::convertible_to<std::size_t>;
    { c.counters() } -> std::convertible_to<queue_counters>;
};

/// Any of them, chosen while the program runs: one indirect call an operation.
class any_queue {
public:
    template <class Q>
        requires(!std::same_as<Q, any_queue>) && queueing_discipline<Q>
    explicit any_queue(Q q) : queue_(std::make_unique<model<Q>>(std::move(q))) {}

    void enqueue(packet p, time_point now) { queue_->enqueue(std::move(p), now); }
    packet dequeue(time_point now) { return queue_->dequeue(now); }
    std::size_t size() const { return queue_->size(); }
    std::size_t bytes() const { return queue_->bytes(); }
    queue_counters counters() const { return queue_->counters(); }
    /// The queue, where it is a Q; else null.
    template <queueing_discipline Q>
    Q* get() {
        auto* found = dynamic_cast<model<Q>*>(queue_.get());
        return found ? &found->queue : nullptr;
    }

private:
    struct interface {
        virtual ~interface() = default;
        virtual void enqueue(packet, time_point) = 0;
        virtual packet dequeue(time_point) = 0;
        virtual std::size_t size() const = 0;
        virtual std::size_t bytes() const = 0;
        virtual queue_counters counters() const = 0;
    };
    template <class Q>
    struct model final : interface {
        explicit model(Q q) : queue(std::move(q)) {}
        void enqueue(packet p, time_point now) override { queue.enqueue(std::move(p), now); }
        packet dequeue(time_point now) override { return queue.dequeue(now); }
        std::size_t size() const override { return queue.size(); }
        std::size_t bytes() const override { return queue.bytes(); }
        queue_counters counters() const override { return queue.counters(); }
        Q queue;
    };
    std::unique_ptr<interface> queue_;
};

}  // namespace netkit::testing
