#pragma once

#include <netkit/core/protocol_numbers.hpp>

#include <cstdint>
#include <string>

namespace netkit {

/// "TCP", "UDP", or the number.
inline std::string to_string(ip_protocol protocol) {
    switch (protocol) {
    case ip_protocol::hop_by_hop: return "hop-by-hop";
    case ip_protocol::icmp: return "ICMP";
    case ip_protocol::igmp: return "IGMP";
    case ip_protocol::ipv4: return "IPv4";
    case ip_protocol::tcp: return "TCP";
    case ip_protocol::udp: return "UDP";
    case ip_protocol::ipv6: return "IPv6";
    case ip_protocol::routing: return "routing";
    case ip_protocol::fragment: return "fragment";
    case ip_protocol::gre: return "GRE";
    case ip_protocol::esp: return "ESP";
    case ip_protocol::authentication: return "AH";
    case ip_protocol::icmpv6: return "ICMPv6";
    case ip_protocol::no_next_header: return "no next header";
    case ip_protocol::destination_options: return "destination options";
    default: return "protocol " + std::to_string(std::uint8_t(protocol));
    }
}

}  // namespace netkit
