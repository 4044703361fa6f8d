#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/core/time.hpp>
#include <netkit/testing/link.hpp>
#include <netkit/testing/simulation.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>

namespace proofs {

/// A segment with data that leaves a host, as its place in the stream.
struct data_segment {
    netkit::time_point when{};
    std::uint16_t port = 0;        ///< it leaves from
    std::uint32_t offset = 0;      ///< into the stream, modulo 2^32
    std::uint32_t size = 0;
    bool again = false;            ///< all of it was sent before
    std::uint64_t number = 0;      ///< how many left before it, on any connection
};

/// The end of a link at which somebody looks at the segments with data that leave, and has some of them lost. IPv4 without options.
class watched_end {
public:
    /// Returns whether the segment may pass.
    using watcher = std::function<bool(const data_segment&)>;

    watched_end(netkit::testing::link_end end, netkit::testing::simulation& in, watcher look) : end_(std::move(end)), in_(&in), look_(std::move(look)) {}

    std::size_t receive(const netkit::buffer_source& from, std::span<netkit::packet> batch) { return end_.receive(from, batch); }
    std::size_t transmit(std::span<netkit::packet> batch) {
        for (auto& frame : batch) {
            if (may_pass(frame)) end_.transmit({&frame, 1});
            else frame.reset();
        }
        return batch.size();
    }
    std::size_t mtu() const { return end_.mtu(); }
    netkit::offloads can() const { return end_.can(); }
    void on_ready(void (*wake)(void*), void* context) { end_.on_ready(wake, context); }

private:
    struct stream {
        std::uint32_t first = 0, highest = 0;
    };
    static constexpr std::size_t in_front = sizeof(netkit::ethernet_header) + sizeof(netkit::ipv4_header);

    bool may_pass(const netkit::packet& frame) {
        const auto head = frame.head();
        if (!look_ || head.size() < in_front + sizeof(netkit::tcp_header)) return true;
        const auto* ip = reinterpret_cast<const netkit::ipv4_header*>(head.data() + sizeof(netkit::ethernet_header));
        if (netkit::ip_protocol{ip->protocol} != netkit::ip_protocol::tcp) return true;
        const auto* tcp = reinterpret_cast<const netkit::tcp_header*>(head.data() + in_front);
        const std::uint32_t sequence = tcp->sequence;
        auto& of = streams_[tcp->source];
        if (tcp->has(netkit::tcp_flags::syn)) {
            of.first = of.highest = sequence + 1;
            return true;
        }
        const auto size = frame.size() - in_front - tcp->header_size();
        if (size == 0) return true;
        data_segment seen;
        seen.when = in_->now();
        seen.port = tcp->source;
        seen.offset = sequence - of.first;
        seen.size = static_cast<std::uint32_t>(size);
        seen.again = static_cast<std::int32_t>(sequence + seen.size - of.highest) <= 0;
        seen.number = number_++;
        if (!seen.again) of.highest = sequence + seen.size;
        return look_(seen);
    }

    netkit::testing::link_end end_;
    netkit::testing::simulation* in_;
    watcher look_;
    std::map<std::uint16_t, stream> streams_;  // by the port they leave from
    std::uint64_t number_ = 0;
};

}  // namespace proofs
