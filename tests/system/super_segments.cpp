// Two kernels, each in a namespace of its own, speak TCP through a pair of devices that pass frames on as they are: what one
// leaves undone in a super-segment the other must be able to finish.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <netkit/drivers/packet_socket.hpp>
#include <netkit/drivers/tap.hpp>
#include <netkit/drivers/tun.hpp>

#include <tests/support/network_namespace.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace netkit::test;

namespace {

constexpr std::size_t megabytes = 8;

/// The byte at a place of what is sent, so that whatever is lost, doubled or moved shows.
std::byte byte_of(std::size_t at) { return static_cast<std::byte>(at ^ at >> 8 ^ at >> 16); }

/// A TCP socket of whichever namespace the process is in when it is made; it stays there.
netkit::file_descriptor tcp_socket(bool ipv6) {
    return netkit::file_descriptor(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
template <class Call>
int with_address(bool ipv6, int host, std::uint16_t port, Call&& call) {
    if (ipv6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        ::inet_pton(AF_INET6, ("fd00:6e6b:1::" + std::to_string(host)).c_str(), &address.sin6_addr);
        return call(reinterpret_cast<const sockaddr*>(&address), socklen_t(sizeof address));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ("198.18.1." + std::to_string(host)).c_str(), &address.sin_addr);
    return call(reinterpret_cast<const sockaddr*>(&address), socklen_t(sizeof address));
}
void enter_another_namespace() {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    kernel_ipv6(true);
    netkit::kernel_interface("lo").bring_up();
}

struct passed_on {
    std::size_t frames = 0, super_segments = 0, partial = 0;
};
/// Passes on what came; what the other device does not take is lost, as on a switch.
template <class Device>
void pass(Device& from, Device& to, netkit::pool& buffers, passed_on& counts) {
    std::array<netkit::packet, 16> batch;
    const auto got = from.receive({buffers, 32}, batch);
    for (const auto& frame : std::span(batch).first(got)) {
        ++counts.frames;
        counts.super_segments += frame.gso_size() != 0;
        counts.partial += frame.checksum() == netkit::checksum_state::partial;
    }
    to.transmit(std::span(batch).first(got));
}

/// Makes `left` and what listens in this namespace, then `right` and what connects in another; sends from right to left.
template <class Make>
void carry(bool ipv6, bool expect_super_segments, Make&& make) {
    CAPTURE(ipv6);
    netkit::pool buffers;
    passed_on counts;
    enter_another_namespace();
    auto left = make(1);
    const auto listening = tcp_socket(ipv6);
    REQUIRE(with_address(ipv6, 1, 5001, [&](auto* a, auto size) { return ::bind(listening.get(), a, size); }) == 0);
    REQUIRE(::listen(listening.get(), 1) == 0);
    enter_another_namespace();
    auto right = make(2);
    const auto sending = tcp_socket(ipv6);
    with_address(ipv6, 1, 5001, [&](auto* a, auto size) { return ::connect(sending.get(), a, size); });

    std::vector<std::byte> block(256 * 1024);
    std::size_t sent = 0, received = 0, wrong = 0;
    netkit::file_descriptor receiving;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (received < megabytes << 20 && std::chrono::steady_clock::now() < end) {
        std::array<pollfd, 2> wanted{pollfd{left.native_handle(), POLLIN, 0}, pollfd{right.native_handle(), POLLIN, 0}};
        ::poll(wanted.data(), wanted.size(), 1);
        pass(left, right, buffers, counts);
        pass(right, left, buffers, counts);
        if (!receiving) receiving = netkit::file_descriptor(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));

        const auto size = std::min(block.size(), (megabytes << 20) - sent);
        for (std::size_t i = 0; i < size; ++i) block[i] = byte_of(sent + i);
        if (const auto n = size == 0 ? 0 : ::send(sending.get(), block.data(), size, MSG_NOSIGNAL); n > 0) sent += static_cast<std::size_t>(n);
        if (!receiving) continue;
        for (ssize_t n; (n = ::recv(receiving.get(), block.data(), block.size(), 0)) > 0; received += static_cast<std::size_t>(n))
            for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) wrong += block[i] != byte_of(received + i);
    }
    CHECK(received == megabytes << 20);
    CHECK(wrong == 0);
    MESSAGE(counts.frames << " frames, " << counts.super_segments << " of them super-segments, " << counts.partial << " with partial checksums");
    if (expect_super_segments) {
        CHECK(counts.super_segments > 10);
        CHECK(counts.partial >= counts.super_segments);
    } else {
        CHECK(counts.super_segments == 0);
        CHECK(counts.partial == 0);
    }
    CHECK(left.statistics().bad_received == 0);
    CHECK(right.statistics().bad_received == 0);
    CHECK(left.statistics().send_errors == 0);
    CHECK(right.statistics().send_errors == 0);
}

std::vector<netkit::address_prefix> addresses(int host) {
    return {netkit::address_prefix::parse("198.18.1." + std::to_string(host) + "/24"), netkit::address_prefix::parse("fd00:6e6b:1::" + std::to_string(host) + "/64")};
}
bool tap_is_missing() {
    const auto why = why_no_tap();
    if (why) std::printf("NOT TRIED: %s\n", why->c_str());
    return why.has_value();
}

}  // namespace

TEST_CASE("TUN") {
    if (tap_is_missing()) return;
    for (const bool ipv6 : {false, true})
        for (const bool offload : {true, false}) carry(ipv6, offload, [&](int host) { return netkit::tun::open("nk0", {.offload = offload, .host_addresses = addresses(host)}); });
}

TEST_CASE("TAP") {
    if (tap_is_missing()) return;
    for (const bool ipv6 : {false, true})
        for (const bool offload : {true, false}) carry(ipv6, offload, [&](int host) { return netkit::tap::open("nk0", {.offload = offload, .host_addresses = addresses(host)}); });
}

TEST_CASE("AF_PACKET on a veth") {
    for (const bool ipv6 : {false, true})
        carry(ipv6, true, [&](int host) {
            make_veth("nk0", "nk1");
            for (const auto& address : addresses(host)) netkit::kernel_interface("nk0").add_address(address);
            return netkit::packet_socket::open("nk1");
        });
}

int main(int argc, char** argv) {
    if (const auto why = enter_network_namespace()) return skip(*why);
    doctest::Context context(argc, argv);
    return context.run();
}
