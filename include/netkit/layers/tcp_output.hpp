#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/protocol/path.hpp>
#include <netkit/protocol/tcp/buffer_tuning.hpp>
#include <netkit/protocol/tcp/flow.hpp>
#include <netkit/protocol/tcp/negotiation.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/socket_options.hpp>
#include <netkit/protocol/tcp/time_wait.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_writer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace netkit {

/// Bytes of the headers in front of a segment's options.
template <ip_number A>
inline constexpr std::uint32_t tcp_headers_size = (A::is_v6 ? 40 : 20) + sizeof(tcp_header);

/// The payload that a packet of `mtu` bytes has room for, options not counted.
template <ip_number A>
constexpr std::uint16_t tcp_mss_of(std::uint32_t mtu) {
    return static_cast<std::uint16_t>(mtu <= tcp_headers_size<A> ? 0 : std::min<std::uint32_t>(mtu - tcp_headers_size<A>, 65495));
}

/// What joins TCP's machine to the place it stands in: see tcp_host.
template <class Here>
class tcp_output {
public:
    /// Asks the stack for the time, once: outside of a poll that costs a look at the clock.
    explicit tcp_output(Here place) : here(place), now_(place.now()) {}

    time_point now() const { return now_; }
    pool& buffers() const { return here.buffers(); }
    packet allocate(std::size_t size) const { return here.allocate(size); }
    void deliver(packet& p) const { here.deliver(p); }
    void drop(packet p, drop_reason why) const { here.drop(std::move(p), why); }

    template <class Entry>
    void arm(Entry& e, time_point when) const {
        timer& t = e;
        if (!t.armed() || when < t.when()) here.arm(e, when);
    }
    template <class Entry>
    bool admit(Entry& e) const {
        if (!e.listener || !e.listener->has_room()) return false;
        auto& listener = *e.listener;
        listener.admit(e);
        here.make_ready(*listener.socket);
        return true;
    }

    bool memory_is_scarce() const {
        if (!tcp_machine::is_memory_scarce(here.buffers())) return false;
        here->give_memory_back_soon(here);
        return true;
    }

    /// Asks for the way anew where routes have changed. False where there is none.
    template <class Entry>
    bool find_way(Entry& e) const {
        return e.key.six ? find_way_as<ipv6_address>(e) : find_way_as<ipv4_address>(e);
    }
    template <class Entry>
    NETKIT_HOT errc send(Entry& e, packet&& p, const tcp_header& header, const tcp_option_bytes& options) const {
        return e.key.six ? send_as<ipv6_address>(e, std::move(p), header, options) : send_as<ipv4_address>(e, std::move(p), header, options);
    }

    /// A reset to the sender of a segment that belongs to nothing.
    template <class Entry>
    void refuse(const Entry& e, const tcp_segment& s) const {
        refuse_flow(e.key, s);
    }
    NETKIT_COLD void refuse_flow(const tcp_flow_key& key, const tcp_segment& s) const {
        if (may_answer(key)) send_apart(key, tcp_refusal(s).header(), tcp_parsed_options());
    }
    /// Whether to answer the peer of a flow that has no connection: so often, and so many in all.
    bool may_answer(const tcp_flow_key& key) const { return here->strangers.allow(key.remote().address, now(), here.random()); }
    /// Tells a peer of a connection in TIME-WAIT where we are.
    NETKIT_COLD void answer(const tcp_time_wait& w) const {
        tcp_header h{};
        h.sequence = w.send_next.value();
        h.acknowledgement = w.receive_next.value();
        h.control = static_cast<std::uint8_t>(tcp_flags::ack);
        h.window = w.window;
        tcp_parsed_options options;
        options.has_timestamps = w.timestamps;
        options.ts_value = timestamp() + w.timestamp_offset;
        options.ts_echo = w.recent_timestamp;
        send_apart(w.key, h, options);
    }
    /// A segment without a connection, in an IP header as `chosen`. Where there is no buffer, or no way, it is as if it were lost.
    NETKIT_COLD void send_apart(const tcp_flow_key& key, tcp_header header, const tcp_parsed_options& parsed, interface_id scope = interface_id::none,
                                const tcp_socket_options& chosen = {}) const {
        auto p = here.allocate();
        if (!p) return;
        std::array<std::byte, tcp_longest_options> space;
        std::uint64_t sum = 0;
        const auto size = write_tcp_options(space, parsed, sum);
        const tcp_option_bytes options{std::span<const std::byte>(space).first(size), sum};
        header.offset = tcp_header::make_offset(sizeof header + options.size());
        if (key.six) send_apart_as<ipv6_address>(key, std::move(p), header, options, scope, chosen);
        else send_apart_as<ipv4_address>(key, std::move(p), header, options, scope, chosen);
    }
    /// The payload of a segment that fits the way to a flow's peer, options not counted; 0 where there is no way.
    std::uint16_t mss_towards(const tcp_flow_key& key, interface_id scope) const {
        return key.six ? mss_towards_as<ipv6_address>(key, scope) : mss_towards_as<ipv4_address>(key, scope);
    }
    /// Our clock of timestamps, without a connection's offset.
    std::uint32_t timestamp() const { return tcp_timing::timestamp_clock(now()); }

private:
    Here here;
    time_point now_;

    template <ip_number A>
    static constexpr bool speaks = Here::template near<router_of<A>>();

