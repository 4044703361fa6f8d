// expect: netkit: two layers on the same lower layer claim the same number
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#ifdef NETKIT_CORRECT
using composition = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp>>;
#else
using composition = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>, netkit::ipv4<netkit::udp>>;
#endif
netkit::stack<composition, netkit::memory_link> host;
