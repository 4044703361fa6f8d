// TAP and TUN against the kernel, without a stack: what they carry, what they say of checksums, and their errors.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <netkit/core/checksum.hpp>
#include <netkit/drivers/tap.hpp>
#include <netkit/drivers/tun.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/udp.hpp>

#include <tests/support/answer_by_hand.hpp>
#include <tests/support/child_process.hpp>
#include <tests/support/network_namespace.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace netkit_test;
using namespace std::chrono_literals;

namespace {

const netkit::ipv4_address host(198, 18, 0, 1), ours(198, 18, 0, 2);
constexpr std::string_view host_prefix = "198.18.0.1/24";

netkit::tun_options with_address(bool offload) { return {.offload = offload, .host_addresses = {netkit::address_prefix::parse(host_prefix)}}; }

void wait_readable(int descriptor) {
    pollfd wanted{descriptor, POLLIN, 0};
    ::poll(&wanted, 1, 10);
}

/// Calls look(packet&) on what comes until it says true; false after two seconds.
template <class Device, class Look>
bool receive_until(Device& device, netkit::pool& buffers, Look&& look) {
    const auto end = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < end) {
        wait_readable(device.native_handle());
        std::array<netkit::packet, 8> batch;
        const auto got = device.receive({buffers, 64}, batch);
        for (std::size_t i = 0; i < got; ++i)
            if (look(batch[i])) return true;
    }
    return false;
}

/// Lets the kernel ping us, and answers by hand.
template <class Device>
void be_pinged(Device& device, std::size_t ip, const std::string& options) {
    netkit::pool buffers;
    child_process ping("ping -n -c 3 -i 0.2 -W 2 " + options + " 198.18.0.2");
    int answered = 0;
    const auto result = ping.wait(10s, [&] {
        wait_readable(device.native_handle());
        std::array<netkit::packet, 8> batch;
        const auto got = device.receive({buffers, 64}, batch);
        for (std::size_t i = 0; i < got; ++i) {
            CHECK(batch[i].headroom() == 64);
            bool answer = answer_echo(batch[i], ours, ip);
            answered += answer;
            if constexpr (requires { device.mac(); }) answer = answer || answer_arp(batch[i], device.mac(), ours);
            if (answer) CHECK(device.transmit(std::span(batch).subspan(i, 1)) == 1);
        }
    });
    INFO(ping.output());
    CHECK(result == 0);
    CHECK(answered == 3);
}

class udp_of_the_kernel {
public:
    udp_of_the_kernel() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        const auto local = address(host, 4000);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0);
    }
    void send(std::string_view text) {
        const auto target = address(ours, 5000);
        REQUIRE(::sendto(socket_.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&target), sizeof target) == static_cast<ssize_t>(text.size()));
    }
    std::string receive() {
        wait_readable(socket_.get());
        char bytes[2048];
        const auto n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
        return n < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(n));
    }

private:
    static sockaddr_in address(const netkit::ipv4_address& a, std::uint16_t port) {
        sockaddr_in result{};
        result.sin_family = AF_INET;
        result.sin_port = htons(port);
        result.sin_addr.s_addr = a.raw();
        return result;
    }
    netkit::file_descriptor socket_;
};

/// The UDP checksum of an IPv4 packet comes out.
bool udp_checksum_is_right(const netkit::packet& p) {
    const auto datagram = p.head().subspan(20);
    const std::uint64_t pseudo = host.sum() + ours.sum() + netkit::be16(17).raw() + netkit::be16(static_cast<std::uint16_t>(datagram.size())).raw();
    return netkit::fold16(netkit::sum16(datagram, pseudo)) == 0;
}

/// A datagram from us to the kernel's socket, with a partial checksum, half of its text in a borrowed slice.
netkit::packet datagram(netkit::pool& buffers, std::string_view text, std::string_view borrowed) {
    const auto size = static_cast<std::uint16_t>(8 + text.size() + borrowed.size());
    netkit::packet p(buffers, 64, text.size());
    p.append(std::as_bytes(std::span(text)));
    netkit::packet rest(buffers, 0, borrowed.size());
    rest.append(std::as_bytes(std::span(borrowed)));
    p.attach(std::move(rest).share());

    netkit::udp_header udp{};
    udp.source = 5000;
    udp.target = 4000;
    udp.length = size;
    const std::uint64_t pseudo = host.sum() + ours.sum() + netkit::be16(17).raw() + netkit::be16(size).raw();
    p.push_summed(udp, offsetof(netkit::udp_header, checksum), pseudo);

    auto ip = p.push(20);
    const std::array<std::uint8_t, 12> fixed{0x45, 0, static_cast<std::uint8_t>((size + 20) >> 8), static_cast<std::uint8_t>(size + 20), 0, 1, 0, 0, 64, 17, 0, 0};
    std::memcpy(ip.data(), fixed.data(), fixed.size());
    std::memcpy(ip.data() + 12, &ours, 4);
    std::memcpy(ip.data() + 16, &host, 4);
    const auto sum = netkit::checksum_of(netkit::sum16(std::span<const std::byte>(ip)));
    std::memcpy(ip.data() + 10, &sum, 2);
    return p;
}

