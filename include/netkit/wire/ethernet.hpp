#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/text.hpp>

#include <cstddef>
#include <string>

namespace netkit {

/// The Ethernet II header (IEEE 802.3 section 3.1). A `type` below 1536 is a length, which netkit does not take part in.
struct ethernet_header {
    mac_address target;
    mac_address source;
    be16 type;

    constexpr ether_type protocol() const { return ether_type{std::uint16_t(type)}; }
};
static_assert(wire_format<ethernet_header> && sizeof(ethernet_header) == 14);
static_assert(offsetof(ethernet_header, source) == 6 && offsetof(ethernet_header, type) == 12);

/// The least payload of a frame on a real Ethernet, in bytes: shorter ones arrive padded with what is not theirs.
inline constexpr std::size_t ethernet_minimum_payload = 46;

/// "IPv4", "ARP", or the number in hexadecimal.
inline std::string to_string(ether_type type) {
    switch (type) {
    case ether_type::ipv4: return "IPv4";
    case ether_type::arp: return "ARP";
    case ether_type::vlan: return "VLAN";
    case ether_type::ipv6: return "IPv6";
    case ether_type::provider_vlan: return "provider VLAN";
    default: return "EtherType " + hexadecimal(std::uint16_t(type), 4);
    }
}

inline std::string to_string(const ethernet_header& header) {
    return to_string(header.source) + " > " + to_string(header.target) + " " + to_string(header.protocol());
}

}  // namespace netkit
