// expect: netkit: a VLAN identifier is a number from 1 to 4094
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/vlan.hpp>

#ifdef NETKIT_CORRECT
constexpr std::uint16_t id = 4094;
#else
constexpr std::uint16_t id = 4095;
#endif
netkit::stack<netkit::ethernet<netkit::vlan<id, netkit::arp, netkit::ipv4<netkit::icmp>>>, netkit::memory_link> host;
