#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/layers/link.hpp>
#include <netkit/wire/vlan.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace netkit {

/// A VLAN (IEEE 802.1Q): to the Ethernet below one of its upper layers, to those above an Ethernet, on interfaces of its own.
/// Several stand on one Ethernet, beside what is not tagged; a VLAN in a VLAN is two tags.
template <std::uint16_t Id, class... U>
struct vlan : carries<keys<ether_type, vlan_id>, link_from, U...>, sends_to_neighbours {
    static_assert(Id >= 1 && Id <= 4094, "netkit: a VLAN identifier is a number from 1 to 4094");
    using base = carries<keys<ether_type, vlan_id>, link_from, U...>;
    static_assert(can_reach<base, ipv4_address>, "netkit: vlan carries IPv4 but nothing in it resolves IPv4 neighbours: add arp");
    static_assert(can_reach<base, ipv6_address>, "netkit: vlan carries IPv6 but nothing in it resolves IPv6 neighbours: put ndp on icmpv6");

    static constexpr auto key = vlan_id{Id};
    static constexpr std::size_t header_size = sizeof(vlan_tag);
    static constexpr bool has_interfaces = true;
    static constexpr bool tagged = (std::same_as<key_type<U>, vlan_id> || ...);
    using sends_to = mac_address;

    /// The priority code point of what is sent, 0 to 7.
    std::uint8_t priority = 0;

    /// Makes an interface of the frames that carry this identifier on `outside`, with its MAC and MTU (the tag does not count as
    /// part of it). Addresses are given to the interface that is returned; it is called "outside.id" unless named.
    /// Throws std::invalid_argument where `outside` is no Ethernet, or has such an interface already.
    interface_id add(context auto here, interface_id outside, std::string name = {}) {
        const auto& lower = here.interface(outside);
        if (lower.link != link_type::ethernet) throw std::invalid_argument("netkit: interface '" + lower.name + "' carries no Ethernet, so no VLAN either");
        if (inside_of(outside)) throw std::invalid_argument("netkit: interface '" + lower.name + "' has VLAN " + std::to_string(Id) + " already");
        auto can = lower.can;
        can.segmentation = false;
        if (name.empty()) name = lower.name + "." + std::to_string(Id);
        const auto inside = here.attach_virtual({.name = std::move(name), .mac = lower.mac, .mtu = lower.mtu, .link = link_type::ethernet, .can = can});
        pairs_.push_back({outside, inside});
        return inside;
    }

    void receive(context auto here, packet p, const link_from& from) {
        const auto* tag = p.template pull<vlan_tag>();
        if (!tag) return here.drop(std::move(p), drop_reason::truncated);
        const auto* found = inside_of(p.interface());
        if (!found) return here.drop(std::move(p), drop_reason::not_for_us);
        auto& in = here.interface(found->inside);
        if (!in.up) [[unlikely]] return here.drop(std::move(p), drop_reason::interface_down);
        ++in.received.packets;
        in.received.bytes += p.size();
        p.interface(found->inside);
        const auto type = tag->protocol();
        if constexpr (tagged)
            if (type == ether_type::vlan) {
                const auto* inner = p.template peek<vlan_tag>();
                if (!inner) return here.drop(std::move(p), drop_reason::truncated);
                return here.up(vlan_id{inner->id()}, std::move(p), from);
            }
        here.up(type, std::move(p), from);
    }

    using sends_to_neighbours::transmit;
    errc transmit(context auto here, ether_type type, packet p, const mac_address& to) {
        const auto* found = outside_of(p.interface());
        if (!found) [[unlikely]] {
            here.drop(std::move(p), drop_reason::no_route);
            return errc::no_route;
        }
        auto& in = here.interface(found->inside);
        if (!in.up) [[unlikely]] {
            here.drop(std::move(p), drop_reason::interface_down);
            return errc::interface_down;
        }
        ++in.sent.packets;
        in.sent.bytes += p.size();
        p.push(vlan_tag::make(Id, type, priority));
        p.interface(found->outside);
        return here.down(std::move(p), to);
    }
    /// The frame of a VLAN in this one, already tagged.
    errc transmit(context auto here, vlan_id, packet p, const mac_address& to) { return transmit(here, ether_type::vlan, std::move(p), to); }

private:
    struct pair {
        interface_id outside, inside;
    };
    const pair* inside_of(interface_id outside) const {
        for (const auto& each : pairs_)
            if (each.outside == outside) return &each;
        return nullptr;
    }
    const pair* outside_of(interface_id inside) const {
        for (const auto& each : pairs_)
            if (each.inside == inside) return &each;
        return nullptr;
    }
    std::vector<pair> pairs_;
};

}  // namespace netkit
