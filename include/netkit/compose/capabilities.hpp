#pragma once

#include <netkit/compose/context.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/protocol/path.hpp>

#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit {

/// What one layer may look for in others, whatever their types are.

/// Turns an A into a link address, or keeps the packet until it can (then `p` is empty on return). Null where it kept it,
/// or where `p` is still there and must be dropped.
template <class Layer, class A>
concept resolves = requires(Layer& layer, archetype::context here, packet& p, const A& next_hop) {
    { layer.resolve(here, p, next_hop) } -> std::same_as<const mac_address*>;
};
/// Knows which A are this host's own, and as which of them to speak to another.
template <class Layer, class A>
concept owns = requires(const Layer& layer, const A& address, interface_id on) {
    { layer.is_local(address) } -> std::same_as<bool>;
    { layer.source_for(address, on) } -> std::same_as<A>;
};
/// Knows the way to an A.
template <class Layer, class A>
concept routes = requires(Layer& layer, const A& target) {
    { layer.route(target) } -> std::same_as<const path<A>*>;
};
/// What can be told to the sender of a packet, or by a peer about one of ours, in words of no family.
enum class network_error : std::uint8_t {
    network_unreachable,
    host_unreachable,
    protocol_unreachable, ///< in IPv6 with the offset of the protocol's number
    port_unreachable,
    packet_too_big,       ///< with the next link's MTU
    hop_limit_exceeded,
    reassembly_timeout,
    administratively_prohibited,
    parameter_problem,    ///< with the offset of the octet at fault
    incomplete_header_chain, ///< a first fragment without all headers (IPv6, RFC 7112)
    unrecognised_option,  ///< with the offset of an option that must not be skipped (IPv6)
    no_neighbour,         ///< our own finding, which no one can forge: the next hop does not answer
};
/// Tells a packet's sender what became of it; the packet begins with its network header, and stays the caller's.
template <class Layer, class A>
concept reports = requires(Layer& layer, archetype::context here, const packet& offender, const ip_from<A>& from) {
    layer.report(here, offender, from, network_error{}, std::uint32_t{});
};
/// Takes an error that a peer reports about one of our packets of its protocol: `inner` begins with the transport header
/// of that packet, as far as it was quoted.
template <class Layer, class A>
concept hears_errors = requires(Layer& layer, archetype::context here, std::span<const std::byte> inner, const path<A>& way) {
    { layer.network_failed(here, inner, way, network_error{}, std::uint32_t{}) } -> std::same_as<void>;
};
/// Is shown packets that are for this host, their network header taken off, before the transports get them; says whether anyone
/// took a copy. What then no transport claims counts as delivered, and its sender is not told.
template <class Layer, class A>
concept overhears = requires(Layer& layer, archetype::context here, packet& p, const ip_from<A>& from) {
    { layer.overhear(here, ip_protocol{}, p, from) } -> std::same_as<bool>;
};
/// A link: sends to link addresses.
template <class Layer>
concept links = requires(Layer& layer, archetype::context here, packet p, const mac_address& to) {
    { layer.transmit(here, ether_type{}, std::move(p), to) } -> std::same_as<errc>;
};

/// A layer that lets those above it be found through it, so that wrappers forward nothing.
template <class Layer>
concept see_through = requires { Layer::see_through; };

/// A layer that only stands between two others: to those who search, it is the layer above it.
template <class Layer>
concept stands_between = requires { typename Layer::stands_for; };

/// A layer that has interfaces of its own, on which the layers above it send and receive: a VLAN, a tunnel.
template <class Layer>
concept has_interfaces = requires { Layer::has_interfaces; };

/// What to look for: given to `here.above_that<...>()`, `here.nearest<...>()` and the like.
template <class A>
struct resolver_of {
    template <class Layer>
    static constexpr bool wants = resolves<Layer, A>;
};
template <class A>
struct owner_of {
    template <class Layer>
    static constexpr bool wants = owns<Layer, A>;
};
template <class A>
struct router_of {
    static constexpr bool on_the_way_down = true;
    template <class Layer>
    static constexpr bool wants = routes<Layer, A>;
};
template <class A>
struct reporter_to {
    template <class Layer>
    static constexpr bool wants = reports<Layer, A>;
};
template <class A>
struct overhearer_of {
    static constexpr bool on_the_way_down = true;
    template <class Layer>
    static constexpr bool wants = overhears<Layer, A>;
};
template <class A>
struct sender_to {
    template <class Layer>
    static constexpr bool wants = std::same_as<typename Layer::sends_to, A>;
};
struct link {
    static constexpr bool on_the_way_down = true;
    template <class Layer>
    static constexpr bool wants = links<Layer> && !stands_between<Layer>;
};

namespace detail {

template <class Pick, class Layer, std::size_t I, std::size_t... Path>
consteval auto seek_in(std::index_sequence<Path...> at);

/// The way, from some layer, to the first that Pick wants: this one, or one that it lets be seen. Void where there is none.
template <class Pick, class Layer, std::size_t... Path>
consteval auto seek(std::index_sequence<Path...> at) {
    if constexpr (Pick::template wants<Layer>) return at;
    else if constexpr (see_through<Layer>) return seek_in<Pick, Layer, 0>(at);
}
template <class Pick, class Layer, std::size_t I, std::size_t... Path>
consteval auto seek_in(std::index_sequence<Path...> at) {
    if constexpr (I < std::tuple_size_v<typename Layer::uppers>) {
        using hit = decltype(seek<Pick, std::tuple_element_t<I, typename Layer::uppers>>(std::index_sequence<Path..., I>{}));
        if constexpr (!std::is_void_v<hit>) return hit{};
        else return seek_in<Pick, Layer, I + 1>(at);
    }
}
template <class Pick, class Layer>
using sought = decltype(seek_in<Pick, Layer, 0>(std::index_sequence<>{}));

}  // namespace detail

/// Something standing on Layer, seen from Layer, is what Pick wants.
template <class Layer, class Pick>
inline constexpr bool carries_a = !std::is_void_v<detail::sought<Pick, Layer>>;

}  // namespace netkit
