// expect: netkit: vlan carries IPv4 but nothing in it resolves IPv4 neighbours: add arp
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/vlan.hpp>

#ifdef NETKIT_CORRECT
using inside = netkit::vlan<42, netkit::arp, netkit::ipv4<netkit::icmp>>;
#else
using inside = netkit::vlan<42, netkit::ipv4<netkit::icmp>>;
#endif
netkit::stack<netkit::ethernet<inside>, netkit::memory_link> host;
