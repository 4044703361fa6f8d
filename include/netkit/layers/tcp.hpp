#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/compose/position.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/layers/tcp_calls.hpp>
#include <netkit/layers/tcp_entry.hpp>
#include <netkit/layers/tcp_listening.hpp>
#include <netkit/layers/tcp_output.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/protocol/port_table.hpp>
#include <netkit/protocol/rate_limit.hpp>
#include <netkit/protocol/tcp/congestion/congestion_of.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>
#include <netkit/protocol/tcp/flow_table.hpp>
#include <netkit/protocol/tcp/half_open.hpp>
#include <netkit/protocol/tcp/initial_sequence.hpp>
#include <netkit/protocol/tcp/network_errors.hpp>
#include <netkit/protocol/tcp/receive_processing.hpp>
#include <netkit/protocol/tcp/slab.hpp>
#include <netkit/protocol/tcp/syn_cookies.hpp>
#include <netkit/protocol/tcp/time_wait.hpp>
#include <netkit/protocol/tcp/timers.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace netkit {

namespace detail {
template <class Policy>
consteval bool is_tcp_policy() {
    static_assert(congestion_control<Policy>, "netkit: this policy of tcp<...> is not a congestion control (expected: name, start, acknowledged, lost, timed_out, undo, idled, window, slow_start_threshold, pacing_rate)");
    return congestion_control<Policy>;
}
}  // namespace detail

/// The Transmission Control Protocol (RFC 9293). Policies are types: `tcp<reno>`; `tcp<cubic, reno>` has both, the first being the
/// default; `tcp<>` takes the usual ones.
template <class... Policy>
struct tcp : leaf {
    static_assert((detail::is_tcp_policy<Policy>() && ...));
    using congestion_type = congestion_of<Policy...>;
    using entry = tcp_entry<congestion_type>;
    using port = tcp_port<entry>;

    static constexpr auto key = ip_protocol::tcp;
    static constexpr std::size_t header_size = tcp_longest_header;
    using sends_to = any_host;
    using socket_functions = tcp_functions;
    template <class Here>
    static constexpr tcp_functions functions = tcp_calls<Here>::table();

    port_table ports;
    /// Segments that follow one another may come as one packet.
    static constexpr bool takes_super_segments = true;

    tcp_flow_table flows;
    tcp_beginning_source beginnings;
    tcp_slab<entry> connections;
    tcp_slab<port> bound;
    tcp_slab<tcp_half_open> half_open;
    tcp_slab<tcp_time_wait> remembered;
    tcp_shared_options latest_options;  ///< that a socket connected with: the next one's may be the same
    tcp_half_open_schedule handshakes;
    tcp_syn_cookies cookies;
    tcp_time_wait_list time_waits;
    intrusive_list<tcp_socket> sockets;
    struct time_wait_timer : timer {} time_wait_end;
    struct handshake_timer : timer {} handshake_due;
    struct memory_timer : timer {} memory_look;  ///< whether memory is still scarce
    /// How often peers are answered that have no connection: with resets, and where we are.
    answer_limit strangers{{.per_second_each = 100, .burst_each = 200, .per_second = 4000, .burst = 4000}};

    /// How long a closed connection is remembered, and how many at most: beyond that the oldest are forgotten.
    duration time_wait = tcp_timing::time_wait;
    std::size_t most_time_waits = 8192;

    tcp() = default;
    tcp(tcp&&) = delete;
    ~tcp() {
        // All are let go of before any is told, since what it is told may destroy it, and others.
        intrusive_list<tcp_socket> gone;
        while (!sockets.empty()) {
            auto& s = sockets.front();
            if (auto* its_port = static_cast<port*>(std::exchange(s.port_, nullptr))) forget(*its_port);
            if (auto* e = static_cast<entry*>(std::exchange(s.connection_, nullptr))) destroy(*e);
            s.detach();
            gone.push_back(s);
        }
        while (!gone.empty()) {
            auto& s = gone.front();
            static_cast<list_hook&>(s).unlink();
            if (s.detached_) s.detached_(s.detached_context_);
        }
        flows.for_each([this](tcp_flow& f) {
            if (f.kind == tcp_flow_kind::connection) connections.destroy(static_cast<entry&>(f));
            else if (f.kind == tcp_flow_kind::half_open) half_open.destroy(static_cast<tcp_half_open&>(f));
            else remembered.destroy(static_cast<tcp_time_wait&>(f));
        });
    }

    void opened(context auto here) {
        ports.start({here.random(), here.random()});
        beginnings.start({here.random(), here.random()});
        cookies.start({here.random(), here.random()});
        strangers.start({here.random(), here.random()});
        flows.start(tcp_flow_hash([&] { return here.random(); }));
    }

    template <class A>
    void receive(context auto here, packet p, const ip_from<A>& from) {
        receive_segment(here, std::move(p), from);
    }

