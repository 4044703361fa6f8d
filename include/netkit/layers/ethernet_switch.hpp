#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/layers/learned_locations.hpp>
#include <netkit/wire/ethernet.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace netkit {

/// A switch between all interfaces of its stack: `stack<ethernet_switch, packet_socket>`. It learns behind which interface each
/// link address is; frames to others, and to groups, go out by every interface but the one they came in by. There is no spanning
/// tree: the network must have no loops. Bare IP interfaces, and frames too long for one, take no part.
struct ethernet_switch : leaf {
    static constexpr std::size_t header_size = 0;
    using sends_to = no_link;

    /// Where stations were last seen; how many are remembered, and for how long, may be set.
    learned_locations<interface_id> stations;

    void opened(context auto here) {
        stations.most = 8192;
        stations.start(hash_key{here.random(), here.random()});
    }

    void receive(context auto here, packet p, const no_link&) {
        const auto came_by = p.interface();
        const auto* h = p.template peek<ethernet_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        if (h->source.is_group() || h->source.is_zero()) return here.drop(std::move(p), drop_reason::bad_source);
        if (is_for_bridges(h->target)) return here.drop(std::move(p), drop_reason::unsupported);
        stations.learn(h->source, came_by, here.now());
        const auto* known = h->target.is_group() ? nullptr : stations.find(h->target, here.now());
        if (!known) return flood(here, std::move(p), came_by);
        // Behind the interface it came by: its target has had it already.
        if (*known == came_by) return here.drop(std::move(p), drop_reason::not_for_us);
        send(here, std::move(p), *known);
    }

private:
    /// 01-80-C2-00-00-00 to -0F: what bridges say to each other, which none passes on (IEEE 802.1Q section 8.6.3).
    static bool is_for_bridges(const mac_address& target) { return target.value() >> 4 == 0x0180c200000; }

    void flood(context auto here, packet p, interface_id came_by) {
        auto last = interface_id::none;
        for (std::size_t i = 1; i < here.interface_count(); ++i) {
            const auto id = static_cast<interface_id>(i);
            if (id == came_by || !takes(here, p, id)) continue;
            if (last != interface_id::none) send_copy(here, p, last);
            last = id;
        }
        if (last == interface_id::none) return here.drop(std::move(p), drop_reason::not_for_us);
        send(here, std::move(p), last);
    }
    static bool takes(context auto here, const packet& p, interface_id id) {
        const auto& out = here.interface(id);
        return out.up && out.link == link_type::ethernet && fits(p, out);
    }
    /// Two VLAN tags do not count as part of the MTU.
    static bool fits(const packet& p, const netkit::interface& out) {
        return p.gso_size() != 0 || p.size() <= out.mtu + sizeof(ethernet_header) + 2 * 4;
    }
    static void send_copy(context auto here, const packet& p, interface_id to) {
        auto copy = p.copy();
        if (!copy) return;  // the frame itself is counted; a copy that is not made is a frame lost on the way
        copy.frames(0);
        send(here, std::move(copy), to);
    }
    static void send(context auto here, packet p, interface_id to) {
        auto& out = here.interface(to);
        if (out.link != link_type::ethernet) [[unlikely]] return here.drop(std::move(p), drop_reason::no_route);
        if (!fits(p, out)) [[unlikely]] return here.drop(std::move(p), drop_reason::too_big);
        p.interface(to);
        (void)here.down(std::move(p), no_link{});
    }
};

}  // namespace netkit
