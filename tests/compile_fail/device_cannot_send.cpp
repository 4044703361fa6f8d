// expect: netkit: this is not a device
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/ethernet.hpp>

struct mute {
    std::size_t receive(const netkit::buffer_source&, std::span<netkit::packet>) { return 0; }
#ifdef NETKIT_CORRECT
    std::size_t transmit(std::span<netkit::packet> batch) { return batch.size(); }
#endif
    std::size_t mtu() const { return 1500; }
};
netkit::stack<netkit::ethernet<>, mute> host;
