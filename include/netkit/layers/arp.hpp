#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/neighbours.hpp>
#include <netkit/protocol/address_conflict_detection.hpp>
#include <netkit/wire/arp.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>

namespace netkit {

/// The Address Resolution Protocol (RFC 826) with the states of RFC 4861; addresses of ours are announced and defended (RFC 5227).
/// It resolves for whichever sibling owns IPv4 addresses.
struct arp : leaf, resolves_neighbours<arp, ipv4_address, ether_type::ipv4> {
    static constexpr bool rare = true;
    static constexpr auto key = ether_type::arp;
    static constexpr std::size_t header_size = sizeof(arp_header);
    using sends_to = mac_address;

    std::uint64_t conflicts = 0;  ///< how often another host claimed an address of ours

    void receive(context auto here, packet p, const link_from&) {
        const auto* h = p.template pull<arp_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        if (!h->is_ethernet_ipv4()) return here.drop(std::move(p), drop_reason::malformed);
        const auto on = p.interface();
        auto owner = here.template nearest<owner_of<ipv4_address>>();
        if (h->sender_mac.is_group() || h->sender_mac.is_zero() || h->sender_mac == here.interface(on).mac || !h->sender_ip.is_unicast() || h->sender_ip.is_loopback() || is_broadcast(owner, h->sender_ip, on))
            return here.drop(std::move(p), drop_reason::bad_source);
        if (!h->sender_ip.is_any() && owner->is_local(h->sender_ip)) {
            defend(here, h->sender_ip, on);
            return here.drop(std::move(p), drop_reason::bad_source);
        }
        const bool for_us = owner->is_local(h->target_ip) && !h->target_ip.is_loopback();
        learn(here, *h, on, for_us);
        if (!for_us) return here.drop(std::move(p), drop_reason::not_for_us);
        const auto request = *h;
        here.deliver(p);
        if (request.kind() == arp_operation::request) say(here, arp_operation::reply, on, request.target_ip, request.sender_mac, request.sender_ip, request.sender_mac);
    }
    /// Tells all on the link that `address` is here now (a gratuitous ARP request).
    void announce(context auto here, const ipv4_address& address, interface_id on) {
        if (here.interface(on).link == link_type::ip) return;
        auto& claim = claim_to(address, on);
        claim.start(here.now(), here.random());
        if (claim.expired(here.now(), here.random()) != address_conflict_detection::action::none) say_claimed(here, claim);
    }
    void solicit(context auto here, const ipv4_address& target, interface_id on, const mac_address* unicast) {
        const auto source = here.template nearest<owner_of<ipv4_address>>()->source_for(target, on);
        say(here, arp_operation::request, on, source, mac_address(), target, unicast ? *unicast : mac_address::broadcast());
    }

private:
    /// Addresses are not probed for before they are used: who adds one says that it is ours.
    static constexpr address_conflict_settings at_once{.probes = 0, .announcements = 1, .gives_up = false};

    /// Whether it means all of a network on the link, as far as the owner of addresses knows: what is sent there is for nobody in particular.
    static bool is_broadcast(auto owner, const ipv4_address& address, interface_id on) {
        if constexpr (requires { owner->table.is_local_broadcast(address, on); }) return owner->table.is_local_broadcast(address, on);
        else return false;
    }

    address_conflict_detection& claim_to(const ipv4_address& address, interface_id on) {
        for (auto& c : claims_)
            if (c.address() == address && c.interface() == on) return c;
        return claims_.emplace_back(address, on, at_once);
    }
    /// Another host speaks from an address of ours: it is told so, once in ten seconds, lest two that both insist flood the link; the
    /// address is not given up (RFC 5227 section 2.4 (c)).
    void defend(context auto here, const ipv4_address& address, interface_id on) {
        ++conflicts;
        for (auto& c : claims_)
            if (c.address() == address && c.interface() == on && c.heard(here.now()) == address_conflict_detection::conflict::defend) say_claimed(here, c);
    }
    void say_claimed(context auto here, const address_conflict_detection& c) {
        say(here, arp_operation::request, c.interface(), c.address(), mac_address(), c.address(), mac_address::broadcast());
    }
    void learn(context auto here, const arp_header& h, interface_id on, bool for_us) {
        if (h.sender_ip.is_any()) return;  // a probe (RFC 5227 section 2.1.1) claims nothing yet
        const auto mac = h.sender_mac;
        if (h.kind() == arp_operation::reply && for_us && cache.awaits(h.sender_ip, on)) settle(here, cache.confirm(h.sender_ip, on, &mac, {.solicited = true}, here.now()));
        else if (h.kind() == arp_operation::request && for_us) settle(here, cache.learn(h.sender_ip, on, mac));
        else settle(here, cache.learn_unsolicited(h.sender_ip, on, mac));
    }
    void say(context auto here, arp_operation operation, interface_id on, const ipv4_address& source, const mac_address& target_mac, const ipv4_address& target, const mac_address& to) {
        auto p = here.allocate();
        if (!p) return;  // asked again when the entry's time ends
        p.interface(on);
        p.push(arp_header::make(operation, here.interface(on).mac, source, target_mac, target));
        (void)here.down(std::move(p), to);
    }

    std::list<address_conflict_detection> claims_;
};

}  // namespace netkit
