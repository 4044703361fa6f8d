// A stack's TCP and the kernel's exchange megabytes over TAP and AF_PACKET, with super-segments and without. What passed is
// judged by tshark.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <netkit/compose/stack.hpp>
#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/device_spec.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>

#include <tests/support/byte_stream.hpp>
#include <tests/support/kernel_tcp.hpp>
#include <tests/support/network_namespace.hpp>
#include <tests/support/tshark.hpp>

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace netkit::test;

namespace {

using host = netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::tcp<>>>;
using captured = netkit::capture<netkit::any_device>;
using stack_type = netkit::stack<host, captured>;

constexpr std::size_t most = 4 << 20;

void exchange(stack_type& stack, netkit::interface_id interface, bool ipv6) {
    CAPTURE(ipv6);
    netkit::tcp_socket listener, socket;
    REQUIRE(listener.open(stack) == netkit::errc::ok);
    REQUIRE(listener.bind({{}, 80}) == netkit::errc::ok);
    REQUIRE(listener.listen(4) == netkit::errc::ok);
    auto peer = kernel_tcp::connecting(ipv6, 80);
    stream_source ours(most), theirs(most);
    stream_sink ours_received, theirs_received;
    std::vector<std::byte> block(256 * 1024);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while ((ours_received.received() < most || theirs_received.received() < most) && std::chrono::steady_clock::now() < end) {
        pollfd wanted{stack.native_handle(interface), POLLIN, 0};
        ::poll(&wanted, 1, 1);
        stack.poll();
        if (!socket.is_open()) (void)listener.accept(socket);
        if (socket.is_open()) {
            for (;;) {
                const auto got = socket.receive(block);
                if (got.error != netkit::errc::ok || got.bytes == 0) break;
                ours_received.take(std::span<const std::byte>(block).first(got.bytes));
            }
            if (!ours.done()) ours.sent(socket.send(ours.next()).bytes);
        }
        peer.send_some(theirs);
        peer.receive_some(theirs_received);
    }
    CHECK(ours_received.received() == most);
    CHECK(theirs_received.received() == most);
    CHECK(ours_received.wrong() == 0);
    CHECK(theirs_received.wrong() == 0);
}

void exercise(netkit::any_device device, bool super_segments) {
    char path[] = "/tmp/netkit_system_XXXXXX";
    const int descriptor = ::mkstemp(path);
    REQUIRE(descriptor >= 0);
    ::close(descriptor);
    {
        stack_type stack;
        const auto interface = stack.attach(captured(std::move(device), path, {.name = "under test", .snap_length = 0}));
        stack.add_address(interface, "198.18.0.2/24");
        stack.add_address(interface, "fd00:6e6b::2/64");
        const auto detected = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
        while (std::chrono::steady_clock::now() < detected) {
            pollfd wanted{stack.native_handle(interface), POLLIN, 0};
            ::poll(&wanted, 1, 2);
            stack.poll();
        }
        exchange(stack, interface, false);
        exchange(stack, interface, true);

        const auto& counts = stack.interface(interface);
        MESSAGE(counts.received.packets << " frames received, of " << counts.received.bytes / counts.received.packets << " bytes in the mean; " << counts.sent.packets
                                        << " sent, of " << counts.sent.bytes / counts.sent.packets);
        if (super_segments) {
            CHECK(counts.received.bytes / counts.received.packets > 1600);
            CHECK(counts.sent.bytes / counts.sent.packets > 1600);
        }
        const auto& c = stack.counters();
        CHECK(c[netkit::drop_reason::checksum] == 0);
        CHECK(c[netkit::drop_reason::malformed] == 0);
        CHECK(c[netkit::drop_reason::truncated] == 0);
    }
    if (have_tshark()) CHECK(complaints_of_tshark(path, "-d tcp.port==80,data") == "");
    else std::printf("NOT TRIED: tshark is not installed: the capture was not judged\n");
    ::unlink(path);
}

netkit::tap_options with_addresses(bool offload) {
    return {.offload = offload, .host_addresses = {netkit::address_prefix::parse("198.18.0.1/24"), netkit::address_prefix::parse("fd00:6e6b::1/64")}};
}

}  // namespace

TEST_CASE("TCP over TAP") {
    if (const auto why = why_no_tap()) {
        std::printf("NOT TRIED: %s\n", why->c_str());
        return;
    }
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        exercise(netkit::tap::open("nk%d", with_addresses(offload)), offload);
    }
}

TEST_CASE("TCP over AF_PACKET") {
    make_veth("veth0", "veth1");
    give_address("veth0", "198.18.0.1/24");
    give_address("veth0", "fd00:6e6b::1/64");
    exercise(netkit::packet_socket::open("veth1"), true);
}

int main(int argc, char** argv) {
    if (const auto why = enter_network_namespace()) return skip(*why);
    kernel_ipv6(true);
    doctest::Context context(argc, argv);
    return context.run();
}
