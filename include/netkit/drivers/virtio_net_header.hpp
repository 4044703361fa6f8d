#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/tcp.hpp>

#include <cstddef>
#include <cstdint>

namespace netkit {

/// What the kernel puts in front of a frame to say which work on it is still to be done (virtio 1.2 section 5.1.6), in its
/// legacy form, in the machine's byte order. Declared here since <linux/virtio_net.h> is not valid C++.
struct virtio_net_header {
    static constexpr std::uint8_t needs_checksum = 1, data_valid = 2;
    static constexpr std::uint8_t gso_none = 0, gso_tcp_ipv4 = 1, gso_tcp_ipv6 = 4, gso_ecn = 0x80;

    std::uint8_t flags = 0;
    std::uint8_t gso_type = gso_none;
    std::uint16_t header_size = 0;      ///< bytes of all headers, link to transport; a hint
    std::uint16_t gso_size = 0;         ///< payload bytes of each segment
    std::uint16_t checksum_start = 0;   ///< offset in the frame from which to sum
    std::uint16_t checksum_offset = 0;  ///< offset from there at which to store
};
static_assert(sizeof(virtio_net_header) == 10);

/// Tells a received frame what its header said of it. False where that cannot be true of this frame, or means something that
/// the stack has no notion of (UDP super-datagrams): the frame is to be discarded.
inline bool apply_virtio_header(const virtio_net_header& header, packet& frame) {
    if (header.flags & virtio_net_header::needs_checksum) {
        if (!frame.mark_partial(header.checksum_start, header.checksum_offset)) return false;
    } else if (header.flags & virtio_net_header::data_valid) {
        frame.checksum(checksum_state::verified);
    }
    const auto gso = header.gso_type & ~virtio_net_header::gso_ecn;
    if (gso == virtio_net_header::gso_none) return true;
    if (gso != virtio_net_header::gso_tcp_ipv4 && gso != virtio_net_header::gso_tcp_ipv6) return false;
    if (header.gso_size == 0) return false;
    frame.gso_size(header.gso_size);
    return true;
}

/// Says in a header what is left to do on a frame to be sent: its partial checksum, its segmentation. False where the frame is
/// a super-segment that the kernel could not cut: no TCP over IP, or a checksum that is not partial.
inline bool make_virtio_header(const packet& frame, link_type link, virtio_net_header& header) {
    header = {};
    const bool partial = frame.checksum() == checksum_state::partial;
    if (partial) {
        header.flags = virtio_net_header::needs_checksum;
        header.checksum_start = static_cast<std::uint16_t>(frame.checksum_start());
        header.checksum_offset = static_cast<std::uint16_t>(frame.checksum_offset());
    }
    if (frame.gso_size() == 0) return true;
    const auto* tcp = partial ? header_at<tcp_header>(frame.head(), frame.checksum_start()) : nullptr;
    if (!tcp) return false;
    const auto headers = frame.checksum_start() + tcp->header_size();
    if (frame.size() <= headers + frame.gso_size()) return true;  // one segment after all

    const auto network = find_network_header(frame.head(), link).type;
    if (network != ether_type::ipv4 && network != ether_type::ipv6) return false;
    header.gso_type = network == ether_type::ipv6 ? virtio_net_header::gso_tcp_ipv6 : virtio_net_header::gso_tcp_ipv4;
    header.gso_size = frame.gso_size();
    header.header_size = static_cast<std::uint16_t>(headers);
    return true;
}

}  // namespace netkit
