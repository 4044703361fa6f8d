#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/layers/tcp_entry.hpp>
#include <netkit/layers/tcp_output.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/protocol/tcp/calls.hpp>
#include <netkit/protocol/tcp/congestion/congestion_of.hpp>
#include <netkit/protocol/tcp/describe.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace netkit {

/// What sockets ask of the TCP at Here.
template <class Here>
struct tcp_calls {
    using layer = typename Here::layer_type;
    using entry = typename layer::entry;
    using port = typename layer::port;

    static constexpr tcp_functions table() {
        return {.open = &open,
                .bind = &bind,
                .connect = &connect,
                .listen = &listen,
                .accept = &accept,
                .receive = &receive,
                .receive_packet = &receive_packet,
                .send = &send,
                .send_packet = &send_packet,
                .shutdown = &shutdown,
                .close = &close,
                .options_changed = &options_changed,
                .choose_congestion_control = &choose_congestion_control,
                .readiness = &readiness,
                .take_error = &take_error,
                .local = &local,
                .remote = &remote,
                .info = &info,
                .closing = &closing};
    }

private:
    static entry* connection_of(const tcp_socket& s) { return static_cast<entry*>(s.connection_); }
    static port* port_of(const tcp_socket& s) { return static_cast<port*>(s.port_); }

    /// Whether an address may be spoken from: one of ours, or any of a family the stack has.
    static bool may_bind(Here here, const ip_address& address) {
        return address.visit([&]<class A>(const A& a) {
            if constexpr (Here::template near<router_of<A>>()) {
                if (a.is_any()) return true;
                auto internet = here.template nearest<router_of<A>>();
                if constexpr (requires { internet->is_assigned(a); }) return internet->is_assigned(a);
                else return internet->is_local(a);
            } else {
                // `::` stands for both families.
                return A::is_v6 && a.is_any();
            }
        });
    }
    /// Has a connection's machine do something, all of it at one moment.
    template <class F>
    static void work(Here here, entry& e, F&& f) {
        const stack_core::moment moment(here.stack());
        here->work(here, e, std::forward<F>(f));
    }
    static void release_port(Here here, tcp_socket& s) {
        if (auto* its_port = static_cast<port*>(std::exchange(s.port_, nullptr))) here->forget(*its_port);
    }

    static void open(stack_core& core, tcp_socket& s) { Here::in(core)->sockets.push_back(s); }

    static errc bind(stack_core& core, tcp_socket& s, const endpoint& wanted) {
        auto here = Here::in(core);
        if (s.port_ || s.connection_) return errc::invalid_argument;
        endpoint local = wanted;
        local.address = wanted.address.unmapped();
        if (!may_bind(here, local.address)) return errc::address_not_available;
        auto* its_port = here->bound.make();
        if (!its_port) return errc::no_buffers;
        its_port->socket = &s;
        its_port->exclusive = true;
        its_port->receives = false;
        its_port->reuse_address = s.options_.reuse_address;
        its_port->v6_only = s.options_.v6_only;
        const auto result = here->ports.bind(*its_port, local, here.random());
        if (result != errc::ok) here->bound.destroy(*its_port);
        else s.port_ = its_port;
        return result;
    }

