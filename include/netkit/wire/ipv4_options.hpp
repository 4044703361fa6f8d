#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/wire/option_view.hpp>

#include <cstdint>
#include <string>

namespace netkit {

/// IPv4 option types, copied flag and class included (RFC 791 section 3.1, RFC 2113).
enum class ipv4_option_kind : std::uint8_t {
    end = 0,
    no_operation = 1,
    record_route = 7,
    timestamp = 68,
    loose_source_route = 131,
    strict_source_route = 137,
    router_alert = 148,
};

struct ipv4_option_format : octet_option_format {
    using kind = ipv4_option_kind;
};

/// The options of an IPv4 header, which lie between its 20th byte and its header size.
using ipv4_options = option_view<ipv4_option_format>;

/// Whether every fragment carries the option (RFC 791 section 3.1).
constexpr bool is_copied_to_fragments(ipv4_option_kind kind) { return (std::uint8_t(kind) & 0x80) != 0; }
/// Loose and strict source routes: hosts and routers of today drop packets that have one (RFC 7126 sections 4.3, 4.4).
constexpr bool is_source_route(ipv4_option_kind kind) {
    return kind == ipv4_option_kind::loose_source_route || kind == ipv4_option_kind::strict_source_route;
}

/// What IGMP messages carry: a router alert of value 0 (RFC 2113 section 2.1).
struct ipv4_router_alert {
    std::uint8_t kind = std::uint8_t(ipv4_option_kind::router_alert);
    std::uint8_t length = 4;
    be16 value = 0;

    constexpr std::uint64_t sum() const { return sum_pair(kind, length) + value.raw(); }
};
static_assert(wire_format<ipv4_router_alert> && sizeof(ipv4_router_alert) == 4);

inline std::string to_string(const ipv4_options::option& option) {
    switch (option.kind) {
    case ipv4_option_kind::record_route: return "record route";
    case ipv4_option_kind::timestamp: return "timestamp";
    case ipv4_option_kind::loose_source_route: return "loose source route";
    case ipv4_option_kind::strict_source_route: return "strict source route";
    case ipv4_option_kind::router_alert: return "router alert";
    default: return "option " + std::to_string(std::uint8_t(option.kind)) + " of " + std::to_string(option.data.size()) + " bytes";
    }
}

}  // namespace netkit
