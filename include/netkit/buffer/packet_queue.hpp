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

/// The same in one pointer, and without counts: the last packet, whose next is the first.
class packet_ring {
public:
    packet_ring() = default;
    packet_ring(const packet_ring&) = delete;
    packet_ring& operator=(const packet_ring&) = delete;
    ~packet_ring() { clear(); }

    bool empty() const { return !last_; }
    /// The last packet; the ring must not be empty.
    packet& back() { return last_; }

    /// `p` must not be empty.
    NETKIT_INLINE void push_back(packet p) {
        p.buffer_->next = last_ ? std::exchange(last_.buffer_->next, p.buffer_) : p.buffer_;
        std::swap(last_.buffer_, p.buffer_);
        p.buffer_ = nullptr;
    }
    void push_front(packet p) {
        if (!last_) return push_back(std::move(p));
        p.buffer_->next = last_.buffer_->next;
        last_.buffer_->next = std::exchange(p.buffer_, nullptr);
    }
    /// Empty where the ring is.
    NETKIT_INLINE packet pop_front() {
        if (!last_) return {};
        auto* first = last_.buffer_->next;
        if (first == last_.buffer_) last_.buffer_ = nullptr;
        else last_.buffer_->next = first->next;
        first->next = nullptr;
        return packet(first);
    }
    /// Calls f with each packet, first to last, for as long as it returns true.
    template <class F>
    void for_each(F&& f) const {
        for (auto* at = last_.buffer_; at;) {
            at = at->next;
            packet p(at);
            const bool more = f(std::as_const(p));
            p.buffer_ = nullptr;
            if (!more || at == last_.buffer_) return;
        }
    }
    void clear() {
        while (!empty()) pop_front();
    }

private:
    packet last_;
};

}  // namespace netkit
