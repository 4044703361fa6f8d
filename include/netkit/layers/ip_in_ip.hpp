#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace netkit {

namespace detail {
/// The protocol number of an IP layer in IP: 4 or 41, both for one that takes both.
template <class Key>
constexpr auto number_in_ip(const Key& key) {
    if constexpr (std::same_as<Key, ether_type>) return key == ether_type::ipv6 ? ip_protocol::ipv6 : ip_protocol::ipv4;
    else return one_of{ip_protocol::ipv4, ip_protocol::ipv6};
}
}  // namespace detail

/// IP in IP (RFC 2003, RFC 4213, RFC 2473): an IP layer of its own, `Inner`, whose packets travel in those of the IP layer below.
/// `ipv4<icmp, ip_in_ip<ipv4<udp>>>` has protocol number 4, `ipv4<icmp, ip_in_ip<ipv6<...>>>` 41. Each tunnel is an interface
/// that leads to one remote; what comes from anyone else is dropped as filtered. Outer packets are fragmented where inner ones may be.
template <class Inner>
struct ip_in_ip : carries<sole, no_link, Inner> {
    static constexpr auto key = detail::number_in_ip(key_of<Inner>);
    static constexpr std::size_t header_size = 0;
    static constexpr bool has_interfaces = true;
    using sends_to = any_host;

    /// Makes an interface that leads to `remote`, for packets that fit into those of `underlay` without being fragmented.
    /// Called "tunnel" and the interface's number unless named. Throws std::invalid_argument where that remote has one already.
    interface_id add(context auto here, const ip_address& remote, interface_id underlay, std::string name = {}) {
        if (tunnel_to(remote)) throw std::invalid_argument("netkit: there is a tunnel to " + to_string(remote) + " already");
        const auto& lower = here.interface(underlay);
        const auto overhead = remote.is_v6() ? sizeof(ipv6_header) : sizeof(ipv4_header);
        if (lower.mtu <= overhead) throw std::invalid_argument("netkit: interface '" + lower.name + "' has an MTU of " + std::to_string(lower.mtu) + " bytes, too small for a tunnel");
        if (name.empty()) name = "tunnel" + std::to_string(here.interface_count());
        const auto mtu = lower.mtu - static_cast<std::uint32_t>(overhead);
        const auto inside = here.attach_virtual({.name = std::move(name), .mac = {}, .mtu = mtu, .link = link_type::ip, .can = {.checksum = true, .scatter = true, .segmentation = false}});
        tunnels_.push_back({remote, inside});
        return inside;
    }

    template <class A>
    void receive(context auto here, packet p, const ip_from<A>& from) {
        const auto* found = tunnel_to(from.source);
        if (!found || from.link_broadcast) return here.drop(std::move(p), drop_reason::filtered);
        auto& in = here.interface(found->inside);
        if (!in.up) [[unlikely]] return here.drop(std::move(p), drop_reason::interface_down);
        ++in.received.packets;
        in.received.bytes += p.size();
        p.interface(found->inside);
        // A device's word is about the outer packet; a partial sum is the innermost transport's, and stays right.
        if (p.checksum() == checksum_state::verified) p.checksum(checksum_state::unknown);
        p.gso_size(0);
        auto upper = here.template above<0>();
        NETKIT_CALL upper->receive(upper, std::move(p), no_link{});
    }

    template <ip_number A>
    errc transmit(context auto here, ether_type type, packet p, const A&) {
        const auto* found = tunnel_of(p.interface());
        if (!found) [[unlikely]] return refuse(here, std::move(p), errc::no_route, drop_reason::no_route);
        auto& in = here.interface(found->inside);
        if (!in.up) [[unlikely]] return refuse(here, std::move(p), errc::interface_down, drop_reason::interface_down);
        ++in.sent.packets;
        in.sent.bytes += p.size();
        const auto number = type == ether_type::ipv6 ? ip_protocol::ipv6 : ip_protocol::ipv4;
        const auto service = differentiated_service(p);
        return found->remote.visit([&]<class R>(const R& remote) {
            using Here = decltype(here);
            if constexpr (Here::template near<router_of<R>>())
                if (const auto* way = here.template nearest<router_of<R>>()->route(remote)) {
                    auto outer = *way;
                    outer.traffic_class = service;
                    const auto mtu = outer.mtu ? outer.mtu : here.interface(outer.out).mtu;
                    const std::uint32_t room = mtu - static_cast<std::uint32_t>(R::is_v6 ? sizeof(ipv6_header) : sizeof(ipv4_header));
                    if (p.size() > room && !may_fragment<A>(p)) [[unlikely]] return refuse_large<A>(here, std::move(p), room);
                    return here.down_as(number, std::move(p), outer);
                }
            return refuse(here, std::move(p), errc::no_route, drop_reason::no_route);
        });
    }

