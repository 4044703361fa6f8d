#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
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
/// What the headers of one flow's segments add up to, but for what differs from one to the next: lengths, numbers of packet and of segment,
/// the byte of flags, and checksums.
struct sums_in_common {
    std::uint64_t network = 0;  ///< of IPv4's header and options; IPv6 has no checksum
    std::uint64_t pseudo = 0;   ///< of the pseudo-header
    std::uint64_t tcp = 0;      ///< of TCP's header and options

    sums_in_common() = default;
    /// The headers must be there as said, up to `payload_at`.
    sums_in_common(std::span<const std::byte> head, const network_position& at, std::size_t tcp_at, std::size_t payload_at) {
        auto h = *header_at<tcp_header>(head, tcp_at);
        h.sequence = 0;
        h.checksum = 0;
        h.control = 0;
        const auto tcp_options_at = tcp_at + sizeof h;
        tcp = sum16(head.subspan(tcp_options_at, payload_at - tcp_options_at), sum16(h));
        if (at.type == ether_type::ipv6) {
            const auto& ip = *header_at<ipv6_header>(head, at.at);
            pseudo = pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, 0);
            return;
        }
        auto ip = *header_at<ipv4_header>(head, at.at);
        pseudo = pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, 0);
        ip.length = 0;
        ip.id = 0;
        ip.checksum = 0;
        const auto options_at = at.at + sizeof ip;
        network = sum16(head.subspan(options_at, tcp_at - options_at), sum16(ip));
    }
};

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

    /// Looks at what all segments have in common: to be called once, before `put`.
    void prepare() {
        const auto& tcp = *header_at<tcp_header>(head_, tcp_at_);
        sequence_ = tcp.sequence;
        flags_ = tcp.flags();
        if (network_.type == ether_type::ipv4) id_ = header_at<ipv4_header>(head_, network_.at)->id;
        sums_ = sums_in_common(head_, network_, tcp_at_, size_);
    }
    /// The headers of the segment that carries `payload` bytes from `payload_at` on: all that differs is put right. With the sum of
    /// its payload the TCP checksum is complete, without it is left partial.
    void put(packet& segment, std::size_t number, std::size_t payload_at, std::size_t payload, bool last, const std::uint64_t* payload_sum) const {
        auto* const bytes = segment.head().data();
        copy_headers(bytes, head_.data(), size_);
        const auto tcp_length = size_ - tcp_at_ + payload;
        put_network(bytes + network_.at, number, size_ - network_.at + payload);

        auto& tcp = *reinterpret_cast<tcp_header*>(bytes + tcp_at_);
        auto flags = flags_;
        if (number != 0) flags &= ~tcp_flags::cwr;  // RFC 3168 section 6.1.2: once
        if (!last) flags &= ~(tcp_flags::fin | tcp_flags::psh);
        const be32 sequence = static_cast<std::uint32_t>(sequence_ + payload_at);
        tcp.sequence = sequence;
        tcp.control = static_cast<std::uint8_t>(flags);
        const auto pseudo = sums_.pseudo + be32(static_cast<std::uint32_t>(tcp_length)).raw();
        if (payload_sum) {
            tcp.checksum = checksum_of(pseudo + sums_.tcp + sequence.raw() + sum_pair(0, tcp.control) + *payload_sum);
        } else {
            tcp.checksum = be16::from_raw(static_cast<std::uint16_t>(~fold16(pseudo)));
            segment.mark_partial(tcp_at_, offsetof(tcp_header, checksum));
        }
    }

private:
    /// Headers are mostly of such a size, and there is no need to call anything then.
    static void copy_headers(std::byte* to, const std::byte* from, std::size_t n) {
        constexpr std::size_t half = 64;
        if (n < half || n > 2 * half) [[unlikely]] {
            std::memcpy(to, from, n);
        } else {
            std::memcpy(to, from, half);
            std::memcpy(to + n - half, from + n - half, half);
        }
    }
    void put_network(std::byte* bytes, std::size_t number, std::size_t length) const {
        if (network_.type == ether_type::ipv6) {
            reinterpret_cast<ipv6_header*>(bytes)->length = static_cast<std::uint16_t>(length - sizeof(ipv6_header));
            return;
        }
        auto& ip = *reinterpret_cast<ipv4_header*>(bytes);
        const be16 size = static_cast<std::uint16_t>(length), id = static_cast<std::uint16_t>(id_ + number);
        ip.length = size;
        ip.id = id;
        ip.checksum = checksum_of(sums_.network + size.raw() + id.raw());
    }

    std::span<const std::byte> head_;
    network_position network_;
    std::size_t tcp_at_ = 0;
    std::size_t size_ = 0;
    std::uint32_t sequence_ = 0;
    tcp_flags flags_{};
    std::uint16_t id_ = 0;
    sums_in_common sums_;
};

/// Reads a packet's bytes in order, slice after slice.
class packet_reader {
public:
    packet_reader(const packet& from, std::size_t at) : from_(from), part_(from.head().subspan(at)) {}

