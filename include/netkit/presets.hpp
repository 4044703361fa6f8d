#pragma once

#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/igmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/mld.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/udp.hpp>

/// The usual stacks by name. Each is a type like any that a program writes down itself; TCP is tcp<>, which has CUBIC. A switch is
/// `ethernet_switch` (<netkit/layers/ethernet_switch.hpp>).
namespace netkit::presets {

/// IPv4 with what a host must have, and Transports.
template <class... Transport>
using ipv4_with = ipv4<icmp, igmp, Transport...>;
/// IPv6 with what a host must have, and Transports.
template <class... Transport>
using ipv6_with = ipv6<icmpv6<ndp, mld>, Transport...>;
/// Both families, with Transports shared between them.
template <class... Transport>
using both_with = dual<ipv4_with<>, ipv6_with<>, Transport...>;

/// A host on Ethernet, with TCP and UDP.
using ipv4_host = ethernet<arp, ipv4_with<udp, tcp<>>>;
using ipv6_host = ethernet<ipv6_with<udp, tcp<>>>;
using dual_host = ethernet<arp, both_with<udp, tcp<>>>;

/// The same without TCP, none of which is compiled in.
using ipv4_udp_host = ethernet<arp, ipv4_with<udp>>;
using ipv6_udp_host = ethernet<ipv6_with<udp>>;
using dual_udp_host = ethernet<arp, both_with<udp>>;

/// Passes packets on, answers ping, and has no transports but UDP. Set `forwarding` in its IP layers.
using ipv4_router = ethernet<arp, ipv4_with<udp>>;
using dual_router = ethernet<arp, both_with<udp>>;

/// A host on interfaces without a link layer (TUN): the version of each packet decides.
using ipv4_tun_host = ipv4<icmp, udp, tcp<>>;
using dual_tun_host = dual<ipv4<icmp>, ipv6<icmpv6<>>, udp, tcp<>>;

}  // namespace netkit::presets
