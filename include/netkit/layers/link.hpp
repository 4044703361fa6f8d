#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/protocol_numbers.hpp>

#include <concepts>
#include <utility>

namespace netkit {

/// What stands on Layer and sends to an A finds someone here who resolves it.
template <class Layer, class A>
concept can_reach = !carries_a<Layer, sender_to<A>> || carries_a<Layer, resolver_of<A>>;

/// What links share: the layer above says to which next hop, how to reach it is the link's affair.
struct sends_to_neighbours {
    template <ip_number A>
    errc transmit(context auto here, ether_type type, packet p, const A& hop) {
        if constexpr (std::same_as<typename decltype(here)::layer_type::sends_to, no_link>)
            if (here.interface(p.interface()).link == link_type::ip) [[unlikely]] return here.down(std::move(p), no_link{});
        if (!hop.is_unicast()) [[unlikely]] {
            if (hop.is_multicast()) return here->transmit(here, type, std::move(p), hop.multicast_mac());
            if (hop.is_broadcast()) return here->transmit(here, type, std::move(p), mac_address::broadcast());
        }
        auto neighbours = here.template above_that<resolver_of<A>>();
        if (const auto* mac = neighbours->resolve(neighbours, p, hop)) [[likely]] {
            NETKIT_CALL return here->transmit(here, type, std::move(p), *mac);
        }
        return errc::ok;  // held until the neighbour answers, or dropped and counted
    }
};

}  // namespace netkit
