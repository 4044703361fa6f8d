#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/ipv6_extension_walker.hpp>
#include <netkit/wire/ipv6_options.hpp>
#include <netkit/wire/udp.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace netkit {

/// What a host makes of the extension headers of a packet that is for it (RFC 8200 section 4), up to the upper layer or to a
/// fragment header.
struct ipv6_header_chain {
    enum class verdict : std::uint8_t {
        upper_layer,  ///< `next` begins `size` bytes into the packet
        fragment,     ///< a fragment header begins `size` bytes into the packet
        discard,      ///< silently
        report,       ///< discard, and tell the sender of `error`
    };
    verdict what = verdict::discard;
    drop_reason why{};  ///< of discard and report
    network_error error{};
    ip_protocol next = ip_protocol::no_next_header;
    std::size_t next_field = 0;  ///< where the number of what follows lies
    std::size_t size = 0;        ///< bytes of headers before what follows
    std::size_t at = 0;          ///< of report: the offset of the byte at fault

    static ipv6_header_chain discarded(drop_reason why) { return {.what = verdict::discard, .why = why}; }
    static ipv6_header_chain reported(drop_reason why, network_error error, std::size_t at) {
        return {.what = verdict::report, .why = why, .error = error, .at = at};
    }
};

namespace detail {

/// Looks at the options of a hop-by-hop or destination options header, which lies `offset` bytes into the packet.
inline ipv6_header_chain examine_options(std::span<const std::byte> header, std::size_t offset, bool to_many) {
    const auto first = sizeof(ipv6_extension_header);
    const ipv6_options options(header.subspan(first));
    std::size_t count = 0;
    for (const auto& option : options) {
        if (++count > ipv6_most_options) return ipv6_header_chain::discarded(drop_reason::unsupported);
        if (option.kind == ipv6_option_kind::router_alert) continue;  // a host has nothing to do about it
        const auto action = action_if_unknown(option.kind);
        if (action == ipv6_option_action::skip) continue;
        if (action == ipv6_option_action::discard || (action == ipv6_option_action::parameter_problem_unless_multicast && to_many))
            return ipv6_header_chain::discarded(drop_reason::unsupported);
        return ipv6_header_chain::reported(drop_reason::unsupported, network_error::unrecognised_option, offset + first + option.offset);
    }
    if (!options.well_formed()) return ipv6_header_chain::discarded(drop_reason::malformed);
    return {.what = ipv6_header_chain::verdict::upper_layer};
}

inline ipv6_header_chain examine_extension(const ipv6_extension_walker& walk, bool to_many) {
    if (walk.kind() != ip_protocol::routing) return examine_options(walk.bytes(), walk.offset(), to_many);
    // No routing header is followed; those whose way has ended are skipped (RFC 8200 section 4.4, RFC 5095).
    const auto* routing = header_at<routing_header>(walk.bytes());
    if (routing->segments_left == 0) return {.what = ipv6_header_chain::verdict::upper_layer};
    return ipv6_header_chain::reported(drop_reason::unsupported, network_error::parameter_problem,
                                       walk.offset() + offsetof(routing_header, type));
}

}  // namespace detail

/// Examines `packet`, which begins with its IPv6 header, all of it in one piece. `reassembled` says that it had a fragment
/// header already: another one is refused.
inline ipv6_header_chain examine_ipv6_headers(std::span<const std::byte> packet, bool to_many, bool reassembled) {
    using chain = ipv6_header_chain;
    using step = ipv6_extension_walker::result;
    const auto* h = header_at<ipv6_header>(packet);
    ipv6_extension_walker walk(h->next, packet.subspan(sizeof *h));
    for (;;) {
        if (walk.next() == ip_protocol::fragment && !reassembled)
            return {.what = chain::verdict::fragment, .next = ip_protocol::fragment, .next_field = walk.next_field(), .size = walk.end()};
        if (walk.next() == ip_protocol::fragment) return chain::discarded(drop_reason::malformed);
        switch (walk.step()) {
        case step::extension: {
            const auto found = detail::examine_extension(walk, to_many);
            if (found.what != chain::verdict::upper_layer) return found;
            break;
        }
        case step::upper_layer:
            return {.what = chain::verdict::upper_layer, .next = walk.next(), .next_field = walk.next_field(), .size = walk.end()};
        case step::misplaced: return chain::reported(drop_reason::malformed, network_error::protocol_unreachable, walk.next_field());
        case step::too_many: return chain::discarded(drop_reason::unsupported);
        case step::truncated:
        case step::later_fragment: return chain::discarded(drop_reason::truncated);
        }
    }
}

