// expect: netkit: ethernet carries IPv6 but nothing here resolves IPv6 neighbours: put ndp on icmpv6
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/udp.hpp>

#ifdef NETKIT_CORRECT
using control = netkit::icmpv6<netkit::ndp>;
#else
using control = netkit::icmpv6<>;
#endif
netkit::stack<netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<control>, netkit::udp>>, netkit::memory_link> host;
