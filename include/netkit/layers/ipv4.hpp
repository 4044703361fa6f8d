#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/internet.hpp>
#include <netkit/layers/ipv4_fragmentation.hpp>
#include <netkit/protocol/ipv4_identifiers.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv4_options.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// The Internet Protocol, version 4 (RFC 791, RFC 1122): addresses, routes, forwarding, fragments.
template <class... U>
struct ipv4 : carries<keys<ip_protocol>, ip_from<ipv4_address>, U...>, internet<ipv4_address> {
    using from_type = ip_from<ipv4_address>;
    static constexpr bool see_through = true;
    static constexpr auto key = ether_type::ipv4;
    static constexpr std::size_t header_size = sizeof(ipv4_header);
    static constexpr std::size_t least_mtu = ipv4_minimum_mtu;

    void opened(context auto here) {
        start(here);
        identifiers_.start(here.random());
    }
    void attached(context auto here, interface_id on) { join_group(here, all_systems, on); }

    /// Makes `address` this host's own on an interface, and tells the link so.
    void add_address(context auto here, const ipv4_address& address, unsigned length, interface_id on) {
        table.add_address(address, length, on);
        if constexpr (decltype(here)::template near<resolver_of<ipv4_address>>()) {
            auto resolver = here.template nearest<resolver_of<ipv4_address>>();
            if constexpr (requires { resolver->announce(resolver, address, on); }) resolver->announce(resolver, address, on);
        }
    }
    /// Says nothing to the link.
    void add_address(const ipv4_address& address, unsigned length, interface_id on) { table.add_address(address, length, on); }

    void receive(context auto here, packet p, const auto& link) {
        const auto* h = p.template peek<ipv4_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        std::size_t size = sizeof *h;
        auto sum = sum16(p.head().first(sizeof *h));
        if (h->version_ihl != ipv4_header::version_ihl_without_options) [[unlikely]] {
            if (const auto wrong = wrong_with_options(p.head())) return here.drop(std::move(p), *wrong);
            size = h->header_size();
            sum = sum16(p.head().subspan(sizeof *h, size - sizeof *h), sum);
        }
        if (h->length < size) return here.drop(std::move(p), drop_reason::malformed);
        if (!p.keep(h->length)) return here.drop(std::move(p), drop_reason::truncated);
        if (fold16(sum) != 0) return here.drop(std::move(p), drop_reason::checksum);

        from_type from{h->source, h->target, h->ttl, h->tos, static_cast<std::uint16_t>(size), false};
        if constexpr (requires { link.target.is_group(); }) from.link_broadcast = link.target.is_group();
        const auto on = p.interface();
        if (!this->admitted_.has(h->source, h->target, on, table.generation())) [[unlikely]] {
            const bool outside = on != interface_id::loopback;
            if (outside && !plausible_source(h->source, on)) return here.drop(std::move(p), drop_reason::bad_source);
            if (!is_local(h->target) || (outside && h->target.is_loopback())) return receive_other(here, std::move(p), from);
            this->admitted_.add(h->source, h->target, on, table.generation());
        }
        NETKIT_CALL accept(here, std::move(p), from);
    }

    /// Adds a header and sends; what does not fit the path is sent in fragments, or refused where the path says so.
    errc transmit(context auto here, ip_protocol protocol, packet p, const path<ipv4_address>& way) {
        const auto mtu = way.mtu ? way.mtu : here.interface(way.out).mtu;
        if (p.size() + sizeof(ipv4_header) > mtu && p.gso_size() == 0) [[unlikely]] return transmit_large(here, protocol, std::move(p), way, mtu);
        push_header(p, protocol, way, ipv4_header::dont_fragment_flag, no_id);
        NETKIT_CALL return send(here, std::move(p), way);
    }
    errc transmit(context auto here, ip_protocol protocol, packet p, const ipv4_address& to) {
        if (const auto* way = route(to)) return transmit(here, protocol, std::move(p), path<ipv4_address>(*way));
        here.drop(std::move(p), drop_reason::no_route);
        return errc::no_route;
    }

