#pragma once

#include <netkit/buffer/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

/// What buffer tests fill packets with, and read back.
namespace bytes {

using list = std::vector<std::byte>;

/// n bytes that count up from `first`.
inline list counting(std::size_t n, unsigned first = 0) {
    list result(n);
    for (std::size_t i = 0; i < n; ++i) result[i] = static_cast<std::byte>(first + i);
    return result;
}
inline list of(std::span<const std::byte> part) { return {part.begin(), part.end()}; }
/// All bytes of a packet, slices included.
inline list of(const netkit::packet& p) {
    list result;
    p.for_each_part([&](std::span<const std::byte> part) { result.insert(result.end(), part.begin(), part.end()); });
    return result;
}
inline netkit::packet packet_of(netkit::pool& pool, std::span<const std::byte> content, std::size_t headroom = 64) {
    netkit::packet p(pool, headroom, content.size());
    if (p) p.append(content);
    return p;
}
inline netkit::shared_packet shared_of(netkit::pool& pool, std::span<const std::byte> content) { return packet_of(pool, content).share(); }
inline list operator+(list a, const list& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace bytes
