#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/echo_sockets.hpp>
#include <netkit/protocol/rate_limit.hpp>
#include <netkit/wire/icmpv4.hpp>
#include <netkit/wire/ipv4.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace netkit {

/// The Internet Control Message Protocol (RFC 792, RFC 1122 section 3.2.2): echo, errors to and from others, at a limited rate.
struct icmp : leaf {
    using from_type = ip_from<ipv4_address>;
    static constexpr bool rare = true;
    static constexpr auto key = ip_protocol::icmp;
    static constexpr std::size_t header_size = sizeof(icmp_header);
    /// An error quotes as much as fits into this many bytes in all (RFC 1812 section 4.3.2.3).
    static constexpr std::size_t most_error_bytes = 576;
    using sends_to = any_host;

    echo_sockets echoes;
    answer_limit limit;
    std::array<std::uint64_t, 256> received{};  ///< by type
    std::array<std::uint64_t, 256> sent{};

    void opened(context auto here) { limit.start(hash_key{here.random(), here.random()}); }

    void receive(context auto here, packet p, const from_type& from) {
        if (p.checksum() == checksum_state::unknown && fold16(p.sum()) != 0) {
            if (p.size() < sizeof(icmp_header)) return here.drop(std::move(p), drop_reason::truncated);
            return here.drop(std::move(p), drop_reason::checksum);
        }
        const auto* h = p.template pull<icmp_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        const auto header = *h;
        ++received[header.type];
        switch (icmp_type{header.type}) {
        case icmp_type::echo_request: return answer(here, std::move(p), from, header);
        case icmp_type::echo_reply:
            if (echoes.take(here.stack(), p, header.identifier(), header.sequence(), from.source, from.hop_limit, true, {})) return;
            return here.drop(std::move(p), drop_reason::no_socket);
        case icmp_type::destination_unreachable:
        case icmp_type::time_exceeded:
        case icmp_type::parameter_problem: return hear(here, std::move(p), from, header);
        default: return here.drop(std::move(p), drop_reason::unsupported);
        }
    }

    /// Tells the sender of `offender`, which begins with its IP header, what became of it; withheld where RFC 1122 section
    /// 3.2.2 forbids it and beyond the rate.
    void report(context auto here, const packet& offender, const from_type& from, network_error error, std::uint32_t detail) {
        const auto* h = offender.template peek<ipv4_header>();
        if (!h || from.link_broadcast || from.target.is_multicast() || from.target.is_broadcast() || h->fragment_offset() != 0) return;
        if (from.source.is_any() || from.source.is_multicast() || from.source.is_broadcast() || from.source.is_loopback() != from.target.is_loopback()) return;
        if (is_about_error(offender, *h)) return;
        if (!limit.allow(from.source, here.now(), here.random())) return;
        const auto quoted = std::min(offender.size(), most_error_bytes - sizeof(ipv4_header) - sizeof(icmp_header));
        auto p = here.allocate(quoted);
        if (!p) return;
        offender.copy_to(p.append(quoted));
        const auto m = encode(error, detail);
        (void)say(here, std::move(p), from.source, m.type, m.code, m.rest, from.target);
    }

    /// An echo request of ours that could not be sent.
    void network_failed(context auto here, std::span<const std::byte> inner, const path<ipv4_address>& way, network_error error, std::uint32_t) {
        echoes.request_failed(here, inner, way, error, static_cast<std::uint8_t>(icmp_type::echo_request));
    }

private:
    struct message {
        icmp_type type;
        std::uint8_t code;
        std::uint32_t rest;
    };
    static message encode(network_error error, std::uint32_t detail) {
        switch (error) {
        case network_error::network_unreachable: return {icmp_type::destination_unreachable, icmp_code::net_unreachable, 0};
        case network_error::no_neighbour:
        case network_error::host_unreachable: return {icmp_type::destination_unreachable, icmp_code::host_unreachable, 0};
        case network_error::protocol_unreachable: return {icmp_type::destination_unreachable, icmp_code::protocol_unreachable, 0};
        case network_error::port_unreachable: return {icmp_type::destination_unreachable, icmp_code::port_unreachable, 0};
        case network_error::packet_too_big: return {icmp_type::destination_unreachable, icmp_code::fragmentation_needed, std::min(detail, 0xffffu)};
        case network_error::administratively_prohibited: return {icmp_type::destination_unreachable, icmp_code::administratively_prohibited, 0};
        case network_error::hop_limit_exceeded: return {icmp_type::time_exceeded, icmp_code::ttl_exceeded, 0};
        case network_error::reassembly_timeout: return {icmp_type::time_exceeded, icmp_code::reassembly_time_exceeded, 0};
        case network_error::parameter_problem:
        case network_error::incomplete_header_chain:
        case network_error::unrecognised_option: return {icmp_type::parameter_problem, icmp_code::pointer_indicates_error, make_icmpv4_pointer(static_cast<std::uint8_t>(detail))};
        }
        return {icmp_type::destination_unreachable, icmp_code::host_unreachable, 0};
    }
    static network_error decode(const icmp_header& h, std::uint32_t& detail) {
        detail = 0;
        if (icmp_type{h.type} == icmp_type::time_exceeded) return h.code == icmp_code::ttl_exceeded ? network_error::hop_limit_exceeded : network_error::reassembly_timeout;
        if (icmp_type{h.type} == icmp_type::parameter_problem) return detail = icmpv4_pointer(h), network_error::parameter_problem;
        switch (h.code) {
        case icmp_code::net_unreachable: return network_error::network_unreachable;
        case icmp_code::protocol_unreachable: return network_error::protocol_unreachable;
        case icmp_code::port_unreachable: return network_error::port_unreachable;
        case icmp_code::fragmentation_needed: return detail = icmpv4_mtu(h), network_error::packet_too_big;
        case icmp_code::net_prohibited:
        case icmp_code::host_prohibited:
        case icmp_code::administratively_prohibited: return network_error::administratively_prohibited;
        default: return network_error::host_unreachable;
        }
    }
    static bool is_about_error(const packet& offender, const ipv4_header& h) {
        if (ip_protocol{h.protocol} != ip_protocol::icmp) return false;
        const auto at = h.header_size();
        return offender.head().size() <= at || is_error(icmp_type{static_cast<std::uint8_t>(offender.head()[at])});
    }