    /// A router on the way of the outer packet, which held what begins with `quoted`, says how much fits. It is believed as far as it quotes
    /// a packet that was sent by that tunnel, and was too large (RFC 5927).
    template <class A>
    void network_failed(context auto here, std::span<const std::byte> quoted, const path<A>& way, network_error error, std::uint32_t detail) {
        const auto* found = error == network_error::packet_too_big ? tunnel_to(way.target) : nullptr;
        if (!found || (A::is_v6 ? sizeof(ipv6_header) : sizeof(ipv4_header)) + size_inside(here, quoted, found->inside) <= detail) return;
        auto outer = here.template nearest<router_of<A>>();
        outer->learn_path_mtu(outer, way.target, detail);
    }

private:
    struct tunnel {
        ip_address remote;
        interface_id inside;
    };
    const tunnel* tunnel_to(const ip_address& remote) const {
        for (const auto& each : tunnels_)
            if (each.remote == remote) return &each;
        return nullptr;
    }
    const tunnel* tunnel_of(interface_id inside) const {
        for (const auto& each : tunnels_)
            if (each.inside == inside) return &each;
        return nullptr;
    }
    /// Whether an outer packet may be fragmented: RFC 2003 section 3.1, and for IPv6 inside, where all links carry 1280 bytes, RFC 4213
    /// section 3.2.2 and RFC 2473 section 7.2.
    template <ip_number A>
    static bool may_fragment(const packet& p) {
        if constexpr (A::is_v6) return p.size() <= ipv6_minimum_mtu;
        else {
            const auto* h = p.template peek<ipv4_header>();
            return h && !h->dont_fragment();
        }
    }
    template <ip_number A>
    NETKIT_COLD static errc refuse_large(context auto here, packet p, std::uint32_t room) {
        if constexpr (A::is_v6) room = std::max(room, static_cast<std::uint32_t>(ipv6_minimum_mtu));
        if constexpr (decltype(here)::template has<owner_of<A>>) {
            auto inner = here.template above_that<owner_of<A>>();
            if constexpr (requires { inner->too_big(inner, std::move(p), room); }) {
                inner->too_big(inner, std::move(p), room);
                return errc::message_too_big;
            }
        }
        return refuse(here, std::move(p), errc::message_too_big, drop_reason::too_big);
    }
    /// The size of an inner packet of which an error quotes the beginning; 0 where it cannot have gone by that tunnel. Its target is asked
    /// about where it is quoted: routers may quote no more than eight bytes (RFC 792).
    static std::size_t size_inside(context auto here, std::span<const std::byte> quoted, interface_id inside) {
        if (quoted.size() < 8) return 0;
        const auto version = static_cast<unsigned>(quoted[0]) >> 4;
        if (version == 6) {
            const auto* h = header_at<ipv6_header>(quoted);
            return !h || leads(here, h->target, inside) ? sizeof(ipv6_header) + *header_at<be16>(quoted, offsetof(ipv6_header, length)) : 0;
        }
        const auto* h = header_at<ipv4_header>(quoted);
        return version == 4 && (!h || leads(here, h->target, inside)) ? std::size_t{*header_at<be16>(quoted, offsetof(ipv4_header, length))} : 0;
    }
    template <ip_number A>
    static bool leads(context auto here, const A& target, interface_id inside) {
        if constexpr (decltype(here)::template has<router_of<A>>) {
            const auto* way = here.template above_that<router_of<A>>()->route(target);
            return way && way->out == inside;
        } else return false;
    }
    /// What the inner packet asks for, without its two bits of congestion: those stay inside (RFC 6040 section 4.1,
    /// compatibility mode).
    static std::uint8_t differentiated_service(const packet& p) {
        const auto head = p.head();
        if (head.size() < 2) return 0;
        const auto first = static_cast<unsigned>(head[0]), second = static_cast<unsigned>(head[1]);
        const auto field = first >> 4 == 6 ? (first & 0xf) << 4 | second >> 4 : second;
        return static_cast<std::uint8_t>(field & 0xfc);
    }
    NETKIT_COLD static errc refuse(context auto here, packet p, errc error, drop_reason why) {
        here.drop(std::move(p), why);
        return error;
    }

    std::vector<tunnel> tunnels_;
};

}  // namespace netkit
