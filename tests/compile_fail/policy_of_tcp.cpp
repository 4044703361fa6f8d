// expect: netkit: this policy of tcp<...> is not a congestion control
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/observe.hpp>
#include <netkit/layers/tcp.hpp>

#ifdef NETKIT_CORRECT
using policy = netkit::reno;
#else
using policy = netkit::packet_counter;
#endif
netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<policy>>>, netkit::memory_link> host;
