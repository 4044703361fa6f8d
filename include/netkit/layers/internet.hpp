#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/protocol/admitted_pairs.hpp>
#include <netkit/protocol/reassembly.hpp>
#include <netkit/protocol/routing_table.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace netkit {

/// Tells routers on the link which groups this host listens to: IGMP, MLD.
template <class Layer, class A>
concept reports_membership = requires(Layer& layer, archetype::context here, const A& group, interface_id on) {
    layer.joined(here, group, on);
    layer.left(here, group, on);
};
template <class A>
struct membership_reporter_of {
    template <class Layer>
    static constexpr bool wants = reports_membership<Layer, A>;
};

/// A path whose routers are to look into the packet: it goes with a router alert (RFC 2113, RFC 2711), as reports of
/// membership do.
template <class A>
struct alerting_path : path<A> {};

/// Which multicast groups are listened to on which interfaces, and by how many.
template <ip_number A>
class joined_groups {
public:
    bool has(const A& group, interface_id on) const {
        for (const auto& m : members_)
            if (m.group == group && m.on == on) return true;
        return false;
    }
    /// Whether what comes in by `on` is listened to; what we sent ourselves comes by the loopback.
    bool hears(const A& group, interface_id on) const {
        for (const auto& m : members_)
            if (m.group == group && (m.on == on || on == interface_id::loopback)) return true;
        return false;
    }
    /// True where this is the first.
    bool join(const A& group, interface_id on) {
        for (auto& m : members_)
            if (m.group == group && m.on == on) return ++m.count, false;
        members_.push_back({group, on, 1});
        return true;
    }
    /// True where this was the last.
    bool leave(const A& group, interface_id on) {
        for (std::size_t i = 0; i < members_.size(); ++i) {
            if (!(members_[i].group == group) || members_[i].on != on) continue;
            if (--members_[i].count != 0) return false;
            members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(i));
            return true;
        }
        return false;
    }
    template <class F>
    void for_each(F&& f) const {
        for (const auto& m : members_) f(m.group, m.on);
    }

private:
    struct member {
        A group;
        interface_id on;
        std::size_t count;
    };
    std::vector<member> members_;
};

/// What IPv4 and IPv6 share: own addresses and routes, groups, reassembly, and how to tell others what went wrong.
template <ip_number A>
class internet {
public:
    using sends_to = A;
    using host_path = path<A>;
    using address_type = A;

    routing_table<A> table;
    joined_groups<A> groups;
    reassembly<A> fragments;
    /// Whether packets for others are passed on: whether this host is a router.
    bool forwarding = false;

    bool is_local(const A& address) const { return table.is_local(address); }
    /// Whether an address is this host's, be it not usable yet: what a socket may be bound to.
    bool is_assigned(const A& address) const { return table.addresses().find(address) || is_local(address); }
    /// The interface that an address of this host's is on; none where it is not ours.
    interface_id interface_of(const A& address) const {
        const auto* own = table.addresses().find(address);
        return own ? own->on : interface_id::none;
    }
    A source_for(const A& target, interface_id on) const { return table.source_for(target, on); }
    /// Good until the next question; a connection keeps a copy, with table.generation().
    const path<A>* route(const A& target, interface_id scope = interface_id::none) { return table.route(target, scope); }

    void add_route(context auto, const A& net, unsigned length, interface_id out, const A& gateway = {}) { table.add_route(net, length, out, gateway); }
    void add_route(const A& net, unsigned length, interface_id out, const A& gateway = {}) { table.add_route(net, length, out, gateway); }

    /// Listens to a group on an interface, once more than before.
    void join_group(context auto here, const A& group, interface_id on) {
        if (!groups.join(group, on)) return;
        for_reporter(here, [&](auto reporter) { reporter->joined(reporter, group, on); });
    }
    void leave_group(context auto here, const A& group, interface_id on) {
        if (!groups.leave(group, on)) return;
        for_reporter(here, [&](auto reporter) { reporter->left(reporter, group, on); });
    }

    /// Someone on the way says that more than `mtu` bytes do not fit; believed for ten minutes (RFC 8201 section 4). Whoever tells of
    /// it has matched that to something that was sent (RFC 5927). Zero is what old routers say: then the next smaller of common sizes is tried
    /// (RFC 1191 section 7). Returns what fits as far as is known, in bytes; 0 where nothing is.
    std::uint32_t learn_path_mtu(context auto here, const A& target, std::uint32_t mtu) {
        const auto* way = table.route(target);
        if (!way) return 0;
        const auto known = way->mtu ? way->mtu : here.interface(way->out).mtu;
        if (mtu == 0 && !A::is_v6) mtu = plateau_below(known);
        if (mtu < known && table.learn_path_mtu(target, mtu, here.now())) arm_upkeep_timer(here);
        return table.path_mtu(target);
    }

protected:
    /// What `receive` let in: never other than what its checks would.
    admitted_pairs<A> admitted_;

    struct fragment_timer : timer {};
    struct upkeep_timer : timer {};
    fragment_timer fragment_timer_;
    upkeep_timer upkeep_timer_;

    void start(context auto here) {
        table.start(hash_key{here.random(), here.random()});
        fragments.start(hash_key{here.random(), here.random()});
    }
    void expire_knowledge(context auto here) {
        table.expire(here.now());
        arm_upkeep_timer(here);
    }
    void arm_upkeep_timer(context auto here) {
        if (const auto next = table.next_expiry()) here.arm(upkeep_timer_, *next);
    }
    void arm_fragment_timer(context auto here) {
        if (const auto next = fragments.next_expiry()) here.arm(fragment_timer_, *next);
    }
    /// Tells the sender of `p`, which begins with its network header; says nothing where nothing here can.
    static void tell_sender(context auto here, const packet& p, const ip_from<A>& from, network_error error, std::uint32_t detail = 0) {
        if constexpr (decltype(here)::template has<reporter_to<A>>) {
            auto reporter = here.template above_that<reporter_to<A>>();
            reporter->report(reporter, p, from, error, detail);
        }
    }
    /// Shows a packet that is for this host to who overhears, above or beside; whether anyone took a copy.
    NETKIT_INLINE static bool overheard(context auto here, ip_protocol protocol, packet& p, const ip_from<A>& from) {
        using Here = decltype(here);
        if constexpr (Here::template has<overhearer_of<A>>) {
            auto raw = here.template above_that<overhearer_of<A>>();
            return raw->overhear(raw, protocol, p, from);
        } else if constexpr (Here::template near<overhearer_of<A>>()) {
            auto raw = here.template nearest<overhearer_of<A>>();
            return raw->overhear(raw, protocol, p, from);
        } else return false;
    }

private:
    template <class F>
    static void for_reporter(context auto here, F&& f) {
        if constexpr (decltype(here)::template has<membership_reporter_of<A>>) f(here.template above_that<membership_reporter_of<A>>());
    }
};

}  // namespace netkit
