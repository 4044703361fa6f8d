#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/internet.hpp>
#include <netkit/layers/ipv6_fragmentation.hpp>
#include <netkit/layers/ipv6_header_chain.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/ipv6_extensions.hpp>
#include <netkit/wire/ipv6_options.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// Checks whether another host has an address before it is used: NDP. It calls `address_checked` when it knows.
template <class Layer>
concept detects_duplicates = requires(Layer& layer, archetype::context here, const ipv6_address& address, interface_id on) {
    layer.detect_duplicate(here, address, on);
};
struct duplicate_detector {
    template <class Layer>
    static constexpr bool wants = detects_duplicates<Layer>;
};

/// The Internet Protocol, version 6 (RFC 8200): addresses, routes, forwarding, fragments. Each Ethernet interface gets a link-local
/// address when it is attached. Addresses are used once nobody else is known to have them (RFC 4862 section 5.4).
template <class... U>
struct ipv6 : carries<keys<ip_protocol>, ip_from<ipv6_address>, U...>, internet<ipv6_address> {
    using from_type = ip_from<ipv6_address>;
    static constexpr bool see_through = true;
    static constexpr auto key = ether_type::ipv6;
    static constexpr std::size_t header_size = sizeof(ipv6_header);
    static constexpr std::size_t least_mtu = ipv6_minimum_mtu;

    /// Whether addresses added from now on wait, about a second, until they are known to be unique.
    bool duplicate_address_detection = true;

    void opened(context auto here) { start(here); }
    void attached(context auto here, interface_id on) {
        join_group(here, ipv6_address::all_nodes(), on);
        const auto& in = here.interface(on);
        if (in.link == link_type::ethernet && !in.mac.is_zero()) add_address(here, ipv6_address::link_local(in.mac), 64, on);
    }

    /// Makes `address` this host's own on an interface. Where duplicates can be detected it is tentative at first: sockets may be
    /// bound to it, and packets come and go once it is preferred.
    void add_address(context auto here, const ipv6_address& address, unsigned length, interface_id on) {
        constexpr bool can_detect = decltype(here)::template has<duplicate_detector>;
        const bool has_neighbours = here.interface(on).link == link_type::ethernet;
        const bool detect = can_detect && duplicate_address_detection && has_neighbours;
        const bool known = table.addresses().find(address, on) != nullptr;
        table.add_address(address, length, on, detect ? address_state::tentative : address_state::preferred);
        if (has_neighbours && !known) join_group(here, address.solicited_node(), on);
        if constexpr (can_detect) {
            auto detector = here.template above_that<duplicate_detector>();
            if (detect) detector->detect_duplicate(detector, address, on);
        }
    }
    /// What became of a tentative address.
    void address_checked(context auto here, const ipv6_address& address, interface_id on, bool unique) {
        if (!table.set_state(address, on, unique ? address_state::preferred : address_state::duplicate)) return;
        if (!unique) leave_group(here, address.solicited_node(), on);
    }
    /// False where it was none of ours.
    bool remove_address(context auto here, const ipv6_address& address, interface_id on) {
        const auto* known = table.addresses().find(address, on);
        if (!known) return false;
        if (known->state != address_state::duplicate) leave_group(here, address.solicited_node(), on);
        return table.remove_address(address, on);
    }

    void receive(context auto here, packet p, const auto& link) {
        const auto* h = p.template peek<ipv6_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        if (h->version() != 6) return here.drop(std::move(p), drop_reason::malformed);
        if (h->length > p.size() - sizeof *h) return here.drop(std::move(p), drop_reason::truncated);
        p.trim(sizeof *h + h->length);

        from_type from{h->source, h->target, h->hop_limit, static_cast<std::uint8_t>(h->traffic_class()), sizeof *h, false};
        if constexpr (requires { link.target.is_group(); }) from.link_broadcast = link.target.is_group();
        const auto on = p.interface();
        if (!this->admitted_.has(h->source, h->target, on, table.generation())) [[unlikely]] {
            const bool outside = on != interface_id::loopback;
            if (outside && !plausible_source(h->source, h->target)) return here.drop(std::move(p), drop_reason::bad_source);
            if (!is_local(h->target) || (outside && reaches_no_other_link(h->target)))
                return receive_other(here, std::move(p), from);
            this->admitted_.add(h->source, h->target, on, table.generation());
        }
        NETKIT_CALL accept(here, std::move(p), from);
    }

