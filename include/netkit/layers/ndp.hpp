#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/neighbours.hpp>
#include <netkit/protocol/duplicate_address_detection.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/nd_options.hpp>
#include <netkit/wire/neighbour_discovery.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>

namespace netkit {

/// Neighbour discovery (RFC 4861) as far as neighbours go: who is behind an address, whether it still is, and whether another host
/// has one of ours (RFC 4862 section 5.4). Messages of routers are checked and not acted upon.
struct ndp : leaf, resolves_neighbours<ndp, ipv6_address, ether_type::ipv6> {
    using from_type = ip_from<ipv6_address>;
    using neighbours = resolves_neighbours<ndp, ipv6_address, ether_type::ipv6>;
    static constexpr bool rare = true;
    static constexpr one_of key{icmpv6_type::neighbour_solicitation, icmpv6_type::neighbour_advertisement, icmpv6_type::router_solicitation,
                                icmpv6_type::router_advertisement, icmpv6_type::redirect};
    static constexpr std::size_t header_size = sizeof(neighbour_solicitation) + sizeof(nd_link_address_option);
    using sends_to = any_host;

    std::uint64_t conflicts = 0;   ///< how often another host claimed a preferred address of ours
    std::uint64_t duplicates = 0;  ///< how many tentative addresses turned out to be another host's

    void receive(context auto here, packet p, const from_type& from) {
        if (!p.linearize()) return here.drop(std::move(p), drop_reason::no_buffers);
        if (from.hop_limit != neighbour_discovery_hop_limit)
            return here.drop(std::move(p), drop_reason::malformed);  // it came through a router
        const auto type = icmpv6_type{p.template peek<icmp_header>()->type};
        const auto fixed = fixed_size(type);
        if (p.size() < fixed) return here.drop(std::move(p), drop_reason::truncated);
        if (p.template peek<icmp_header>()->code != 0 || !nd_options(p.head().subspan(fixed)).well_formed())
            return here.drop(std::move(p), drop_reason::malformed);
        if (here.interface(p.interface()).link == link_type::ip) return here.drop(std::move(p), drop_reason::unsupported);
        if (type == icmpv6_type::neighbour_solicitation) return receive_solicitation(here, std::move(p), from);
        if (type == icmpv6_type::neighbour_advertisement) return receive_advertisement(here, std::move(p), from);
        here.drop(std::move(p), drop_reason::unsupported);
    }

    /// Tells all on the link that `address` is here now (RFC 4861 section 7.2.6).
    void announce(context auto here, const ipv6_address& address, interface_id on) {
        if (here.interface(on).link == link_type::ip) return;
        advertise(here, address, ipv6_address::all_nodes(), on, neighbour_advertisement::override_flag);
    }
    void solicit(context auto here, const ipv6_address& target, interface_id on, const mac_address* unicast) {
        const auto source = here.template nearest<owner_of<ipv6_address>>()->source_for(target, on);
        if (source.is_any()) return;
        auto p = here.allocate();
        if (!p) return;  // asked again when the entry's time ends
        p.push(nd_link_address_option::make(nd_option_kind::source_link_address, here.interface(on).mac));
        p.push(neighbour_solicitation{{static_cast<std::uint8_t>(icmpv6_type::neighbour_solicitation), 0, {}, 0}, target});
        send(here, icmpv6_type::neighbour_solicitation, std::move(p), source, unicast ? target : target.solicited_node(), on);
    }

    /// Asks whether another host has a tentative address; the answer goes to the IPv6 layer's address_checked.
    void detect_duplicate(context auto here, const ipv6_address& address, interface_id on) {
        detections_.remove_if([&](const duplicate_address_detection& d) { return d.address() == address && d.interface() == on; });
        auto& d = detections_.emplace_back(address, on);
        d.start(here.now(), here.random());
        continue_detection(here, d);
    }

    using neighbours::expired;
    void expired(context auto here, duplicate_address_detection& d) { continue_detection(here, d); }

private:
    static constexpr std::size_t fixed_size(icmpv6_type type) {
        switch (type) {
        case icmpv6_type::router_solicitation: return sizeof(router_solicitation);
        case icmpv6_type::router_advertisement: return sizeof(router_advertisement);
        case icmpv6_type::redirect: return sizeof(redirect_message);
        default: return sizeof(neighbour_solicitation);
        }
    }
    /// The link address that an option of `kind` tells; false where none does.
    static bool find_link_address(const packet& p, nd_option_kind kind, mac_address& found) {
        for (const auto& option : nd_options(p.head().subspan(sizeof(neighbour_solicitation)))) {
            if (option.kind != kind) continue;
            const auto* address = nd_option_as<nd_link_address_option>(option);
            if (address->mac.is_group() || address->mac.is_zero()) continue;
            found = address->mac;
            return true;
        }
        return false;
    }
    static std::uint64_t find_nonce(const packet& p) {
        for (const auto& option : nd_options(p.head().subspan(sizeof(neighbour_solicitation))))
            if (option.kind == nd_option_kind::nonce) return nd_option_as<nd_nonce_option>(option)->value();
        return 0;
    }

