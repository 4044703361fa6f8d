#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/echo_sockets.hpp>
#include <netkit/layers/ipv6_header_chain.hpp>
#include <netkit/protocol/rate_limit.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/pseudo_header.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

/// The Internet Control Message Protocol for IPv6 (RFC 4443): echo, errors to and from others, at a limited rate. What stands on it
/// (NDP, MLD) gets whole messages, from their ICMPv6 header on, with their checksum verified, and sends such.
template <class... U>
struct icmpv6 : carries<keys<icmpv6_type>, ip_from<ipv6_address>, U...> {
    using from_type = ip_from<ipv6_address>;
    static constexpr bool see_through = true;
    static constexpr bool rare = true;
    static constexpr auto key = ip_protocol::icmpv6;
    static constexpr std::size_t header_size = sizeof(icmp_header);
    /// What stands here brings its own header.
    template <class Upper>
    static constexpr std::size_t room_for = 0;
    using sends_to = any_host;

    echo_sockets echoes;
    answer_limit limit;
    std::array<std::uint64_t, 256> received{};  ///< by type
    std::array<std::uint64_t, 256> sent{};

    void opened(context auto here) { limit.start(hash_key{here.random(), here.random()}); }

    void receive(context auto here, packet p, const from_type& from) {
        if (p.size() < sizeof(icmp_header) || p.head().size() < sizeof(icmp_header)) return here.drop(std::move(p), drop_reason::truncated);
        if (p.checksum() == checksum_state::unknown && fold16(p.sum(pseudo_header_sum(from.source, from.target, key, p.size()))) != 0)
            return here.drop(std::move(p), drop_reason::checksum);
        const auto header = *p.template peek<icmp_header>();
        ++received[header.type];
        if (here.offer_up(icmpv6_type{header.type}, p, from)) return;
        p.pull(sizeof header);
        switch (icmpv6_type{header.type}) {
        case icmpv6_type::echo_request: return answer(here, std::move(p), from, header);
        case icmpv6_type::echo_reply:
            if (echoes.take(here.stack(), p, header.identifier(), header.sequence(), from.source, from.hop_limit, true, {})) return;
            return here.drop(std::move(p), drop_reason::no_socket);
        case icmpv6_type::destination_unreachable:
        case icmpv6_type::packet_too_big:
        case icmpv6_type::time_exceeded:
        case icmpv6_type::parameter_problem: return hear(here, std::move(p), from, header);
        default:
            if (is_error(icmpv6_type{header.type})) return hear(here, std::move(p), from, header);  // of a kind not known (section 2.4 (a))
            return here.drop(std::move(p), drop_reason::unsupported);
        }
    }

    /// A whole message of what stands here; its checksum is filled in.
    template <class Way>
    errc transmit(context auto here, icmpv6_type type, packet p, const Way& way) {
        const be16 none = 0;
        auto* field = p.head().data() + offsetof(icmp_header, checksum);
        std::memcpy(field, &none, sizeof none);
        const auto checksum = checksum_of(p.sum(pseudo_header_sum(way.source, way.target, key, p.size())));
        std::memcpy(field, &checksum, sizeof checksum);
        ++sent[static_cast<std::uint8_t>(type)];
        return here.down(std::move(p), way);
    }

    /// Tells the sender of `offender`, which begins with its IPv6 header, what became of it; withheld where RFC 4443 section 2.4
    /// forbids it and beyond the rate.
    void report(context auto here, const packet& offender, const from_type& from, network_error error, std::uint32_t detail) {
        const bool about_many = error == network_error::packet_too_big || error == network_error::unrecognised_option;
        if ((from.link_broadcast || from.target.is_multicast()) && !about_many) return;
        if (from.source.is_any() || from.source.is_multicast() || from.source.is_loopback() != from.target.is_loopback()) return;
        if (is_about_error(offender)) return;
        if (!limit.allow(from.source, here.now(), here.random())) return;
        const auto quoted = std::min(offender.size(), ipv6_minimum_mtu - sizeof(ipv6_header) - sizeof(icmp_header));
        auto p = here.allocate(quoted);
        if (!p) return;
        offender.copy_to(p.append(quoted));
        const auto m = encode(error, detail);
        const auto scope = from.source.is_link_local() ? offender.interface() : interface_id::none;
        (void)say(here, std::move(p), from.source, scope, m.type, m.code, m.rest, from.target);
    }