    /// Adds a header and sends; what does not fit the path is sent in fragments, or refused where the path says so.
    errc transmit(context auto here, ip_protocol protocol, packet p, const path<ipv6_address>& way) {
        const auto mtu = way.mtu ? way.mtu : here.interface(way.out).mtu;
        if (p.size() + sizeof(ipv6_header) > mtu && p.gso_size() == 0) [[unlikely]]
            return transmit_large(here, protocol, std::move(p), way, mtu);
        push_header(p, protocol, way);
        NETKIT_CALL return send(here, protocol, std::move(p), way);
    }
    errc transmit(context auto here, ip_protocol protocol, packet p, const ipv6_address& to) {
        if (const auto* way = route(to)) return transmit(here, protocol, std::move(p), path<ipv6_address>(*way));
        here.drop(std::move(p), drop_reason::no_route);
        return errc::no_route;
    }
    /// The same with a router alert in front (RFC 2711): the sender keeps the room for it.
    errc transmit(context auto here, ip_protocol protocol, packet p, const alerting_path<ipv6_address>& way) {
        p.push(ipv6_router_alert_header{.next = static_cast<std::uint8_t>(protocol)});
        return transmit(here, ip_protocol::hop_by_hop, std::move(p), static_cast<const path<ipv6_address>&>(way));
    }

    /// A packet, from its IP header on, that could not be sent for want of an answer from its next hop.
    void neighbour_unreachable(context auto here, packet p) {
        if (const auto* h = p.template peek<ipv6_header>()) {
            if (p.frames())
                tell_sender(here, p,
                            from_type{h->source, h->target, h->hop_limit, static_cast<std::uint8_t>(h->traffic_class()), sizeof *h, false},
                            network_error::host_unreachable);
            else
                tell_transport(here, p, network_error::no_neighbour, 0);
        }
        here.drop(std::move(p), drop_reason::no_neighbour);
    }
    /// A packet, from its IP header on, of which a tunnel that must not fragment it takes no more than `mtu` bytes. Its sender is told, and
    /// where that is this host, it knows from now on.
    void too_big(context auto here, packet p, std::uint32_t mtu) {
        if (const auto* h = p.template peek<ipv6_header>()) {
            if (p.frames())
                tell_sender(here, p,
                            from_type{h->source, h->target, h->hop_limit, static_cast<std::uint8_t>(h->traffic_class()), sizeof *h, false},
                            network_error::packet_too_big, mtu);
            else
                this->learn_path_mtu(here, h->target, mtu);
        }
        here.drop(std::move(p), drop_reason::too_big);
    }
    /// An error about one of our own packets, `p`, which begins with its IP header as far as it is known.
    void tell_transport(context auto here, const packet& p, network_error error, std::uint32_t detail) {
        const auto upper = find_upper_layer(p.head());
        if (upper.size == 0) return;
        const auto* h = p.template peek<ipv6_header>();
        const auto inner = p.head().subspan(upper.size);
        path<ipv6_address> way;
        way.source = h->source;
        way.target = way.hop = h->target;
        way.out = p.interface();
        here.claimant(upper.next, [&](auto transport) {
            if constexpr (requires { transport->network_failed(transport, inner, way, error, detail); })
                transport->network_failed(transport, inner, way, error, detail);
        });
    }

    void expired(context auto here, fragment_timer&) {
        fragments.expire(here.now(), [&](auto&& gone) {
            if (gone.has_first) report_timeout(here, gone);
            while (auto p = gone.fragments.pop_front()) here.drop(std::move(p), drop_reason::fragment_timeout);
        });
        arm_fragment_timer(here);
    }
    void expired(context auto here, upkeep_timer&) { expire_knowledge(here); }

private:
    /// Whether another host may speak from here: who has no address yet speaks to groups only (RFC 4291 section 2.5.2), and our own
    /// address from outside is an attack (LAND).
    bool plausible_source(const ipv6_address& source, const ipv6_address& target) const {
        if (source.high() == 0) [[unlikely]]
            return source.is_any() ? target.is_multicast() : !source.is_loopback() && !source.is_mapped();
        return !source.is_multicast() && !is_local(source);
    }
    static bool reaches_no_other_link(const ipv6_address& target) { return target.is_link_local() || target.is_loopback(); }

