#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/checks.hpp>
#include <netkit/compose/keys.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/ip_address.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit {

/// Both families under the same transports, so that there is one port space over them: `dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp>`.
/// V4 and V6 offer to the transports T what nothing of their own takes.
template <class V4, class V6, class... T>
struct dual {
    static constexpr bool see_through = true;
    /// What a layer above finds nothing for is offered to the others here.
    static constexpr bool junction = true;
    static constexpr one_of key{ether_type::ipv4, ether_type::ipv6};
    static constexpr std::size_t header_size = 0;
    /// Transports keep room for the larger of the two headers.
    template <class Upper>
    static constexpr std::size_t room_for = keyed_by<Upper, keys<ip_protocol>> ? std::max(detail::header_of<V4>, detail::header_of<V6>) : 0;
    using sends_to = typename V4::sends_to;
    using host_path = path<ipv4_address>;

    static_assert(std::same_as<typename V4::sends_to, ipv4_address> && std::same_as<typename V6::sends_to, ipv6_address>,
                  "netkit: dual<> takes IPv4 first and IPv6 second, then the transports that both share");
    static constexpr bool seated = detail::all_seated<keys<ether_type>, no_link, V4, V6>() &&
                                   detail::all_seated<keys<ip_protocol>, ip_from<ipv4_address>, T...>() &&
                                   detail::all_seated<keys<ip_protocol>, ip_from<ipv6_address>, T...>();
    using uppers = std::conditional_t<seated, std::tuple<V4, V6, T...>, std::tuple<>>;
    uppers above;

    /// The version decides, since there may be no link layer to tell.
    void receive(context auto here, packet p, const auto& from) {
        if (p.head().empty()) return here.drop(std::move(p), drop_reason::truncated);
        const auto version = static_cast<unsigned>(p.head()[0]) >> 4;
        if (version == 4) {
            auto four = here.template above<0>();
            NETKIT_CALL four->receive(four, std::move(p), from);
        } else if (version == 6) {
            auto six = here.template above<1>();
            NETKIT_CALL six->receive(six, std::move(p), from);
        } else {
            here.drop(std::move(p), drop_reason::malformed);
        }
    }
    /// A packet of V4 or V6.
    template <ip_number A>
    errc transmit(context auto here, ether_type type, packet p, const A& hop) {
        NETKIT_CALL return here.down_as(type, std::move(p), hop);
    }
    /// A packet of a transport.
    template <ip_number A>
    errc transmit(context auto here, ip_protocol protocol, packet p, const path<A>& way) {
        auto family = here.template above_that<router_of<A>>();
        NETKIT_CALL return family->transmit(family, protocol, std::move(p), way);
    }
};

}  // namespace netkit