    static errc connect(stack_core& core, tcp_socket& s, const endpoint& wanted) {
        auto here = Here::in(core);
        if (port_of(s) && port_of(s)->backlog != 0) return errc::invalid_argument;
        if (auto* old = connection_of(s)) {
            if (old->state == tcp_state::syn_sent || old->state == tcp_state::syn_received) return errc::already_started;
            if (old->state != tcp_state::closed || old->was_established) return errc::already_connected;
            // An attempt that failed: another may follow.
            here->destroy(*old);
            s.connection_ = nullptr;
        }
        endpoint remote = wanted;
        remote.address = wanted.address.unmapped();
        if (remote.port == 0) return errc::invalid_argument;
        // "This host" (RFC 1122 section 3.2.1.3): the loopback.
        if (remote.address.is_any()) remote.address = remote.address.is_v6() ? ip_address(ipv6_address::loopback()) : ip_address(ipv4_address::loopback());
        if (remote.address.is_multicast()) return errc::network_unreachable;
        return remote.address.visit([&]<class A>(const A& target) {
            if constexpr (Here::template near<router_of<A>>()) return connect_to(here, s, target, remote);
            else return errc::no_route;
        });
    }
    template <ip_number A>
    static errc connect_to(Here here, tcp_socket& s, const A& target, const endpoint& remote) {
        const stack_core::moment moment(here.stack());
        const auto* way = here.template nearest<router_of<A>>()->route(target, remote.scope);
        if (!way) return errc::no_route;
        if (target.is_broadcast() || way->hop.is_broadcast()) return errc::network_unreachable;
        A source = way->source;
        std::uint16_t local_port = 0;
        if (const auto* its_port = port_of(s)) {
            local_port = its_port->local().port;
            const auto& bound = its_port->local().address;
            if (!bound.is_any()) {
                if (bound.is_v6() != A::is_v6) return errc::invalid_argument;
                bound.visit([&]<class B>(const B& b) {
                    if constexpr (std::same_as<A, B>) source = b;
                });
            }
        }
        const auto key = [&](std::uint16_t p) { return tcp_flow_key::of(source, p, target, remote.port); };
        const auto is_free = [&](std::uint16_t p) {
            const auto* flow = here->flows.find(key(p));
            return !flow || (flow->kind == tcp_flow_kind::time_wait && s.options_.timestamps && may_be_succeeded(static_cast<const tcp_time_wait&>(*flow), here.now()));
        };
        if (local_port == 0) {
            const endpoint from{source, 0};
            local_port = here->ports.ephemeral().choose(from.address, remote, here.random(), [&](std::uint16_t p) {
                const bool own_target = source == target && p == remote.port;
                return !own_target && is_free(p) && !here->ports.look_up({from.address, p}, remote);
            });
            if (local_port == 0) return errc::no_ports;
        } else if (!is_free(local_port) || (source == target && local_port == remote.port)) {
            return errc::address_in_use;
        }
        if (!here->latest_options.set(s.options_)) return errc::no_buffers;
        auto* e = here->connections.make();
        if (!e) return errc::no_buffers;
        e->key = key(local_port);
        e->options = here->latest_options;
        if (!s.congestion_control_.empty()) choose_congestion(e->congestion, s.congestion_control_);
        e->way.scope = remote.scope;
        if (!tcp_output<Here>(here).find_way(*e)) {
            here->connections.destroy(*e);
            return errc::no_route;
        }
        auto beginnings = here->beginnings(e->key, here.now());
        if (auto* old = here->flows.find(e->key)) {
            auto& w = static_cast<tcp_time_wait&>(*old);
            beginnings.begin_behind(w.send_next);
            here->forget(w);
        }
        here->flows.insert(*e);
        e->socket = &s;
        s.connection_ = e;
        work(here, *e, [&](auto& io) { tcp_machine::open(io, *e, beginnings); });
        return errc::would_block;
    }

    static errc listen(stack_core& core, tcp_socket& s, std::size_t backlog) {
        auto here = Here::in(core);
        if (s.connection_) return errc::already_connected;
        if (!s.port_) {
            const auto bound = bind(core, s, {});
            if (bound != errc::ok) return bound;
        }
        const auto opened = here->ports.open(*port_of(s));
        if (opened == errc::ok) port_of(s)->backlog = std::max<std::size_t>(backlog, 1);
        return opened;
    }
    static errc accept(stack_core& core, tcp_socket& listener, tcp_socket& peer) {
        auto here = Here::in(core);
        auto* its_port = port_of(listener);
        if (!its_port || its_port->backlog == 0) return errc::invalid_argument;
        if (peer.core_) return errc::already_connected;
        auto* e = its_port->take_waiting();
        if (!e) return errc::would_block;
        e->socket = &peer;
        peer.core_ = &core;
        peer.functions_ = listener.functions_;
        peer.connection_ = e;
        peer.options_ = *e->options;
        peer.congestion_control_ = listener.congestion_control_;
        here->sockets.push_back(peer);
        return errc::ok;
    }

    static io_result receive(stack_core& core, tcp_socket& s, std::span<const std::span<std::byte>> buffers, bool peek) {
        auto* e = connection_of(s);
        if (!e) return {0, errc::not_connected};
        const auto result = tcp_machine::read(*e, buffers, peek);
        if (!peek && result.bytes != 0) bytes_were_read(core, *e);
        return result;
    }
    static io_result receive_packet(stack_core& core, tcp_socket& s, shared_packet& bytes, std::size_t most) {
        auto* e = connection_of(s);
        if (!e) return {0, errc::not_connected};
        const auto result = tcp_machine::read(*e, bytes, most);
        if (result.bytes != 0) bytes_were_read(core, *e);
        return result;
    }
    static void bytes_were_read(stack_core& core, entry& e) {
        if (!tcp_machine::is_to_tell_of_room(e)) [[likely]] return;
        auto here = Here::in(core);
        work(here, e, [&](auto& io) { tcp_machine::send_acknowledgement(io, e); });
    }
    static io_result send(stack_core& core, tcp_socket& s, std::span<const std::span<const std::byte>> buffers) {
        auto* e = connection_of(s);
        if (!e) return {0, errc::not_connected};
        auto here = Here::in(core);
        io_result result;
        work(here, *e, [&](auto& io) { result = tcp_machine::send(io, *e, buffers); });
        return result;
    }
    static io_result send_packet(stack_core& core, tcp_socket& s, shared_packet bytes) {
        auto* e = connection_of(s);
        if (!e) return {0, errc::not_connected};
        auto here = Here::in(core);
        io_result result;
        work(here, *e, [&](auto& io) { result = tcp_machine::send(io, *e, std::move(bytes)); });
        return result;
    }
    static errc shutdown(stack_core& core, tcp_socket& s, bool receive, bool send) {
        auto* e = connection_of(s);
        if (!e || e->state == tcp_state::syn_sent || !e->was_established || e->state == tcp_state::closed) return errc::not_connected;
        auto here = Here::in(core);
        work(here, *e, [&](auto& io) {
            if (receive) tcp_machine::finish_receiving(io, *e);
            if (send) tcp_machine::finish_sending(io, *e);
        });
        return errc::ok;
    }

