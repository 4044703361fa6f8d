// A stack of both families on TAP, TUN and AF_PACKET: the kernel pings it, fragments included, and speaks UDP with it. What
// passed is judged by tshark.

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
#include <netkit/layers/udp.hpp>
#include <netkit/layers/udp_socket.hpp>

#include <tests/support/child_process.hpp>
#include <tests/support/network_namespace.hpp>
#include <tests/support/tshark.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>

using namespace netkit::test;

namespace {

using host = netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::udp>>;
using host_without_link = netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<>>, netkit::udp>;
using captured = netkit::capture<netkit::any_device>;

/// A stack with an address of each family, on a device, and the kernel at the other end.
template <class Root>
class host_under_test {
public:
    netkit::stack<Root, captured> stack;
    netkit::interface_id interface;

    explicit host_under_test(captured device) : interface(stack.attach(std::move(device))) {
        stack.add_address(interface, "198.18.0.2/24");
        stack.add_address(interface, "fd00:6e6b::2/64");
        run_for(std::chrono::milliseconds(1500));  // duplicate address detection
    }
    void run_once() {
        pollfd wanted{stack.native_handle(interface), POLLIN, 0};
        ::poll(&wanted, 1, 2);
        stack.poll();
    }
    void run_for(std::chrono::steady_clock::duration time) {
        const auto end = std::chrono::steady_clock::now() + time;
        while (std::chrono::steady_clock::now() < end) run_once();
    }
    void be_pinged(const std::string& arguments) {
        CAPTURE(arguments);
        child_process ping("ping -n -c 3 -i 0.2 -W 2 " + arguments);
        const auto result = ping.wait(std::chrono::seconds(10), [&] { run_once(); });
        INFO(ping.output());
        CHECK(result == 0);
    }
    void check_accounts() const {
        const auto& c = stack.counters();
        CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
        CHECK(c[netkit::drop_reason::checksum] == 0);
        CHECK(c[netkit::drop_reason::malformed] == 0);
        CHECK(c[netkit::drop_reason::truncated] == 0);
    }
};

/// A UDP socket of the kernel's.
class kernel_socket {
public:
    explicit kernel_socket(bool ipv6) : socket_(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        if (ipv6) {
            sockaddr_in6 target{};
            target.sin6_family = AF_INET6;
            target.sin6_port = htons(7);
            ::inet_pton(AF_INET6, "fd00:6e6b::2", &target.sin6_addr);
            REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0);
        } else {
            sockaddr_in target{};
            target.sin_family = AF_INET;
            target.sin_port = htons(7);
            ::inet_pton(AF_INET, "198.18.0.2", &target.sin_addr);
            REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0);
        }
    }
    bool send(const std::string& text) { return ::send(socket_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()); }
    std::optional<std::string> receive() {
        std::string text(65536, '\0');
        const auto n = ::recv(socket_.get(), text.data(), text.size(), 0);
        if (n < 0) return {};
        text.resize(static_cast<std::size_t>(n));
        return text;
    }

private:
    netkit::file_descriptor socket_;
};

template <class Root>
void echo_datagrams(host_under_test<Root>& under_test) {
    netkit::udp_socket echo(under_test.stack, {{}, 7});
    for (const bool ipv6 : {false, true}) {
        for (const std::size_t size : {std::size_t(1), std::size_t(1000), std::size_t(4001)}) {
            CAPTURE(ipv6);
            CAPTURE(size);
            kernel_socket socket(ipv6);
            std::string text(size, 'x');
            text.back() = 'y';
            REQUIRE(socket.send(text));
            std::optional<std::string> answer;
            for (int attempts = 0; attempts < 1000 && !answer; ++attempts) {
                under_test.run_once();
                netkit::datagram d;
                while (echo.receive(d) == netkit::errc::ok) {
                    d.payload.linearize();
                    CHECK(echo.send(d.payload.head(), d.source) == netkit::errc::ok);
                }
                answer = socket.receive();
            }
            CHECK(answer == text);
        }
    }
}

template <class Root>
void exercise(netkit::any_device device) {
    char path[] = "/tmp/netkit_system_XXXXXX";
    const int descriptor = ::mkstemp(path);
    REQUIRE(descriptor >= 0);
    ::close(descriptor);
    std::size_t passed = 0;
    {
        host_under_test<Root> under_test(captured(std::move(device), path, {.name = "under test"}));
        under_test.be_pinged("198.18.0.2");
        under_test.be_pinged("fd00:6e6b::2");
        under_test.be_pinged("-s 4000 198.18.0.2");
        under_test.be_pinged("-s 4000 fd00:6e6b::2");
        echo_datagrams(under_test);
        under_test.check_accounts();
        const auto& counts = under_test.stack.interface(under_test.interface);
        passed = counts.received.packets + counts.sent.packets;
        CHECK(counts.send_drops == 0);
    }
    if (have_tshark()) {
        CHECK(complaints_of_tshark(path) == "");
        CHECK(frames_by_tshark(path) == passed);
    } else {
        std::printf("NOT TRIED: tshark is not installed: the capture was not judged\n");
    }
    ::unlink(path);
}

netkit::tap_options with_addresses(bool offload) {
    return {.offload = offload, .host_addresses = {netkit::address_prefix::parse("198.18.0.1/24"), netkit::address_prefix::parse("fd00:6e6b::1/64")}};
}
bool tap_is_missing() {
    const auto why = why_no_tap();
    if (why) std::printf("NOT TRIED: %s\n", why->c_str());
    return why.has_value();
}

}  // namespace

TEST_CASE("a stack on TAP") {
    if (tap_is_missing()) return;
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        exercise<host>(netkit::tap::open("nk%d", with_addresses(offload)));
    }
}

TEST_CASE("a stack on TUN, which has no link layer") {
    if (tap_is_missing()) return;
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        exercise<host_without_link>(netkit::tun::open("nk%d", with_addresses(offload)));
    }
}

TEST_CASE("a stack on AF_PACKET") {
    make_veth("veth0", "veth1");
    give_address("veth0", "198.18.0.1/24");
    give_address("veth0", "fd00:6e6b::1/64");
    exercise<host>(netkit::packet_socket::open("veth1"));
}

int main(int argc, char** argv) {
    if (const auto why = enter_network_namespace()) return skip(*why);
    kernel_ipv6(true);
    doctest::Context context(argc, argv);
    return context.run();
}
