// expect: netkit: this layer cannot stand on a device
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>

#ifdef NETKIT_CORRECT
using composition = netkit::ethernet<>;
#else
using composition = netkit::arp;
#endif
netkit::stack<composition, netkit::memory_link> host;