    template <ip_number A, class Entry>
    NETKIT_COLD bool find_way_as(Entry& e) const {
        if constexpr (speaks<A>) {
            auto internet = here.template nearest<router_of<A>>();
            const auto* found = internet->route(e.key.template remote_as<A>(), e.way.scope);
            if (!found) return false;
            auto& way = e.way;
            if constexpr (A::is_v6) way.set_hop(found->hop.high(), found->hop.low(), e.key);
            else way.hop_low = found->hop.raw();
            way.out = found->out;
            way.mtu = found->mtu;
            way.hop_limit = e.options->hop_limit != 0 ? e.options->hop_limit : found->hop_limit;
            if constexpr (requires { internet->table.generation(); }) way.generation = internet->table.generation();
            const auto& interface = here.interface(way.out);
            const auto mss = mss_of(*found);
            const bool changed = way.mss != mss;
            way.mss = std::max(mss, tcp_machine::least_mss);
            way.most_payload = interface.takes_super_segments ? static_cast<std::uint16_t>(65535 - tcp_headers_size<A> - tcp_longest_options) : std::uint16_t(0);
            way.sums_while_writing = interface.can.scatter && !interface.can.checksum;
            if (changed && is_synchronized(e.state)) tcp_machine::choose_send_mss(e);
            return true;
        } else {
            return false;
        }
    }
    template <ip_number A, class Entry>
    A hop_of(const Entry& e) const {
        const tcp_way& way = e.way;
        if constexpr (A::is_v6) {
            if (way.hop_high == tcp_way::upper_half::unknown) [[unlikely]] {
                const auto* found = here.template nearest<router_of<A>>()->route(e.key.template remote_as<A>(), way.scope);
                return found ? found->hop : A{};
            }
            return {way.upper_half_of_hop(e.key), way.hop_low};
        } else {
            return A::from_raw(static_cast<std::uint32_t>(way.hop_low));
        }
    }
    template <ip_number A, class Entry>
    [[gnu::noinline]] NETKIT_FLATTEN errc send_as(Entry& e, packet&& p, const tcp_header& header, const tcp_option_bytes& options) const {
        if constexpr (speaks<A>) {
            auto internet = here.template nearest<router_of<A>>();
            bool known = false;
            if constexpr (requires { internet->table.generation(); }) known = e.way.generation == internet->table.generation();
            if (!known) [[unlikely]]
                if (!find_way_as<A>(e)) {
                    here.drop(std::move(p), drop_reason::no_route);
                    return errc::no_route;
                }
            path<A> way;
            way.source = e.key.template local_as<A>();
            way.target = e.key.template remote_as<A>();
            way.hop = hop_of<A>(e);
            way.out = e.way.out;
            way.mtu = e.way.mtu;
            way.hop_limit = e.way.hop_limit;
            way.traffic_class = static_cast<std::uint8_t>((e.options->traffic_class & 0xfc) | (e.ecn_capable_segment ? 2 : 0));
            return put(std::move(p), way, e.key, header, options);
        } else {
            here.drop(std::move(p), drop_reason::no_route);
            return errc::no_route;
        }
    }
    template <ip_number A>
    void send_apart_as(const tcp_flow_key& key, packet p, const tcp_header& header, const tcp_option_bytes& options, interface_id scope,
                       const tcp_socket_options& chosen) const {
        if constexpr (speaks<A>) {
            const auto* found = here.template nearest<router_of<A>>()->route(key.template remote_as<A>(), scope);
            if (!found) return here.drop(std::move(p), drop_reason::no_route);
            path<A> way = *found;
            way.source = key.template local_as<A>();
            way.traffic_class = chosen.traffic_class & 0xfc;
            if (chosen.hop_limit != 0) way.hop_limit = chosen.hop_limit;
            (void)put(std::move(p), way, key, header, options);
        }
    }
    template <ip_number A>
    std::uint16_t mss_of(const path<A>& way) const {
        const auto mtu = here.interface(way.out).mtu;
        return tcp_mss_of<A>(way.mtu ? std::min(way.mtu, mtu) : mtu);
    }
    template <ip_number A>
    std::uint16_t mss_towards_as(const tcp_flow_key& key, interface_id scope) const {
        if constexpr (speaks<A>) {
            const auto* found = here.template nearest<router_of<A>>()->route(key.template remote_as<A>(), scope);
            if (found) return std::max(mss_of(*found), tcp_machine::least_mss);
        }
        return 0;
    }
    template <ip_number A>
    errc put(packet&& p, const path<A>& way, const tcp_flow_key& key, const tcp_header& header, const tcp_option_bytes& options) const {
        const auto pseudo = pseudo_header_sum(way.source, way.target, ip_protocol::tcp, p.size() + sizeof header + options.size());
        if (p.slices() != 0 || p.gso_size() != 0 || here.interface(way.out).can.checksum) {
            auto whole = header;
            whole.source = key.local_port;
            whole.target = key.remote_port;
            p.push_summed(whole, offsetof(tcp_header, checksum), pseudo, options.bytes, options.sum);
        } else {
            // Nobody further down is better at it than this is: the bytes are few, and at hand.
            const be16 source = key.local_port, target = key.remote_port;
            const auto sum = p.sum(pseudo + source.raw() + target.raw() + header.sum() + options.sum);
            p.push(options.bytes);
            // Field by field, as it was made.
            auto& h = p.template push<tcp_header>();
            h.source = source;
            h.target = target;
            h.sequence = header.sequence;
            h.acknowledgement = header.acknowledgement;
            h.offset = header.offset;
            h.control = header.control;
            h.window = header.window;
            h.checksum = checksum_of(sum);
            h.urgent = header.urgent;
        }
        return here.down(std::move(p), way);
    }
};

}  // namespace netkit
