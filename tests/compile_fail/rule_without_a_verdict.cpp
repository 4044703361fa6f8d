// expect: netkit: a filter
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/filter.hpp>

struct rule {
#ifdef NETKIT_CORRECT
    netkit::filter_verdict received(netkit::context auto, const netkit::packet&) { return netkit::filter_verdict::pass; }
#else
    bool received(netkit::context auto, const netkit::packet&) { return true; }
#endif
    netkit::filter_verdict sent(netkit::context auto, const netkit::packet&) { return netkit::filter_verdict::pass; }
};
netkit::stack<netkit::ethernet<netkit::arp, netkit::filter<rule, netkit::ipv4<netkit::icmp>>>, netkit::memory_link> host;
