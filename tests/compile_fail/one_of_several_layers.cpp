// expect: netkit: this stack has several such layers
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vlan.hpp>

using inside = netkit::vlan<42, netkit::arp, netkit::ipv4<netkit::icmp>>;
using host = netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>, inside>, netkit::memory_link>;
void ask(host& h) {
#ifdef NETKIT_CORRECT
    (void)h.at<inside, netkit::icmp>();
#else
    (void)h.at<netkit::icmp>();
#endif
}
