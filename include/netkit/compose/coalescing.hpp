#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

namespace detail {

/// Of the option that data segments usually have, padded.
inline constexpr std::size_t tcp_timestamps_size = 12;

/// A frame that may be joined to the one before it, or be joined by the next: a TCP segment with data, its headers as most are.
struct joinable_frame {
    std::size_t network_at = 0, tcp_at = 0, payload_at = 0;
    std::size_t payload = 0;  ///< bytes; 0: this is none
    ether_type type{};
};

/// The header that `examine_for_joining` found at an offset.
template <wire_format Header>
Header& header_in(packet& p, std::size_t at) {
    return *reinterpret_cast<Header*>(p.head().data() + at);
}

/// Whether n bytes agree; sizes that are usual are compared without a call.
NETKIT_HOT bool same_bytes(const std::byte* a, const std::byte* b, std::size_t n) {
    if (n == sizeof(ethernet_header)) return std::memcmp(a, b, sizeof(ethernet_header)) == 0;
    if (n == tcp_timestamps_size) return std::memcmp(a, b, tcp_timestamps_size) == 0;
    return std::memcmp(a, b, n) == 0;
}

/// What must agree in the headers of segments that are joined, network header and TCP's without options: all but lengths, numbers of packet
/// and of segment, checksums, and the flag that asks to push.
template <class Header>
constexpr auto agreement_wanted() {
    std::array<std::uint8_t, sizeof(Header) + sizeof(tcp_header)> bits;
    bits.fill(0xff);
    const auto may_differ = [&](std::size_t at, std::size_t size) { std::fill_n(bits.begin() + static_cast<std::ptrdiff_t>(at), size, std::uint8_t{0}); };
    may_differ(offsetof(Header, length), sizeof(Header::length));
    if constexpr (std::same_as<Header, ipv4_header>) {
        may_differ(offsetof(Header, id), sizeof(Header::id));
        may_differ(offsetof(Header, checksum), sizeof(Header::checksum));
    }
    may_differ(sizeof(Header) + offsetof(tcp_header, sequence), sizeof(tcp_header::sequence));
    may_differ(sizeof(Header) + offsetof(tcp_header, checksum), sizeof(tcp_header::checksum));
    bits[sizeof(Header) + offsetof(tcp_header, control)] = static_cast<std::uint8_t>(~tcp_flags::psh);
    return bits;
}
template <class Header>
NETKIT_HOT bool headers_agree(const std::byte* a, const std::byte* b) {
    static constexpr auto wanted = agreement_wanted<Header>();
    constexpr std::size_t word = sizeof(std::uint64_t);
    std::uint64_t differences = 0;
    const auto compare = [&](std::size_t at) {
        std::uint64_t bits;
        std::memcpy(&bits, wanted.data() + at, word);
        differences |= (load<std::uint64_t>(a + at) ^ load<std::uint64_t>(b + at)) & bits;
    };
    for (std::size_t at = 0; at + word <= wanted.size(); at += word) compare(at);
    if constexpr (wanted.size() % word != 0) compare(wanted.size() - word);
    return differences == 0;
}

/// Whether the payload, which ends at `end` of the frame, lies all in its own bytes, perhaps with padding behind, or all in slices.
NETKIT_HOT bool has_joinable_payload(const packet& p, std::size_t payload_at, std::size_t end) {
    if (p.slices() == 0) [[likely]] return end <= p.head().size();
    return p.head().size() == payload_at && p.size() == end;
}

/// Looks at the headers alone; no checksum is verified.
inline joinable_frame examine_for_joining(const packet& p, link_type link) {
    constexpr joinable_frame none{};
    const auto head = p.head();
    if (p.gso_size() != 0 || p.checksum() == checksum_state::partial) return none;
    const auto network = find_network_header(head, link);
    joinable_frame f{.network_at = network.at, .type = network.type};
    std::size_t end = 0;
    if (network.type == ether_type::ipv4) {
        const auto* ip = header_at<ipv4_header>(head, network.at);
        // Without "don't fragment" identifiers mean something, and would be lost.
        if (!ip || ip->version_ihl != ipv4_header::version_ihl_without_options || ip->fragment != ipv4_header::dont_fragment_flag) return none;
        if (ip_protocol{ip->protocol} != ip_protocol::tcp) return none;
        f.tcp_at = network.at + sizeof *ip;
        end = network.at + ip->length;
    } else if (network.type == ether_type::ipv6) {
        const auto* ip = header_at<ipv6_header>(head, network.at);
        if (!ip || ip->version() != 6 || ip_protocol{ip->next} != ip_protocol::tcp) return none;
        f.tcp_at = network.at + sizeof *ip;
        end = f.tcp_at + ip->length;
    } else return none;
    const auto* tcp = header_at<tcp_header>(head, f.tcp_at);
    if (!tcp || tcp->header_size() < sizeof *tcp || (tcp->flags() | tcp_flags::psh) != (tcp_flags::ack | tcp_flags::psh)) return none;
    f.payload_at = f.tcp_at + tcp->header_size();
    if (end > f.payload_at && has_joinable_payload(p, f.payload_at, end)) f.payload = end - f.payload_at;
    return f;
}

/// Whether the checksums are right of a frame whose headers, but for what may differ, add up to so much; that of TCP is known afterwards.
NETKIT_HOT bool verified_for_joining(packet& p, const joinable_frame& f, const sums_in_common& sums) {
    if (f.type == ether_type::ipv4) {
        const auto& ip = header_in<ipv4_header>(p, f.network_at);
        if (fold16(sums.network + ip.length.raw() + ip.id.raw() + ip.checksum.raw()) != 0) return false;
    }
    if (p.checksum() == checksum_state::verified) return true;
    const auto& tcp = header_in<tcp_header>(p, f.tcp_at);
    const be32 length = static_cast<std::uint32_t>(f.payload_at - f.tcp_at + f.payload);
    const auto headers = sums.pseudo + sums.tcp + length.raw() + tcp.sequence.raw() + tcp.checksum.raw() + sum_pair(0, tcp.control);
    const auto sum = p.slices() == 0 ? sum16(p.head().subspan(f.payload_at, f.payload), headers) : p.sum_from(f.payload_at, headers);
    if (fold16(sum) != 0) return false;
    p.checksum(checksum_state::verified);
    return true;
}

/// Some segments of one flow, each following on from the one before, as one packet with a gso_size().
class segment_run {
public:
    bool empty() const { return first_ == nullptr; }
    /// Begins with a frame, which stays where it is.
    void begin(packet& first, const joinable_frame& f) {
        const auto& tcp = header_in<tcp_header>(first, f.tcp_at);
        first_ = tcp.has(tcp_flags::psh) ? nullptr : &first;
        frame_ = f;
        payload_ = f.payload;
        joined_ = 0;
        next_ = tcp.sequence + static_cast<std::uint32_t>(f.payload);
    }
    /// Takes the next frame in where it follows on and nothing that it says is lost. Else it is left as it is.
    bool join(packet& p) {
        auto f = frame_;
        f.payload = payload_of_next(p);
        if (f.payload == 0) return false;
        if (joined_ == 0) {
            sums_ = sums_in_common(first_->head(), {frame_.type, frame_.network_at}, frame_.tcp_at, frame_.payload_at);
            if (!verified_for_joining(*first_, frame_, sums_)) return false;
        }
        if (!verified_for_joining(p, f, sums_)) return false;
        const bool pushed = header_in<tcp_header>(p, f.tcp_at).has(tcp_flags::psh);
        if (joined_ == 0) first_->trim(frame_.payload_at + frame_.payload);
        if (p.slices() == 0) {
            p.trim(f.payload_at + f.payload);
            p.pull(f.payload_at);
            first_->attach(std::move(p).share());
        } else {
            first_->take_slices(p);
            p.reset();
        }
        ++joined_;
        payload_ += f.payload;
        next_ += static_cast<std::uint32_t>(f.payload);
        if (pushed) header_in<tcp_header>(*first_, frame_.tcp_at).control |= static_cast<std::uint8_t>(tcp_flags::psh);
        if (pushed || f.payload < frame_.payload) end();
        return true;
    }
    /// Makes the headers those of all.
    void end() {
        if (first_ && joined_ != 0) describe();
        first_ = nullptr;
    }

private:
    /// How much the frame brings where it is the next and has the first one's headers, which were examined; else 0.
    std::size_t payload_of_next(packet& p) const {
        const auto head = p.head();
        if (head.size() < frame_.payload_at || p.gso_size() != 0 || p.checksum() == checksum_state::partial) return 0;
        if (header_in<tcp_header>(p, frame_.tcp_at).sequence != next_ || !has_the_same_headers(p)) return 0;
        const auto end = frame_.type == ether_type::ipv6 ? frame_.tcp_at + header_in<ipv6_header>(p, frame_.network_at).length
                                                         : frame_.network_at + header_in<ipv4_header>(p, frame_.network_at).length;
        if (end <= frame_.payload_at || !has_joinable_payload(p, frame_.payload_at, end)) return 0;
        const auto payload = end - frame_.payload_at;
        const auto all = frame_.payload_at - frame_.network_at + payload_ + payload;
        const auto slices = first_->slices() + std::max<std::size_t>(p.slices(), 1);
        return payload <= frame_.payload && slices <= buffer::most_slices && all <= 65535 ? payload : 0;
    }
    bool has_the_same_headers(const packet& p) const {
        const auto *a = first_->head().data(), *b = p.head().data();
        const auto options_at = frame_.tcp_at + sizeof(tcp_header);
        if (!same_bytes(a, b, frame_.network_at) || !same_bytes(a + options_at, b + options_at, frame_.payload_at - options_at)) return false;
        a += frame_.network_at;
        b += frame_.network_at;
        return frame_.type == ether_type::ipv6 ? headers_agree<ipv6_header>(a, b) : headers_agree<ipv4_header>(a, b);
    }
    void describe() {
        const auto length = frame_.payload_at - frame_.tcp_at + payload_;
        std::uint64_t pseudo = 0;
        if (frame_.type == ether_type::ipv6) {
            auto& ip = header_in<ipv6_header>(*first_, frame_.network_at);
            ip.length = static_cast<std::uint16_t>(length);
            pseudo = pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, length);
        } else {
            auto& ip = header_in<ipv4_header>(*first_, frame_.network_at);
            ip.length = static_cast<std::uint16_t>(sizeof ip + length);
            ip.checksum = 0;
            ip.checksum = checksum_of(ip.sum());
            pseudo = pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, length);
        }
        // Verified here; for who passes it on to a wire there is a sum to complete, in each segment again.
        header_in<tcp_header>(*first_, frame_.tcp_at).checksum = be16::from_raw(static_cast<std::uint16_t>(~fold16(pseudo)));
        first_->mark_partial(frame_.tcp_at, offsetof(tcp_header, checksum));
        first_->gso_size(static_cast<std::uint16_t>(frame_.payload));
        first_->frames(static_cast<std::uint16_t>(first_->frames() + joined_));
    }

    packet* first_ = nullptr;
    joinable_frame frame_;
    sums_in_common sums_;          // once a second frame may be joined
    std::size_t payload_ = 0;      // of all
    std::uint16_t joined_ = 0;     // beside the first
    std::uint32_t next_ = 0;       // sequence number
};

}  // namespace detail

/// Joins TCP segments of one flow that follow one another in a batch, so that the layers see them once, as a super-segment with
/// the others' payload in slices. Only what can be cut apart again into the same segments is joined: all headers agree, and
/// all checksums have been verified. frames() of each, which must be 1, add up. Returns how many packets are left, in order, at
/// the front.
[[gnu::hot, gnu::noinline]] NETKIT_FLATTEN inline std::size_t coalesce(std::span<packet> frames, link_type link) {
    detail::segment_run run;
    std::size_t kept = 0;
    for (auto& frame : frames) {
        if (!run.empty() && run.join(frame)) continue;
        run.end();
        auto& place = frames[kept++];
        if (&place != &frame) place = std::move(frame);
        const auto found = detail::examine_for_joining(place, link);
        if (found.payload != 0) run.begin(place, found);
    }
    run.end();
    return kept;
}

}  // namespace netkit
