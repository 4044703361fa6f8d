#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/layers/raw_socket.hpp>
#include <netkit/wire/pseudo_header.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <utility>

namespace netkit {

/// Lets raw sockets hear what comes for this host and send packets under any IP protocol. It stands beside the transports,
/// `ipv4<icmp, udp, raw_sockets>` or `dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp, raw_sockets>`, which get their packets as if it were
/// not there; each socket that wants one gets a copy.
struct raw_sockets : leaf {
    static constexpr auto key = ip_protocol{255};  // reserved: what it sends goes under the numbers of its sockets
    static constexpr std::size_t header_size = 0;
    using sends_to = any_host;
    using socket_functions = raw_functions;

    raw_sockets() = default;
    raw_sockets(raw_sockets&&) = delete;
    ~raw_sockets() {
        sockets_.for_each([](raw_socket& s) { s.close(); });
    }

    /// Nothing is sent under the reserved number.
    template <class A>
    void receive(context auto here, packet p, const ip_from<A>&) {
        here.drop(std::move(p), drop_reason::no_upper_layer);
    }
    /// Gives a copy of a packet, whose network header has been taken off, to each socket that wants one; true where one does.
    template <class A>
    bool overhear(context auto here, ip_protocol protocol, packet& p, const ip_from<A>& from) {
        if (sockets_.empty()) [[likely]] return false;
        return show(here, protocol, p, from);
    }

private:
    template <class A>
    NETKIT_COLD bool show(context auto here, ip_protocol protocol, packet& p, const ip_from<A>& from) {
        if (!is_sound(protocol, p, from)) return false;
        bool wanted = false;
        sockets_.for_each([&](raw_socket& s) {
            if (!s.hears(protocol, from.source, from.target, p.interface())) return;
            wanted = true;
            if (s.is_full()) return;
            auto copy = copy_for_socket(p, from);
            if (!copy) return;
            copy.control(raw_socket::notes{from.source, from.target, from.hop_limit, from.traffic_class});
            s.inbox_.push_back(std::move(copy));
            here.make_ready(s);
        });
        return wanted;
    }
    /// Sockets are spared ICMPv6 with a wrong checksum (RFC 3542 section 3.1); other checksums are theirs to verify.
    template <class A>
    static bool is_sound(ip_protocol protocol, const packet& p, const ip_from<A>& from) {
        if (!A::is_v6 || protocol != ip_protocol::icmpv6 || p.checksum() != checksum_state::unknown) return true;
        return fold16(p.sum(pseudo_header_sum(from.source, from.target, protocol, p.size()))) == 0;
    }
    template <class A>
    static packet copy_for_socket(packet& p, const ip_from<A>& from) {
        if constexpr (!A::is_v6) p.push(from.header_size);
        auto copy = p.copy();
        if constexpr (!A::is_v6) p.pull(from.header_size);
        if (!copy) return copy;
        if (copy.checksum() == checksum_state::partial) copy.complete_checksum();
        copy.frames(0);
        copy.gso_size(0);
        return copy;
    }

