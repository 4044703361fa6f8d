#pragma once

// What a host must do to be pinged, without a stack: byte by byte, so that a device can be tested alone.

#include <netkit/buffer/packet.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/core/mac_address.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace netkit::test {

inline std::uint8_t byte_at(const netkit::packet& p, std::size_t at) { return at < p.head().size() ? std::uint8_t(p.head()[at]) : std::uint8_t(0); }
inline unsigned word_at(const netkit::packet& p, std::size_t at) { return unsigned{byte_at(p, at)} << 8 | byte_at(p, at + 1); }

template <class Value>
bool holds(const netkit::packet& p, std::size_t at, const Value& value) {
    return p.head().size() >= at + sizeof value && std::memcmp(p.head().data() + at, &value, sizeof value) == 0;
}
inline void swap_ranges(netkit::packet& p, std::size_t a, std::size_t b, std::size_t size) {
    std::swap_ranges(p.head().begin() + static_cast<std::ptrdiff_t>(a), p.head().begin() + static_cast<std::ptrdiff_t>(a + size), p.head().begin() + static_cast<std::ptrdiff_t>(b));
}

/// Turns a request for `ours` by ARP into its answer; false where it is none.
inline bool answer_arp(netkit::packet& p, const netkit::mac_address& mac, const netkit::ipv4_address& ours) {
    if (p.size() < 42 || word_at(p, 12) != 0x0806 || word_at(p, 20) != 1 || !holds(p, 38, ours)) return false;
    p.head()[21] = std::byte{2};
    swap_ranges(p, 22, 32, 10);
    std::memcpy(p.head().data() + 22, &mac, sizeof mac);
    std::memcpy(p.head().data(), p.head().data() + 32, sizeof mac);
    std::memcpy(p.head().data() + 6, &mac, sizeof mac);
    return true;
}

/// Turns an ICMP echo request to `ours` into its answer; false where it is none, or its checksum is wrong. `ip` is where the
/// IPv4 header starts; where that is not 0, an Ethernet header lies in front.
inline bool answer_echo(netkit::packet& p, const netkit::ipv4_address& ours, std::size_t ip) {
    if (p.size() < ip + 28 || byte_at(p, ip) != 0x45 || byte_at(p, ip + 9) != 1 || !holds(p, ip + 16, ours) || byte_at(p, ip + 20) != 8) return false;
    const auto message = p.head().subspan(ip + 20, word_at(p, ip + 2) - 20);
    if (netkit::fold16(netkit::sum16(message)) != 0) return false;
    message[0] = message[2] = message[3] = std::byte{0};
    const auto sum = netkit::checksum_of(netkit::sum16(message));
    std::memcpy(message.data() + 2, &sum, sizeof sum);
    swap_ranges(p, ip + 12, ip + 16, 4);
    if (ip != 0) swap_ranges(p, 0, 6, 6);
    return true;
}

}  // namespace netkit::test
