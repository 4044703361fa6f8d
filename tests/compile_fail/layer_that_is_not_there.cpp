// expect: netkit: this stack has no such layer
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

using host = netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>, netkit::memory_link>;
void ask(host& h) {
#ifdef NETKIT_CORRECT
    (void)h.at<netkit::icmp>();
#else
    (void)h.at<netkit::udp>();
#endif
}
