#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/buffer/shared_packet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace netkit {

/// Shares of bytes in order, first in, first out, each reachable by its index. Two lie in the ring itself, more in a buffer of the
/// pool, which goes back when the ring is empty: an idle connection holds nothing.
class tcp_piece_ring {
public:
    static constexpr std::size_t most = 4096;

    tcp_piece_ring() = default;
    tcp_piece_ring(const tcp_piece_ring&) = delete;
    tcp_piece_ring& operator=(const tcp_piece_ring&) = delete;
    ~tcp_piece_ring() { clear(); }

    std::size_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    shared_packet& operator[](std::size_t i) { return *at(i); }
    const shared_packet& operator[](std::size_t i) const { return *const_cast<tcp_piece_ring*>(this)->at(i); }
    shared_packet& back() { return *at(count_ - 1u); }

    /// False, and nothing done, where the pool is exhausted or there are 4096.
    bool push_back(pool& buffers, shared_packet&& piece) {
        if (count_ == capacity_ && !grow(buffers)) return false;
        new (slots() + ((first_ + count_) & (capacity_ - 1u))) shared_packet(std::move(piece));
        ++count_;
        return true;
    }
    void pop_front() {
        std::destroy_at(at(0));
        first_ = static_cast<std::uint16_t>((first_ + 1u) & (capacity_ - 1u));
        if (--count_ == 0) shrink();
    }
    void clear() {
        while (count_ != 0) pop_front();
    }

private:
    static constexpr std::uint16_t inside = 2;

    shared_packet* slots() { return slots_ ? slots_ : reinterpret_cast<shared_packet*>(inside_); }
    shared_packet* at(std::size_t i) { return std::launder(slots() + ((first_ + i) & (capacity_ - 1u))); }

    NETKIT_COLD bool grow(pool& buffers) {
        static constexpr std::array<std::uint16_t, 3> capacities{128, 256, most};
        std::uint16_t wanted = 0;
        for (const auto each : capacities)
            if (each > capacity_ && wanted == 0) wanted = each;
        if (wanted == 0) return false;
        packet storage(buffers, 0, wanted * sizeof(shared_packet));
        if (!storage) return false;
        auto* to = reinterpret_cast<shared_packet*>(storage.append(wanted * sizeof(shared_packet)).data());
        for (std::size_t i = 0; i < count_; ++i) {
            new (to + i) shared_packet(std::move(*at(i)));
            std::destroy_at(at(i));
        }
        storage_ = std::move(storage);
        slots_ = to;
        capacity_ = wanted;
        first_ = 0;
        return true;
    }
    void shrink() {
        first_ = 0;
        if (!slots_) return;
        storage_.reset();
        slots_ = nullptr;
        capacity_ = inside;
    }

    alignas(shared_packet) std::byte inside_[inside * sizeof(shared_packet)];
    packet storage_;
    shared_packet* slots_ = nullptr;
    std::uint16_t capacity_ = inside;
    std::uint16_t first_ = 0;
    std::uint16_t count_ = 0;
};

}  // namespace netkit
