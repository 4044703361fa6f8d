#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/local_addresses.hpp>
#include <netkit/protocol/path.hpp>
#include <netkit/protocol/path_mtu.hpp>
#include <netkit/protocol/prefix_table.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace netkit {

/// What one family knows of its own addresses and of ways to others.
template <ip_number A>
class routing_table {
public:
    using route_type = route_entry<A>;
    using own = local_address<A>;

    /// The key of hash tables that others fill.
    void start(const hash_key& key) { mtus_.start(key); }
    /// TTL or Hop Limit of paths to single hosts.
    std::uint8_t hop_limit = 64;
    /// Changes whenever an answer of `route` may have: who keeps a copy of a path asks again then.
    std::uint32_t generation() const { return generation_; }

    /// Also adds the route to the address's network. Throws std::invalid_argument where the address cannot be a host's.
    void add_address(const own& a) {
        if (a.length > A::bits || a.on == interface_id::none || a.address.is_any() || a.address.is_multicast() || a.address.is_broadcast())
            throw std::invalid_argument("netkit: '" + to_string(a.address) + "/" + std::to_string(a.length) +
                                        "' cannot be the address of an interface (expected a unicast address, a prefix length up to " + std::to_string(A::bits) + ", and an attached interface)");
        remove_address(a.address, a.on);
        addresses_.add(a);
        if (a.length < A::bits) routes_.add({.net = a.address, .length = a.length, .out = a.on, .connected = true});
        changed();
    }
    void add_address(const A& address, unsigned length, interface_id on, address_state state = address_state::preferred) {
        add_address(own{.address = address, .length = length, .on = on, .state = state});
    }
    /// Also removes the route to its network, unless another address is in it. False where there was none.
    bool remove_address(const A& address, interface_id on) {
        const auto* known = addresses_.find(address, on);
        if (!known) return false;
        const own gone = *known;
        addresses_.remove(address, on);
        const auto& left = addresses_.all();
        const bool shared = std::any_of(left.begin(), left.end(), [&](const own& a) { return a.on == on && a.length == gone.length && a.address.in(gone.address, gone.length); });
        if (!shared)
            routes_.remove_if([&](const route_type& r) { return r.connected && r.out == on && r.length == gone.length && gone.address.in(r.net, r.length); });
        changed();
        return true;
    }
    /// False where there is no such address.
    bool set_state(const A& address, interface_id on, address_state state) {
        auto* known = addresses_.find(address, on);
        if (!known) return false;
        known->state = state;
        changed();
        return true;
    }
    const local_addresses<A>& addresses() const { return addresses_; }

    /// Throws std::invalid_argument where the prefix is too long or the interface is missing.
    void add_route(const route_type& r) {
        if (r.length > A::bits || r.out == interface_id::none)
            throw std::invalid_argument("netkit: no route to '" + to_string(r.net) + "/" + std::to_string(r.length) + "': it needs a prefix length up to " + std::to_string(A::bits) + " and an attached interface");
        routes_.add(r);
        changed();
    }
    void add_route(const A& net, unsigned length, interface_id out, const A& gateway = {}, std::uint32_t metric = 0) {
        add_route(route_type{.net = net, .length = length, .out = out, .gateway = gateway, .metric = metric});
    }
    /// Removes the routes to a network by an interface (any, where that is none); returns how many there were.
    std::size_t remove_route(const A& net, unsigned length, interface_id out = interface_id::none) {
        if (length > A::bits) return 0;
        const auto cleared = network_of(net, length);
        const auto n = routes_.remove_if([&](const route_type& r) { return r.net == cleared && r.length == length && (out == interface_id::none || r.out == out); });
        changed();
        return n;
    }
    /// Forgets all addresses of an interface and all routes by it.
    void remove_interface(interface_id gone) {
        std::erase_if(addresses_.all(), [&](const own& a) { return a.on == gone; });
        routes_.remove_if([&](const route_type& r) { return r.out == gone; });
        changed();
    }
    const prefix_table<A>& routes() const { return routes_; }

    /// The route that packets to an address take, where it is not our own; null where there is none. Valid until the next change.
    const route_type* look_up(const A& to) const { return routes_.look_up(to); }
    NETKIT_INLINE bool is_local(const A& address) const { return addresses_.is_local(address); }
    bool is_local_broadcast(const A& address, interface_id on) const { return addresses_.is_broadcast(address, on); }
    /// The address to speak from; the unspecified one where there is none.
    A source_for(const A& target, interface_id out) const {
        const auto* found = addresses_.source_for(target, out);
        return found ? found->address : A{};
    }

