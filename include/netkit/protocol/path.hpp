#pragma once

#include <netkit/core/interface_id.hpp>

#include <cstdint>

namespace netkit {

/// The way a packet takes: as whom we speak, to whom, through which neighbour, by which interface. A connection keeps a copy.
template <class A>
struct path {
    A source{}, target{}, hop{};
    interface_id out = interface_id::none;
    std::uint32_t mtu = 0;          ///< bytes of a network packet that fit the whole way; 0 where only the interface's is known
    std::uint8_t hop_limit = 64;    ///< TTL or Hop Limit; 1 to a group, unless the sender says otherwise
    std::uint8_t traffic_class = 0;
    bool dont_fragment = false;     ///< refuse what does not fit, rather than send it in fragments
};

}  // namespace netkit
