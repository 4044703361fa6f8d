// expect: netkit: this layer has no number of the kind by which the layer below tells its uppers apart
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/ethernet.hpp>

struct beacon : netkit::leaf {
#ifdef NETKIT_CORRECT
    static constexpr auto key = netkit::ether_type::local_experimental_1;
#endif
    static constexpr std::size_t header_size = 0;
    using sends_to = netkit::mac_address;
    void receive(netkit::context auto here, netkit::packet p, const netkit::link_from&) { here.deliver(p); }
};
netkit::stack<netkit::ethernet<beacon>, netkit::memory_link> host;