    /// An error about a segment of ours, `inner`, whose header may be cut after the sequence number.
    template <class A>
    NETKIT_COLD void network_failed(context auto here, std::span<const std::byte> inner, const path<A>& way, network_error error, std::uint32_t detail) {
        struct {
            be16 source, target;
            be32 sequence;
        } quoted;
        if (inner.size() < sizeof quoted) return;
        std::memcpy(&quoted, inner.data(), sizeof quoted);
        auto* flow = flows.find(tcp_flow_key::of(way.source, quoted.source, way.target, quoted.target));
        if (!flow || flow->kind == tcp_flow_kind::time_wait) return;
        if (flow->kind == tcp_flow_kind::half_open) {
            auto& h = static_cast<tcp_half_open&>(*flow);
            if (is_hard(error) && sequence_number(quoted.sequence) == h.initial_send) forget(h);
            return;
        }
        auto& e = static_cast<entry&>(*flow);
        if (!tcp_machine::quotes_what_is_under_way(e, sequence_number(quoted.sequence))) return;
        work(here, e, [&](auto& io) {
            if (error == network_error::packet_too_big) {
                auto internet = here.template nearest<router_of<A>>();
                if constexpr (requires { internet->learn_path_mtu(internet, way.target, detail); })
                    if (const auto fits = internet->learn_path_mtu(internet, way.target, detail)) tcp_machine::path_narrowed(io, e, tcp_mss_of<A>(fits));
            } else if (error != network_error::parameter_problem && error != network_error::reassembly_timeout) {
                tcp_machine::network_unreachable(e, as_errc(error), is_hard(error));
            }
        });
    }

    void expired(context auto here, entry& e) {
        work(here, e, [&](auto& io) { tcp_machine::expired(io, e); });
    }
    void expired(context auto here, time_wait_timer& t) {
        while (!time_waits.empty() && time_waits.first()->until <= here.now()) forget(*time_waits.first());
        if (!time_waits.empty()) here.arm(t, time_waits.first()->until);
    }
    void expired(context auto here, handshake_timer&) { tcp_listening(here).expired(); }
    void expired(context auto here, memory_timer&) { give_memory_back(here.buffers(), here.now()); }

    /// Memory is scarce: in a second it is looked who keeps what he need not.
    void give_memory_back_soon(context auto here) {
        timer& t = memory_look;
        if (!t.armed()) here.arm(memory_look, here.now() + std::chrono::seconds(1));
    }

    /// Has a connection's machine do something, and sees to what comes of it: sockets are told, what is closed goes.
    template <class Here, class F>
    void work(Here here, entry& e, F&& f) {
        tcp_output<Here> io(here);
        if (e.busy) return f(io);
        e.busy = true;
        f(io);
        e.busy = false;
        worked(here, e);
    }
    void worked(context auto here, entry& e) {
        if (e.events.any()) tell(here, e);
        if (e.state == tcp_state::closed || e.state == tcp_state::time_wait) [[unlikely]] settle(here, e);
    }

    /// Gives up a local port, and what waits there to be accepted. The waiting are not told.
    void forget(port& gone) {
        if (gone.size != 0)
            handshakes.for_each([&](tcp_half_open& h) {
                if (h.queue == &gone) forget(h);
            });
        while (auto* e = gone.take_waiting()) destroy(*e);
        bound.destroy(gone);
    }
    void forget(tcp_half_open& h) {
        --h.queue->size;
        flows.remove(h);
        half_open.destroy(h);
    }
    void forget(tcp_time_wait& w) {
        time_waits.remove(w);
        flows.remove(w);
        remembered.destroy(w);
    }
    /// A connection that nobody holds any more, and that does not wait to be accepted.
    void destroy(entry& e) {
        flows.remove(e);
        connections.destroy(e);
    }

private:
    /// What waits beyond gaps goes, until half of the memory is free: first of those who have been silent for a second, then of all.
    NETKIT_COLD void give_memory_back(const pool& buffers, time_point now) {
        for (const duration silence : {duration(std::chrono::seconds(1)), duration::zero()}) {
            if (buffers.used() <= buffers.limit() / 2) return;
            flows.for_each([&](tcp_flow& f) {
                if (f.kind != tcp_flow_kind::connection) return;
                auto& e = static_cast<entry&>(f);
                if (!e.reassembly.empty() && now - e.last_heard >= silence) tcp_machine::give_up_out_of_order(e);
            });
        }
    }
    static void tell(context auto here, entry& e) {
        e.events = {};
        if (e.socket) here.make_ready(*e.socket);
    }
    /// Whether an error tells that trying again is in vain (RFC 1122 section 4.2.3.9).
    static bool is_hard(network_error error) {
        return error == network_error::port_unreachable || error == network_error::protocol_unreachable ||
               error == network_error::administratively_prohibited || error == network_error::no_neighbour;
    }
    static errc as_errc(network_error error) {
        switch (error) {
        case network_error::port_unreachable:
        case network_error::protocol_unreachable: return errc::connection_refused;
        case network_error::network_unreachable: return errc::network_unreachable;
        case network_error::administratively_prohibited: return errc::access_denied;
        default: return errc::host_unreachable;
        }
    }

