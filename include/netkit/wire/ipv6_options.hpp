#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/option_view.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace netkit {

/// Options of hop-by-hop and destination options headers: RFC 8200 section 4.2, RFC 2711, RFC 2675, RFC 2473, RFC 6275.
enum class ipv6_option_kind : std::uint8_t {
    pad1 = 0x00,
    padn = 0x01,
    tunnel_encapsulation_limit = 0x04,
    router_alert = 0x05,
    jumbo_payload = 0xc2,
    home_address = 0xc9,
};

/// What a node does with a packet that has an option it does not know: the upper two bits of the option's kind (RFC 8200 section 4.2).
enum class ipv6_option_action : std::uint8_t {
    skip = 0,
    discard = 1,
    parameter_problem = 2,                   ///< discard, and report code 2 at the option's kind
    parameter_problem_unless_multicast = 3,  ///< the same, but not to the sender of a multicast
};
constexpr ipv6_option_action action_if_unknown(ipv6_option_kind kind) { return ipv6_option_action(std::uint8_t(kind) >> 6); }

/// Pad1 has no length; others have one that counts the data only.
struct ipv6_option_format {
    using kind = ipv6_option_kind;

    static option_step step(std::span<const std::byte> rest) {
        if (kind(std::uint8_t(rest[0])) == kind::pad1) return {option_step::padding, 1};
        if (rest.size() < 2) return {option_step::malformed};
        const auto size = std::size_t(rest[1]) + 2;
        if (size > rest.size()) return {option_step::malformed};
        return {kind(std::uint8_t(rest[0])) == kind::padn ? option_step::padding : option_step::option, size};
    }
};

/// The options of a hop-by-hop or destination options header, which lie between its second byte and its end.
using ipv6_options = option_view<ipv6_option_format>;

/// More in one header than this are not read (RFC 8504 section 5.3).
inline constexpr std::size_t ipv6_most_options = 8;

/// A hop-by-hop header with the router alert that MLD messages carry (RFC 2710 section 3, RFC 2711 section 2.1), padded.
struct ipv6_router_alert_header {
    std::uint8_t next;
    std::uint8_t length = 0;
    std::uint8_t kind = std::uint8_t(ipv6_option_kind::router_alert);
    std::uint8_t size = 2;
    be16 value = 0;  ///< 0: multicast listener discovery
    std::uint8_t padding_kind = std::uint8_t(ipv6_option_kind::padn);
    std::uint8_t padding_size = 0;
};
static_assert(wire_format<ipv6_router_alert_header> && sizeof(ipv6_router_alert_header) == 8);

inline std::string to_string(const ipv6_options::option& option) {
    switch (option.kind) {
    case ipv6_option_kind::router_alert: return "router alert";
    case ipv6_option_kind::jumbo_payload: return "jumbo payload";
    case ipv6_option_kind::tunnel_encapsulation_limit: return "tunnel encapsulation limit";
    case ipv6_option_kind::home_address: return "home address";
    default: return "option " + std::to_string(std::uint8_t(option.kind)) + " of " + std::to_string(option.data.size()) + " bytes";
    }
}

}  // namespace netkit
