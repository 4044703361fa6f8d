#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/vlan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace netkit::test {

struct shape {
    bool ipv6;
    std::size_t tags;
    bool link;
    std::size_t payload;
};

constexpr auto every_flag = tcp_flags::ack | tcp_flags::psh | tcp_flags::fin | tcp_flags::cwr;
/// A super-segment with 12 bytes of TCP options, half of its payload in a borrowed slice.
inline packet super_segment(pool& buffers, const shape& s, std::uint16_t gso_size, tcp_flags flags = every_flag) {
    std::vector<std::byte> payload(s.payload);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i * 7 + i / 256);
    const auto own = payload.size() / 2 - 1;  // odd for some
    packet p(buffers, 128, own);
    p.append(std::span<const std::byte>(payload).first(own));
    packet rest(buffers, 0, payload.size() - own);
    rest.append(std::span<const std::byte>(payload).subspan(own));
    p.attach(std::move(rest).share());

    std::byte options[12];
    std::ranges::fill(options, std::byte{1});
    tcp_header tcp{};
    tcp.source = 80;
    tcp.target = 4000;
    tcp.sequence = 0xffff'ff00;
    tcp.offset = tcp_header::make_offset(32);
    tcp.control = static_cast<std::uint8_t>(flags);
    const auto length = 32 + s.payload;
    const ipv4_address a4(198, 18, 0, 1), b4(198, 18, 0, 2);
    const auto a6 = ipv6_address::parse("fd00:6e6b::1"), b6 = ipv6_address::parse("fd00:6e6b::2");
    p.push_summed(tcp, offsetof(tcp_header, checksum),
                  s.ipv6 ? pseudo_header_sum(a6, b6, ip_protocol::tcp, length) : pseudo_header_sum(a4, b4, ip_protocol::tcp, length), options);
    if (s.ipv6) {
        ipv6_header ip{};
        ip.version_flow = ipv6_header::make_version_flow(0, 0);
        ip.length = static_cast<std::uint16_t>(length);
        ip.next = 6;
        ip.source = a6;
        ip.target = b6;
        p.push(ip);
    } else {
        ipv4_header ip{};
        ip.version_ihl = 0x45;
        ip.length = static_cast<std::uint16_t>(length + 20);
        ip.id = 0xffff;
        ip.fragment = ipv4_header::dont_fragment_flag;
        ip.ttl = 64;
        ip.protocol = 6;
        ip.source = a4;
        ip.target = b4;
        ip.checksum = checksum_of(ip.sum());
        p.push(ip);
    }
    if (s.link) {
        auto type = s.ipv6 ? ether_type::ipv6 : ether_type::ipv4;
        for (std::size_t i = 0; i < s.tags; ++i) {
            p.push(vlan_tag::make(42, type));
            type = ether_type::vlan;
        }
        ethernet_header ethernet{};
        ethernet.type = static_cast<std::uint16_t>(type);
        p.push(ethernet);
    }
    p.gso_size(gso_size);
    p.interface(interface_id{3});
    return p;
}
/// All segments of a super-segment, as far as the pool's buffers last; none where it is none.
inline std::vector<packet> segments_of(const packet& whole, link_type link, pool& buffers, const offloads& can = {}) {
    std::vector<packet> segments;
    segmenter cut(whole, link, can);
    while (cut && !cut.done()) {
        auto one = cut.next(buffers);
        if (!one) break;
        segments.push_back(std::move(one));
    }
    return segments;
}
inline std::vector<std::byte> bytes_of(const packet& p, std::size_t from) {
    std::vector<std::byte> bytes(p.size() - from);
    p.copy_to(bytes, from);
    return bytes;
}

}  // namespace netkit::test