    void accept(context auto here, packet p, const from_type& from, bool reassembled = false) {
        const auto next = ip_protocol{p.template peek<ipv6_header>()->next};
        if (is_ipv6_extension(next)) [[unlikely]]
            return accept_extended(here, std::move(p), from, reassembled);
        p.pull(sizeof(ipv6_header));
        const bool copied = this->overheard(here, next, p, from);
        if (!here.offer_up(next, p, from)) [[unlikely]]
            return unclaimed(here, std::move(p), from, next, offsetof(ipv6_header, next), copied);
    }
    /// Extension headers, in the order in which they lie.
    NETKIT_COLD void accept_extended(context auto here, packet p, from_type from, bool reassembled) {
        if (!p.linearize()) return here.drop(std::move(p), drop_reason::no_buffers);
        const auto chain = examine_ipv6_headers(p.head(), from.target.is_multicast(), reassembled);
        using verdict = ipv6_header_chain::verdict;
        if (chain.what == verdict::fragment) return reassemble(here, std::move(p), from, chain.size);
        if (!pursue(here, p, from, chain)) return;
        p.pull(chain.size);
        from.header_size = static_cast<std::uint16_t>(chain.size);
        const bool copied = this->overheard(here, chain.next, p, from);
        if (!here.offer_up(chain.next, p, from)) unclaimed(here, std::move(p), from, chain.next, chain.next_field, copied);
    }
    /// Whether a packet goes on, as far as its headers say; else it is dropped, and its sender perhaps told.
    bool pursue(context auto here, packet& p, const from_type& from, const ipv6_header_chain& chain) {
        using verdict = ipv6_header_chain::verdict;
        if (chain.what == verdict::upper_layer) return true;
        if (chain.what == verdict::report)
            refuse(here, std::move(p), from, chain.why, chain.error, static_cast<std::uint32_t>(chain.at));
        else
            here.drop(std::move(p), chain.why);
        return false;
    }

    /// What is not sent to one of our addresses, or to one that means something on its own link only.
    NETKIT_COLD void receive_other(context auto here, packet p, from_type from) {
        const auto on = p.interface();
        if (from.target.is_multicast()) {
            from.link_broadcast = true;
            const bool stays_in_host = from.target.multicast_scope() < 2 && on != interface_id::loopback;
            if (stays_in_host || !groups.hears(from.target, on)) return here.drop(std::move(p), drop_reason::not_for_us);
            return accept(here, std::move(p), from);
        }
        const auto* own = from.target.is_link_local() ? table.addresses().find(from.target, on) : nullptr;
        if (own && own->usable()) return accept(here, std::move(p), from);
        forward(here, std::move(p), from);
    }
    void forward(context auto here, packet p, const from_type& from) {
        // What must not leave its link or its host is never passed on (RFC 4291 sections 2.5.2, 2.5.3, 2.5.6).
        if (!forwarding || from.link_broadcast || reaches_no_other_link(from.target) || reaches_no_other_link(from.source) ||
            from.target.is_any() || from.target.is_mapped() || from.source.is_any())
            return here.drop(std::move(p), drop_reason::not_for_us);
        if (!pursue(here, p, from, examine_hop_by_hop(p.head(), false))) return;
        if (from.hop_limit <= 1)
            return refuse(here, std::move(p), from, drop_reason::hop_limit_exceeded, network_error::hop_limit_exceeded);
        const auto* found = route(from.target);
        if (!found) return refuse(here, std::move(p), from, drop_reason::no_route, network_error::network_unreachable);
        const path<ipv6_address> way = *found;
        const auto& out = here.interface(way.out);
        // What came over a link between two would go back and forth on it until its hop limit ends (RFC 4443 section 3.1).
        if (way.out == p.interface() && out.link == link_type::ip)
            return refuse(here, std::move(p), from, drop_reason::no_route, network_error::host_unreachable);
        if (largest_segment(p) > out.mtu)
            return refuse(here, std::move(p), from, drop_reason::too_big, network_error::packet_too_big, out.mtu);
        --reinterpret_cast<ipv6_header*>(p.head().data())->hop_limit;
        p.interface(way.out);
        (void)here.down(std::move(p), way.hop);
    }
    NETKIT_COLD void refuse(context auto here, packet p, from_type from, drop_reason why, network_error error, std::uint32_t detail = 0) {
        tell_sender(here, p, from, error, detail);
        here.drop(std::move(p), why);
    }
    NETKIT_COLD void unclaimed(context auto here, packet p, from_type from, ip_protocol next, std::size_t field, bool copied) {
        if (copied) return here.deliver(p);
        if (next == ip_protocol::no_next_header) return here.drop(std::move(p), drop_reason::no_upper_layer);
        p.push(from.header_size);
        refuse(here, std::move(p), from, drop_reason::no_upper_layer, network_error::protocol_unreachable,
               static_cast<std::uint32_t>(field));
    }

