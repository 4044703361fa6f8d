#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// What a layer may ask of the place it stands in. All that is outside of a layer's own state (time, chance, buffers,
/// interfaces, neighbours) is asked here, so that a test can supply it.
template <class C>
concept context = requires(const C here, packet p, packet& q, drop_reason why, interface_id on) {
    { here.now() } -> std::same_as<time_point>;
    { here.random() } -> std::same_as<std::uint64_t>;
    { here.allocate() } -> std::same_as<packet>;
    { here.interface(on) } -> std::same_as<netkit::interface&>;
    here.drop(std::move(p), why);
    here.deliver(q);
    here.forwarded(q);
};

namespace archetype {

/// The least a context can be: what layers are checked against.
struct context {
    time_point now() const;
    std::uint64_t random() const;
    packet allocate(std::size_t = 0) const;
    netkit::interface& interface(interface_id) const;
    void drop(packet, drop_reason) const;
    void deliver(packet&) const;
    void forwarded(packet&) const;
};
static_assert(netkit::context<context>);

}  // namespace archetype

/// What comes up from a device, or goes down to one: nothing is said of it.
struct no_link {};
/// What a link says of a frame it hands up.
struct link_from {
    mac_address source, target;
};
/// What a network layer says of a packet it hands up.
template <class A>
struct ip_from {
    A source, target;
    std::uint8_t hop_limit = 0;      ///< TTL or Hop Limit as received
    std::uint8_t traffic_class = 0;  ///< type of service or traffic class, with its two ECN bits
    std::uint16_t header_size = 0;   ///< bytes of network header in front of the packet: push(header_size) shows them again
    bool link_broadcast = false;     ///< the link or network address was one of many hosts: no errors about it
};

}  // namespace netkit
