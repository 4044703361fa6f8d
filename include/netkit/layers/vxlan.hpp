#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/layers/learned_locations.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/udp.hpp>
#include <netkit/wire/vxlan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace netkit {

/// A VXLAN segment (RFC 7348): an Ethernet of its own, `Inner`, whose frames travel in UDP between tunnel endpoints, the remotes.
/// `ethernet<arp, ipv4<basic_udp<vxlan<7, ethernet<arp, ipv4<icmp, udp>>>>>>`. Frames go to the remote behind which their target
/// was last seen, else to all. Only remotes are heard. Outer packets are never fragmented (section 4.3): what does not fit is dropped.
template <std::uint32_t Vni, class Inner>
struct vxlan : carries<sole, no_link, Inner> {
    static_assert(Vni < (1u << 24), "netkit: a VXLAN network identifier has 24 bits");

    static constexpr auto key = udp_port::vxlan;
    static constexpr std::size_t header_size = sizeof(vxlan_header);
    static constexpr bool has_interfaces = true;
    using sends_to = ip_address;

    /// Where the segment's stations were last seen.
    learned_locations<ip_address> stations;

    void opened(context auto here) { stations.start(hash_key{here.random(), here.random()}); }

    /// Makes the interface of this segment, whose packets are to fit into those of `underlay` without being fragmented: its MTU
    /// is the underlay's less 50 bytes, or 70 where a remote has an IPv6 address. Called "vxlanVNI" unless named.
    /// Throws std::invalid_argument where there is no remote, or the interface exists already.
    interface_id add(context auto here, interface_id underlay, const mac_address& mac, std::vector<ip_address> remotes, std::string name = {}) {
        if (inside_ != interface_id::none) throw std::invalid_argument("netkit: VXLAN " + std::to_string(Vni) + " has its interface already");
        if (remotes.empty()) throw std::invalid_argument("netkit: VXLAN " + std::to_string(Vni) + " needs at least one remote tunnel endpoint");
        if (mac.is_group() || mac.is_zero()) throw std::invalid_argument("netkit: VXLAN " + std::to_string(Vni) + " needs a link address of its own, not " + to_string(mac));
        const bool v6 = std::any_of(remotes.begin(), remotes.end(), [](const ip_address& each) { return each.is_v6(); });
        const auto overhead = Inner::header_size + sizeof(vxlan_header) + sizeof(udp_header) + (v6 ? sizeof(ipv6_header) : sizeof(ipv4_header));
        const auto& lower = here.interface(underlay);
        if (lower.mtu <= overhead) throw std::invalid_argument("netkit: interface '" + lower.name + "' has an MTU of " + std::to_string(lower.mtu) + " bytes, too small for VXLAN");
        if (name.empty()) name = "vxlan" + std::to_string(Vni);
        const auto mtu = lower.mtu - static_cast<std::uint32_t>(overhead);
        inside_ = here.attach_virtual({.name = std::move(name), .mac = mac, .mtu = mtu, .link = link_type::ethernet, .can = {.checksum = false, .scatter = true, .segmentation = false}});
        remotes_ = std::move(remotes);
        return inside_;
    }

    template <class A>
    void receive(context auto here, packet p, const ip_from<A>& from) {
        const auto* h = p.template pull<vxlan_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        if (!h->has_id()) return here.drop(std::move(p), drop_reason::malformed);
        if (h->id() != Vni || inside_ == interface_id::none) return here.drop(std::move(p), drop_reason::not_for_us);
        const ip_address remote = from.source;
        if (!is_remote(remote)) return here.drop(std::move(p), drop_reason::filtered);
        auto& in = here.interface(inside_);
        if (!in.up) [[unlikely]] return here.drop(std::move(p), drop_reason::interface_down);
        if (const auto* frame = p.template peek<ethernet_header>())
            if (!frame->source.is_group() && frame->source != in.mac) stations.learn(frame->source, remote, here.now());
        ++in.received.packets;
        in.received.bytes += p.size();
        // From here on it is a frame as if from a device: nothing said of the outer packet holds for it.
        p.interface(inside_);
        p.checksum(checksum_state::unknown);
        p.gso_size(0);
        auto upper = here.template above<0>();
        NETKIT_CALL upper->receive(upper, std::move(p), no_link{});
    }

    errc transmit(context auto here, no_key, packet p, const no_link&) {
        if (inside_ == interface_id::none || p.interface() != inside_) return refuse(here, std::move(p), errc::no_route, drop_reason::no_route);
        auto& in = here.interface(inside_);
        if (!in.up) [[unlikely]] return refuse(here, std::move(p), errc::interface_down, drop_reason::interface_down);
        ++in.sent.packets;
        in.sent.bytes += p.size();
        if (p.checksum() == checksum_state::partial) p.complete_checksum();  // the inner sum, before the outer one
        const auto* frame = p.template peek<ethernet_header>();
        const auto* known = !frame || frame->target.is_group() ? nullptr : stations.find(frame->target, here.now());
        if (known) return wrap(here, std::move(p), ip_address(*known));
        for (std::size_t i = 0; i + 1 < remotes_.size(); ++i) {
            auto copy = p.copy();
            if (!copy) return refuse(here, std::move(p), errc::no_buffers, drop_reason::no_buffers);
            copy.frames(0);
            (void)wrap(here, std::move(copy), remotes_[i]);
        }
        return wrap(here, std::move(p), remotes_.back());
    }

private:
    static errc wrap(context auto here, packet p, const ip_address& remote) {
        p.push(vxlan_header::make(Vni));
        if (p.size() > room_to(here, remote)) [[unlikely]] return refuse(here, std::move(p), errc::message_too_big, drop_reason::too_big);
        return here.down(std::move(p), remote);
    }
    /// How many bytes of UDP's payload fit into one packet to a remote; where there is no way, that is found out below.
    static std::size_t room_to(context auto here, const ip_address& remote) {
        using Here = decltype(here);
        return remote.visit([&]<class A>(const A& a) -> std::size_t {
            if constexpr (Here::template near<router_of<A>>())
                if (const auto* way = here.template nearest<router_of<A>>()->route(a))
                    return (way->mtu ? way->mtu : here.interface(way->out).mtu) - sizeof(udp_header) - (A::is_v6 ? sizeof(ipv6_header) : sizeof(ipv4_header));
            return 65535;
        });
    }
    NETKIT_COLD static errc refuse(context auto here, packet p, errc error, drop_reason why) {
        here.drop(std::move(p), why);
        return error;
    }
    bool is_remote(const ip_address& address) const { return std::find(remotes_.begin(), remotes_.end(), address) != remotes_.end(); }

    interface_id inside_ = interface_id::none;
    std::vector<ip_address> remotes_;
};

}  // namespace netkit
