#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/ipv6_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/wire/icmpv6.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// Neighbour discovery messages, whole from the ICMPv6 header on; options follow (RFC 4861 section 4).
/// All are discarded unless their hop limit is 255.
inline constexpr std::uint8_t neighbour_discovery_hop_limit = 255;

struct router_solicitation {
    icmp_header icmp;

    constexpr std::uint64_t sum() const { return icmp.sum(); }
};
static_assert(wire_format<router_solicitation> && sizeof(router_solicitation) == 8);

struct router_advertisement {
    std::uint8_t type;
    std::uint8_t code;
    be16 checksum;
    std::uint8_t hop_limit;  ///< for hosts to use; 0 says nothing
    std::uint8_t flags;
    be16 router_lifetime;   ///< seconds; 0 is no default router
    be32 reachable_time;    ///< milliseconds; 0 says nothing
    be32 retransmit_timer;  ///< milliseconds; 0 says nothing

    /// Addresses are to be had by DHCPv6.
    constexpr bool is_managed() const { return (flags & 0x80) != 0; }
    /// Other configuration is to be had by DHCPv6.
    constexpr bool has_other_configuration() const { return (flags & 0x40) != 0; }

    constexpr std::uint64_t sum() const {
        return sum_pair(type, code) + checksum.raw() + sum_pair(hop_limit, flags) + router_lifetime.raw() + reachable_time.raw() +
               retransmit_timer.raw();
    }
};
static_assert(wire_format<router_advertisement> && sizeof(router_advertisement) == 16);
static_assert(offsetof(router_advertisement, hop_limit) == 4 && offsetof(router_advertisement, router_lifetime) == 6);
static_assert(offsetof(router_advertisement, reachable_time) == 8 && offsetof(router_advertisement, retransmit_timer) == 12);

struct neighbour_solicitation {
    icmp_header icmp;
    ipv6_address target;

    constexpr std::uint64_t sum() const { return icmp.sum() + target.sum(); }
};
static_assert(wire_format<neighbour_solicitation> && sizeof(neighbour_solicitation) == 24 && offsetof(neighbour_solicitation, target) == 8);

struct neighbour_advertisement {
    icmp_header icmp;  ///< `rest` holds the flags
    ipv6_address target;

    static constexpr std::uint32_t router_flag = 0x8000'0000;
    static constexpr std::uint32_t solicited_flag = 0x4000'0000;
    static constexpr std::uint32_t override_flag = 0x2000'0000;

    constexpr bool is_router() const { return (icmp.rest & router_flag) != 0; }
    constexpr bool is_solicited() const { return (icmp.rest & solicited_flag) != 0; }
    constexpr bool is_override() const { return (icmp.rest & override_flag) != 0; }
    constexpr std::uint64_t sum() const { return icmp.sum() + target.sum(); }
};
static_assert(wire_format<neighbour_advertisement> && sizeof(neighbour_advertisement) == 24 &&
              offsetof(neighbour_advertisement, target) == 8);

struct redirect_message {
    icmp_header icmp;
    ipv6_address target;       ///< the better next hop
    ipv6_address destination;  ///< for whom it is better

    constexpr std::uint64_t sum() const { return icmp.sum() + target.sum() + destination.sum(); }
};
static_assert(wire_format<redirect_message> && sizeof(redirect_message) == 40 && offsetof(redirect_message, destination) == 24);

/// Options of neighbour discovery messages: RFC 4861 section 4.6, RFC 8106 section 5.
enum class nd_option_kind : std::uint8_t {
    source_link_address = 1,
    target_link_address = 2,
    prefix_information = 3,
    redirected_header = 4,
    mtu = 5,
    nonce = 14,
    route_information = 24,
    recursive_dns_servers = 25,
    dns_search_list = 31,
};

/// Source or target link-layer address on Ethernet (RFC 2464 section 6).
struct nd_link_address_option {
    std::uint8_t kind;
    std::uint8_t length;  ///< in units of 8 bytes: 1
    mac_address mac;

