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

#include <tests/support/network_namespace.hpp>
#include <tests/support/tshark.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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

std::byte byte_of(std::size_t at) { return static_cast<std::byte>(at ^ at >> 8 ^ at >> 16); }

/// Counts what is received, and what of it is wrong.
struct sink {
    std::size_t received = 0, wrong = 0;
    void take(std::span<const std::byte> bytes) {
        for (const auto b : bytes) wrong += b != byte_of(received++);
    }
};
/// The next bytes to send, until there have been `most`.
struct source {
    std::size_t sent = 0;
    std::vector<std::byte> block = std::vector<std::byte>(128 * 1024);
    std::span<const std::byte> next() {
        const auto size = std::min(block.size(), most - sent);
        for (std::size_t i = 0; i < size; ++i) block[i] = byte_of(sent + i);
        return std::span<const std::byte>(block).first(size);
    }
};

/// A TCP socket of the kernel's, on its way to port 80 of the stack.
class kernel_socket {
public:
    explicit kernel_socket(bool ipv6) : socket_(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        if (ipv6) {
            sockaddr_in6 target{};
            target.sin6_family = AF_INET6;
            target.sin6_port = htons(80);
            ::inet_pton(AF_INET6, "fd00:6e6b::2", &target.sin6_addr);
            ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target);
        } else {
            sockaddr_in target{};
            target.sin_family = AF_INET;
            target.sin_port = htons(80);
            ::inet_pton(AF_INET, "198.18.0.2", &target.sin_addr);
            ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target);
        }
    }
    void send_some(source& from) {
        const auto bytes = from.next();
        if (bytes.empty()) return;
        const auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n > 0) from.sent += static_cast<std::size_t>(n);
    }
    void receive_some(sink& to) {
        for (ssize_t n; (n = ::recv(socket_.get(), block_.data(), block_.size(), 0)) > 0;) to.take(std::span(block_).first(static_cast<std::size_t>(n)));
    }

private:
    netkit::file_descriptor socket_;
    std::vector<std::byte> block_ = std::vector<std::byte>(256 * 1024);
};

void exchange(stack_type& stack, netkit::interface_id interface, bool ipv6) {
    CAPTURE(ipv6);
    netkit::tcp_socket listener, socket;
    REQUIRE(listener.open(stack) == netkit::errc::ok);
    REQUIRE(listener.bind({{}, 80}) == netkit::errc::ok);
    REQUIRE(listener.listen(4) == netkit::errc::ok);
    kernel_socket peer(ipv6);
    source ours, theirs;
    sink ours_received, theirs_received;
    std::vector<std::byte> block(256 * 1024);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while ((ours_received.received < most || theirs_received.received < most) && std::chrono::steady_clock::now() < end) {
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
            if (const auto bytes = ours.next(); !bytes.empty()) ours.sent += socket.send(bytes).bytes;
        }
        peer.send_some(theirs);
        peer.receive_some(theirs_received);
    }
    CHECK(ours_received.received == most);
    CHECK(theirs_received.received == most);
    CHECK(ours_received.wrong == 0);
    CHECK(theirs_received.wrong == 0);
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
    if (have_tshark()) CHECK(complaints_of_tshark(path) == "");
    else MESSAGE("tshark is not installed: the capture was not judged");
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
