#pragma once

#include <netkit/compose/layer.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/layers/udp_socket.hpp>
#include <netkit/protocol/port_table.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/udp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

/// The User Datagram Protocol (RFC 768, RFC 1122 section 4.1): sockets by port, and ahead of them layers that stand on fixed
/// ports, as VXLAN does. `udp` where there are none of those.
template <class... U>
struct basic_udp : carries<keys<udp_port>, ip_from<ipv4_address>, U...> {
    static constexpr auto key = ip_protocol::udp;
    static constexpr std::size_t header_size = sizeof(udp_header);
    using sends_to = any_host;
    using socket_functions = udp_functions;

    port_table ports;

    basic_udp() = default;
    basic_udp(basic_udp&&) = delete;
    ~basic_udp() {
        // All are let go of before any is told, since what it is told may destroy it, and others.
        intrusive_list<udp_socket> gone;
        while (!sockets_.empty()) {
            auto& s = sockets_.front();
            s.detach();
            gone.push_back(s);
        }
        while (!gone.empty()) {
            auto& s = gone.front();
            static_cast<list_hook&>(s).unlink();
            if (s.detached_) s.detached_(s.detached_context_);
        }
    }
    void opened(context auto here) { ports.start(hash_key{here.random(), here.random()}); }

    template <class A>
    void receive(context auto here, packet p, const ip_from<A>& from) {
        const auto* h = p.template peek<udp_header>();
        if (!h) return here.drop(std::move(p), drop_reason::truncated);
        if (h->length < sizeof *h) return here.drop(std::move(p), drop_reason::malformed);
        if (!p.keep(h->length)) return here.drop(std::move(p), drop_reason::truncated);
        if (p.checksum() == checksum_state::unknown) {
            // Zero means that the sender made none, which IPv6 does not allow (RFC 8200 section 8.1).
            const bool none = h->checksum == 0;
            if (none ? A::is_v6 : fold16(p.sum(pseudo_header_sum(from.source, from.target, key, h->length))) != 0) return here.drop(std::move(p), drop_reason::checksum);
        }
        const std::uint16_t source = h->source, target = h->target;
        p.pull(sizeof *h);
        if constexpr (sizeof...(U) != 0)
            if (here.offer_up(udp_port{target}, p, from)) return;
        if (from.link_broadcast) [[unlikely]] return receive_by_many(here, std::move(p), from, source, target);
        auto* found = static_cast<udp_socket*>(ports.look_up({from.target, target, p.interface()}, {from.source, source}));
        if (!found) [[unlikely]] return refuse(here, std::move(p), from);
        NETKIT_CALL hand(here, std::move(p), *found, from, source);
    }
    /// A packet of a layer on a fixed port, to `to`.
    errc transmit(context auto here, udp_port port, packet p, const ip_address& to) {
        using Here = decltype(here);
        return to.visit([&]<class A>(const A& a) {
            if constexpr (Here::template near<router_of<A>>()) {
                if (const auto* way = here.template nearest<router_of<A>>()->route(a)) return send(here, std::move(p), path<A>(*way), static_cast<std::uint16_t>(port), static_cast<std::uint16_t>(port));
            }
            here.drop(std::move(p), drop_reason::no_route);
            return errc::no_route;
        });
    }
    /// An error about a datagram of ours: told to the socket that is connected to where it went (RFC 1122 section 4.1.3.3).
    template <class A>
    void network_failed(context auto here, std::span<const std::byte> inner, const path<A>& way, network_error error, std::uint32_t detail) {
        if (inner.size() < sizeof(udp_header)) return;
        udp_header h;
        std::memcpy(&h, inner.data(), sizeof h);
        auto* found = static_cast<udp_socket*>(ports.look_up({way.source, h.source, way.out}, {way.target, h.target}));
        if (!found) return;
        if (error == network_error::packet_too_big) {
            if (!found->connected() && !found->large_sent_to_.has({way.target, h.target})) return;
            auto internet = here.template nearest<router_of<A>>();
            internet->learn_path_mtu(internet, way.target, detail);
            if (!found->options.dont_fragment) return;
        }
        if (!found->connected()) return;
        found->error_ = as_errc(error);
        here.make_ready(*found);
    }

private:
    template <class Here>
    NETKIT_FLATTEN static errc send_from(stack_core& s, udp_socket& socket, packet&& p, const endpoint& to) {
        auto here = Here::in(s);
        NETKIT_CALL return here->send(here, socket, std::move(p), to);
    }
    errc send(context auto here, udp_socket& socket, packet p, const endpoint& to) {
        using Here = decltype(here);
        if (!socket.bound()) [[unlikely]] {
            const auto bound = bind(here, socket, {}, to);
            if (bound != errc::ok) return bound;
        }
        return to.address.visit([&]<class A>(const A& a) NETKIT_LAMBDA {
            if constexpr (Here::template near<router_of<A>>()) {
                auto internet = here.template nearest<router_of<A>>();
                const bool plain = is_plain(socket, a);
                const auto scope = plain || to.scope != interface_id::none || !a.is_multicast() ? to.scope : socket.options.multicast_interface;
                const auto* way = internet->route(a, scope);
                if (!way) [[unlikely]] return unreachable(here, std::move(p), errc::no_route);
                if (way->hop.is_broadcast() && !socket.options.broadcast) [[unlikely]] return unreachable(here, std::move(p), errc::access_denied);
                if (p.size() > recent_targets::fits_everywhere) [[unlikely]] socket.large_sent_to_.note({to.address, to.port});
                if (plain) [[likely]] {
                    NETKIT_CALL return send(here, std::move(p), *way, socket.local().port, to.port);
                }
                return send_specially(here, socket, std::move(p), *way, to.port);
            } else return unreachable(here, std::move(p), errc::no_route);
        });
    }
    template <class A>
    errc send(context auto here, packet p, const path<A>& way, std::uint16_t source, std::uint16_t target) {
        const auto length = p.size() + sizeof(udp_header);
        if (length > 65535) [[unlikely]] {
            here.drop(std::move(p), drop_reason::too_big);
            return errc::message_too_big;
        }
        const udp_header header{source, target, static_cast<std::uint16_t>(length), {}};
        const auto pseudo = pseudo_header_sum(way.source, way.target, key, length);
        if (here.interface(way.out).can.checksum || p.slices() != 0) p.push_summed(header, offsetof(udp_header, checksum), pseudo);
        else {
            // Nobody further down is better at it than this is: the bytes are at hand.
            const auto sum = fold16(p.sum(pseudo + header.sum()));
            auto& h = p.template push<udp_header>();
            h.source = header.source;
            h.target = header.target;
            h.length = header.length;
            h.checksum = be16::from_raw(sum == 0 ? 0xffff : sum);  // zero would mean that there is none
        }
        return here.down(std::move(p), way);
    }
    /// Whether the way to `to` can be taken as it is: nothing is said of source, hops or fragments.
    template <class A>
    static bool is_plain(const udp_socket& socket, const A& to) {
        const auto& options = socket.options;
        return socket.local().address.is_any() && (options.hop_limit | options.traffic_class | options.dont_fragment) == 0 && to.is_unicast();
    }
    template <class A>
    NETKIT_COLD errc send_specially(context auto here, udp_socket& socket, packet p, path<A> way, std::uint16_t port) {
        if (way.target.is_multicast()) way.hop_limit = socket.options.multicast_hop_limit;
        else if (socket.options.hop_limit != 0) way.hop_limit = socket.options.hop_limit;
        way.traffic_class = socket.options.traffic_class;
        way.dont_fragment = socket.options.dont_fragment;
        const auto& local = socket.local().address;
        if (!local.is_any() && !local.is_multicast()) {
            if (local.is_v6() != A::is_v6) return unreachable(here, std::move(p), errc::no_route);
            local.visit([&]<class L>(const L& l) {
                if constexpr (std::same_as<L, A>) way.source = l;
            });
        }
        return send(here, std::move(p), way, socket.local().port, port);
    }
    NETKIT_COLD static errc unreachable(context auto here, packet p, errc error) {
        here.drop(std::move(p), error == errc::access_denied ? drop_reason::filtered : drop_reason::no_route);
        return error;
    }

