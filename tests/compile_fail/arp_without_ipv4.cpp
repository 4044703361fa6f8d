// expect: netkit: nothing below or beside this layer has the capability that it needs
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/ipv4.hpp>

#ifdef NETKIT_CORRECT
using composition = netkit::ethernet<netkit::arp, netkit::ipv4<>>;
#else
using composition = netkit::ethernet<netkit::arp>;
#endif
netkit::stack<composition, netkit::memory_link> host;