    /// RFC 4861 sections 7.1.1 and 7.2.3.
    void receive_solicitation(context auto here, packet p, const from_type& from) {
        const auto target = p.template peek<neighbour_solicitation>()->target;
        mac_address asker;
        const bool tells = find_link_address(p, nd_option_kind::source_link_address, asker);
        if (target.is_multicast() || (from.source.is_any() && (tells || !from.target.is_solicited_node())))
            return here.drop(std::move(p), drop_reason::malformed);
        const auto on = p.interface();
        auto owner = here.template nearest<owner_of<ipv6_address>>();
        const auto* own = owner->table.addresses().find(target, on);
        if (!own) return here.drop(std::move(p), drop_reason::not_for_us);
        if (!own->usable()) {
            if (from.source.is_any()) {
                if (auto* d = detection(target, on); d && d->heard_solicitation(find_nonce(p))) end_detection(here, *d, false);
            }
            return here.deliver(p);
        }
        here.deliver(p);
        if (from.source.is_any()) return advertise(here, target, ipv6_address::all_nodes(), on, neighbour_advertisement::override_flag);
        if (tells) settle(here, cache.learn(from.source, on, asker));
        advertise(here, target, from.source, on, neighbour_advertisement::solicited_flag | neighbour_advertisement::override_flag);
    }
    /// RFC 4861 sections 7.1.2 and 7.2.5.
    void receive_advertisement(context auto here, packet p, const from_type& from) {
        const auto said = *p.template peek<neighbour_advertisement>();
        if (said.target.is_multicast() || (from.target.is_multicast() && said.is_solicited()))
            return here.drop(std::move(p), drop_reason::malformed);
        const auto on = p.interface();
        if (auto owner = here.template nearest<owner_of<ipv6_address>>(); owner->table.addresses().find(said.target, on)) {
            if (auto* d = detection(said.target, on); d && d->heard_advertisement())
                end_detection(here, *d, false);
            else
                ++conflicts;
            return here.drop(std::move(p), drop_reason::bad_source);
        }
        mac_address mac;
        const bool tells = find_link_address(p, nd_option_kind::target_link_address, mac);
        auto confirmed =
            cache.confirm(said.target, on, tells ? &mac : nullptr,
                          {.solicited = said.is_solicited(), .override = said.is_override(), .router = said.is_router()}, here.now());
        if (!confirmed.known) return here.drop(std::move(p), drop_reason::not_for_us);
        here.deliver(p);
        settle(here, std::move(confirmed));
    }

    void advertise(context auto here, const ipv6_address& address, const ipv6_address& to, interface_id on, std::uint32_t flags) {
        auto p = here.allocate();
        if (!p) return;
        if (here.template nearest<owner_of<ipv6_address>>()->forwarding) flags |= neighbour_advertisement::router_flag;
        p.push(nd_link_address_option::make(nd_option_kind::target_link_address, here.interface(on).mac));
        p.push(neighbour_advertisement{{static_cast<std::uint8_t>(icmpv6_type::neighbour_advertisement), 0, {}, flags}, address});
        send(here, icmpv6_type::neighbour_advertisement, std::move(p), address, to, on);
    }
    void send(context auto here, icmpv6_type type, packet p, const ipv6_address& source, const ipv6_address& to, interface_id on) {
        path<ipv6_address> way;
        way.source = source;
        way.target = way.hop = to;
        way.out = on;
        way.hop_limit = neighbour_discovery_hop_limit;
        (void)here.down_as(type, std::move(p), way);
    }

    duplicate_address_detection* detection(const ipv6_address& address, interface_id on) {
        for (auto& d : detections_)
            if (d.running() && d.address() == address && d.interface() == on) return &d;
        return nullptr;
    }
    void continue_detection(context auto here, duplicate_address_detection& d) {
        using action = duplicate_address_detection::action;
        const auto next = d.expired(here.now());
        if (next == action::unique) return end_detection(here, d, true);
        if (next == action::none) return;
        here.arm(d, d.deadline());
        auto p = here.allocate();
        if (!p) return;
        p.push(nd_nonce_option::make(d.nonce()));
        p.push(neighbour_solicitation{{static_cast<std::uint8_t>(icmpv6_type::neighbour_solicitation), 0, {}, 0}, d.address()});
        send(here, icmpv6_type::neighbour_solicitation, std::move(p), {}, d.address().solicited_node(), d.interface());
    }
    void end_detection(context auto here, duplicate_address_detection& d, bool unique) {
        const auto address = d.address();
        const auto on = d.interface();
        detections_.remove_if([&](const duplicate_address_detection& each) { return &each == &d; });
        if (!unique) ++duplicates;
        auto owner = here.template nearest<owner_of<ipv6_address>>();
        owner->address_checked(owner, address, on, unique);
        if (unique) announce(here, address, on);
    }

    std::list<duplicate_address_detection> detections_;
};

}  // namespace netkit
