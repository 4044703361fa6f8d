#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/layers/internet.hpp>
#include <netkit/protocol/group_membership.hpp>
#include <netkit/wire/igmp.hpp>
#include <netkit/wire/ipv4_options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// The Internet Group Management Protocol as hosts speak it (RFC 2236, RFC 3376): tells routers which groups are listened to here, in
/// the oldest version that a querier on the link speaks. Where it is left out, groups are joined all the same, and nobody is told.
struct igmp : leaf {
    using from_type = ip_from<ipv4_address>;
    using membership = group_membership<ipv4_address>::membership;
    static constexpr bool rare = true;
    static constexpr auto key = ip_protocol::igmp;
    static constexpr std::size_t header_size = sizeof(igmp_report) + sizeof(igmp_group_record) + sizeof(ipv4_router_alert);
    using sends_to = any_host;

    group_membership<ipv4_address> groups;

    void joined(context auto here, const ipv4_address& group, interface_id on) {
        if (on != interface_id::loopback) carry_out(here, groups.join(group, on, here.now(), here.random()));
    }
    void left(context auto here, const ipv4_address& group, interface_id on) {
        carry_out(here, groups.leave(group, on, here.now(), here.random()));
    }
    void expired(context auto here, membership& m) { carry_out(here, groups.expired(m, here.now(), here.random())); }

    void receive(context auto here, packet p, const from_type& from) {
        if (!p.linearize()) return here.drop(std::move(p), drop_reason::no_buffers);
        const auto* h = p.template peek<igmp_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        if (fold16(p.sum()) != 0) return here.drop(std::move(p), drop_reason::checksum);
        if (from.hop_limit != 1) return here.drop(std::move(p), drop_reason::malformed);  // it came through a router
        switch (igmp_type{h->type}) {
        case igmp_type::query: return receive_query(here, std::move(p), from);
        case igmp_type::report_v1:
        case igmp_type::report_v2: groups.heard_report(h->group, p.interface(), here.now()); return here.deliver(p);
        default: return here.drop(std::move(p), drop_reason::unsupported);  // for routers
        }
    }

private:
    void receive_query(context auto here, packet p, const from_type& from) {
        const auto group = p.template peek<igmp_header>()->group;
        // To whichever of our addresses (RFC 3376 section 4.1.12), but that no group other than all systems is asked about all (section 9.1).
        const bool to_group = from.target.is_multicast(), to_us = to_group || !from.link_broadcast;
        if (!to_us || (group.is_any() ? to_group && from.target != igmp_all_systems : !group.is_multicast())) return here.drop(std::move(p), drop_reason::malformed);
        auto version = membership_version::newer;
        unsigned tenths = 0;
        if (p.size() == sizeof(igmp_header)) {
            tenths = p.template peek<igmp_header>()->maximum_response_time;
            version = tenths == 0 ? membership_version::oldest : membership_version::older;
            if (tenths == 0) tenths = 100;
        } else {
            const auto* query = p.template peek<igmp_query>();
            if (!query || p.size() < sizeof *query + query->sources * sizeof(ipv4_address))
                return here.drop(std::move(p), drop_reason::truncated);
            tenths = query->maximum_response_time();
        }
        groups.heard_query(
            group, p.interface(), version, std::chrono::milliseconds(100) * tenths, here.now(), [&] { return here.random(); },
            [&](membership& m) { here.arm(m, m.deadline); });
        here.deliver(p);
    }

    void carry_out(context auto here, const group_membership<ipv4_address>::step& step) {
        if (step.arm) here.arm(*step.arm, step.arm->deadline);
        if (step.send == membership_message::none) return;
        auto p = here.allocate();
        if (!p) return;
        if (step.version == membership_version::newer) {
            p.push(igmp_group_record::make(record_of(step.send), step.group));
            push(p, igmp_report{static_cast<std::uint8_t>(igmp_type::report_v3), 0, {}, 0, 1});
            return send(here, std::move(p), igmp_v3_routers, step.on);
        }
        const bool leaves = step.send == membership_message::leave;
        const auto report = step.version == membership_version::oldest ? igmp_type::report_v1 : igmp_type::report_v2;
        push(p, igmp_header{static_cast<std::uint8_t>(leaves ? igmp_type::leave : report), 0, {}, step.group});
        send(here, std::move(p), leaves ? igmp_all_routers : step.group, step.on);
    }
    static group_record record_of(membership_message what) {
        if (what == membership_message::answer) return group_record::is_exclude;
        return what == membership_message::join ? group_record::to_exclude : group_record::to_include;
    }
    template <class Header>
    static void push(packet& p, Header h) {
        h.checksum = checksum_of(p.sum(sum16(h)));
        p.push(h);
    }
    void send(context auto here, packet p, const ipv4_address& to, interface_id on) {
        const auto* found = here.template nearest<router_of<ipv4_address>>()->route(to, on);
        if (!found) return here.drop(std::move(p), drop_reason::no_route);
        alerting_path<ipv4_address> way{*found};
        way.hop_limit = 1;
        (void)here.down(std::move(p), way);
    }
};

}  // namespace netkit