/// What routers look at, too: the hop-by-hop options, where they come first (RFC 8200 section 4.3).
inline ipv6_header_chain examine_hop_by_hop(std::span<const std::byte> packet, bool to_many) {
    const auto* h = header_at<ipv6_header>(packet);
    ipv6_extension_walker walk(h->next, packet.subspan(sizeof *h));
    if (ip_protocol{h->next} != ip_protocol::hop_by_hop) return {.what = ipv6_header_chain::verdict::upper_layer};
    if (walk.step() != ipv6_extension_walker::result::extension) return ipv6_header_chain::discarded(drop_reason::truncated);
    return detail::examine_extension(walk, to_many);
}

/// Whether the hop-by-hop options of `packet`, which begins with its IPv6 header, have a router alert of this value (RFC 2711).
inline bool has_router_alert(std::span<const std::byte> packet, std::uint16_t value) {
    const auto* h = header_at<ipv6_header>(packet);
    if (!h || ip_protocol{h->next} != ip_protocol::hop_by_hop) return false;
    ipv6_extension_walker walk(h->next, packet.subspan(sizeof *h));
    if (walk.step() != ipv6_extension_walker::result::extension) return false;
    for (const auto& option : ipv6_options(walk.bytes().subspan(sizeof(ipv6_extension_header))))
        if (const auto* alert = header_at<be16>(option.data); option.kind == ipv6_option_kind::router_alert && alert) return *alert == value;
    return false;
}

/// What to make of a first fragment, `rest` being what follows its fragment header: its header chain must be in it (RFC 7112), and
/// neighbour discovery must not (RFC 6980).
inline ipv6_header_chain examine_first_fragment(ip_protocol next, std::span<const std::byte> rest) {
    using chain = ipv6_header_chain;
    using step = ipv6_extension_walker::result;
    const auto incomplete = chain::reported(drop_reason::malformed, network_error::incomplete_header_chain, 0);
    ipv6_extension_walker walk(static_cast<std::uint8_t>(next), rest);
    auto result = walk.step();
    while (result == step::extension) {
        if (walk.kind() == ip_protocol::fragment) return chain::discarded(drop_reason::malformed);
        result = walk.step();
    }
    if (result == step::truncated) return incomplete;
    if (result != step::upper_layer) return chain::discarded(drop_reason::malformed);
    std::size_t header = 0;
    if (walk.next() == ip_protocol::tcp) header = 20;
    if (walk.next() == ip_protocol::udp) header = sizeof(udp_header);
    if (walk.next() == ip_protocol::icmpv6) header = sizeof(icmp_header);
    if (walk.rest().size() < header) return incomplete;
    if (walk.next() == ip_protocol::icmpv6) {
        const auto type = header_at<icmp_header>(walk.rest())->type;
        if (type >= std::uint8_t(icmpv6_type::router_solicitation) && type <= std::uint8_t(icmpv6_type::redirect)) return chain::discarded(drop_reason::malformed);
    }
    return {.what = chain::verdict::upper_layer};
}

/// The upper layer of a packet that begins with its IPv6 header, for whoever must know what an error is about. The size is 0
/// where the bytes do not reach it, as in later fragments.
inline ipv6_header_chain find_upper_layer(std::span<const std::byte> packet) {
    const auto* h = header_at<ipv6_header>(packet);
    if (!h) return {};
    ipv6_extension_walker walk(h->next, packet.subspan(sizeof *h));
    auto result = walk.step();
    while (result == ipv6_extension_walker::result::extension) result = walk.step();
    if (result != ipv6_extension_walker::result::upper_layer) return {};
    return {.what = ipv6_header_chain::verdict::upper_layer, .next = walk.next(), .next_field = walk.next_field(), .size = walk.end()};
}

}  // namespace netkit
