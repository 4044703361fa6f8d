// expect: netkit: dual<> takes IPv4 first and IPv6 second
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

using four = netkit::ipv4<netkit::icmp>;
using six = netkit::ipv6<netkit::icmpv6<netkit::ndp>>;
#ifdef NETKIT_CORRECT
using both = netkit::dual<four, six, netkit::udp>;
#else
using both = netkit::dual<six, four, netkit::udp>;
#endif
netkit::stack<netkit::ethernet<netkit::arp, both>, netkit::memory_link> host;
