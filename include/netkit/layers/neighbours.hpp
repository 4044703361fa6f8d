#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/protocol/neighbour_cache.hpp>

#include <utility>

namespace netkit {

/// What ARP and NDP share: the neighbour cache, joined to the stack. Self sends the questions:
/// `void solicit(here, const A& target, interface_id on, const mac_address* unicast)`.
template <class Self, ip_number A, ether_type Type>
class resolves_neighbours {
public:
    neighbour_cache<A> cache;

    void opened(context auto here) { cache.start(hash_key{here.random(), here.random()}, here.random()); }

    /// See the concept `resolves`. What is not sent at once is held, or dropped and counted; never left with the caller.
    NETKIT_INLINE const mac_address* resolve(context auto here, packet& p, const A& next_hop) {
        if (const auto* mac = cache.find(next_hop, p.interface(), here.now())) [[likely]] return mac;
        packet held(std::move(p));  // a name of its own, so that on the usual way the packet stays in a register
        const auto* mac = resolve_slowly(here, held, next_hop);
        p = std::move(held);
        return mac;
    }
    void expired(context auto here, neighbour<A>& entry) {
        using action = typename neighbour_cache<A>::action;
        auto end = cache.expired(entry, here.now());
        if (end.what == action::none) return;
        if (end.what == action::unreachable) {
            auto owner = here.template nearest<owner_of<A>>();
            while (auto p = end.held.pop_front()) owner->neighbour_unreachable(owner, std::move(p));
            return;
        }
        here.arm(entry, end.deadline);
        self().solicit(here, end.address, end.interface, end.what == action::solicit_unicast ? &end.mac : nullptr);
    }

protected:
    /// Sends what a confirmation set free, and counts what it pushed out.
    void settle(context auto here, typename neighbour_cache<A>::confirmation confirmed) {
        drop_all(here, confirmed.dropped);
        // On a stack without a link layer nothing is ever held.
        if constexpr (decltype(here)::template near<link>()) {
            auto link_below = here.template nearest<link>();
            while (auto p = confirmed.held.pop_front()) (void)link_below->transmit(link_below, Type, std::move(p), confirmed.known->mac);
        }
    }

private:
    Self& self() { return static_cast<Self&>(*this); }

    NETKIT_COLD const mac_address* resolve_slowly(context auto here, packet& p, const A& next_hop) {
        const auto on = p.interface();
        auto found = cache.resolve(next_hop, on, p, here.now());
        drop_all(here, found.dropped);
        if (found.arm) here.arm(*found.arm, found.arm->deadline);
        if (found.solicit) self().solicit(here, next_hop, on, nullptr);
        return found.mac;
    }
    static void drop_all(context auto here, packet_queue& dropped) {
        while (auto p = dropped.pop_front()) here.drop(std::move(p), drop_reason::neighbour_queue_full);
    }
};

}  // namespace netkit
