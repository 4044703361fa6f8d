#pragma once

#include <netkit/buffer/offload.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/mac_address.hpp>

#include <cstdint>
#include <string>

namespace netkit {

/// What a device carries: Ethernet frames, or IP packets with nothing in front (TUN, loopback, the inside of a tunnel).
enum class link_type : std::uint8_t { ethernet, ip };

/// What a stack knows of one place where packets come and go (a net_device): data, whatever is behind it.
struct interface {
    std::string name;
    mac_address mac{};
    std::uint32_t mtu = 1500;  ///< bytes of a network packet, link header not counted
    link_type link = link_type::ethernet;
    offloads can{};
    bool takes_super_segments = false;  ///< TCP's: its device cuts them, or else the stack does, at the last moment
    bool coalesces = true;              ///< received TCP segments that follow one another go up as one, where a layer takes super-segments
    bool up = true;

    struct traffic {
        std::uint64_t packets = 0, bytes = 0;
    };
    traffic received{}, sent{};
    std::uint64_t send_drops = 0;  ///< packets the device and its queue had no room for
};

}  // namespace netkit
