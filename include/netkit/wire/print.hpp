#pragma once

#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/arp.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv4_options.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/ipv6_extension_walker.hpp>
#include <netkit/wire/ipv6_options.hpp>
#include <netkit/wire/print_icmp.hpp>
#include <netkit/wire/print_transport.hpp>
#include <netkit/wire/printer.hpp>
#include <netkit/wire/vlan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace netkit {

namespace detail {

inline void print_upper_layer(printer& line, ip_protocol protocol, const printed_payload& payload) {
    if (payload.bytes.size() < payload.length) line.cut();
    switch (protocol) {
    case ip_protocol::tcp: return print_tcp(line, payload);
    case ip_protocol::udp: return print_udp(line, payload);
    case ip_protocol::icmp: return print_icmpv4(line, payload);
    case ip_protocol::icmpv6: return print_icmpv6(line, payload);
    case ip_protocol::igmp: return print_igmp(line, payload);
    case ip_protocol::ipv4:
    case ip_protocol::ipv6:
        line.text += payload.addresses() + "(";
        print_ip(line, payload.bytes);
        line.text += ")";
        return;
    default: line.text += payload.addresses() + to_string(protocol) + length_text(payload.length);
    }
}

inline void print_ipv4(printer& line, std::span<const std::byte> packet) {
    line.text += "IPv4";
    const auto header = header_at<ipv4_header>(packet);
    if (!header) return line.cut();
    const std::size_t size = header->header_size(), length = header->length;
    if (size < sizeof *header || length < size) {
        line.text += " " + to_string(header->source) + " > " + to_string(header->target);
        line.text +=
            size < sizeof *header ? " [bad header size " + std::to_string(size) + "]" : " [bad length " + std::to_string(length) + "]";
        return;
    }
    if (size > packet.size()) return line.cut();

    line.text += options_text(ipv4_options(packet.first(size).subspan(sizeof *header)));
    if (header->is_fragment()) {
        line.text += " <fragment id " + std::to_string(header->id) + " offset " + std::to_string(header->fragment_offset());
        line.text += header->more_fragments() ? "+>" : ">";
    }
    line.text += " ";
    // What a short frame holds behind the datagram is padding.
    const auto bytes = packet.first(std::min(length, packet.size())).subspan(size);
    const printed_payload payload{to_string(header->source), to_string(header->target), bytes, length - size, header->is_fragment()};
    if (header->fragment_offset() == 0) return print_upper_layer(line, ip_protocol{header->protocol}, payload);
    if (bytes.size() < payload.length) line.cut();
    line.text += payload.addresses() + to_string(ip_protocol{header->protocol}) + length_text(payload.length);
}

inline void print_ipv6_extension(printer& line, ip_protocol kind, std::span<const std::byte> bytes) {
    line.text += " <";
    switch (kind) {
    case ip_protocol::fragment: line.text += to_string(*header_at<fragment_header>(bytes)); break;
    case ip_protocol::routing: line.text += to_string(*header_at<routing_header>(bytes)); break;
    default: line.text += to_string(kind) + options_text(ipv6_options(bytes.subspan(sizeof(ipv6_extension_header))));
    }
    line.text += ">";
}

inline void print_ipv6(printer& line, std::span<const std::byte> packet) {
    line.text += "IPv6";
    const auto header = header_at<ipv6_header>(packet);
    if (!header) return line.cut();
    const std::size_t length = header->length;
    const auto after = packet.subspan(sizeof *header);
    printed_payload payload{to_string(header->source), to_string(header->target), after.first(std::min(length, after.size())), length};

    using walk = ipv6_extension_walker::result;
    ipv6_extension_walker walker(header->next, payload.bytes);
    auto found = walker.step();
    for (; found == walk::extension; found = walker.step()) {
        print_ipv6_extension(line, walker.kind(), walker.bytes());
        payload.is_fragment = payload.is_fragment || walker.kind() == ip_protocol::fragment;
    }
    line.text += " ";
    if (payload.bytes.size() < length) line.cut();
    payload.length -= payload.bytes.size() - walker.rest().size();
    payload.bytes = walker.rest();
    switch (found) {
    case walk::upper_layer: return print_upper_layer(line, walker.next(), payload);
    case walk::later_fragment: line.text += payload.addresses() + to_string(walker.next()) + length_text(payload.length); return;
    case walk::misplaced: line.text += payload.addresses() + "[misplaced hop-by-hop options]"; return;
    case walk::too_many: line.text += payload.addresses() + "[too many extension headers]"; return;
    default:
        line.text += payload.addresses() + to_string(walker.next());
        if (payload.bytes.size() == payload.length) line.text += " [bad header size]";
    }
}

/// The first four bits; 0 where there are none.
inline unsigned ip_version(std::span<const std::byte> packet) { return packet.empty() ? 0 : std::to_integer<unsigned>(packet[0]) >> 4; }

inline void print_ip(printer& line, std::span<const std::byte> packet) {
    const nesting inner(line);
    if (!inner) return;
    if (packet.empty()) {
        line.text += "IP";
        return line.cut();
    }
    switch (ip_version(packet)) {
    case 4: return print_ipv4(line, packet);
    case 6: return print_ipv6(line, packet);
    default: line.text += "IP version " + std::to_string(ip_version(packet));
    }
}

inline void print_ip_of_version(printer& line, unsigned version, std::span<const std::byte> packet) {
    if (packet.empty() || ip_version(packet) == version) return print_ip(line, packet);
    line.text += "IPv" + std::to_string(version) + " [bad version " + std::to_string(ip_version(packet)) + "]";
}

inline void print_arp(printer& line, std::span<const std::byte> message) {
    const auto header = header_at<arp_header>(message);
    if (header)
        line.text += to_string(*header);
    else {
        line.text += "ARP";
        line.cut();
    }
}

inline void print_tagged(printer& line, ether_type type, std::span<const std::byte> payload);

/// What follows an EtherType.
inline void print_link_payload(printer& line, ether_type type, std::span<const std::byte> payload) {
    switch (type) {
    case ether_type::ipv4: return print_ip_of_version(line, 4, payload);
    case ether_type::ipv6: return print_ip_of_version(line, 6, payload);
    case ether_type::arp: return print_arp(line, payload);
    case ether_type::vlan:
    case ether_type::provider_vlan: return print_tagged(line, type, payload);
    default: line.text += to_string(type) + length_text(payload.size());
    }
}

inline void print_tagged(printer& line, ether_type type, std::span<const std::byte> payload) {
    const nesting inner(line);
    if (!inner) return;
    const auto tag = header_at<vlan_tag>(payload);
    if (tag) {
        line.text += vlan_text(*tag) + " ";
        print_link_payload(line, tag->protocol(), payload.subspan(sizeof *tag));
    } else {
        line.text += to_string(type);
        line.cut();
    }
}

inline void print_frame(printer& line, std::span<const std::byte> frame) {
    const nesting inner(line);
    if (!inner) return;
    if (const auto header = header_at<ethernet_header>(frame)) {
        line.text += to_string(header->source) + " > " + to_string(header->target) + " ";
        print_link_payload(line, header->protocol(), frame.subspan(sizeof *header));
    } else {
        line.text += "Ethernet";
        line.cut();
    }
}

inline std::string finished(const printer& line) { return line.truncated ? line.text + " [truncated]" : line.text; }

}  // namespace detail

/// One line for a person about an Ethernet frame, in the manner of tcpdump. Reads nothing beyond the frame; says "[truncated]" where
/// its headers speak of more bytes than it has.
inline std::string describe(std::span<const std::byte> frame) {
    detail::printer line;
    detail::print_frame(line, frame);
    return detail::finished(line);
}

/// The same about a packet that begins with its IPv4 or IPv6 header.
inline std::string describe_ip(std::span<const std::byte> packet) {
    detail::printer line;
    detail::print_ip(line, packet);
    return detail::finished(line);
}

}  // namespace netkit
