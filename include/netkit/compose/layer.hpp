#pragma once

#include <netkit/compose/checks.hpp>
#include <netkit/compose/keys.hpp>
#include <netkit/core/inline.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit {

/// A layer is a plain struct. It states
///     static constexpr auto key              the number under which it stands on the layer below
///     static constexpr std::size_t header_size   bytes it puts in front of what it sends, at most: the room for them is made by this number
///                                            alone, so that more would be written before the buffer (an assertion, without NDEBUG)
///     using sends_to                         the kind of place it addresses: mac_address, any_host, ...
/// and derives from one of the types below, which hold the layers that stand on it. It has
///     void receive(context auto here, packet p, const From& from)             a packet coming up
///     errc transmit(context auto here, Key upper, packet p, const To& to)     a packet of a layer above, going down
/// and may have
///     void opened(context auto here)                          its stack has been constructed
///     void attached(context auto here, interface_id)          an interface has been added
///     void expired(context auto here, Timer& timer)           after here.arm(timer, when)
/// It never names its neighbours: what it may know of the world it asks of `here`.

/// The layers standing on this one, told apart by a key of one of Kinds, and handed From along with each packet. They are
/// held by value, so that a whole stack is one object. After a misfit there are none, so that it is told of once.
template <class Kinds, class From, class... U>
struct carries {
    using uppers = std::conditional_t<detail::all_seated<Kinds, From, U...>(), std::tuple<U...>, std::tuple<>>;
    uppers above;
};

/// Nothing stands on this layer.
struct leaf {
    using uppers = std::tuple<>;
    uppers above;
};

namespace detail {
template <class Layer>
struct as_rare_as {};
template <class Layer>
    requires requires { Layer::rare; }
struct as_rare_as<Layer> {
    static constexpr bool rare = true;
};
}  // namespace detail

/// Stands in for the one layer above it: same number, same addressee, no header, seen through by whoever searches. It hands
/// on what it lets pass:
///     template <class From> requires receives<Layer, From>
///     void receive(context auto here, packet p, const From& from)             with passes<Layer>::pass_up
///     errc transmit(context auto here, auto number, packet p, const auto& to) with passes<Layer>::pass_down
template <class Layer>
struct passes : detail::as_rare_as<Layer> {
    using stands_for = Layer;
    static constexpr bool see_through = true;
    static constexpr auto key = key_of<Layer>;
    static constexpr std::size_t header_size = 0;
    using sends_to = typename Layer::sends_to;
    using uppers = std::tuple<Layer>;
    uppers above;

protected:
    NETKIT_INLINE static void pass_up(context auto here, packet p, const auto& from) {
        auto upper = here.template above<0>();
        NETKIT_CALL upper->receive(upper, std::move(p), from);
    }
    NETKIT_INLINE static errc pass_down(context auto here, auto number, packet p, const auto& to) {
        NETKIT_CALL return here.down_as(number, std::move(p), to);
    }
};

/// Gives a layer another number than its own: `on<ip_protocol::ipv4, ipv4<icmp>>` is IP in IP.
template <auto Key, class Layer>
struct on : Layer {
    static constexpr auto key = Key;
};

}  // namespace netkit
