// expect: netkit: ethernet carries IPv4 but nothing here resolves IPv4 neighbours: add arp
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>

#ifdef NETKIT_CORRECT
using composition = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>;
#else
using composition = netkit::ethernet<netkit::ipv4<netkit::icmp>>;
#endif
netkit::stack<composition, netkit::memory_link> host;
