#pragma once

#include <netkit/core/ipv4_address.hpp>
#include <netkit/wire/icmp.hpp>

#include <cstdint>
#include <string>

namespace netkit {

/// ICMP message types, RFC 792.
enum class icmp_type : std::uint8_t {
    echo_reply = 0,
    destination_unreachable = 3,
    source_quench = 4,
    redirect = 5,
    echo_request = 8,
    router_advertisement = 9,
    router_solicitation = 10,
    time_exceeded = 11,
    parameter_problem = 12,
    timestamp_request = 13,
    timestamp_reply = 14,
};

/// ICMP codes: RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1.
namespace icmp_code {
inline constexpr std::uint8_t net_unreachable = 0;
inline constexpr std::uint8_t host_unreachable = 1;
inline constexpr std::uint8_t protocol_unreachable = 2;
inline constexpr std::uint8_t port_unreachable = 3;
inline constexpr std::uint8_t fragmentation_needed = 4;
inline constexpr std::uint8_t source_route_failed = 5;
inline constexpr std::uint8_t net_unknown = 6;
inline constexpr std::uint8_t host_unknown = 7;
inline constexpr std::uint8_t net_prohibited = 9;
inline constexpr std::uint8_t host_prohibited = 10;
inline constexpr std::uint8_t administratively_prohibited = 13;

inline constexpr std::uint8_t ttl_exceeded = 0;
inline constexpr std::uint8_t reassembly_time_exceeded = 1;

inline constexpr std::uint8_t redirect_net = 0;
inline constexpr std::uint8_t redirect_host = 1;

inline constexpr std::uint8_t pointer_indicates_error = 0;
inline constexpr std::uint8_t required_option_missing = 1;
inline constexpr std::uint8_t bad_length = 2;
}  // namespace icmp_code

/// Whether a message of this type reports an error and quotes the packet that caused it. No error is sent about one (RFC 1122
/// section 3.2.2).
constexpr bool is_error(icmp_type type) {
    switch (type) {
    case icmp_type::destination_unreachable:
    case icmp_type::source_quench:
    case icmp_type::redirect:
    case icmp_type::time_exceeded:
    case icmp_type::parameter_problem: return true;
    default: return false;
    }
}

/// The next hop's MTU in "fragmentation needed" (RFC 1191 section 4); 0 from routers that do not know of it.
constexpr std::uint16_t icmpv4_mtu(const icmp_header& header) { return static_cast<std::uint16_t>(header.rest); }
/// The offset of the byte at fault in "parameter problem".
constexpr std::uint8_t icmpv4_pointer(const icmp_header& header) { return static_cast<std::uint8_t>(header.rest >> 24u); }
constexpr std::uint32_t make_icmpv4_pointer(std::uint8_t offset) { return std::uint32_t{offset} << 24; }
/// The better router in "redirect".
constexpr ipv4_address icmpv4_gateway(const icmp_header& header) { return ipv4_address::from_raw(header.rest.raw()); }

namespace detail {
inline std::string unreachable_text(const icmp_header& header) {
    switch (header.code) {
    case icmp_code::net_unreachable: return "net unreachable";
    case icmp_code::host_unreachable: return "host unreachable";
    case icmp_code::protocol_unreachable: return "protocol unreachable";
    case icmp_code::port_unreachable: return "port unreachable";
    case icmp_code::fragmentation_needed: return "fragmentation needed, mtu " + std::to_string(icmpv4_mtu(header));
    case icmp_code::source_route_failed: return "source route failed";
    case icmp_code::net_prohibited:
    case icmp_code::host_prohibited:
    case icmp_code::administratively_prohibited: return "unreachable, prohibited";
    default: return "unreachable, code " + std::to_string(header.code);
    }
}
}  // namespace detail

/// As an ICMP message over IPv4.
inline std::string icmpv4_to_string(const icmp_header& header) {
    const auto echo = [&] { return " id " + std::to_string(header.identifier()) + " seq " + std::to_string(header.sequence()); };
    switch (icmp_type{header.type}) {
    case icmp_type::echo_reply: return "ICMP echo reply" + echo();
    case icmp_type::echo_request: return "ICMP echo request" + echo();
    case icmp_type::destination_unreachable: return "ICMP " + detail::unreachable_text(header);
    case icmp_type::source_quench: return "ICMP source quench";
    case icmp_type::redirect: return "ICMP redirect to " + to_string(icmpv4_gateway(header));
    case icmp_type::router_advertisement: return "ICMP router advertisement";
    case icmp_type::router_solicitation: return "ICMP router solicitation";
    case icmp_type::time_exceeded:
        return header.code == icmp_code::ttl_exceeded ? "ICMP time exceeded in transit" : "ICMP reassembly time exceeded";
    case icmp_type::parameter_problem: return "ICMP parameter problem at byte " + std::to_string(icmpv4_pointer(header));
    case icmp_type::timestamp_request: return "ICMP timestamp request" + echo();
    case icmp_type::timestamp_reply: return "ICMP timestamp reply" + echo();
    default: return "ICMP type " + std::to_string(header.type) + " code " + std::to_string(header.code);
    }
}

}  // namespace netkit