    template <class A>
    void hand(context auto here, packet p, udp_socket& socket, const ip_from<A>& from, std::uint16_t port) {
        if (socket.inbox_.bytes() + socket.inbox_.size() * 512 > socket.options.receive_buffer) [[unlikely]] return here.drop(std::move(p), drop_reason::socket_buffer_full);
        here.deliver(p);
        p.control(udp_socket::notes{from.source, from.target, port, from.hop_limit, from.traffic_class});
        socket.inbox_.push_back(std::move(p));
        here.make_ready(socket);
    }
    /// A copy for each socket but the last, which gets the packet itself.
    template <class A>
    NETKIT_COLD void receive_by_many(context auto here, packet p, ip_from<A> from, std::uint16_t source, std::uint16_t target) {
        udp_socket* last = nullptr;
        ports.for_each_match({from.target, target, p.interface()}, {from.source, source}, [&](port_binding& b) {
            if (last) {
                auto copy = p.copy();
                if (copy) {
                    copy.frames(0);
                    hand(here, std::move(copy), *last, from, source);
                }
            }
            last = &static_cast<udp_socket&>(b);
        });
        if (last) return hand(here, std::move(p), *last, from, source);
        here.drop(std::move(p), drop_reason::no_socket);
    }
    template <class A>
    NETKIT_COLD void refuse(context auto here, packet p, ip_from<A> from) {
        using Here = decltype(here);
        if constexpr (Here::template near<reporter_to<A>>()) {
            p.push(sizeof(udp_header) + from.header_size);
            auto reporter = here.template nearest<reporter_to<A>>();
            reporter->report(reporter, p, from, network_error::port_unreachable, 0);
        }
        here.drop(std::move(p), drop_reason::no_socket);
    }

