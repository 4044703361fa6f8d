#pragma once

#include <netkit/buffer/packet.hpp>

#include <cstddef>
#include <new>
#include <utility>

namespace netkit {

/// Packets in order (an sk_buff_head): intrusive, so that queueing allocates nothing. Owns what it holds.
class packet_queue {
public:
    packet_queue() = default;
    packet_queue(packet_queue&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)), size_(std::exchange(other.size_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}
    packet_queue& operator=(packet_queue&& other) noexcept {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        std::swap(size_, other.size_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~packet_queue() { clear(); }

    bool empty() const { return first_ == nullptr; }
    std::size_t size() const { return size_; }
    /// Bytes of all packets, as they were when queued.
    std::size_t bytes() const { return bytes_; }

    /// Bytes of the first packet; the queue must not be empty.
    std::size_t front_size() const { return static_cast<std::size_t>(first_->last - first_->first) + first_->about.borrowed; }

    /// The notes of the first packet's holder, see packet::control; the queue must not be empty.
    template <class T>
    const T& front_control() const {
        return *std::launder(reinterpret_cast<const T*>(first_->control));
    }

    /// `p` must not be empty.
    NETKIT_INLINE void push_back(packet p) {
        bytes_ += p.size();
        auto* b = std::exchange(p.buffer_, nullptr);
        b->next = nullptr;
        (last_ ? last_->next : first_) = b;
        last_ = b;
        ++size_;
    }
    void push_front(packet p) {
        bytes_ += p.size();
        auto* b = std::exchange(p.buffer_, nullptr);
        b->next = first_;
        first_ = b;
        if (!last_) last_ = b;
        ++size_;
    }
    /// Empty where the queue is.
    NETKIT_INLINE packet pop_front() {
        if (!first_) return {};
        packet p(first_);
        first_ = std::exchange(first_->next, nullptr);
        if (!first_) last_ = nullptr;
        --size_;
        bytes_ -= p.size();
        return p;
    }
    /// Moves all of `other` behind what is here.
    void splice(packet_queue& other) {
        if (other.empty()) return;
        (last_ ? last_->next : first_) = std::exchange(other.first_, nullptr);
        last_ = std::exchange(other.last_, nullptr);
        size_ += std::exchange(other.size_, 0);
        bytes_ += std::exchange(other.bytes_, 0);
    }
    void clear() {
        while (!empty()) pop_front();
    }

private:
    buffer* first_ = nullptr;
    buffer* last_ = nullptr;
    std::size_t size_ = 0, bytes_ = 0;
};

}  // namespace netkit
