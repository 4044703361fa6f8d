#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/wire/ipv4.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// Cuts a datagram, from its header on, into pieces of at most `mtu` bytes (RFC 791 section 3.2). Options go into the first
/// piece only. The pieces are of our own making: the datagram stays the caller's. None where the pool is exhausted.
inline packet_queue fragment_ipv4(const packet& whole, std::size_t mtu, pool& home, std::size_t headroom) {
    packet_queue pieces;
    const auto original = *whole.peek<ipv4_header>();
    const auto size = original.header_size();
    const auto payload = whole.size() - size;
    const std::size_t first_offset = original.fragment_offset();
    for (std::size_t done = 0; done < payload;) {
        const auto header = done == 0 ? size : sizeof(ipv4_header);
        auto n = std::min(payload - done, (mtu - header) & ~std::size_t{7});
        if (payload - done <= mtu - header) n = payload - done;
        packet piece(home, headroom + ipv4_longest_header, n);
        if (!piece) return {};
        whole.copy_to(piece.append(n), size + done);
        if (header > sizeof(ipv4_header)) whole.copy_to(piece.push(header - sizeof(ipv4_header)), sizeof(ipv4_header));
        auto h = original;
        h.version_ihl = static_cast<std::uint8_t>(0x40 | header / 4);
        h.length = static_cast<std::uint16_t>(n + header);
        const bool more = done + n < payload || original.more_fragments();
        h.fragment = static_cast<std::uint16_t>((more ? ipv4_header::more_fragments_flag : 0) | (first_offset + done) / 8);
        h.checksum = 0;
        h.checksum = checksum_of(sum16(h, sum16(piece.head().first(header - sizeof h))));
        piece.push(h);
        piece.interface(whole.interface());
        pieces.push_back(std::move(piece));
        done += n;
    }
    return pieces;
}

}  // namespace netkit