    /// The way to a target, on `scope` where that is not none. Null where there is none: no route, or no address to speak from.
    /// To multicast and broadcast targets the scope alone is enough. Valid until the next call.
    NETKIT_INLINE const path<A>* route(const A& to, interface_id scope = interface_id::none) {
        auto& recent = recent_[cache_slot<recents>(to)];
        if (recent.generation == generation_ && recent.way.target == to && recent.scope == scope) [[likely]] return &recent.way;
        return find_path(to, scope, recent);
    }

    /// A router says that more than `mtu` bytes do not fit on the way (see path_mtu_cache::learn).
    bool learn_path_mtu(const A& target, std::uint32_t mtu, time_point now) {
        if (!mtus_.learn(target, mtu, now)) return false;
        changed();
        return true;
    }
    /// In bytes; 0 where only the interface's MTU is known.
    std::uint32_t path_mtu(const A& target) const { return mtus_.find(target); }

    /// Deprecates and removes addresses, and forgets path MTUs, whose time has come. Calls removed(address) after each removal.
    template <class F>
    void expire(time_point now, F&& removed) {
        if (mtus_.expire(now) != 0) changed();
        for (auto& a : addresses_.all())
            if (a.state == address_state::preferred && a.preferred_until <= now) {
                a.state = address_state::deprecated;
                changed();
            }
        for (const auto* old = invalid(now); old; old = invalid(now)) {
            const own gone = *old;
            remove_address(gone.address, gone.on);
            removed(gone);
        }
    }
    void expire(time_point now) {
        expire(now, [](const own&) {});
    }
    /// When `expire` has something to do next.
    std::optional<time_point> next_expiry() const {
        auto soonest = mtus_.next_expiry().value_or(time_point::max());
        for (const auto& a : addresses_.all()) {
            if (a.state == address_state::preferred) soonest = std::min(soonest, a.preferred_until);
            soonest = std::min(soonest, a.valid_until);
        }
        if (soonest == time_point::max()) return {};
        return soonest;
    }

private:
    void changed() { ++generation_; }
    const own* invalid(time_point now) const {
        for (const auto& a : addresses_.all())
            if (a.valid_until <= now) return &a;
        return nullptr;
    }

    /// A path found before, as long as nothing has changed.
    struct recent_path {
        std::uint32_t generation = 0;
        interface_id scope = interface_id::none;
        path<A> way{};
    };

    NETKIT_COLD const path<A>* find_path(const A& to, interface_id scope, recent_path& recent) {
        path<A> found;
        found.hop_limit = hop_limit;
        found.target = found.hop = to;
        if (is_local(to)) {
            found.source = to;
            found.out = interface_id::loopback;
        } else {
            const bool to_many = to.is_multicast() || to.is_broadcast();
            found.hop_limit = to.is_multicast() ? 1 : hop_limit;
            const auto* way = routes_.look_up(to, [&](const route_type& r) { return scope == interface_id::none || r.out == scope; });
            if (way) {
                found.out = way->out;
                found.mtu = way->mtu;
                if (!to_many && !way->on_link()) found.hop = way->gateway;
            } else if (to_many) {
                found.out = scope == interface_id::none ? first_interface() : scope;
            }
            if (found.out == interface_id::none) return nullptr;
            if constexpr (!A::is_v6)
                if (addresses_.is_broadcast(to, found.out)) found.hop = A::broadcast();
            found.source = source_for(to, found.out);
            if (found.source.is_any() && !to_many) return nullptr;
            const auto learnt = mtus_.find(to);
            if (learnt != 0 && (found.mtu == 0 || learnt < found.mtu)) found.mtu = learnt;
        }
        recent = {generation_, scope, found};
        return &recent.way;
    }
    interface_id first_interface() const {
        for (const auto& a : addresses_.all())
            if (a.on != interface_id::loopback && a.usable()) return a.on;
        return interface_id::none;
    }

    local_addresses<A> addresses_;
    prefix_table<A> routes_;
    path_mtu_cache<A> mtus_;
    std::uint32_t generation_ = 1;
    static constexpr std::size_t recents = 16;
    std::array<recent_path, recents> recent_{};
};

}  // namespace netkit
