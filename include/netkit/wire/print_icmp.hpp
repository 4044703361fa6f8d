#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/icmpv4.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/igmp.hpp>
#include <netkit/wire/mld.hpp>
#include <netkit/wire/nd_options.hpp>
#include <netkit/wire/neighbour_discovery.hpp>
#include <netkit/wire/printer.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace netkit::detail {

/// The packet that an error is about.
inline void print_quoted(printer& line, std::span<const std::byte> packet) {
    line.text += " (";
    const bool was_quoted = line.quoted;
    line.quoted = true;
    print_ip(line, packet);
    line.quoted = was_quoted;
    line.text += ")";
}

inline void print_icmpv4(printer& line, const printed_payload& payload) {
    line.text += payload.addresses();
    const auto header = header_at<icmp_header>(payload.bytes);
    if (!header) {
        line.text += "ICMP";
        return line.cut();
    }
    line.text += icmpv4_to_string(*header);
    if (is_error(icmp_type{header->type})) print_quoted(line, payload.bytes.subspan(sizeof *header));
    line.text += length_text(payload.length);
}

/// A neighbour discovery message and its options.
template <wire_format Message>
void print_discovery(printer& line, const printed_payload& payload) {
    const auto message = header_at<Message>(payload.bytes);
    if (!message) {
        line.text += icmpv6_to_string(*header_at<icmp_header>(payload.bytes));
        return line.cut();
    }
    // Options that the capture cut off are not malformed.
    const bool whole = payload.bytes.size() == payload.length;
    line.text += to_string(*message);
    if (whole) line.text += options_text(nd_options(payload.bytes.subspan(sizeof *message)));
}

/// As many group records as `records` says and the bytes hold.
template <wire_format Record>
void print_group_records(printer& line, std::span<const std::byte> bytes, unsigned records) {
    for (unsigned i = 0; i < records; ++i) {
        const auto record = header_at<Record>(bytes);
        if (!record) return line.cut();
        line.text += (i == 0 ? ": " : "; ") + to_string(*record);
        bytes = bytes_from(bytes, sizeof *record + record->sources * sizeof record->group + record->auxiliary_words * std::size_t{4});
    }
}

inline void print_multicast_listener(printer& line, const printed_payload& payload) {
    const auto type = icmpv6_type{header_at<icmp_header>(payload.bytes)->type};
    if (type == icmpv6_type::multicast_listener_report_v2) {
        const auto report = header_at<mld_report>(payload.bytes);
        line.text += to_string(*report);
        return print_group_records<mld_group_record>(line, payload.bytes.subspan(sizeof *report), report->records);
    }
    const auto query = header_at<mld_query>(payload.bytes);
    const auto message = header_at<mld_message>(payload.bytes);
    if (query && type == icmpv6_type::multicast_listener_query)
        line.text += to_string(*query);
    else if (message)
        line.text += to_string(*message);
    else {
        line.text += icmpv6_to_string(*header_at<icmp_header>(payload.bytes));
        line.cut();
    }
}

inline void print_icmpv6(printer& line, const printed_payload& payload) {
    line.text += payload.addresses();
    const auto header = header_at<icmp_header>(payload.bytes);
    if (!header) {
        line.text += "ICMPv6";
        return line.cut();
    }
    switch (icmpv6_type{header->type}) {
    case icmpv6_type::router_solicitation: print_discovery<router_solicitation>(line, payload); break;
    case icmpv6_type::router_advertisement: print_discovery<router_advertisement>(line, payload); break;
    case icmpv6_type::neighbour_solicitation: print_discovery<neighbour_solicitation>(line, payload); break;
    case icmpv6_type::neighbour_advertisement: print_discovery<neighbour_advertisement>(line, payload); break;
    case icmpv6_type::redirect: print_discovery<redirect_message>(line, payload); break;
    case icmpv6_type::multicast_listener_query:
    case icmpv6_type::multicast_listener_report:
    case icmpv6_type::multicast_listener_done:
    case icmpv6_type::multicast_listener_report_v2: print_multicast_listener(line, payload); break;
    default:
        line.text += icmpv6_to_string(*header);
        if (is_error(icmpv6_type{header->type})) print_quoted(line, payload.bytes.subspan(sizeof *header));
    }
    line.text += length_text(payload.length);
}

inline void print_igmp(printer& line, const printed_payload& payload) {
    line.text += payload.addresses();
    const auto header = header_at<igmp_header>(payload.bytes);
    if (!header) {
        line.text += "IGMP";
        return line.cut();
    }
    const auto query = header_at<igmp_query>(payload.bytes);
    if (igmp_type{header->type} == igmp_type::report_v3) {
        const auto report = header_at<igmp_report>(payload.bytes);
        line.text += to_string(*report);
        print_group_records<igmp_group_record>(line, payload.bytes.subspan(sizeof *report), report->records);
    } else if (query && igmp_type{header->type} == igmp_type::query) {
        line.text += to_string(*query);
    } else {
        line.text += to_string(*header);
    }
    line.text += length_text(payload.length);
}

}  // namespace netkit::detail