    static void close(stack_core& core, tcp_socket& s, bool abort) {
        auto here = Here::in(core);
        static_cast<list_hook&>(s).unlink();
        if (auto* its_port = port_of(s)) {
            // Connections that no one will accept.
            while (auto* e = its_port->take_waiting()) give_up(here, *e, true);
            release_port(here, s);
        }
        if (auto* e = static_cast<entry*>(std::exchange(s.connection_, nullptr))) {
            e->socket = nullptr;
            give_up(here, *e, abort);
        }
    }
    static std::size_t closing(stack_core& core) {
        std::size_t count = 0;
        Here::in(core)->flows.for_each([&](tcp_flow& f) {
            if (f.kind != tcp_flow_kind::connection) return;
            const auto& e = static_cast<entry&>(f);
            if (e.orphan && e.state != tcp_state::fin_wait_2) ++count;
        });
        return count;
    }
    /// Nobody holds it from now on: it ends by itself, or at once.
    static void give_up(Here here, entry& e, bool abort) {
        if (!e.listed) return here->destroy(e);
        work(here, e, [&](auto& io) {
            if (abort) {
                e.orphan = true;
                tcp_machine::abort(io, e, errc::connection_aborted);
            } else {
                tcp_machine::close(io, e);
            }
        });
    }

    static void options_changed(stack_core& core, tcp_socket& s) {
        auto here = Here::in(core);
        if (auto* its_port = port_of(s)) {
            its_port->reuse_address = s.options_.reuse_address;
            its_port->v6_only = s.options_.v6_only;
        }
        auto* e = connection_of(s);
        if (!e) return;
        if (!here->latest_options.set(s.options_)) throw std::bad_alloc();
        work(here, *e, [&](auto& io) { tcp_machine::options_changed(io, *e, here->latest_options); });
    }
    static errc choose_congestion_control(stack_core&, tcp_socket& s, std::string_view name) {
        const auto known = known_congestion_name<typename layer::congestion_type>(name);
        if (known.empty()) return errc::invalid_argument;
        s.congestion_control_ = known;
        if (auto* e = connection_of(s)) choose_congestion(e->congestion, known);
        return errc::ok;
    }
    static tcp_readiness readiness(stack_core&, const tcp_socket& s) {
        tcp_readiness ready;
        if (const auto* its_port = port_of(s)) ready.acceptable = its_port->waiting_count != 0;
        if (const auto* e = connection_of(s)) tcp_machine::describe_readiness(*e, ready);
        return ready;
    }
    static errc take_error(stack_core&, tcp_socket& s) {
        auto* e = connection_of(s);
        return e ? std::exchange(e->error, errc::ok) : errc::ok;
    }
    static endpoint local(stack_core&, const tcp_socket& s) {
        if (const auto* e = connection_of(s)) return e->key.local();
        if (const auto* its_port = port_of(s)) return its_port->local();
        return {};
    }
    static endpoint remote(stack_core&, const tcp_socket& s) {
        const auto* e = connection_of(s);
        return e && e->was_established ? e->key.remote() : endpoint{};
    }
    static tcp_info info(stack_core&, const tcp_socket& s) {
        tcp_info result;
        if (const auto* e = connection_of(s)) {
            tcp_machine::describe(*e, result);
            return result;
        }
        if (port_of(s) && port_of(s)->backlog != 0) result.state = tcp_state::listen;
        // What a connection will begin with.
        result.congestion_control = s.congestion_control_.empty() ? congestion_name(typename layer::congestion_type{}) : s.congestion_control_;
        return result;
    }
};

}  // namespace netkit
