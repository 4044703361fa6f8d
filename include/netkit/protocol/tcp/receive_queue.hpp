#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/shared_packet.hpp>
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
        if (last_) {
            if (n <= last_.tailroom() && (n <= copied_up_to || is_wasteful())) {
                p.for_each_part([&](std::span<const std::byte> part) { last_.append(part); });
                return;
            }
            earlier_.push_back(std::move(last_));
        }
        last_ = without_waste(std::move(p), is_wasteful() ? 3000 : 8192, 4);
        memory_ += packet_memory(last_);
    }
    /// Copies the first bytes into the buffers, and gives them up unless `peek`. Returns how many.
    std::size_t read(std::span<const std::span<std::byte>> buffers, bool peek) {
        std::size_t done = 0;
        packet_queue kept;
        const auto front_skip = skip_;
        const auto memory = memory_;
        for (auto buffer : buffers)
            while (!buffer.empty() && size_ != 0) {
                auto p = take_first();
                if (!p) break;
                const auto n = p.copy_to(buffer, skip_);
                buffer = buffer.subspan(n);
                done += n;
                skip_ += static_cast<std::uint32_t>(n);
                const bool finished = skip_ == p.size();
                if (!finished) {
                    put_back(std::move(p));
                } else {
                    skip_ = 0;
                    if (peek) kept.push_back(std::move(p));
                }
            }
        if (peek) {
            restore(std::move(kept));
            skip_ = front_skip;
            memory_ = memory;
        } else {
            size_ -= static_cast<std::uint32_t>(done);
        }
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
        earlier_.clear();
        last_.reset();
        size_ = 0;
        memory_ = 0;
        skip_ = 0;
    }

private:
    /// Whether there is more than twice as much memory held as bytes.
    bool is_wasteful() const { return memory_ / 2 > size_; }
    packet take_first() {
        auto p = earlier_.empty() ? std::move(last_) : earlier_.pop_front();
        if (p) memory_ -= packet_memory(p);
        return p;
    }
    void put_back(packet p) {
        memory_ += packet_memory(p);
        if (earlier_.empty() && !last_) last_ = std::move(p);
        else earlier_.push_front(std::move(p));
    }
    void restore(packet_queue read) {
        if (read.empty()) return;
        read.splice(earlier_);
        earlier_ = std::move(read);
        if (last_) return;
        // The last one was read as well: it is the one to copy behind.
        packet_queue all(std::move(earlier_));
        while (auto p = all.pop_front()) {
            if (all.empty()) last_ = std::move(p);
            else earlier_.push_back(std::move(p));
        }
    }

    packet_queue earlier_;
    packet last_;
    std::uint32_t size_ = 0;
    std::uint32_t memory_ = 0;
    std::uint32_t skip_ = 0;  // bytes of the first packet already read
};

}  // namespace netkit
