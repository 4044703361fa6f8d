#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>

#include <cstdint>

namespace netkit::testing {

/// The ECN field of the IP packet in a frame (RFC 3168 section 5): 0 where it is not capable, or no IP.
inline unsigned ecn_of(const packet& frame, link_type link) {
    const auto network = find_network_header(frame.head(), link);
    if (network.type == ether_type::ipv4) {
        const auto* ip = header_at<ipv4_header>(frame.head(), network.at);
        return ip ? ip->ecn() : 0;
    }
    if (network.type != ether_type::ipv6) return 0;
    const auto* ip = header_at<ipv6_header>(frame.head(), network.at);
    return ip ? ip->ecn() : 0;
}

/// Says "congestion experienced" in a frame whose IP packet can carry that, as a router does instead of dropping it. False, and
/// nothing done, where it cannot.
inline bool mark_congestion(packet& frame, link_type link) {
    if (ecn_of(frame, link) == 0) return false;
    const auto network = find_network_header(frame.head(), link);
    auto* const at = frame.head().data() + network.at;
    if (network.type == ether_type::ipv6) {
        auto& ip = *reinterpret_cast<ipv6_header*>(at);
        ip.version_flow = ip.version_flow | 3u << 20;
        return true;
    }
    auto& ip = *reinterpret_cast<ipv4_header*>(at);
    const auto word = [&] { return be16(static_cast<std::uint16_t>(ip.version_ihl << 8 | ip.tos)); };
    const auto before = word();
    ip.tos = static_cast<std::uint8_t>(ip.tos | 3u);
    ip.checksum = checksum_updated(ip.checksum, before, word());
    return true;
}

}  // namespace netkit::testing
