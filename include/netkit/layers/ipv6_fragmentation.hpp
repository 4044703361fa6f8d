#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/layers/ipv6_header_chain.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/ipv6_extensions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace netkit {

/// Cuts a packet of our own, an IPv6 header and what follows it, into fragments of at most `mtu` bytes (RFC 8200 section 4.5). The
/// packet stays the caller's. None where the pool is exhausted.
inline packet_queue fragment_ipv6(const packet& whole, std::size_t mtu, std::uint32_t id, pool& home, std::size_t headroom) {
    packet_queue pieces;
    const auto original = *whole.peek<ipv6_header>();
    const auto payload = whole.size() - sizeof original;
    const auto room = mtu - sizeof original - sizeof(fragment_header);
    for (std::size_t done = 0; done < payload;) {
        const bool last = payload - done <= room;
        const auto n = last ? payload - done : room & ~std::size_t{7};
        packet piece(home, headroom + sizeof(fragment_header), n);
        if (!piece) return {};
        whole.copy_to(piece.append(n), sizeof original + done);
        piece.push(fragment_header{original.next, 0, fragment_header::make_offset_flags(done, !last), id});
        auto h = original;
        h.next = static_cast<std::uint8_t>(ip_protocol::fragment);
        h.length = static_cast<std::uint16_t>(n + sizeof(fragment_header));
        piece.push(h);
        piece.interface(whole.interface());
        pieces.push_back(std::move(piece));
        done += n;
    }
    return pieces;
}

/// Makes of a reassembled packet what was sent: it stands behind `header` bytes of headers, the last of them a fragment header,
/// which is taken out. On return the packet begins with its IPv6 header.
inline void remove_fragment_header(packet& p, std::size_t header) {
    p.push(header);
    const auto* h = p.peek<ipv6_header>();
    ipv6_extension_walker walk(h->next, std::as_bytes(p.head()).subspan(sizeof *h));
    while (walk.next() != ip_protocol::fragment) (void)walk.step();
    const auto field = walk.next_field(), unfragmentable = walk.end();
    auto bytes = p.head();
    bytes[field] = bytes[unfragmentable + offsetof(fragment_header, next)];
    std::memmove(bytes.data() + sizeof(fragment_header), bytes.data(), unfragmentable);
    p.pull(sizeof(fragment_header));
    reinterpret_cast<ipv6_header*>(p.head().data())->length = static_cast<std::uint16_t>(p.size() - sizeof(ipv6_header));
}

}  // namespace netkit