    static constexpr nd_link_address_option make(nd_option_kind kind, const mac_address& mac) { return {std::uint8_t(kind), 1, mac}; }
    constexpr std::uint64_t sum() const {
        const auto b = mac.bytes();
        return sum_pair(kind, length) + sum_pair(b[0], b[1]) + sum_pair(b[2], b[3]) + sum_pair(b[4], b[5]);
    }
};
static_assert(wire_format<nd_link_address_option> && sizeof(nd_link_address_option) == 8 && offsetof(nd_link_address_option, mac) == 2);

struct nd_prefix_option {
    std::uint8_t kind;
    std::uint8_t length;  ///< in units of 8 bytes: 4
    std::uint8_t prefix_length;
    std::uint8_t flags;
    be32 valid_lifetime;      ///< seconds; 0xffffffff is for ever
    be32 preferred_lifetime;  ///< seconds; 0xffffffff is for ever
    be32 reserved;
    ipv6_address prefix;

    static constexpr std::uint8_t on_link_flag = 0x80;
    static constexpr std::uint8_t autonomous_flag = 0x40;

    constexpr bool is_on_link() const { return (flags & on_link_flag) != 0; }
    /// Hosts may make addresses of it (RFC 4862).
    constexpr bool is_autonomous() const { return (flags & autonomous_flag) != 0; }
};
static_assert(wire_format<nd_prefix_option> && sizeof(nd_prefix_option) == 32);
static_assert(offsetof(nd_prefix_option, valid_lifetime) == 4 && offsetof(nd_prefix_option, prefix) == 16);

struct nd_mtu_option {
    std::uint8_t kind;
    std::uint8_t length;  ///< in units of 8 bytes: 1
    be16 reserved;
    be32 mtu;
};
static_assert(wire_format<nd_mtu_option> && sizeof(nd_mtu_option) == 8 && offsetof(nd_mtu_option, mtu) == 4);

/// By which a host knows its own solicitations when the link brings them back (RFC 7527, RFC 3971 section 5.3.2).
struct nd_nonce_option {
    std::uint8_t kind;
    std::uint8_t length;  ///< in units of 8 bytes: 1, which leaves 48 bits
    be16 high;
    be32 low;

    static constexpr nd_nonce_option make(std::uint64_t nonce) {
        return {std::uint8_t(nd_option_kind::nonce), 1, static_cast<std::uint16_t>(nonce >> 32), static_cast<std::uint32_t>(nonce)};
    }
    constexpr std::uint64_t value() const { return std::uint64_t{high} << 32 | low; }
};
static_assert(wire_format<nd_nonce_option> && sizeof(nd_nonce_option) == 8 && offsetof(nd_nonce_option, high) == 2);

/// Ahead of one or more addresses; the length is odd and at least 3, or the option is to be ignored (RFC 8106 section 5.3.1).
struct nd_dns_servers_option {
    std::uint8_t kind;
    std::uint8_t length;  ///< in units of 8 bytes
    be16 reserved;
    be32 lifetime;  ///< seconds

    constexpr bool is_length_valid() const { return length >= 3 && length % 2 == 1; }
    constexpr std::size_t addresses() const { return (length - 1u) / 2u; }
};
static_assert(wire_format<nd_dns_servers_option> && sizeof(nd_dns_servers_option) == 8 && offsetof(nd_dns_servers_option, lifetime) == 4);

inline std::string to_string(const neighbour_solicitation& message) { return "ICMPv6 who-has " + to_string(message.target); }

inline std::string to_string(const neighbour_advertisement& message) {
    std::string text = "ICMPv6 neighbour " + to_string(message.target);
    if (message.is_router()) text += " router";
    if (message.is_solicited()) text += " solicited";
    if (message.is_override()) text += " override";
    return text;
}

inline std::string to_string(const router_solicitation&) { return "ICMPv6 router solicitation"; }

inline std::string to_string(const router_advertisement& message) {
    std::string text = "ICMPv6 router advertisement hop limit " + std::to_string(message.hop_limit) + " lifetime " +
                       std::to_string(message.router_lifetime);
    if (message.is_managed()) text += " managed";
    if (message.has_other_configuration()) text += " other";
    return text;
}

inline std::string to_string(const redirect_message& message) {
    return "ICMPv6 redirect " + to_string(message.destination) + " to " + to_string(message.target);
}

}  // namespace netkit
