// expect: netkit: this layer cannot receive what the layer below hands up
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/ethernet.hpp>

struct beacon : netkit::leaf {
    static constexpr auto key = netkit::ether_type::local_experimental_1;
    static constexpr std::size_t header_size = 0;
    using sends_to = netkit::mac_address;
#ifdef NETKIT_CORRECT
    void receive(netkit::context auto here, netkit::packet p, const netkit::link_from&) { here.deliver(p); }
#else
    bool receive(netkit::context auto here, netkit::packet p, const netkit::link_from&) { return here.deliver(p), true; }
#endif
};
netkit::stack<netkit::ethernet<beacon>, netkit::memory_link> host;
