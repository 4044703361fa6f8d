#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/vlan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

/// Where a frame's network header starts, beyond VLAN tags, and what it is by the link's word; a zero type where the frame is
/// too short to tell.
struct network_position {
    ether_type type{};
    std::size_t at = 0;
};
inline network_position find_network_header(std::span<const std::byte> head, link_type link) {
    if (link == link_type::ip) {
        if (head.empty()) return {};
        return {std::uint8_t(head[0]) >> 4 == 6 ? ether_type::ipv6 : ether_type::ipv4, 0};
    }
    const auto* ethernet = header_at<ethernet_header>(head);
    if (!ethernet) return {};
    network_position found{ethernet->protocol(), sizeof(ethernet_header)};
    while (found.type == ether_type::vlan || found.type == ether_type::provider_vlan) {
        const auto* tag = header_at<vlan_tag>(head, found.at);
        if (!tag) return {};
        found.type = tag->protocol();
        found.at += sizeof(vlan_tag);
    }
    return found;
}

namespace detail {
/// The headers of a TCP super-segment, and how they become those of each segment.
class segment_headers {
public:
    segment_headers(const packet& whole, link_type link) : head_(whole.head()) {
        network_ = find_network_header(head_, link);
        if (whole.checksum() != checksum_state::partial) return;
        tcp_at_ = whole.checksum_start();
        const auto* tcp = header_at<tcp_header>(head_, tcp_at_);
        if (!tcp || tcp->header_size() < sizeof *tcp || tcp_at_ + tcp->header_size() > head_.size()) return;
        const bool four = network_.type == ether_type::ipv4 && tcp_at_ >= network_.at + sizeof(ipv4_header);
        const bool six = network_.type == ether_type::ipv6 && tcp_at_ >= network_.at + sizeof(ipv6_header);
        if (four || six) size_ = tcp_at_ + tcp->header_size();
    }
    /// Of all headers; zero where this is no TCP over IP with a partial checksum.
    std::size_t size() const { return size_; }

    /// Puts right what differs from segment to segment: lengths, identifier, sequence number, flags and checksums. The TCP
    /// checksum stays partial.
    void adapt(packet& segment, std::size_t number, std::size_t payload_at, bool last) const {
        auto* const tcp_bytes = segment.head().data() + tcp_at_;
        auto tcp = *reinterpret_cast<const tcp_header*>(tcp_bytes);
        tcp.sequence = tcp.sequence + static_cast<std::uint32_t>(payload_at);
        auto flags = tcp.flags();
        if (number != 0) flags &= ~tcp_flags::cwr;  // RFC 3168 section 6.1.2: once
        if (!last) flags &= ~(tcp_flags::fin | tcp_flags::psh);
        tcp.control = static_cast<std::uint8_t>(flags);
        const auto pseudo = adapt_network(segment, number);
        tcp.checksum = be16::from_raw(static_cast<std::uint16_t>(~fold16(pseudo)));
        std::memcpy(tcp_bytes, &tcp, sizeof tcp);
        segment.mark_partial(tcp_at_, offsetof(tcp_header, checksum));
    }

private:
    /// Returns the sum of the pseudo-header.
    std::uint64_t adapt_network(packet& segment, std::size_t number) const {
        const auto length = segment.size() - network_.at;
        const auto tcp_length = segment.size() - tcp_at_;
        auto* const bytes = segment.head().data() + network_.at;
        if (network_.type == ether_type::ipv6) {
            auto& ip = *reinterpret_cast<ipv6_header*>(bytes);
            ip.length = static_cast<std::uint16_t>(length - sizeof ip);
            return pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, tcp_length);
        }
        auto& ip = *reinterpret_cast<ipv4_header*>(bytes);
        ip.length = static_cast<std::uint16_t>(length);
        ip.id = static_cast<std::uint16_t>(ip.id + number);
        ip.checksum = 0;
        ip.checksum = checksum_of(sum16(std::span<const std::byte>(bytes, tcp_at_ - network_.at)));
        return pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, tcp_length);
    }

    std::span<const std::byte> head_;
    network_position network_;
    std::size_t tcp_at_ = 0;
    std::size_t size_ = 0;
};
}  // namespace detail

/// Bytes of the largest network packet that `p`, which begins with its network header, becomes on the wire.
inline std::size_t largest_segment(const packet& p) {
    if (p.gso_size() == 0) [[likely]] return p.size();
    const auto headers = detail::segment_headers(p, link_type::ip).size();
    return headers == 0 ? p.size() : std::min(p.size(), headers + p.gso_size());
}

/// What became of a super-segment.
enum class segmentation_result : std::uint8_t { done, no_buffers, not_tcp };

/// Cuts a TCP super-segment into frames of gso_size() payload bytes, as hardware would, for a device that cannot: calls
/// emit(packet) with each, its checksum partial, with the headroom that the whole has. Stops where the pool is exhausted.
template <class Emit>
segmentation_result segment(const packet& whole, link_type link, pool& buffers, Emit&& emit) {
    const detail::segment_headers headers(whole, link);
    if (headers.size() == 0 || whole.gso_size() == 0) return segmentation_result::not_tcp;
    const auto payload = whole.size() - headers.size();
    for (std::size_t at = 0, number = 0; at == 0 || at < payload; at += whole.gso_size(), ++number) {
        const auto size = headers.size() + std::min<std::size_t>(whole.gso_size(), payload - at);
        packet one(buffers, whole.headroom(), size);
        if (!one) return segmentation_result::no_buffers;
        const auto bytes = one.append(size);
        std::memcpy(bytes.data(), whole.head().data(), headers.size());
        whole.copy_to(bytes.subspan(headers.size()), headers.size() + at);
        headers.adapt(one, number, at, at + whole.gso_size() >= payload);
        one.interface(whole.interface());
        emit(std::move(one));
    }
    return segmentation_result::done;
}

}  // namespace netkit
