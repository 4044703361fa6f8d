// expect: netkit: the layer below cannot send to the kind of place that this layer addresses
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/ethernet.hpp>

struct beacon : netkit::leaf {
    static constexpr auto key = netkit::ether_type::local_experimental_1;
    static constexpr std::size_t header_size = 0;
#ifdef NETKIT_CORRECT
    using sends_to = netkit::mac_address;
#else
    using sends_to = std::string;
#endif
    void receive(netkit::context auto here, netkit::packet p, const netkit::link_from&) { here.deliver(p); }
};
netkit::stack<netkit::ethernet<beacon>, netkit::memory_link> host;
