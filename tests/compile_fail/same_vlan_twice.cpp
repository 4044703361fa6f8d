// expect: netkit: two layers on the same lower layer claim the same number
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vlan.hpp>

#ifdef NETKIT_CORRECT
constexpr std::uint16_t other = 43;
#else
constexpr std::uint16_t other = 42;
#endif
using composition = netkit::ethernet<netkit::vlan<42, netkit::arp, netkit::ipv4<netkit::icmp>>, netkit::vlan<other, netkit::arp, netkit::ipv4<netkit::udp>>>;
netkit::stack<composition, netkit::memory_link> host;
