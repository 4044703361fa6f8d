#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/inline.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace netkit {

/// What waits for an interface's device (a qdisc): frames of the batch under way, which are handed over together, and behind a device that
/// is full a backlog. Super-segments for a device that cannot cut them wait whole and are cut when it has room, so that what is lent to
/// them is not spread over hundreds of small packets before its time. Order is kept.
///
/// Where something is lost, `lost(packet, reason)` is called with it.
class transmit_queue {
public:
    static constexpr std::size_t burst = 32;
    /// Frames that wait at most in the backlog.
    static constexpr std::size_t default_limit = 1000;
    std::size_t limit = default_limit;

    bool empty() const { return held_ == 0 && backlog_.empty(); }
    bool holds_frames() const { return held_ != 0; }
    /// Whether the device was full.
    bool blocked() const { return !backlog_.empty(); }

    /// Holds a frame that the device can take as it is. True where it is time to flush.
    NETKIT_INLINE bool hold(packet p) {
        std::construct_at(&batch_[held_++], std::move(p));  // what is not held is empty
        return held_ == burst;
    }
    /// Holds the frames of a super-segment, which a segmenter takes for one and the device, of interface `out`, cannot cut. False where the
    /// pool is exhausted: then what has not been cut is lost.
    template <class Device, class Lost>
    bool hold_cut(packet whole, Device& device, interface& out, pool& buffers, Lost&& lost) {
        std::size_t done = 0;
        if (!blocked()) {
            segmenter cut(whole, out.link, out.can);
            while (!cut.done()) {
                if (held_ == burst) {
                    flush(device, out, buffers, lost);
                    if (blocked()) break;
                }
                auto frame = cut.next(buffers);
                if (!frame) {
                    lost(std::move(whole), drop_reason::no_buffers);
                    return false;
                }
                count(out, frame);
                std::construct_at(&batch_[held_++], std::move(frame));
            }
            if (cut.done()) {
                if (held_ == burst) flush(device, out, buffers, lost);
                return true;
            }
            done = cut.position();
        }
        for (auto& frame : std::span(batch_).first(std::exchange(held_, 0))) keep(std::move(frame), out, lost);
        whole.control(done);
        keep(std::move(whole), out, lost);
        return true;
    }

    /// Hands the device what waits, as far as it takes it.
    template <class Device, class Lost>
    [[gnu::noinline]] void flush(Device& device, interface& out, pool& buffers, Lost&& lost) {
        if (blocked()) [[unlikely]] drain(device, out, buffers, lost);
        const auto frames = std::span(batch_).first(std::exchange(held_, 0));
        const auto taken = blocked() ? 0 : device.transmit(frames);
        for (auto& frame : frames.subspan(taken)) keep(std::move(frame), out, lost);
        for (auto& frame : frames) frame.reset();
    }

private:
    static void count(interface& out, const packet& frame) {
        ++out.sent.packets;
        out.sent.bytes += frame.size();
    }
    static bool is_whole(const packet& p, const interface& out) { return p.gso_size() != 0 && !out.can.segmentation; }
    /// How many frames a packet stands for in the backlog.
    static std::size_t frames_of(const packet& p, const interface& out) { return is_whole(p, out) ? p.size() / p.gso_size() + 1 : 1; }

    template <class Lost>
    NETKIT_COLD void keep(packet p, interface& out, Lost&& lost) {
        const auto frames = frames_of(p, out);
        if (waiting_ >= limit) {
            ++out.send_drops;
            return lost(std::move(p), drop_reason::device_full);
        }
        waiting_ += frames;
        backlog_.push_back(std::move(p));
    }
    void put_back(packet p, const interface& out) {
        waiting_ += frames_of(p, out);
        backlog_.push_front(std::move(p));
    }
    packet take(const interface& out) {
        auto p = backlog_.pop_front();
        waiting_ -= frames_of(p, out);
        return p;
    }

    template <class Device, class Lost>
    [[gnu::noinline]] void drain(Device& device, interface& out, pool& buffers, Lost&& lost) {
        std::array<packet, burst> next;
        while (blocked()) {
            const auto frames = std::span(next).first(fill(next, out, buffers, lost));
            const auto taken = device.transmit(frames);
            for (auto i = frames.size(); i-- > taken;) put_back(std::move(frames[i]), out);
            for (auto& frame : frames) frame.reset();
            if (taken < frames.size()) return;
        }
    }
    /// The next frames of the backlog; returns how many.
    template <class Lost>
    std::size_t fill(std::span<packet> next, interface& out, pool& buffers, Lost&& lost) {
        std::size_t n = 0;
        while (n < next.size() && blocked()) {
            auto p = take(out);
            if (!is_whole(p, out)) {
                next[n++] = std::move(p);
                continue;
            }
            segmenter cut(p, out.link, out.can, p.template control<std::size_t>());
            while (n < next.size() && !cut.done()) {
                auto frame = cut.next(buffers);
                if (!frame) break;
                count(out, frame);
                next[n++] = std::move(frame);
            }
            if (cut.done()) continue;
            if (n < next.size()) {
                lost(std::move(p), drop_reason::no_buffers);
            } else {
                p.control(cut.position());
                put_back(std::move(p), out);
            }
        }
        return n;
    }

    std::array<packet, burst> batch_{};
    std::size_t held_ = 0;
    packet_queue backlog_;
    std::size_t waiting_ = 0;  // frames in the backlog
};

}  // namespace netkit