    /// The same with a router alert (RFC 2113), for which the sender keeps the room; this host does not hear it itself.
    errc transmit(context auto here, ip_protocol protocol, packet p, const alerting_path<ipv4_address>& way) {
        p.push(ipv4_router_alert{});
        push_header(p, protocol, way, ipv4_header::dont_fragment_flag, no_id);
        constexpr auto size = sizeof(ipv4_header) + sizeof(ipv4_router_alert);
        auto& h = *reinterpret_cast<ipv4_header*>(p.head().data());
        h.version_ihl = static_cast<std::uint8_t>(0x40 | size / 4);
        h.checksum = 0;
        h.checksum = checksum_of(sum16(p.head().first(size)));
        p.interface(way.out);
        return here.down(std::move(p), way.hop);
    }

    /// A packet, from its IP header on, that could not be sent for want of an answer from its next hop.
    void neighbour_unreachable(context auto here, packet p) {
        if (const auto* h = p.template peek<ipv4_header>()) {
            if (p.frames()) tell_sender(here, p, from_type{h->source, h->target, h->ttl, h->tos, static_cast<std::uint16_t>(h->header_size()), false}, network_error::host_unreachable);
            else tell_transport(here, p, network_error::no_neighbour, 0);
        }
        here.drop(std::move(p), drop_reason::no_neighbour);
    }
    /// A packet, from its IP header on, of which a tunnel that must not fragment it takes no more than `mtu` bytes. Its sender is told, and
    /// where that is this host, it knows from now on.
    void too_big(context auto here, packet p, std::uint32_t mtu) {
        if (const auto* h = p.template peek<ipv4_header>()) {
            if (p.frames()) tell_sender(here, p, from_type{h->source, h->target, h->ttl, h->tos, static_cast<std::uint16_t>(h->header_size()), false}, network_error::packet_too_big, mtu);
            else this->learn_path_mtu(here, h->target, mtu);
        }
        here.drop(std::move(p), drop_reason::too_big);
    }
    /// An error about one of our own packets, `p`, which begins with its IP header as far as it is known.
    void tell_transport(context auto here, const packet& p, network_error error, std::uint32_t detail) {
        const auto* h = p.template peek<ipv4_header>();
        if (!h || h->header_size() < sizeof *h || h->header_size() > p.head().size() || h->fragment_offset() != 0) return;
        const auto inner = p.head().subspan(h->header_size());
        path<ipv4_address> way;
        way.source = h->source;
        way.target = way.hop = h->target;
        way.out = p.interface();
        here.claimant(ip_protocol{h->protocol}, [&](auto transport) {
            if constexpr (requires { transport->network_failed(transport, inner, way, error, detail); }) transport->network_failed(transport, inner, way, error, detail);
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
    static constexpr ipv4_address all_systems{224, 0, 0, 1};
    /// Of datagrams that nobody may fragment, of which the identifier says nothing (RFC 6864 section 4.1).
    static constexpr std::uint16_t no_id = 0;

    /// Whether another host may speak from here (RFC 1122 section 3.2.1.3). Our own address from outside is an attack (LAND).
    NETKIT_INLINE bool plausible_source(const ipv4_address& source, interface_id on) const {
        const auto network = source.value() >> 24;
        if ((source.value() & 3) == 3 && table.is_local_broadcast(source, on)) [[unlikely]] return false;  // answers would go to all
        return network - 1 < 223 && network != 127 && !is_local(source);
    }
    /// Looks at a header that is not the usual 20 bytes of version 4. What is malformed, and source routes (RFC 7126), are to be
    /// dropped; null where nothing is wrong.
    NETKIT_COLD static const drop_reason* wrong_with_options(std::span<const std::byte> packet) {
        static constexpr auto malformed = drop_reason::malformed, truncated = drop_reason::truncated, filtered = drop_reason::filtered;
        const auto& h = *reinterpret_cast<const ipv4_header*>(packet.data());
        const auto size = h.header_size();
        if (h.version() != 4 || size < sizeof h) return &malformed;
        if (size > packet.size()) return &truncated;
        const ipv4_options options(packet.subspan(sizeof h, size - sizeof h));
        for (const auto& option : options)
            if (is_source_route(option.kind)) return &filtered;
        return options.well_formed() ? nullptr : &malformed;
    }
    void accept(context auto here, packet p, const from_type& from) {
        const auto& h = *reinterpret_cast<const ipv4_header*>(p.head().data());
        if (h.is_fragment()) [[unlikely]] return reassemble(here, std::move(p), from);
        p.pull(from.header_size);
        const bool copied = this->overheard(here, ip_protocol{h.protocol}, p, from);
        if (!here.offer_up(ip_protocol{h.protocol}, p, from)) [[unlikely]] return unclaimed(here, std::move(p), from, copied);
    }
    /// What is not sent to one of our addresses: broadcast, multicast, or others'.
    NETKIT_COLD void receive_other(context auto here, packet p, from_type from) {
        if (from.target.is_multicast()) {
            from.link_broadcast = true;
            if (!groups.hears(from.target, p.interface())) return here.drop(std::move(p), drop_reason::not_for_us);
            return accept(here, std::move(p), from);
        }
        if (table.is_local_broadcast(from.target, p.interface())) {
            from.link_broadcast = true;
            return accept(here, std::move(p), from);
        }
        forward(here, std::move(p), from);
    }
    void forward(context auto here, packet p, const from_type& from) {
        // Link broadcasts, and what must not leave its link or host, are never passed on (RFC 1812 section 5.3, RFC 3927 section 7).
        if (!forwarding || from.link_broadcast || from.target.is_loopback() || from.target.is_link_local() || from.source.is_link_local() || from.target.is_reserved() || from.target.is_any() || from.source.is_any())
            return here.drop(std::move(p), drop_reason::not_for_us);
        if (from.hop_limit <= 1) return refuse(here, std::move(p), from, drop_reason::hop_limit_exceeded, network_error::hop_limit_exceeded);
        const auto* found = route(from.target);
        if (!found) return refuse(here, std::move(p), from, drop_reason::no_route, network_error::network_unreachable);
        const path<ipv4_address> way = *found;
        if (way.hop.is_broadcast()) return here.drop(std::move(p), drop_reason::filtered);  // to all of another network (RFC 2644)
        const auto mtu = here.interface(way.out).mtu;
        auto& h = *reinterpret_cast<ipv4_header*>(p.head().data());
        const bool too_big = largest_segment(p) > mtu;
        if (too_big && (h.dont_fragment() || p.gso_size() != 0)) return refuse(here, std::move(p), from, drop_reason::too_big, network_error::packet_too_big, mtu);
        const be16 before = sum_word(h.ttl, h.protocol);
        --h.ttl;
        h.checksum = checksum_updated(h.checksum, before, sum_word(h.ttl, h.protocol));
        if (!too_big) {
            p.interface(way.out);
            (void)here.down(std::move(p), way.hop);
            return;
        }
        (void)fragment(here, std::move(p), way, mtu);
    }
    static be16 sum_word(std::uint8_t first, std::uint8_t second) { return be16(static_cast<std::uint16_t>(first << 8 | second)); }

    NETKIT_COLD void refuse(context auto here, packet p, from_type from, drop_reason why, network_error error, std::uint32_t detail = 0) {
        tell_sender(here, p, from, error, detail);
        here.drop(std::move(p), why);
    }
    NETKIT_COLD void unclaimed(context auto here, packet p, from_type from, bool copied) {
        if (copied) return here.deliver(p);
        p.push(from.header_size);
        refuse(here, std::move(p), from, drop_reason::no_upper_layer, network_error::protocol_unreachable);
    }

    NETKIT_INLINE static void push_header(packet& p, ip_protocol protocol, const path<ipv4_address>& way, std::uint16_t fragment_field, std::uint16_t id) {
        const be16 length = static_cast<std::uint16_t>(p.size() + sizeof(ipv4_header)), identifier = id, fragment = fragment_field;
        constexpr auto first = ipv4_header::version_ihl_without_options;
        const auto last = static_cast<std::uint8_t>(protocol);
        const auto sum = sum_pair(first, way.traffic_class) + length.raw() + identifier.raw() + fragment.raw() + sum_pair(way.hop_limit, last) +
                         way.source.sum() + way.target.sum();
        // Set in place, with a sum of what is at hand: made elsewhere it would be copied in other pieces than it was written in.
        auto& h = p.template push<ipv4_header>();
        h.version_ihl = first;
        h.tos = way.traffic_class;
        h.length = length;
        h.id = identifier;
        h.fragment = fragment;
        h.ttl = way.hop_limit;
        h.protocol = last;
        h.checksum = checksum_of(sum);
        h.source = way.source;
        h.target = way.target;
    }
    errc send(context auto here, packet p, const path<ipv4_address>& way) {
        p.interface(way.out);
        if (way.out == interface_id::loopback) [[unlikely]] return here.again(std::move(p));
        if (!way.target.is_unicast() && way.target.is_multicast()) [[unlikely]] p = loop_back(here, std::move(p), way);
        return here.down(std::move(p), way.hop);
    }
    /// Gives this host its own copy of what it sends to a group it listens to.
    NETKIT_COLD packet loop_back(context auto here, packet p, const path<ipv4_address>& way) {
        if (!groups.has(way.target, way.out)) return p;
        if (auto copy = p.copy()) {
            copy.interface(interface_id::loopback);
            (void)here.again(std::move(copy));
        }
        return p;
    }
    NETKIT_COLD errc transmit_large(context auto here, ip_protocol protocol, packet p, const path<ipv4_address>& way, std::uint32_t mtu) {
        if (way.dont_fragment || p.size() + sizeof(ipv4_header) > 65535) {
            here.drop(std::move(p), drop_reason::too_big);
            return errc::message_too_big;
        }
        push_header(p, protocol, way, 0, identifiers_.next(way.source, way.target, protocol));
        return fragment(here, std::move(p), way, mtu);
    }
    /// Sends a packet, from its header on, in pieces that fit.
    errc fragment(context auto here, packet p, const path<ipv4_address>& way, std::uint32_t mtu) {
        p.interface(way.out);
        if (p.checksum() == checksum_state::partial) p.complete_checksum();
        auto pieces = fragment_ipv4(p, mtu, here.buffers(), here.headroom());
        if (pieces.empty()) {
            here.drop(std::move(p), drop_reason::no_buffers);
            return errc::no_buffers;
        }
        here.forwarded(p);
        errc result = errc::ok;
        while (auto piece = pieces.pop_front()) {
            const auto sent = here.down(std::move(piece), way.hop);
            if (sent != errc::ok) result = sent;
        }
        return result;
    }

    NETKIT_COLD void reassemble(context auto here, packet p, from_type from) {
        const auto h = *p.template peek<ipv4_header>();
        p.pull(from.header_size);
        const fragment_key<ipv4_address> of{h.source, h.target, h.id, h.protocol};
        const fragment_position at{.offset = static_cast<std::uint32_t>(h.fragment_offset()), .more = h.more_fragments(), .header = from.header_size, .congestion_experienced = h.ecn() == 3};
        const auto on = p.interface();
        auto result = fragments.add(of, std::move(p), at, here.now(), here.buffers(), here.headroom());
        while (auto gone = result.discarded.pop_front()) here.drop(std::move(gone), result.reason);
        arm_fragment_timer(here);
        if (!result.whole) return;
        auto whole_from = from;
        whole_from.header_size = result.header;
        if (result.congestion_experienced) whole_from.traffic_class |= 3;
        result.whole.interface(on);
        describe_whole(result.whole, result.header);
        const bool copied = this->overheard(here, ip_protocol{h.protocol}, result.whole, whole_from);
        if (!here.offer_up(ip_protocol{h.protocol}, result.whole, whole_from)) unclaimed(here, std::move(result.whole), whole_from, copied);
    }
    /// Makes the first fragment's header that of the datagram, for errors that quote it.
    static void describe_whole(packet& p, std::size_t size) {
        p.push(size);
        auto& h = *reinterpret_cast<ipv4_header*>(p.head().data());
        h.length = static_cast<std::uint16_t>(p.size());
        h.fragment = 0;
        h.checksum = 0;
        h.checksum = checksum_of(sum16(p.head().first(size)));
        p.pull(size);
    }
    void report_timeout(context auto here, auto& gone) {
        auto first = gone.fragments.pop_front();
        first.push(gone.header);
        if (const auto* h = first.template peek<ipv4_header>())
            tell_sender(here, first, from_type{h->source, h->target, h->ttl, h->tos, gone.header, table.is_local_broadcast(h->target, first.interface())}, network_error::reassembly_timeout);
        gone.fragments.push_front(std::move(first));
    }

    ipv4_identifiers identifiers_;
};

}  // namespace netkit
