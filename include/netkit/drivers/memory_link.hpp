#pragma once

#include <netkit/buffer/offload.hpp>
#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/compose/interface.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

namespace netkit {

struct memory_link_options {
    std::size_t mtu = 1500;      ///< bytes of a network packet; frames longer than it and its link header are lost
    std::size_t capacity = 64;   ///< frames that wait in each direction before the sender is held back
    offloads can{};              ///< what need not be done to packets that never leave memory
    link_type link = link_type::ethernet;
};

/// One end of a wire between two stacks of one thread. Packets move across without being copied; only where a sender left too
/// little headroom for the receiver are the packet's own bytes moved (never the slices it borrows).
///
/// With can.checksum a partial checksum stays partial: the receiver trusts it, and whoever passes the packet on to a real wire
/// completes it. With can.scatter slices are handed over as they are, and with can.segmentation super-segments.
///
/// When one end is destroyed, the other receives what was under way, and loses what it sends from then on.
class memory_link {
public:
    struct statistics {
        std::uint64_t packets = 0;     ///< sent from this end, and taken by the link
        std::uint64_t bytes = 0;
        std::uint64_t lost = 0;        ///< of those, sent to an end that is gone or that had no buffers left
        std::uint64_t oversized = 0;   ///< of those, lost for being longer than the MTU
        std::uint64_t refused = 0;     ///< times that the link was full
    };

    /// An end that leads nowhere: it receives nothing and loses what it sends.
    memory_link() = default;
    memory_link(memory_link&& other) noexcept : wire_(std::move(other.wire_)), side_(other.side_) {}
    /// The end that this was is gone from then on.
    memory_link& operator=(memory_link&& other) noexcept {
        if (this == &other) return *this;
        unplug();
        wire_ = std::move(other.wire_);
        side_ = other.side_;
        return *this;
    }
    ~memory_link() { unplug(); }

    /// Both ends of a new wire: `auto [a, b] = memory_link::make({.mtu = 9000});`. Throws std::invalid_argument where it could
    /// carry nothing.
    static std::pair<memory_link, memory_link> make(const memory_link_options& options = {}) {
        if (options.mtu == 0 || options.capacity == 0)
            throw std::invalid_argument("netkit: a memory_link needs an MTU and a capacity of at least 1");
        auto shared = std::make_shared<wire>();
        shared->options = options;
        return {memory_link(shared, 0), memory_link(shared, 1)};
    }

    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        if (!wire_) return 0;
        auto& incoming = toward_us();
        std::size_t got = 0;
        while (got < batch.size() && !incoming.queue.empty()) {
            auto p = incoming.queue.pop_front();
            if (p.reserve_headroom(from.from, from.headroom)) batch[got++] = std::move(p);
            else ++far_end().sent.lost;
        }
        if (incoming.queue.size() < wire_->options.capacity && std::exchange(incoming.sender_waits, false)) far_end().call();
        return got;
    }

    std::size_t transmit(std::span<packet> batch) {
        if (!wire_) return batch.size();
        auto& outgoing = toward_them();
        auto& sent = near_end().sent;
        std::size_t taken = 0, carried = 0;
        for (auto& p : batch) {
            if (outgoing.queue.size() >= wire_->options.capacity) {
                ++sent.refused;
                outgoing.sender_waits = true;
                break;
            }
            ++taken;
            ++sent.packets;
            sent.bytes += p.size();
            if (too_long(p)) ++sent.oversized;
            else if (!far_end().plugged) ++sent.lost;
            else {
                make_received(p);
                outgoing.queue.push_back(std::move(p));
                ++carried;
            }
        }
        if (carried != 0) far_end().call();
        return taken;
    }

    std::size_t mtu() const { return wire_ ? wire_->options.mtu : 1500; }
    link_type link() const { return wire_ ? wire_->options.link : link_type::ethernet; }
    offloads can() const { return wire_ ? wire_->options.can : offloads{}; }

    /// Has wake(context) called when frames arrive, and when there is room again after the link was full. It is called from
    /// within the other end's calls: it may note or post something, and must not call either end.
    void on_ready(void (*wake)(void*), void* context) {
        if (!wire_) return;
        near_end().wake = wake;
        near_end().context = context;
        if (!toward_us().queue.empty()) near_end().call();
    }

    /// Frames that wait here to be received.
    std::size_t waiting() const { return wire_ ? wire_->directions[1 - side_].queue.size() : 0; }
    /// Whether there is another end.
    bool connected() const { return wire_ && wire_->ends[1 - side_].plugged; }
    statistics sent() const { return wire_ ? wire_->ends[side_].sent : statistics{}; }

private:
    struct end {
        void (*wake)(void*) = nullptr;
        void* context = nullptr;
        bool plugged = true;
        statistics sent;
        void call() const {
            if (wake) wake(context);
        }
    };
    struct direction {
        packet_queue queue;
        bool sender_waits = false;
    };
    struct wire {
        memory_link_options options;
        std::array<end, 2> ends;
        std::array<direction, 2> directions;  // [i]: what end i has sent
    };

    memory_link(std::shared_ptr<wire> shared, std::size_t side) : wire_(std::move(shared)), side_(side) {}

    end& near_end() { return wire_->ends[side_]; }
    end& far_end() { return wire_->ends[1 - side_]; }
    direction& toward_them() { return wire_->directions[side_]; }
    direction& toward_us() { return wire_->directions[1 - side_]; }

    bool too_long(const packet& p) const {
        // Ethernet's header and two VLAN tags, which do not count as part of the MTU.
        const std::size_t link_header = wire_->options.link == link_type::ethernet ? 14 + 2 * 4 : 0;
        if (p.gso_size() != 0 && wire_->options.can.segmentation) return false;
        return p.size() > wire_->options.mtu + link_header;
    }
    /// What the sender knew of the packet is not the receiver's concern, but for what it need not do again.
    void make_received(packet& p) const {
        p.frames(0);
        p.interface(interface_id::none);
        if (p.checksum() != checksum_state::partial) p.checksum(checksum_state::unknown);
        if (!wire_->options.can.segmentation) p.gso_size(0);
    }
    void unplug() {
        if (!wire_) return;
        near_end().wake = nullptr;
        near_end().plugged = false;
        far_end().sent.lost += toward_us().queue.size();
        toward_us().queue.clear();
        if (std::exchange(toward_us().sender_waits, false)) far_end().call();
    }

    std::shared_ptr<wire> wire_;
    std::size_t side_ = 0;
};
static_assert(device<memory_link>);

}  // namespace netkit
