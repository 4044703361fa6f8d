#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/inline.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// What a packet keeps from the pool, in bytes, whatever it has in it: its own buffer, and a small one at least for each slice it borrows.
inline std::uint32_t packet_memory(const packet& p) {
    const auto own = std::max(p.headroom() + p.head().size() + p.tailroom(), buffer_capacities[0]);
    const auto borrowed = std::max(p.size() - p.head().size(), p.slices() * buffer_capacities[0]);
    return static_cast<std::uint32_t>(own + borrowed + (1 + p.slices()) * sizeof(buffer));
}

NETKIT_COLD inline packet copied_where_possible(packet p) {
    auto own = p.copy();
    return own ? std::move(own) : std::move(p);
}

/// The packet, or a copy of it in a buffer of its size where it keeps more than `ratio` times its bytes, and more than `spared` in all.
inline packet without_waste(packet p, std::uint32_t spared, std::uint32_t ratio) {
    const auto memory = packet_memory(p);
    if (memory <= spared || memory <= ratio * p.size()) return p;
    return copied_where_possible(std::move(p));
}

}  // namespace netkit