    static errc send(context auto here, raw_socket& socket, packet p, const endpoint& to) {
        using Here = decltype(here);
        if (!socket.is_of_family(to.address)) return refuse(here, std::move(p), errc::invalid_argument);
        return to.address.visit([&]<class A>(const A& target) {
            if constexpr (Here::template near<router_of<A>>()) {
                const auto* found = here.template nearest<router_of<A>>()->route(target, to.scope);
                if (!found) return refuse(here, std::move(p), errc::no_route);
                if (found->hop.is_broadcast() && !socket.options.broadcast) return refuse(here, std::move(p), errc::access_denied);
                const auto way = path_of(socket, *found);
                if (A::is_v6 && socket.protocol_ == ip_protocol::icmpv6 && !complete_icmpv6(p, way)) return refuse(here, std::move(p), errc::invalid_argument);
                return here.down_as(socket.protocol_, std::move(p), way);
            } else return refuse(here, std::move(p), errc::no_route);
        });
    }
    /// The way that a socket's packets take, given that of all packets.
    template <class A>
    static path<A> path_of(const raw_socket& socket, path<A> way) {
        const auto& options = socket.options;
        if (way.target.is_multicast()) way.hop_limit = options.multicast_hop_limit;
        else if (options.hop_limit != 0) way.hop_limit = options.hop_limit;
        way.traffic_class = options.traffic_class;
        way.dont_fragment = options.dont_fragment;
        if (socket.local_.is_any() || socket.local_.is_multicast()) return way;
        socket.local_.visit([&]<class L>(const L& local) {
            if constexpr (std::same_as<L, A>) way.source = local;
        });
        return way;
    }
    /// Sets the checksum of an ICMPv6 message; false where it is too short to have one.
    template <class A>
    static bool complete_icmpv6(packet& p, const path<A>& way) {
        constexpr std::size_t field = 2, end = field + sizeof(be16);
        if (p.head().size() < end) return false;
        std::memset(p.head().data() + field, 0, sizeof(be16));
        const auto sum = checksum_of(p.sum(pseudo_header_sum(way.source, way.target, ip_protocol::icmpv6, p.size())));
        std::memcpy(p.head().data() + field, &sum, sizeof sum);
        return true;
    }
    static errc refuse(context auto here, packet p, errc why) {
        here.drop(std::move(p), why == errc::no_route ? drop_reason::no_route : why == errc::access_denied ? drop_reason::filtered : drop_reason::malformed);
        return why;
    }

    errc open(context auto here, raw_socket& socket) {
        using Here = decltype(here);
        const bool v6 = socket.family_ == raw_socket::family::v6;
        if (!(v6 ? Here::template near<router_of<ipv6_address>>() : Here::template near<router_of<ipv4_address>>())) return errc::not_supported;
        sockets_.push_back(socket);
        return errc::ok;
    }
    static errc bind(context auto here, raw_socket& socket, const ip_address& local) {
        using Here = decltype(here);
        if (!local.is_any()) {
            if (!socket.is_of_family(local)) return errc::invalid_argument;
            const bool owned = local.visit([&]<class A>(const A& a) {
                if constexpr (Here::template near<owner_of<A>>()) return here.template nearest<owner_of<A>>()->is_assigned(a);
                else return false;
            });
            if (!owned && !local.is_multicast()) return errc::address_not_available;
        }
        socket.local_ = local;
        return errc::ok;
    }
    static errc connect(context auto here, raw_socket& socket, const endpoint& remote) {
        using Here = decltype(here);
        if (!socket.is_of_family(remote.address) || remote.address.is_any()) return errc::invalid_argument;
        return remote.address.visit([&]<class A>(const A& target) {
            if constexpr (Here::template near<router_of<A>>()) {
                const auto* way = here.template nearest<router_of<A>>()->route(target, remote.scope);
                if (!way) return errc::no_route;
                socket.source_ = way->source;
                socket.remote_ = remote;
                return errc::ok;
            } else return errc::no_route;
        });
    }

    intrusive_list<raw_socket> sockets_;

public:
    /// What the stack registers for sockets. Last, since its initialiser needs all of the above.
    template <class Here>
    static constexpr raw_functions functions{
        [](stack_core& s, raw_socket& socket) {
            auto here = Here::in(s);
            return here->open(here, socket);
        },
        [](stack_core& s, raw_socket& socket, const ip_address& local) { return bind(Here::in(s), socket, local); },
        [](stack_core& s, raw_socket& socket, const endpoint& remote) { return connect(Here::in(s), socket, remote); },
        [](stack_core& s, raw_socket& socket, packet&& p, const endpoint& to) { return send(Here::in(s), socket, std::move(p), to); },
        [](stack_core& s, std::size_t size) { return Here::in(s).allocate(size); }};
};

}  // namespace netkit
