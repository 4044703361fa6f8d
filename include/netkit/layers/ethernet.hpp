#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/layers/link.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/vlan.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// Ethernet II. Interfaces that carry bare IP packets enter at its IP layers, so that TUN and Ethernet share one stack.
/// What stands on it names an ether_type, or a vlan_id. An identifier of 0 is only a priority (IEEE 802.1Q section 9.6).
template <class... U>
struct ethernet : carries<keys<ether_type, vlan_id>, link_from, U...>, sends_to_neighbours {
    using base = carries<keys<ether_type, vlan_id>, link_from, U...>;
    static_assert(can_reach<base, ipv4_address>, "netkit: ethernet carries IPv4 but nothing here resolves IPv4 neighbours: add arp");
    static_assert(can_reach<base, ipv6_address>, "netkit: ethernet carries IPv6 but nothing here resolves IPv6 neighbours: put ndp on icmpv6");

    static constexpr std::size_t header_size = sizeof(ethernet_header);
    static constexpr bool tagged = (std::same_as<key_type<U>, vlan_id> || ...);
    using sends_to = no_link;

    void receive(context auto here, packet p, const auto&) {
        auto& in = here.interface(p.interface());
        if (in.link == link_type::ip) [[unlikely]] return receive_bare(here, std::move(p));
        const auto* h = p.template pull<ethernet_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        if (!(h->target == in.mac) && !h->target.is_group()) return here.drop(std::move(p), drop_reason::not_for_us);
        const link_from from{h->source, h->target};
        if constexpr (tagged)
            if (h->protocol() == ether_type::vlan) return receive_tagged(here, std::move(p), from);
        here.up(h->protocol(), std::move(p), from);
    }

    using sends_to_neighbours::transmit;
    errc transmit(context auto here, ether_type type, packet p, const mac_address& to) {
        // Set in place: a header made elsewhere in two, four and six bytes would be copied in eights, and stall.
        auto& h = p.template push<ethernet_header>();
        h.target = to;
        h.source = here.interface(p.interface()).mac;
        h.type = static_cast<std::uint16_t>(type);
        return here.down(std::move(p), no_link{});
    }
    /// A VLAN's frame, already tagged.
    errc transmit(context auto here, vlan_id, packet p, const mac_address& to) { return transmit(here, ether_type::vlan, std::move(p), to); }

private:
    NETKIT_COLD void receive_bare(context auto here, packet p) {
        if (p.head().empty()) return here.drop(std::move(p), drop_reason::truncated);
        const auto version = static_cast<unsigned>(p.head()[0]) >> 4;
        if (version != 4 && version != 6) return here.drop(std::move(p), drop_reason::malformed);
        here.up(version == 4 ? ether_type::ipv4 : ether_type::ipv6, std::move(p), link_from{});
    }
    void receive_tagged(context auto here, packet p, const link_from& from) {
        const auto* tag = p.template peek<vlan_tag>();
        if (!tag) return here.drop(std::move(p), drop_reason::truncated);
        if (tag->id() != 0) return here.up(vlan_id{tag->id()}, std::move(p), from);
        p.pull(sizeof *tag);
        here.up(tag->protocol(), std::move(p), from);
    }
};

}  // namespace netkit
