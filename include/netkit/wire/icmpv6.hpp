#pragma once

#include <netkit/wire/icmp.hpp>

#include <cstdint>
#include <string>

namespace netkit {

/// ICMPv6 message types: RFC 4443, RFC 2710, RFC 4861, RFC 3810.
enum class icmpv6_type : std::uint8_t {
    destination_unreachable = 1,
    packet_too_big = 2,
    time_exceeded = 3,
    parameter_problem = 4,
    echo_request = 128,
    echo_reply = 129,
    multicast_listener_query = 130,
    multicast_listener_report = 131,
    multicast_listener_done = 132,
    router_solicitation = 133,
    router_advertisement = 134,
    neighbour_solicitation = 135,
    neighbour_advertisement = 136,
    redirect = 137,
    multicast_listener_report_v2 = 143,
};

/// ICMPv6 codes, RFC 4443 section 3.
namespace icmpv6_code {
inline constexpr std::uint8_t no_route = 0;
inline constexpr std::uint8_t administratively_prohibited = 1;
inline constexpr std::uint8_t beyond_scope = 2;
inline constexpr std::uint8_t address_unreachable = 3;
inline constexpr std::uint8_t port_unreachable = 4;
inline constexpr std::uint8_t source_policy_failed = 5;
inline constexpr std::uint8_t reject_route = 6;

inline constexpr std::uint8_t hop_limit_exceeded = 0;
inline constexpr std::uint8_t reassembly_time_exceeded = 1;

inline constexpr std::uint8_t erroneous_header_field = 0;
inline constexpr std::uint8_t unrecognised_next_header = 1;
inline constexpr std::uint8_t unrecognised_option = 2;
inline constexpr std::uint8_t incomplete_header_chain = 3;  ///< RFC 7112
}  // namespace icmpv6_code

/// Whether a message of this type reports an error and quotes the packet that caused it (types 0 to 127, RFC 4443 section 2.1).
constexpr bool is_error(icmpv6_type type) { return std::uint8_t(type) < 128; }

/// The next hop's MTU in "packet too big".
constexpr std::uint32_t icmpv6_mtu(const icmp_header& header) { return header.rest; }
/// The offset of the byte at fault in "parameter problem".
constexpr std::uint32_t icmpv6_pointer(const icmp_header& header) { return header.rest; }

namespace detail {
inline std::string unreachable_v6_text(const icmp_header& header) {
    switch (header.code) {
    case icmpv6_code::no_route: return "no route";
    case icmpv6_code::administratively_prohibited: return "unreachable, prohibited";
    case icmpv6_code::beyond_scope: return "unreachable, beyond scope of source";
    case icmpv6_code::address_unreachable: return "address unreachable";
    case icmpv6_code::port_unreachable: return "port unreachable";
    default: return "unreachable, code " + std::to_string(header.code);
    }
}

inline std::string parameter_problem_v6_text(const icmp_header& header) {
    const auto at = " at byte " + std::to_string(icmpv6_pointer(header));
    switch (header.code) {
    case icmpv6_code::unrecognised_next_header: return "unrecognised next header" + at;
    case icmpv6_code::unrecognised_option: return "unrecognised option" + at;
    case icmpv6_code::incomplete_header_chain: return "incomplete header chain" + at;
    default: return "parameter problem" + at;
    }
}
}  // namespace detail

/// As an ICMPv6 message; what a neighbour discovery or multicast listener message says is told in their own files.
inline std::string icmpv6_to_string(const icmp_header& header) {
    const auto echo = [&] { return " id " + std::to_string(header.identifier()) + " seq " + std::to_string(header.sequence()); };
    switch (icmpv6_type{header.type}) {
    case icmpv6_type::destination_unreachable: return "ICMPv6 " + detail::unreachable_v6_text(header);
    case icmpv6_type::packet_too_big: return "ICMPv6 packet too big, mtu " + std::to_string(icmpv6_mtu(header));
    case icmpv6_type::time_exceeded:
        return header.code == icmpv6_code::hop_limit_exceeded ? "ICMPv6 hop limit exceeded" : "ICMPv6 reassembly time exceeded";
    case icmpv6_type::parameter_problem: return "ICMPv6 " + detail::parameter_problem_v6_text(header);
    case icmpv6_type::echo_request: return "ICMPv6 echo request" + echo();
    case icmpv6_type::echo_reply: return "ICMPv6 echo reply" + echo();
    case icmpv6_type::multicast_listener_query: return "ICMPv6 multicast listener query";
    case icmpv6_type::multicast_listener_report: return "ICMPv6 multicast listener report";
    case icmpv6_type::multicast_listener_done: return "ICMPv6 multicast listener done";
    case icmpv6_type::router_solicitation: return "ICMPv6 router solicitation";
    case icmpv6_type::router_advertisement: return "ICMPv6 router advertisement";
    case icmpv6_type::neighbour_solicitation: return "ICMPv6 neighbour solicitation";
    case icmpv6_type::neighbour_advertisement: return "ICMPv6 neighbour advertisement";
    case icmpv6_type::redirect: return "ICMPv6 redirect";
    case icmpv6_type::multicast_listener_report_v2: return "ICMPv6 multicast listener report v2";
    default: return "ICMPv6 type " + std::to_string(header.type) + " code " + std::to_string(header.code);
    }
}

}  // namespace netkit
