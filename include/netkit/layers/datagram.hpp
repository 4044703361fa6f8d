#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/ip_address.hpp>

#include <cstdint>

namespace netkit {

/// A datagram, and what came with it.
struct datagram {
    packet payload;
    endpoint source;
    ip_address target;               ///< the address it was sent to: one of ours, or a group's
    std::uint8_t hop_limit = 0;
    std::uint8_t traffic_class = 0;
};

}  // namespace netkit