    /// An echo request of ours that could not be sent.
    void network_failed(context auto here, std::span<const std::byte> inner, const path<ipv6_address>& way, network_error error, std::uint32_t) {
        echoes.request_failed(here, inner, way, error, static_cast<std::uint8_t>(icmpv6_type::echo_request));
    }

private:
    struct message {
        icmpv6_type type;
        std::uint8_t code;
        std::uint32_t rest;
    };
    static message encode(network_error error, std::uint32_t detail) {
        using type = icmpv6_type;
        switch (error) {
        case network_error::network_unreachable: return {type::destination_unreachable, icmpv6_code::no_route, 0};
        case network_error::no_neighbour:
        case network_error::host_unreachable: return {type::destination_unreachable, icmpv6_code::address_unreachable, 0};
        case network_error::protocol_unreachable: return {type::parameter_problem, icmpv6_code::unrecognised_next_header, detail};
        case network_error::port_unreachable: return {type::destination_unreachable, icmpv6_code::port_unreachable, 0};
        case network_error::packet_too_big: return {type::packet_too_big, 0, detail};
        case network_error::hop_limit_exceeded: return {type::time_exceeded, icmpv6_code::hop_limit_exceeded, 0};
        case network_error::reassembly_timeout: return {type::time_exceeded, icmpv6_code::reassembly_time_exceeded, 0};
        case network_error::administratively_prohibited:
            return {type::destination_unreachable, icmpv6_code::administratively_prohibited, 0};
        case network_error::parameter_problem: return {type::parameter_problem, icmpv6_code::erroneous_header_field, detail};
        case network_error::incomplete_header_chain: return {type::parameter_problem, icmpv6_code::incomplete_header_chain, 0};
        case network_error::unrecognised_option: return {type::parameter_problem, icmpv6_code::unrecognised_option, detail};
        }
        return {type::destination_unreachable, icmpv6_code::address_unreachable, 0};
    }
    static network_error decode(const icmp_header& h, std::uint32_t& detail) {
        detail = 0;
        switch (icmpv6_type{h.type}) {
        case icmpv6_type::packet_too_big: return detail = icmpv6_mtu(h), network_error::packet_too_big;
        case icmpv6_type::time_exceeded:
            return h.code == icmpv6_code::hop_limit_exceeded ? network_error::hop_limit_exceeded : network_error::reassembly_timeout;
        case icmpv6_type::parameter_problem:
            detail = icmpv6_pointer(h);
            if (h.code == icmpv6_code::unrecognised_next_header) return network_error::protocol_unreachable;
            return h.code == icmpv6_code::unrecognised_option ? network_error::unrecognised_option : network_error::parameter_problem;
        case icmpv6_type::destination_unreachable: break;
        default: return network_error::host_unreachable;  // no more is known than that something did not get there
        }
        switch (h.code) {
        case icmpv6_code::no_route:
        case icmpv6_code::reject_route: return network_error::network_unreachable;
        case icmpv6_code::administratively_prohibited:
        case icmpv6_code::source_policy_failed: return network_error::administratively_prohibited;
        case icmpv6_code::port_unreachable: return network_error::port_unreachable;
        default: return network_error::host_unreachable;
        }
    }
    /// Whether no error may be sent about a packet because it is one itself, or a redirect, or because that cannot be told.
    static bool is_about_error(const packet& offender) {
        const auto* h = offender.template peek<ipv6_header>();
        if (!h) return true;
        ipv6_extension_walker walk(h->next, offender.head().subspan(sizeof *h));
        auto result = walk.step();
        while (result == ipv6_extension_walker::result::extension) result = walk.step();
        if (result == ipv6_extension_walker::result::later_fragment) return walk.next() == ip_protocol::icmpv6 || is_ipv6_extension(walk.next());
        if (result != ipv6_extension_walker::result::upper_layer || walk.next() != ip_protocol::icmpv6) return false;
        const auto rest = walk.rest();
        if (rest.empty()) return true;
        const auto type = icmpv6_type{static_cast<std::uint8_t>(rest[0])};
        return is_error(type) || type == icmpv6_type::redirect;
    }