template <class F>
std::string message_of(F&& f) {
    try {
        f();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "nothing thrown";
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("the kernel pings us over TAP") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        auto device = netkit::tap::open("nk%d", with_address(offload));
        CHECK(device.name().starts_with("nk"));
        CHECK(device.link() == netkit::link_type::ethernet);
        CHECK(device.mtu() == 1500);
        CHECK(device.can().checksum == offload);
        CHECK_FALSE(device.mac() == device.host_mac());
        CHECK_FALSE(device.mac().is_group());
        be_pinged(device, 14, "");
        CHECK(device.statistics().bad_received == 0);
        CHECK(device.statistics().send_errors == 0);
    }
}

TEST_CASE("the kernel pings us over TUN, with small packets and large ones") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        auto options = with_address(offload);
        options.mtu = 9000;
        auto device = netkit::tun::open("nk%d", options);
        CHECK(device.link() == netkit::link_type::ip);
        CHECK(device.mtu() == 9000);
        be_pinged(device, 0, "");
        be_pinged(device, 0, "-s 8900");
    }
}

TEST_CASE("datagrams pass between the kernel and us, their checksums partial where both sides say so") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        netkit::pool buffers;
        auto device = netkit::tun::open("nk%d", with_address(offload));
        udp_of_the_kernel socket;

        socket.send("to the stack");
        CHECK(receive_until(device, buffers, [&](netkit::packet& p) {
            if (p.size() != 28 + 12 || byte_at(p, 9) != 17) return false;
            CHECK(p.checksum() == (offload ? netkit::checksum_state::partial : netkit::checksum_state::unknown));
            CHECK(udp_checksum_is_right(p) == !offload);
            if (offload) {
                CHECK(p.checksum_start() == 20);
                p.complete_checksum();
                CHECK(udp_checksum_is_right(p));
            }
            return true;
        }));

        auto answer = datagram(buffers, "to the ", "kernel");
        if (!offload) answer.complete_checksum();
        CHECK(device.transmit(std::span(&answer, 1)) == 1);
        CHECK(socket.receive() == "to the kernel");
        answer.reset();
        CHECK(device.statistics().sent == 1);
    }
}

TEST_CASE("a device that cannot open says what to do") {
    CHECK(contains(message_of([] { netkit::tap::open("a name with spaces"); }), "cannot be the name of an interface"));
    CHECK(contains(message_of([] { netkit::tap::open(""); }), "cannot be the name of an interface"));
    CHECK(contains(message_of([] { netkit::tap::open("much-too-long-a-name"); }), "cannot be the name of an interface"));

    auto taken = netkit::tap::open("nk0");
    const auto busy = message_of([] { netkit::tap::open("nk0"); });
    CHECK(contains(busy, "netkit: cannot open TAP 'nk0': "));
    CHECK(contains(busy, "another program has it open"));
    const auto other_kind = message_of([] { netkit::tun::open("lo"); });
    CHECK(contains(other_kind, "netkit: cannot open TUN 'lo': "));
    CHECK(contains(other_kind, "an interface of another kind is called that"));

    netkit::tun_options impossible;
    impossible.mtu = 10;
    CHECK(contains(message_of([&] { netkit::tap::open("nk%d", impossible); }), "cannot set its MTU to 10"));
}

TEST_CASE("one who may not open TAP devices is told how to") {
    // A child gives up its rights, since they do not come back.
    const auto child = ::fork();
    if (child == 0) {
        if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
        const auto text = message_of([] { netkit::tap::open("nk0"); });
        const bool good = contains(text, "netkit: cannot open TAP 'nk0': ") && contains(text, "run as root, or");
        if (!good) std::fprintf(stderr, "%s\n", text.c_str());
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

int main(int argc, char** argv) {
    if (const auto why = enter_network_namespace()) return skip(*why);
    if (const auto why = why_no_tap()) return skip(*why);
    doctest::Context context(argc, argv);
    return context.run();
}
