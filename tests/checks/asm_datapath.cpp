// A UDP echo, to be looked at as machine code: from a frame in to the socket's queue, and from a socket's send to the device,
// nothing is called through a pointer, and of TCP, which this stack does not name, there is nothing.
//
// no-indirect-calls: netkit::stack<.*>::(input\(std::span|poll_interface)
// no-indirect-calls: netkit::basic_udp<>::send_from<
// absent-text: [Tt][Cc][Pp]
#include <netkit/compose/device.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace {

/// Sends back what it is sent.
struct mirror {
    netkit::packet held;
    std::size_t receive(const netkit::buffer_source&, std::span<netkit::packet> batch) {
        if (!held) return 0;
        batch[0] = std::move(held);
        return 1;
    }
    std::size_t transmit(std::span<netkit::packet> batch) {
        held = std::move(batch[0]);
        return 1;
    }
    std::size_t mtu() const { return 1500; }
};

void echo(void* context) {
    auto& socket = *static_cast<netkit::udp_socket*>(context);
    netkit::datagram d;
    while (socket.receive(d) == netkit::errc::ok) (void)socket.send(std::move(d.payload), d.source);
}

}  // namespace

int main() {
    netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp>>, mirror> stack;
    const auto eth = stack.attach(mirror(), netkit::mac_address(2, 0, 0, 0, 0, 1));
    stack.add_address(eth, "198.18.0.1/24");
    netkit::udp_socket socket(stack, {{}, 7});
    socket.on_ready(echo, &socket);
    for (int i = 0; i < 3; ++i) stack.poll();
}
