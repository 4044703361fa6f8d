#pragma once

// The kernel as the peer of a device under test, with what is needed to speak to it by hand. For programs made of doctest cases.

#include <netkit/core/checksum.hpp>
#include <netkit/drivers/file_descriptor.hpp>
#include <netkit/wire/udp.hpp>

#include <tests/support/answer_by_hand.hpp>
#include <tests/support/child_process.hpp>

#include <doctest/doctest.h>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace netkit::test {

inline constexpr netkit::ipv4_address host(198, 18, 0, 1), ours(198, 18, 0, 2);

inline void wait_readable(int descriptor) {
    pollfd wanted{descriptor, POLLIN, 0};
    ::poll(&wanted, 1, 10);
}

/// Calls look(packet&) on what comes until it says true; false after two seconds.
template <class Device, class Look>
bool receive_until(Device& device, netkit::pool& buffers, Look&& look) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
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
void be_pinged(Device& device, std::size_t ip, const std::string& options = {}) {
    netkit::pool buffers;
    child_process ping("ping -n -c 3 -i 0.2 -W 2 " + options + " 198.18.0.2");
    int answered = 0;
    const auto result = ping.wait(std::chrono::seconds(10), [&] {
        wait_readable(device.native_handle());
        std::array<netkit::packet, 8> batch;
        const auto got = device.receive({buffers, 64}, batch);
        for (std::size_t i = 0; i < got; ++i) {
            CHECK(batch[i].headroom() >= 64);
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
inline bool udp_checksum_is_right(const netkit::packet& p) {
    const auto datagram = p.head().subspan(20);
    const std::uint64_t pseudo = host.sum() + ours.sum() + netkit::be16(17).raw() + netkit::be16(static_cast<std::uint16_t>(datagram.size())).raw();
    return netkit::fold16(netkit::sum16(datagram, pseudo)) == 0;
}

/// A datagram from us to the kernel's socket, with a partial checksum, half of its text in a borrowed slice.
inline netkit::packet datagram(netkit::pool& buffers, std::string_view text, std::string_view borrowed) {
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
inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace netkit::test
