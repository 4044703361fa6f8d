#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/packet_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

/// Bytes in order that the program has not read: the packets that brought them. What is small is copied behind the last one, and so is
/// what is not, while the buffers are mostly empty: in all they keep no more than some four times the bytes from the pool, mostly less than twice.
class tcp_receive_queue {
public:
    static constexpr std::size_t copied_up_to = 512;

    std::uint32_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    /// Memory of the packets held, in bytes.
    std::uint32_t memory() const { return memory_; }

    /// Takes a packet of payload only.
    void push(packet p) {
        const auto n = p.size();
        if (n == 0) return;
        size_ += static_cast<std::uint32_t>(n);
        if (!packets_.empty()) {
            auto& last = packets_.back();
            if (n <= last.tailroom() && (n <= copied_up_to || is_wasteful())) {
                p.for_each_part([&](std::span<const std::byte> part) { last.append(part); });
                return;
            }
        }
        packets_.push_back(without_waste(std::move(p), is_wasteful() ? 3000 : 8192, 4));
        memory_ += packet_memory(packets_.back());
    }
    /// Copies the first bytes into the buffers, and gives them up unless `peek`. Returns how many.
    std::size_t read(std::span<const std::span<std::byte>> buffers, bool peek) {
        if (peek) [[unlikely]] return look(buffers);
        std::size_t done = 0;
        for (auto buffer : buffers)
            while (!buffer.empty() && size_ != 0) {
                auto p = take_first();
                if (!p) break;
                const auto n = p.copy_to(buffer, skip_);
                buffer = buffer.subspan(n);
                done += n;
                skip_ += static_cast<std::uint32_t>(n);
                if (skip_ == p.size()) skip_ = 0;
                else put_back(std::move(p));
            }
        size_ -= static_cast<std::uint32_t>(done);
        return done;
    }
    /// The first bytes as they lie, up to `most`, for the program to keep; empty where there are none, or the pool is exhausted.
    shared_packet take(std::size_t most) {
        if (size_ == 0 || most == 0) return {};
        auto p = take_first();
        const auto n = static_cast<std::uint32_t>(std::min(p.size() - skip_, most));
        if (skip_ + n < p.size()) {
            // The rest stays: the program gets a packet of its own.
            packet own = p.copy();
            put_back(std::move(p));
            if (!own) return {};
            own.pull(skip_);
            own.trim(n);
            skip_ += n;
            size_ -= n;
            return std::move(own).share();
        }
        if (!p.linearize()) {
            put_back(std::move(p));
            return {};
        }
        p.pull(skip_);
        skip_ = 0;
        size_ -= n;
        return std::move(p).share();
    }
    void clear() {
        packets_.clear();
        size_ = 0;
        memory_ = 0;
        skip_ = 0;
    }

private:
    /// Whether there is more than twice as much memory held as bytes.
    bool is_wasteful() const { return memory_ / 2 > size_; }
    NETKIT_COLD std::size_t look(std::span<const std::span<std::byte>> buffers) {
        std::size_t done = 0, skip = skip_, i = 0;
        std::span<std::byte> buffer;
        packets_.for_each([&](const packet& p) {
            while (skip < p.size()) {
                while (buffer.empty()) {
                    if (i == buffers.size()) return false;
                    buffer = buffers[i++];
                }
                const auto n = p.copy_to(buffer, skip);
                buffer = buffer.subspan(n);
                skip += n;
                done += n;
            }
            skip = 0;
            return true;
        });
        return done;
    }
    packet take_first() {
        auto p = packets_.pop_front();
        if (p) memory_ -= packet_memory(p);
        return p;
    }
    void put_back(packet p) {
        memory_ += packet_memory(p);
        packets_.push_front(std::move(p));
    }

    packet_ring packets_;
    std::uint32_t size_ = 0;
    std::uint32_t memory_ = 0;
    std::uint32_t skip_ = 0;  // bytes of the first packet already read
};

}  // namespace netkit
