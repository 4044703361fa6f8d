// expect: netkit: an observer is shown packets by
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/observe.hpp>

struct observer {
    void received(netkit::context auto, const netkit::packet&) {}
#ifdef NETKIT_CORRECT
    void sent(netkit::context auto, const netkit::packet&) {}
#endif
};
netkit::stack<netkit::ethernet<netkit::arp, netkit::observe<observer, netkit::ipv4<netkit::icmp>>>, netkit::memory_link> host;