    /// The reply is built in the buffer that the request came in.
    void answer(context auto here, packet p, const from_type& from, const icmp_header& request) {
        if (from.source.is_any()) return here.drop(std::move(p), drop_reason::bad_source);
        const auto scope = from.source.is_link_local() ? p.interface() : interface_id::none;
        here.deliver(p);
        p.checksum(checksum_state::unknown);
        (void)say(here, std::move(p), from.source, scope, icmpv6_type::echo_reply, 0, request.rest, from.target);
    }
    /// Someone reports about a packet of ours, which it quotes.
    void hear(context auto here, packet p, const from_type& from, const icmp_header& header) {
        if (!p.linearize()) return here.drop(std::move(p), drop_reason::no_buffers);
        const auto* quoted = p.template peek<ipv6_header>();
        if (!quoted) return here.drop(std::move(p), drop_reason::truncated);
        if (quoted->version() != 6) return here.drop(std::move(p), drop_reason::malformed);
        auto internet = here.template nearest<owner_of<ipv6_address>>();
        if (!internet->is_local(quoted->source)) return here.drop(std::move(p), drop_reason::bad_source);
        const auto upper = find_upper_layer(p.head());
        if (upper.size == 0) return here.drop(std::move(p), drop_reason::truncated);
        std::uint32_t detail = 0;
        const auto error = decode(header, detail);
        if (upper.next == ip_protocol::icmpv6) return hear_echo(here, std::move(p), from, upper.size, error, detail);
        internet->tell_transport(internet, p, error, detail);
        here.deliver(p);
    }
    void hear_echo(context auto here, packet p, const from_type& from, std::size_t headers, network_error error, std::uint32_t detail) {
        const auto target = p.template peek<ipv6_header>()->target;
        p.pull(headers);
        const auto* request = p.template pull<icmp_header>();
        if (!request || icmpv6_type{request->type} != icmpv6_type::echo_request ||
            !echoes.take(here.stack(), p, request->identifier(), request->sequence(), from.source, from.hop_limit, false, error))
            return here.drop(std::move(p), drop_reason::no_socket);
        if (error != network_error::packet_too_big) return;
        auto internet = here.template nearest<router_of<ipv6_address>>();
        internet->learn_path_mtu(internet, target, detail);
    }
    /// Sends from `source`, where that is one of our own unicast addresses; else from whichever suits the way.
    errc say(context auto here, packet p, const ipv6_address& to, interface_id scope, icmpv6_type type, std::uint8_t code,
             std::uint32_t rest, const ipv6_address& source) {
        auto internet = here.template nearest<router_of<ipv6_address>>();
        const auto* found = internet->route(to, scope);
        if (!found) {
            here.drop(std::move(p), drop_reason::no_route);
            return errc::no_route;
        }
        auto way = *found;
        if (internet->is_local(source)) way.source = source;
        p.push(icmp_header{static_cast<std::uint8_t>(type), code, {}, rest});
        return transmit(here, type, std::move(p), way);
    }

public:
    /// Echo requests of an echo_socket.
    template <class Here>
    static constexpr echo_functions echo{
        [](stack_core& s, echo_socket& socket, const ip_address& to, std::uint16_t sequence, std::span<const std::byte> payload) {
            auto here = Here::in(s);
            if (!to.is_v6()) return errc::no_route;
            auto p = here.allocate(payload.size());
            if (!p) return errc::no_buffers;
            p.append(payload);
            return here->say(here, std::move(p), to.v6(), interface_id::none, icmpv6_type::echo_request, 0,
                             icmp_header::make_echo(socket.identifier(), sequence), {});
        },
        [](stack_core& s, echo_socket& socket) { Here::in(s)->echoes.close(socket); }};
};

}  // namespace netkit
