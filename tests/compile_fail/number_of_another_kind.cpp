// expect: netkit: this layer has no number of the kind by which the layer below tells its uppers apart
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/ipv4.hpp>

struct beacon : netkit::leaf {
#ifdef NETKIT_CORRECT
    static constexpr auto key = netkit::ip_protocol{253};
#else
    static constexpr auto key = netkit::ether_type{253};
#endif
    static constexpr std::size_t header_size = 0;
    using sends_to = netkit::any_host;
    void receive(netkit::context auto here, netkit::packet p, const netkit::ip_from<netkit::ipv4_address>&) { here.deliver(p); }
};
netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<beacon>>, netkit::memory_link> host;
