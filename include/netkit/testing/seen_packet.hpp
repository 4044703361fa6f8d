#pragma once

#include <netkit/compose/interface.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/core/time.hpp>
#include <netkit/wire/arp.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/icmp.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/ipv6_extension_walker.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_parser.hpp>
#include <netkit/wire/udp.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace netkit::testing {

using packet_bytes = std::vector<std::byte>;

/// A packet as it was seen on a link, taken apart: each header that it has, where it lies, and null for those it has not. What is
/// wrong with it (lengths that lie, checksums) stands in `fault`.
class seen_packet {
public:
    seen_packet() = default;
    seen_packet(packet_bytes bytes, link_type link, time_point at = {}) : when(at), bytes_(std::move(bytes)), link_(link) { take_apart(); }
    seen_packet(seen_packet&&) = default;
    seen_packet& operator=(seen_packet&&) = default;

    time_point when{};
    const ethernet_header* ethernet = nullptr;
    const arp_header* arp = nullptr;
    const ipv4_header* ipv4 = nullptr;
    const ipv6_header* ipv6 = nullptr;
    const tcp_header* tcp = nullptr;
    const udp_header* udp = nullptr;
    const icmp_header* icmp = nullptr;  ///< of either version: `protocol` says which
    ip_address source, target;
    ip_protocol protocol = ip_protocol::no_next_header;
    tcp_parsed_options options{};
    std::span<const std::byte> payload;  ///< behind the innermost of these headers
    std::string fault;
    /// What sequence numbers of this segment, and what it acknowledges, are counted from: see tcp_numbers.
    std::uint32_t sequence_origin = 0, acknowledgement_origin = 0;

    const packet_bytes& bytes() const { return bytes_; }
    link_type link() const { return link_; }
    /// From the IP header on; empty where there is none.
    std::span<const std::byte> network_bytes() const {
        if (!ipv4 && !ipv6) return {};
        return std::span<const std::byte>(bytes_).subspan(ethernet ? sizeof *ethernet : 0);
    }
    std::uint32_t sequence() const { return tcp->sequence - sequence_origin; }
    std::uint32_t acknowledgement() const { return tcp->acknowledgement - acknowledgement_origin; }

private:
    void take_apart() {
        std::span<const std::byte> rest(bytes_);
        if (link_ == link_type::ip) return take_network(rest);
        ethernet = header_at<ethernet_header>(rest);
        if (!ethernet) return blame("a frame shorter than its header");
        rest = rest.subspan(sizeof *ethernet);
        payload = rest;
        if (ethernet->protocol() == ether_type::arp) {
            arp = header_at<arp_header>(rest);
            if (!arp) blame("ARP shorter than its header");
        } else if (ethernet->protocol() == ether_type::ipv4 || ethernet->protocol() == ether_type::ipv6) {
            take_network(rest);
        }
    }
    void take_network(std::span<const std::byte> rest) {
        if (rest.empty()) return blame("an empty packet");
        if (std::to_integer<unsigned>(rest[0]) >> 4 == 4) take_ipv4(rest);
        else take_ipv6(rest);
    }
    void take_ipv4(std::span<const std::byte> rest) {
        ipv4 = header_at<ipv4_header>(rest);
        const std::size_t size = ipv4 ? ipv4->header_size() : 0, length = ipv4 ? std::size_t(ipv4->length) : 0;
        if (size < sizeof *ipv4 || length < size || length > rest.size()) return blame("bad IPv4 lengths");
        if (fold16(sum16(rest.first(size))) != 0) blame("bad IPv4 header checksum");
        source = ipv4->source;
        target = ipv4->target;
        protocol = ip_protocol{ipv4->protocol};
        payload = rest.first(length).subspan(size);
        if (ipv4->fragment_offset() != 0) return;
        take_transport(ipv4->is_fragment(), pseudo_header_sum(ipv4->source, ipv4->target, protocol, payload.size()));
    }
    void take_ipv6(std::span<const std::byte> rest) {
        ipv6 = header_at<ipv6_header>(rest);
        if (!ipv6 || ipv6->version() != 6) return blame("neither IPv4 nor IPv6");
        const std::size_t length = ipv6->length;
        if (length > rest.size() - sizeof *ipv6) return blame("bad IPv6 length");
        source = ipv6->source;
        target = ipv6->target;
        ipv6_extension_walker walker(ipv6->next, rest.subspan(sizeof *ipv6, length));
        auto found = walker.step();
        bool fragment = false;
        for (; found == ipv6_extension_walker::result::extension; found = walker.step()) fragment = fragment || walker.kind() == ip_protocol::fragment;
        protocol = walker.next();
        payload = walker.rest();
        if (found == ipv6_extension_walker::result::later_fragment) return;
        if (found != ipv6_extension_walker::result::upper_layer) return blame("bad IPv6 extension headers");
        take_transport(fragment, pseudo_header_sum(ipv6->source, ipv6->target, protocol, payload.size()));
    }
    /// `pseudo` is the sum of the pseudo-header. The checksum of what is only a fragment cannot be known.
    void take_transport(bool fragment, std::uint64_t pseudo) {
        const auto whole = payload;
        const auto check = [&](const char* name, std::uint64_t sum) {
            if (!fragment && fold16(sum16(whole, sum)) != 0) blame(std::string("bad ") + name + " checksum");
        };
        if (protocol == ip_protocol::tcp) {
            tcp = header_at<tcp_header>(whole);
            const auto size = tcp ? tcp->header_size() : 0;
            if (size < sizeof *tcp || size > whole.size()) return blame("bad TCP header size");
            check("TCP", pseudo);
            if (!parse_tcp_options(whole.first(size).subspan(sizeof *tcp), options)) blame("malformed TCP options");
            payload = whole.subspan(size);
        } else if (protocol == ip_protocol::udp) {
            udp = header_at<udp_header>(whole);
            if (!udp || udp->length < sizeof *udp || (udp->length > whole.size() && !fragment)) return blame("bad UDP length");
            if (udp->checksum != 0 || ipv6) check("UDP", pseudo);
            payload = whole.first(std::min<std::size_t>(udp->length, whole.size())).subspan(sizeof *udp);
        } else if (protocol == ip_protocol::icmp || protocol == ip_protocol::icmpv6) {
            icmp = header_at<icmp_header>(whole);
            if (!icmp) return blame("ICMP shorter than its header");
            check(protocol == ip_protocol::icmp ? "ICMP" : "ICMPv6", protocol == ip_protocol::icmp ? 0 : pseudo);
            payload = whole.subspan(sizeof *icmp);
        }
    }
    void blame(const std::string& what) { fault += (fault.empty() ? "" : ", ") + what; }

    packet_bytes bytes_;
    link_type link_ = link_type::ip;
};

}  // namespace netkit::testing