    void skip(std::size_t n) {
        for_next(n, [](std::span<const std::byte>) {});
    }
    /// How many of the next n bytes are the packet's own.
    std::size_t own(std::size_t n) const { return next_ == 0 ? std::min(n, part_.size()) : 0; }
    /// Copies the next n bytes, which must be there.
    void copy(std::byte* to, std::size_t n) {
        for_next(n, [&](std::span<const std::byte> bytes) {
            std::memcpy(to, bytes.data(), bytes.size());
            to += bytes.size();
        });
    }
    /// The same, and adds them up.
    std::uint64_t copy_summed(std::byte* to, std::size_t n) {
        std::uint64_t sum = 0;
        bool odd = false;
        for_next(n, [&](std::span<const std::byte> bytes) {
            const auto part = copy_and_sum(to, bytes.data(), bytes.size());
            sum += odd ? sum_moved_by_one(part) : part;
            odd ^= (bytes.size() & 1) != 0;
            to += bytes.size();
        });
        return sum;
    }
    /// Puts the next n bytes, which must be there, behind what `to` holds: the packet's own are copied, what it borrows is lent on.
    void lend(packet& to, std::size_t n) {
        for_next(n, [&](std::span<const std::byte> bytes) {
            if (next_ == 0) to.append(bytes);
            else to.borrow(from_, next_ - 1, static_cast<std::size_t>(bytes.data() - from_.slice(next_ - 1).data()), bytes.size());
        });
    }

private:
    template <class F>
    void for_next(std::size_t n, F&& f) {
        while (n != 0) {
            if (part_.empty()) part_ = from_.slice(next_++);
            const auto some = std::min(n, part_.size());
            f(part_.first(some));
            part_ = part_.subspan(some);
            n -= some;
        }
    }

    const packet& from_;
    std::span<const std::byte> part_;
    std::size_t next_ = 0;  // slice
};

/// Smaller segments are copied also where they could be lent: a slice costs more than that.
inline constexpr std::size_t lent_segments_from = 512;
}  // namespace detail

/// Bytes of the largest network packet that `p`, which begins with its network header, becomes on the wire.
inline std::size_t largest_segment(const packet& p) {
    if (p.gso_size() == 0) [[likely]] return p.size();
    const auto headers = detail::segment_headers(p, link_type::ip).size();
    return headers == 0 ? p.size() : std::min(p.size(), headers + p.gso_size());
}

/// Cuts a TCP super-segment, which must outlive this, into frames of gso_size() payload bytes, as hardware would, for a device that cannot.
/// Each has as much headroom as the whole. To a device that gathers slices, what the whole has borrowed is lent on, to others it is copied;
/// the checksum is partial where the device completes it, else made.
class segmenter {
public:
    /// Begins with segment number `from`, where earlier ones were cut before.
    segmenter(const packet& whole, link_type link, const offloads& can, std::size_t from = 0)
        : whole_(whole), headers_(whole, link), payload_(whole, headers_.size()), can_(can), lends_(can.scatter && whole.gso_size() >= detail::lent_segments_from), number_(from) {
        if (!*this) return;
        headers_.prepare();
        in_all_ = whole.size() - headers_.size();
        at_ = std::min<std::size_t>(from * whole.gso_size(), in_all_);
        payload_.skip(at_);
    }
    /// Whether it is a TCP super-segment with a partial checksum; else nothing can be cut.
    explicit operator bool() const { return headers_.size() != 0 && whole_.gso_size() != 0; }
    bool done() const { return number_ != 0 && at_ >= in_all_; }
    /// How many segments it makes in all.
    std::size_t segments() const { return std::max<std::size_t>((in_all_ + whole_.gso_size() - 1) / whole_.gso_size(), 1); }
    /// How many segments have been cut off the front.
    std::size_t position() const { return number_; }

    /// The next segment; not where it is done. Empty, and nothing done, where the pool is exhausted.
    [[gnu::noinline]] NETKIT_FLATTEN packet next(pool& buffers) {
        const auto size = std::min<std::size_t>(whole_.gso_size(), in_all_ - at_);
        packet one(buffers, whole_.headroom(), headers_.size() + (lends_ ? payload_.own(size) : size));
        if (!one) return one;
        one.append(headers_.size());
        std::uint64_t sum = 0;
        if (lends_) {
            payload_.lend(one, size);
            if (!can_.checksum) sum = one.sum_written_from(headers_.size());
        } else {
            auto* const bytes = one.append(size).data();
            if (can_.checksum) payload_.copy(bytes, size);
            else sum = payload_.copy_summed(bytes, size);
        }
        headers_.put(one, number_, at_, size, at_ + size >= in_all_, can_.checksum ? nullptr : &sum);
        one.interface(whole_.interface());
        at_ += size;
        ++number_;
        return one;
    }

private:
    const packet& whole_;
    detail::segment_headers headers_;
    detail::packet_reader payload_;
    offloads can_;
    bool lends_;
    std::size_t number_;
    std::size_t in_all_ = 0;
    std::size_t at_ = 0;  // of the payload
};

}  // namespace netkit
