#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/internet.hpp>
#include <netkit/layers/ipv6_header_chain.hpp>
#include <netkit/protocol/group_membership.hpp>
#include <netkit/wire/icmpv6.hpp>
#include <netkit/wire/ipv6_options.hpp>
#include <netkit/wire/mld.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// Multicast Listener Discovery as hosts speak it (RFC 2710, RFC 3810), on ICMPv6: tells routers which groups are listened to here, in
/// the oldest version that a querier on the link speaks. Where it is left out, groups are joined all the same, and nobody is told.
struct mld : leaf {
    using from_type = ip_from<ipv6_address>;
    using membership = group_membership<ipv6_address>::membership;
    static constexpr bool rare = true;
    static constexpr one_of key{icmpv6_type::multicast_listener_query, icmpv6_type::multicast_listener_report,
                                icmpv6_type::multicast_listener_done, icmpv6_type::multicast_listener_report_v2};
    static constexpr std::size_t header_size = sizeof(mld_report) + sizeof(mld_group_record) + sizeof(ipv6_router_alert_header);
    using sends_to = any_host;

    group_membership<ipv6_address> groups;

    void joined(context auto here, const ipv6_address& group, interface_id on) {
        if (on != interface_id::loopback) carry_out(here, groups.join(group, on, here.now(), here.random()));
    }
    void left(context auto here, const ipv6_address& group, interface_id on) {
        carry_out(here, groups.leave(group, on, here.now(), here.random()));
    }
    void expired(context auto here, membership& m) { carry_out(here, groups.expired(m, here.now(), here.random())); }

    void receive(context auto here, packet p, const from_type& from) {
        if (!p.linearize()) return here.drop(std::move(p), drop_reason::no_buffers);
        if (from.hop_limit != 1) return here.drop(std::move(p), drop_reason::malformed);  // it came through a router
        const auto type = icmpv6_type{p.template peek<icmp_header>()->type};
        if (type == icmpv6_type::multicast_listener_done || type == icmpv6_type::multicast_listener_report_v2)
            return here.drop(std::move(p), drop_reason::unsupported);  // for routers
        const auto* message = p.template peek<mld_message>();
        if (!message) return here.drop(std::move(p), drop_reason::truncated);
        if (!from.source.is_link_local()) return here.drop(std::move(p), drop_reason::bad_source);
        if (type == icmpv6_type::multicast_listener_query) return receive_query(here, std::move(p), from);
        groups.heard_report(message->group, p.interface(), here.now());
        here.deliver(p);
    }

private:
    void receive_query(context auto here, packet p, const from_type& from) {
        const auto& message = *p.template peek<mld_message>();
        const auto group = message.group;
        // To whichever of our addresses (RFC 3810 section 5.1.15).
        if (!alerts_routers(p, from) || (!group.is_any() && !group.is_multicast())) return here.drop(std::move(p), drop_reason::malformed);
        auto version = membership_version::older;
        std::uint32_t most = message.maximum_response_delay;
        if (p.size() != sizeof message) {
            const auto* query = p.template peek<mld_query>();
            if (!query || p.size() < sizeof *query + query->sources * sizeof(ipv6_address))
                return here.drop(std::move(p), drop_reason::truncated);
            version = membership_version::newer;
            most = query->maximum_response_delay();
        }
        groups.heard_query(
            group, p.interface(), version, std::chrono::milliseconds(most), here.now(), [&] { return here.random(); },
            [&](membership& m) { here.arm(m, m.deadline); });
        here.deliver(p);
    }

    /// What has no router alert was not sent by a router on the link (RFC 3810 section 6.2).
    static bool alerts_routers(packet& p, const from_type& from) {
        p.push(from.header_size);
        const bool does = has_router_alert(p.head(), ipv6_router_alert_header{}.value);
        p.pull(from.header_size);
        return does;
    }

    void carry_out(context auto here, const group_membership<ipv6_address>::step& step) {
        if (step.arm) here.arm(*step.arm, step.arm->deadline);
        if (step.send == membership_message::none) return;
        auto p = here.allocate();
        if (!p) return;
        if (step.version == membership_version::newer) {
            p.push(mld_group_record::make(record_of(step.send), step.group));
            p.push(mld_report{static_cast<std::uint8_t>(icmpv6_type::multicast_listener_report_v2), 0, {}, 0, 1});
            return send(here, icmpv6_type::multicast_listener_report_v2, std::move(p), mld_routers, step.on);
        }
        const bool leaves = step.send == membership_message::leave;
        const auto type = leaves ? icmpv6_type::multicast_listener_done : icmpv6_type::multicast_listener_report;
        p.push(mld_message{static_cast<std::uint8_t>(type), 0, {}, 0, 0, step.group});
        send(here, type, std::move(p), leaves ? ipv6_address::all_routers() : step.group, step.on);
    }
    static group_record record_of(membership_message what) {
        if (what == membership_message::answer) return group_record::is_exclude;
        return what == membership_message::join ? group_record::to_exclude : group_record::to_include;
    }
    void send(context auto here, icmpv6_type type, packet p, const ipv6_address& to, interface_id on) {
        alerting_path<ipv6_address> way;
        // A link-local address whatever the group's scope, or none while that is being checked (RFC 3590).
        way.source = here.template nearest<owner_of<ipv6_address>>()->source_for(ipv6_address::all_nodes(), on);
        if (!way.source.is_link_local()) way.source = {};
        way.target = way.hop = to;
        way.out = on;
        way.hop_limit = 1;
        (void)here.down_as(type, std::move(p), way);
    }
};

}  // namespace netkit