    NETKIT_COLD errc bind(context auto here, udp_socket& socket, const endpoint& local, const endpoint& remote) {
        if (!local.address.is_any() && !local.address.is_multicast() && !owned(here, local.address)) return errc::address_not_available;
        return ports.bind(socket, local, here.random(), remote);
    }
    NETKIT_COLD errc connect(context auto here, udp_socket& socket, const endpoint& remote) {
        using Here = decltype(here);
        if (remote.port == 0) return errc::invalid_argument;
        const auto found = remote.address.visit([&]<class A>(const A& a) {
            if constexpr (Here::template near<router_of<A>>()) {
                const auto* way = here.template nearest<router_of<A>>()->route(a, remote.scope);
                if (way) socket.source_ = way->source;
                return way != nullptr;
            } else return false;
        });
        if (!found) return errc::no_route;
        if (!socket.bound()) {
            const auto bound = bind(here, socket, {}, remote);
            if (bound != errc::ok) return bound;
        }
        socket.port_binding::connect(remote);
        return errc::ok;
    }
    static bool owned(context auto here, const ip_address& address) {
        using Here = decltype(here);
        return address.visit([&]<class A>(const A& a) {
            if constexpr (Here::template near<owner_of<A>>()) return here.template nearest<owner_of<A>>()->is_assigned(a);
            else return false;
        });
    }
    static interface_id interface_of(context auto here, const ip_address& address) {
        using Here = decltype(here);
        return address.visit([&]<class A>(const A& a) {
            if constexpr (Here::template near<owner_of<A>>()) return here.template nearest<owner_of<A>>()->interface_of(a);
            else return interface_id::none;
        });
    }
    static errc change_membership(context auto here, const ip_address& group, interface_id on, bool join) {
        using Here = decltype(here);
        if (!group.is_multicast()) return errc::invalid_argument;
        return group.visit([&]<class A>(const A& a) {
            if constexpr (Here::template near<owner_of<A>>()) {
                auto internet = here.template nearest<owner_of<A>>();
                if (on == interface_id::none) {
                    const auto* way = internet->route(a);
                    if (!way) return errc::no_route;
                    on = way->out;
                }
                if (static_cast<std::size_t>(on) >= here.interface_count()) return errc::invalid_argument;
                if (join) internet->join_group(internet, a, on);
                else internet->leave_group(internet, a, on);
                return errc::ok;
            } else return errc::not_supported;
        });
    }
    static errc as_errc(network_error error) {
        switch (error) {
        case network_error::network_unreachable: return errc::network_unreachable;
        case network_error::port_unreachable:
        case network_error::protocol_unreachable: return errc::connection_refused;
        case network_error::packet_too_big: return errc::message_too_big;
        case network_error::administratively_prohibited: return errc::access_denied;
        default: return errc::host_unreachable;
        }
    }

    intrusive_list<udp_socket> sockets_;

public:
    /// What the stack registers for sockets. Last, since its initialiser needs all of the above.
    template <class Here>
    static constexpr udp_functions functions{
        [](stack_core& s, udp_socket& socket) { Here::in(s)->sockets_.push_back(socket); },
        [](stack_core& s, udp_socket& socket, const endpoint& local) {
            auto here = Here::in(s);
            return here->bind(here, socket, local, {});
        },
        [](stack_core& s, udp_socket& socket, const endpoint& remote) {
            auto here = Here::in(s);
            return here->connect(here, socket, remote);
        },
        &send_from<Here>,
        [](stack_core& s, std::size_t size) { return Here::in(s).allocate(size); },
        [](stack_core& s, const ip_address& group, interface_id on, bool join) {
            auto here = Here::in(s);
            return basic_udp::change_membership(here, group, on, join);
        },
        [](stack_core& s, const ip_address& address) {
            auto here = Here::in(s);
            return basic_udp::interface_of(here, address);
        }};
};

using udp = basic_udp<>;

}  // namespace netkit
