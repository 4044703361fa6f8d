#pragma once

#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/printer.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_options.hpp>
#include <netkit/wire/udp.hpp>
#include <netkit/wire/vxlan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit::detail {

inline std::string ports_text(const printed_payload& payload, std::uint16_t source, std::uint16_t target) {
    return payload.source + "." + std::to_string(source) + " > " + payload.target + "." + std::to_string(target) + " ";
}

inline void print_tcp(printer& line, const printed_payload& payload) {
    const auto header = header_at<tcp_header>(payload.bytes);
    if (!header) {
        line.text += payload.addresses() + "TCP";
        return line.cut();
    }
    line.text += ports_text(payload, header->source, header->target) + "TCP " + tcp_text(*header);
    const auto size = header->header_size();
    if (size < sizeof *header || size > payload.length) {
        line.text += " [bad header size " + std::to_string(size) + "]";
        return;
    }
    if (size > payload.bytes.size()) return line.cut();
    line.text += options_text(tcp_options(payload.bytes.first(size).subspan(sizeof *header))) + length_text(payload.length - size);
}

inline void print_vxlan(printer& line, std::span<const std::byte> bytes) {
    const auto header = header_at<vxlan_header>(bytes);
    if (!header) return line.cut();
    line.text += " " + to_string(*header) + " (";
    print_frame(line, bytes.subspan(sizeof *header));
    line.text += ")";
}

inline void print_udp(printer& line, const printed_payload& payload) {
    const auto header = header_at<udp_header>(payload.bytes);
    if (!header) {
        line.text += payload.addresses() + "UDP";
        return line.cut();
    }
    const std::size_t length = header->length;
    line.text += ports_text(payload, header->source, header->target) + "UDP";
    if (length < sizeof *header || (length > payload.length && !payload.is_fragment)) {
        line.text += " [bad length " + std::to_string(length) + "]";
        return;
    }
    line.text += length_text(length - sizeof *header);
    const auto data = payload.bytes.first(std::min(length, payload.bytes.size())).subspan(sizeof *header);
    if (udp_port{std::uint16_t(header->target)} == udp_port::vxlan) print_vxlan(line, data);
}

}  // namespace netkit::detail
