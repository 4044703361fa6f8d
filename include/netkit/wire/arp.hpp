#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

enum class arp_operation : std::uint16_t { request = 1, reply = 2 };

/// An ARP message (RFC 826) that resolves an IPv4 address to an Ethernet one; other kinds share only its first eight bytes.
struct arp_header {
    be16 hardware;
    be16 protocol;
    std::uint8_t hardware_size;
    std::uint8_t protocol_size;
    be16 operation;
    mac_address sender_mac;
    ipv4_address sender_ip;
    mac_address target_mac;
    ipv4_address target_ip;

    static constexpr std::uint16_t ethernet_hardware = 1;

    /// Whether types and sizes say Ethernet and IPv4, so that the addresses mean what their names say.
    constexpr bool is_ethernet_ipv4() const {
        return hardware == ethernet_hardware && protocol == std::uint16_t(ether_type::ipv4) && hardware_size == 6 && protocol_size == 4;
    }
    constexpr arp_operation kind() const { return arp_operation{std::uint16_t(operation)}; }

    static constexpr arp_header make(arp_operation operation, const mac_address& sender_mac, const ipv4_address& sender_ip,
                                     const mac_address& target_mac, const ipv4_address& target_ip) {
        return {ethernet_hardware, std::uint16_t(ether_type::ipv4), 6, 4, std::uint16_t(operation), sender_mac, sender_ip, target_mac,
                target_ip};
    }
};
static_assert(wire_format<arp_header> && sizeof(arp_header) == 28);
static_assert(offsetof(arp_header, operation) == 6 && offsetof(arp_header, sender_mac) == 8 && offsetof(arp_header, sender_ip) == 14);
static_assert(offsetof(arp_header, target_mac) == 18 && offsetof(arp_header, target_ip) == 24);

inline std::string to_string(const arp_header& header) {
    if (!header.is_ethernet_ipv4()) return "ARP hardware " + std::to_string(header.hardware) + " (not Ethernet and IPv4)";
    switch (header.kind()) {
    case arp_operation::request:
        if (header.sender_ip == header.target_ip)
            return "ARP announce " + to_string(header.sender_ip) + " is-at " + to_string(header.sender_mac);
        return "ARP who-has " + to_string(header.target_ip) + " tell " + to_string(header.sender_ip);
    case arp_operation::reply: return "ARP " + to_string(header.sender_ip) + " is-at " + to_string(header.sender_mac);
    default: return "ARP operation " + std::to_string(header.operation);
    }
}

}  // namespace netkit