    template <class A>
    [[gnu::noinline]] NETKIT_FLATTEN void receive_segment(context auto here, packet p, const ip_from<A>& from) {
        drop_reason why{};
        if (!holds_tcp_segment(p, why)) return here.drop(std::move(p), why);
        if (p.checksum() == checksum_state::unknown && fold16(p.sum(pseudo_header_sum(from.source, from.target, key, p.size()))) != 0)
            return here.drop(std::move(p), drop_reason::checksum);
        if (from.link_broadcast) [[unlikely]] return here.drop(std::move(p), drop_reason::not_for_us);
        tcp_segment s;
        read_tcp_segment(p, s);
        s.ecn = from.traffic_class & 3;
        const auto flow_key = tcp_flow_key::of(from.target, s.target_port, from.source, s.source_port);
        auto* flow = flows.find(flow_key);
        if (flow && flow->kind == tcp_flow_kind::connection) [[likely]] {
            auto& e = static_cast<entry&>(*flow);
            return work(here, e, [&](auto& io) { tcp_machine::receive(io, e, s, std::move(p)); });
        }
        receive_without_connection(here, flow, flow_key, s, std::move(p), from);
    }
    template <class A>
    NETKIT_COLD void receive_without_connection(context auto here, tcp_flow* flow, const tcp_flow_key& flow_key, const tcp_segment& s, packet p, const ip_from<A>& from) {
        if (from.source.is_any() || from.source.is_multicast() || (from.source == from.target && s.source_port == s.target_port))
            return here.drop(std::move(p), drop_reason::bad_source);
        const tcp_listening listening(here);
        if (flow && flow->kind == tcp_flow_kind::half_open) return listening.receive(static_cast<tcp_half_open&>(*flow), s, std::move(p));
        if (flow) return receive_in_time_wait(here, static_cast<tcp_time_wait&>(*flow), s, std::move(p));
        listening.receive(flow_key, s, std::move(p));
    }

    NETKIT_COLD void receive_in_time_wait(context auto here, tcp_time_wait& w, const tcp_segment& s, packet p) {
        tcp_output<decltype(here)> io(here);
        switch (time_wait_answer(w, s)) {
        case tcp_time_wait_answer::reopen: {
            // Where nobody would take it, that must not end the wait.
            const auto* listener = tcp_listening(here).listener_of(w.key, p.interface());
            if (!listener) {
                if (io.may_answer(w.key)) io.answer(w);
                break;
            }
            // A cookie's number would not lie beyond those that were used (RFC 9293 section 3.6.1).
            if (!listener->has_room() || !listener->leads_more()) return here.drop(std::move(p), drop_reason::backlog_full);
            const auto both = w.key;
            const auto used = w.send_next;
            forget(w);
            return tcp_listening(here).receive(both, s, std::move(p), &used);
        }
        case tcp_time_wait_answer::end: forget(w); break;
        case tcp_time_wait_answer::restart:
            time_waits.remove(w);
            w.since = here.now();
            w.until = w.since + time_wait;
            time_waits.push_back(w);
            io.answer(w);
            break;
        case tcp_time_wait_answer::acknowledge:
            if (io.may_answer(w.key)) io.answer(w);
            break;
        case tcp_time_wait_answer::nothing: break;
        }
        here.deliver(p);
    }

    /// A connection that has come to its end.
    NETKIT_COLD void settle(context auto here, entry& e) {
        if (e.state == tcp_state::time_wait && e.listed) remember(here, e);
        flows.remove(e);
        e.timer::disarm();
        e.rest();
        // What a socket holds, or may still be given, goes when the socket does.
        if (e.socket || e.admitted) return;
        destroy(e);
    }
    void remember(context auto here, entry& e) {
        if (most_time_waits == 0) return;
        if (time_waits.size() >= most_time_waits) forget(*time_waits.first());
        flows.remove(e);
        auto* w = remembered.make();
        if (!w) return;
        w->kind = tcp_flow_kind::time_wait;
        w->key = e.key;
        w->send_next = e.send_highest;
        w->receive_next = e.receive_next;
        w->timestamps = e.timestamps;
        w->recent_timestamp = e.recent_timestamp;
        w->timestamp_offset = e.timestamp_offset;
        w->window = tcp_machine::window_field(e, false);
        w->since = here.now();
        w->until = w->since + time_wait;
        flows.insert(*w);
        time_waits.push_back(*w);
        if (!time_wait_end.armed()) here.arm(time_wait_end, w->until);
    }
};

}  // namespace netkit
