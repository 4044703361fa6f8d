#pragma once

#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/testing/packet_builder.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/neighbour_discovery.hpp>

#include <optional>

namespace netkit::testing {

/// Whether the packet only serves the link: ARP, neighbour and router discovery, group membership.
inline bool is_housekeeping(const seen_packet& p) {
    if (p.arp || p.protocol == ip_protocol::igmp) return true;
    if (!p.icmp || p.protocol != ip_protocol::icmpv6) return false;
    switch (icmpv6_type{p.icmp->type}) {
    case icmpv6_type::multicast_listener_query:
    case icmpv6_type::multicast_listener_report:
    case icmpv6_type::multicast_listener_done:
    case icmpv6_type::multicast_listener_report_v2:
    case icmpv6_type::router_solicitation:
    case icmpv6_type::router_advertisement:
    case icmpv6_type::neighbour_solicitation:
    case icmpv6_type::neighbour_advertisement:
    case icmpv6_type::redirect: return true;
    default: return false;
    }
}

/// What neighbours answer to that: whoever is asked for is at `mac`. Nobody answers a host that only checks whether its own address
/// is free, or announces it.
inline std::optional<made_packet> neighbours_answer(const seen_packet& p, const mac_address& mac) {
    if (p.arp && p.arp->kind() == arp_operation::request && !p.arp->sender_ip.is_any() && !(p.arp->sender_ip == p.arp->target_ip))
        return arp_reply(mac, p.arp->target_ip, p.arp->sender_mac, p.arp->sender_ip);
    if (p.icmp && p.protocol == ip_protocol::icmpv6 && icmpv6_type{p.icmp->type} == icmpv6_type::neighbour_solicitation && !p.source.is_any())
        if (const auto* wanted = header_at<ipv6_address>(p.payload)) return neighbour_advertisement_to(p.source, *wanted, mac);
    return {};
}

}  // namespace netkit::testing
