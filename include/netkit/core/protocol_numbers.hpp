#pragma once

#include <cstdint>

namespace netkit {

/// The numbers by which a layer tells the layers above it apart. Each is a type of its own, so that a transport
/// cannot be stacked where an EtherType is wanted. Values without a name are valid: `ether_type{0x88b5}`.

/// EtherType, IEEE 802.3 (IANA "ieee-802-numbers").
enum class ether_type : std::uint16_t {
    ipv4 = 0x0800,
    arp = 0x0806,
    vlan = 0x8100,
    ipv6 = 0x86dd,
    provider_vlan = 0x88a8,
    local_experimental_1 = 0x88b5,
    local_experimental_2 = 0x88b6,
};

/// Protocol (IPv4) and Next Header (IPv6), IANA "protocol-numbers".
enum class ip_protocol : std::uint8_t {
    hop_by_hop = 0,
    icmp = 1,
    igmp = 2,
    ipv4 = 4,
    tcp = 6,
    udp = 17,
    ipv6 = 41,
    routing = 43,
    fragment = 44,
    gre = 47,
    esp = 50,
    authentication = 51,
    icmpv6 = 58,
    no_next_header = 59,
    destination_options = 60,
    experimental_1 = 253,
    experimental_2 = 254,
};

/// A well-known UDP port on which a layer stands (as VXLAN does), ahead of the sockets.
enum class udp_port : std::uint16_t { dns = 53, dhcp_server = 67, dhcp_client = 68, vxlan = 4789 };

/// An IEEE 802.1Q VLAN identifier, 1 to 4094: a kind of key too, so that several VLANs stand on one Ethernet.
enum class vlan_id : std::uint16_t {};

/// The key of a layer that is alone on what it stands on.
struct no_key {
    friend constexpr bool operator==(no_key, no_key) { return true; }
};

}  // namespace netkit
