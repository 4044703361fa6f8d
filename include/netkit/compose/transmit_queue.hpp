#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/error.hpp>
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
/// is full a backlog. Super-segments for a device that cannot cut them wait whole in it and are cut a batch at a time, so that what is lent
/// to them is not spread over hundreds of small packets before its time. Order is kept.
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
    /// Holds the frames of a super-segment that the device, of interface `out`, cannot cut. Where what has not been cut was lost, an error:
    /// message_too_big (it is none), no_buffers (the pool is exhausted, or the backlog full).
    template <class Device, class Lost>
    errc hold_cut(packet whole, Device& device, interface& out, pool& buffers, Lost&& lost) {
        segmenter cut(whole, out.link, out.can);
        if (!cut) {
            lost(std::move(whole), drop_reason::too_big);
            return errc::message_too_big;
        }
        while (!cut.done() && !blocked()) {
            if (auto frame = cut.next(buffers)) {
                count(out, frame);
                if (hold(std::move(frame))) flush(device, out, buffers, lost);
            } else if (held_ != 0) {
                // What is held may give its buffers back.
                flush(device, out, buffers, lost);
            } else {
                lost(std::move(whole), drop_reason::no_buffers);
                return errc::no_buffers;
            }
        }
        if (cut.done()) return errc::ok;
        for (auto& frame : std::span(batch_).first(std::exchange(held_, 0))) keep(std::move(frame), {}, out, lost);
        const auto done = cut.position(), left = cut.segments() - done;
        const waiting notes{.frames = static_cast<std::uint32_t>(left), .cut = static_cast<std::uint32_t>(done), .whole = true};
        return keep(std::move(whole), notes, out, lost) ? errc::ok : errc::no_buffers;
    }

    /// Hands the device what waits, as far as it takes it.
    template <class Device, class Lost>
    [[gnu::noinline]] void flush(Device& device, interface& out, pool& buffers, Lost&& lost) {
        if (blocked()) [[unlikely]] drain(device, out, buffers, lost);
        const auto frames = std::span(batch_).first(std::exchange(held_, 0));
        const auto taken = blocked() ? 0 : device.transmit(frames);
        for (auto& frame : frames.subspan(taken)) keep(std::move(frame), {}, out, lost);
        for (auto& frame : frames) frame.reset();
    }

private:
    /// Of a packet in the backlog, in its control.
    struct waiting {
        std::uint32_t frames = 1;  ///< that it still stands for
        std::uint32_t cut = 0;     ///< segments cut off its front
        bool whole = false;        ///< a super-segment to be cut
    };

    static void count(interface& out, const packet& frame) {
        ++out.sent.packets;
        out.sent.bytes += frame.size();
    }
    template <class Lost>
    NETKIT_COLD bool keep(packet p, const waiting& notes, interface& out, Lost&& lost) {
        if (frames_ >= limit) {
            out.send_drops += notes.frames;
            lost(std::move(p), drop_reason::device_full);
            return false;
        }
        frames_ += notes.frames;
        p.frames(0);  // counted as passed on by whoever handed it over
        p.control(notes);
        backlog_.push_back(std::move(p));
        return true;
    }
    void put_back(packet p, const waiting& notes) {
        frames_ += notes.frames;
        p.control(notes);
        backlog_.push_front(std::move(p));
    }
    packet take() {
        auto p = backlog_.pop_front();
        frames_ -= p.template control<waiting>().frames;
        return p;
    }

    template <class Device, class Lost>
    [[gnu::noinline]] void drain(Device& device, interface& out, pool& buffers, Lost&& lost) {
        std::array<packet, burst> next;
        while (blocked()) {
            const auto frames = std::span(next).first(fill(next, out, buffers, lost));
            const auto taken = device.transmit(frames);
            for (auto i = frames.size(); i-- > taken;) put_back(std::move(frames[i]), {});
            for (auto& frame : frames) frame.reset();
            if (taken < frames.size()) return;
        }
    }
    /// The next frames of the backlog; returns how many.
    template <class Lost>
    std::size_t fill(std::span<packet> next, interface& out, pool& buffers, Lost&& lost) {
        std::size_t n = 0;
        while (n < next.size() && blocked()) {
            auto p = take();
            auto notes = p.template control<waiting>();
            if (!notes.whole) {
                next[n++] = std::move(p);
                continue;
            }
            segmenter cut(p, out.link, out.can, notes.cut);
            const auto before = n;
            bool exhausted = false;
            while (n < next.size() && !cut.done() && !exhausted) {
                if (auto frame = cut.next(buffers)) {
                    count(out, frame);
                    next[n++] = std::move(frame);
                } else {
                    exhausted = true;
                }
            }
            if (cut.done()) continue;
            // Frames that leave may give their buffers back; where there are none, waiting would be in vain.
            if (exhausted && n == 0) {
                lost(std::move(p), drop_reason::no_buffers);
                continue;
            }
            notes.cut = static_cast<std::uint32_t>(cut.position());
            notes.frames -= static_cast<std::uint32_t>(n - before);
            put_back(std::move(p), notes);
            break;
        }
        return n;
    }

    std::array<packet, burst> batch_{};
    std::size_t held_ = 0;
    packet_queue backlog_;
    std::size_t frames_ = 0;  // in the backlog
};

}  // namespace netkit