    /// The reply is built in the buffer that the request came in.
    void answer(context auto here, packet p, const from_type& from, const icmp_header& request) {
        if (from.link_broadcast) return here.drop(std::move(p), drop_reason::unsupported);  // RFC 1122 section 3.2.2.6 allows silence
        here.deliver(p);
        p.checksum(checksum_state::unknown);
        (void)say(here, std::move(p), from.source, icmp_type::echo_reply, 0, request.rest, from.target);
    }
    /// Someone reports about a packet of ours, which it quotes.
    void hear(context auto here, packet p, const from_type& from, const icmp_header& header) {
        const auto* quoted = p.template peek<ipv4_header>();
        if (!quoted) return here.drop(std::move(p), drop_reason::truncated);
        if (quoted->version() != 4 || quoted->header_size() < sizeof *quoted) return here.drop(std::move(p), drop_reason::malformed);
        if (quoted->header_size() + 8 > p.head().size()) return here.drop(std::move(p), drop_reason::truncated);
        auto internet = here.template nearest<owner_of<ipv4_address>>();
        if (!internet->is_local(quoted->source)) return here.drop(std::move(p), drop_reason::bad_source);
        std::uint32_t detail = 0;
        const auto error = decode(header, detail);
        if (ip_protocol{quoted->protocol} == ip_protocol::icmp) return hear_echo(here, std::move(p), from, error, detail);
        internet->tell_transport(internet, p, error, detail);
        here.deliver(p);
    }
    void hear_echo(context auto here, packet p, const from_type& from, network_error error, std::uint32_t detail) {
        const auto target = p.template peek<ipv4_header>()->target;
        p.pull(p.template peek<ipv4_header>()->header_size());
        const auto* request = p.template pull<icmp_header>();
        if (!request || icmp_type{request->type} != icmp_type::echo_request ||
            !echoes.take(here.stack(), p, request->identifier(), request->sequence(), from.source, from.hop_limit, false, error))
            return here.drop(std::move(p), drop_reason::no_socket);
        if (error != network_error::packet_too_big) return;
        auto internet = here.template nearest<router_of<ipv4_address>>();
        internet->learn_path_mtu(internet, target, detail);
    }
    /// Sends from `source`, where that is one of our own unicast addresses; else from whichever suits the way.
    errc say(context auto here, packet p, const ipv4_address& to, icmp_type type, std::uint8_t code, std::uint32_t rest, const ipv4_address& source) {
        auto internet = here.template nearest<router_of<ipv4_address>>();
        const auto* found = internet->route(to);
        if (!found) {
            here.drop(std::move(p), drop_reason::no_route);
            return errc::no_route;
        }
        auto way = *found;
        if (internet->is_local(source)) way.source = source;
        icmp_header h{static_cast<std::uint8_t>(type), code, {}, rest};
        h.checksum = checksum_of(p.sum(sum16(h)));
        p.push(h);
        ++sent[h.type];
        return here.down(std::move(p), way);
    }

public:
    /// Echo requests of an echo_socket.
    template <class Here>
    static constexpr echo_functions echo{
        [](stack_core& s, echo_socket& socket, const ip_address& to, std::uint16_t sequence, std::span<const std::byte> payload) {
            auto here = Here::in(s);
            if (!to.is_v4()) return errc::no_route;
            auto p = here.allocate(payload.size());
            if (!p) return errc::no_buffers;
            p.append(payload);
            return here->say(here, std::move(p), to.v4(), icmp_type::echo_request, 0, icmp_header::make_echo(socket.identifier(), sequence), {});
        },
        [](stack_core& s, echo_socket& socket) { Here::in(s)->echoes.close(socket); }};
};

}  // namespace netkit