    NETKIT_INLINE static void push_header(packet& p, ip_protocol protocol, const path<ipv6_address>& way) {
        p.push(ipv6_header{.version_flow = ipv6_header::make_version_flow(way.traffic_class, 0),
                           .length = static_cast<std::uint16_t>(p.size()),
                           .next = static_cast<std::uint8_t>(protocol),
                           .hop_limit = way.hop_limit,
                           .source = way.source,
                           .target = way.target});
    }
    errc send(context auto here, ip_protocol protocol, packet p, const path<ipv6_address>& way) {
        p.interface(way.out);
        if (way.out == interface_id::loopback) [[unlikely]]
            return here.again(std::move(p));
        // What ICMPv6 says to groups is meant for others.
        if (way.target.is_multicast() && protocol != ip_protocol::icmpv6 && protocol != ip_protocol::hop_by_hop) [[unlikely]]
            loop_back(here, p, way);
        return here.down(std::move(p), way.hop);
    }
    /// Gives this host its own copy of what it sends to a group it listens to.
    NETKIT_COLD void loop_back(context auto here, const packet& p, const path<ipv6_address>& way) {
        if (!groups.has(way.target, way.out)) return;
        auto copy = p.copy();
        if (!copy) return;
        copy.interface(interface_id::loopback);
        (void)here.again(std::move(copy));
    }
    NETKIT_COLD errc transmit_large(context auto here, ip_protocol protocol, packet p, const path<ipv6_address>& way, std::uint32_t mtu) {
        if (way.dont_fragment || p.size() > 65535) {
            here.drop(std::move(p), drop_reason::too_big);
            return errc::message_too_big;
        }
        if (p.checksum() == checksum_state::partial) p.complete_checksum();
        push_header(p, protocol, way);
        p.interface(way.out);
        auto pieces = fragment_ipv6(p, mtu, static_cast<std::uint32_t>(here.random()), here.buffers(), here.headroom());
        if (pieces.empty()) {
            here.drop(std::move(p), drop_reason::no_buffers);
            return errc::no_buffers;
        }
        errc result = errc::ok;
        while (auto piece = pieces.pop_front()) {
            const auto sent = send(here, protocol, std::move(piece), way);
            if (sent != errc::ok) result = sent;
        }
        return result;
    }

    /// The fragment header lies `at` bytes into the packet.
    void reassemble(context auto here, packet p, const from_type& from, std::size_t at) {
        const auto* found = header_at<fragment_header>(p.head(), at);
        if (!found) return here.drop(std::move(p), drop_reason::truncated);
        const auto f = *found;
        const auto header = at + sizeof f;
        const auto size = p.size() - header;
        if (f.more_fragments() && size % 8 != 0)
            return refuse(here, std::move(p), from, drop_reason::malformed, network_error::parameter_problem,
                          offsetof(ipv6_header, length));
        if (f.offset() == 0 && !pursue(here, p, from, examine_first_fragment(ip_protocol{f.next}, p.head().subspan(header)))) return;
        if (at - sizeof(ipv6_header) + f.offset() + size > 65535)  // which is found out below, and told here, where all headers are at hand
            tell_sender(here, p, from, network_error::parameter_problem, static_cast<std::uint32_t>(at + offsetof(fragment_header, offset_flags)));

        p.pull(header);
        const auto on = p.interface();
        const fragment_key<ipv6_address> of{from.source, from.target, f.id, 0};
        const fragment_position position{.offset = static_cast<std::uint32_t>(f.offset()),
                                         .more = f.more_fragments(),
                                         .header = static_cast<std::uint16_t>(header),
                                         .congestion_experienced = (from.traffic_class & 3) == 3};
        auto result = fragments.add(of, std::move(p), position, here.now(), here.buffers(), here.headroom());
        while (auto gone = result.discarded.pop_front()) here.drop(std::move(gone), result.reason);
        arm_fragment_timer(here);
        if (!result.whole) return;
        result.whole.interface(on);
        remove_fragment_header(result.whole, result.header);
        auto whole_from = from;
        if (result.congestion_experienced) whole_from.traffic_class |= 3;
        accept(here, std::move(result.whole), whole_from, true);
    }
    void report_timeout(context auto here, auto& gone) {
        auto first = gone.fragments.pop_front();
        first.push(gone.header);
        if (const auto* h = first.template peek<ipv6_header>())
            tell_sender(here, first,
                        from_type{h->source, h->target, h->hop_limit, static_cast<std::uint8_t>(h->traffic_class()), gone.header, false},
                        network_error::reassembly_timeout);
        gone.fragments.push_front(std::move(first));
    }
};

}  // namespace netkit
