#pragma once

#include <netkit/buffer/buffer.hpp>
#include <netkit/buffer/packet.hpp>
#include <netkit/compose/device.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace netkit {

/// Buffers that wait for frames whose size is known only when they have come. Large ones where super-segments may come; small
/// frames are then copied out, so that a held frame does not hold 64 KiB. Count: how many frames may come at once.
template <std::size_t Count>
class landing_buffers {
public:
    /// Whether frames of up to 64 KiB may come, or only such as fit a small buffer or `largest` bytes.
    explicit landing_buffers(std::size_t largest = 65536) : largest_(largest) {}

    /// Readies up to `wanted` buffers; returns how many there are. `extra` is headroom beyond the source's.
    std::size_t prepare(const buffer_source& from, std::size_t wanted, std::size_t extra = 0) {
        headroom_ = from.headroom + extra;
        for (std::size_t i = 0; i < wanted; ++i) {
            if (waiting_[i] && waiting_[i].headroom() == headroom_) continue;
            waiting_[i] = packet(from.from, headroom_, std::min(largest_, buffer_capacities.back() - std::min(headroom_, buffer_capacities.back())));
            if (!waiting_[i]) return i;
            waiting_[i].append(waiting_[i].tailroom());
        }
        return wanted;
    }
    /// Where the i-th frame is to be put. A frame that fills it has been cut short.
    std::span<std::byte> space(std::size_t i) { return waiting_[i].head(); }

    /// The i-th frame, of `size` bytes. Empty where it needs another buffer and the pool is exhausted: it is lost.
    packet take(const buffer_source& from, std::size_t i, std::size_t size) {
        auto& landed = waiting_[i];
        const bool whole_buffer_is_waste = headroom_ + size <= buffer_capacities[1] && headroom_ + largest_ > buffer_capacities[1];
        if (!whole_buffer_is_waste) {
            packet frame(std::move(landed));
            frame.trim(size);
            return frame;
        }
        packet frame(from.from, headroom_, size);
        if (frame) frame.append(landed.head().first(size));
        return frame;
    }

private:
    std::size_t largest_;
    std::size_t headroom_ = 0;
    std::array<packet, Count> waiting_{};
};

}  // namespace netkit
