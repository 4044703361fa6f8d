#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/keys.hpp>

#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit {

/// States what every layer states: what stands on it, how long its header is, and where it sends.
template <class L>
concept layer = requires {
    typename L::uppers;
    typename L::sends_to;
    { L::header_size } -> std::convertible_to<std::size_t>;
};

/// A layer takes a packet coming up, with what the layer below says of it, and returns nothing.
template <class Upper, class From>
concept receives = requires(Upper& upper, archetype::context here, packet p, const From& from) {
    { upper.receive(here, std::move(p), from) } -> std::same_as<void>;
};

/// Where a transport sends: a path of whichever family it stands on.
struct any_host {};

namespace detail {

template <class To, class Lower>
struct destination {
    using type = To;
};
template <class Lower>
    requires requires { typename Lower::host_path; }
struct destination<any_host, Lower> {
    using type = typename Lower::host_path;
};

/// The bytes that a layer, or the one for which it stands, puts in front.
template <class Layer>
inline constexpr std::size_t header_of = Layer::header_size;
template <stands_between Layer>
inline constexpr std::size_t header_of<Layer> = header_of<typename Layer::stands_for>;

template <class A, class B>
consteval bool same_number() {
    if constexpr (std::same_as<key_type<A>, key_type<B>> && !std::same_as<key_type<A>, no_key>) return key_of<A> == key_of<B>;
    else return false;
}
template <class... U>
consteval bool all_keys_differ() {
    std::size_t equal = 0;
    [[maybe_unused]] auto against_all = [&]<class A>(std::type_identity<A>) { ((equal += same_number<A, U>() ? 1 : 0), ...); };
    (against_all(std::type_identity<U>{}), ...);
    std::size_t with_themselves = 0;
    ((with_themselves += same_number<U, U>() ? 1 : 0), ...);
    return equal == with_themselves;
}

}  // namespace detail

/// Lower can send on Upper's behalf: under Upper's number, to the kind of place that Upper addresses.
template <class Upper, class Lower>
concept stands_on = requires(Lower& lower, archetype::context here, packet p, const typename detail::destination<typename Upper::sends_to, Lower>::type& to) {
    { lower.transmit(here, detail::first_key(key_of<Upper>), std::move(p), to) } -> std::same_as<errc>;
};

namespace detail {

/// Checks one layer above, one fact at a time: of a constrained pack g++ 12 says only "evaluated to false", not which or why.
template <class Kinds, class From, class Upper>
consteval bool seated() {
    constexpr bool numbered = keyed_by<Upper, Kinds>;
    if constexpr (!layer<Upper>) static_assert(layer<Upper>, "netkit: this is not a layer (derive from leaf, carries<...> or passes<...>; declare header_size and sends_to)");
    else if constexpr (!numbered) static_assert(keyed_by<Upper, Kinds>, "netkit: this layer has no number of the kind by which the layer below tells its uppers apart (declare: static constexpr auto key)");
    else static_assert(receives<Upper, From>, "netkit: this layer cannot receive what the layer below hands up (expected: void receive(context auto here, packet, const From&))");
    return layer<Upper> && numbered && receives<Upper, From>;
}
template <class Kinds, class From, class... U>
consteval bool all_seated() {
    if constexpr ((seated<Kinds, From, U>() & ... & true)) {
        static_assert(all_keys_differ<U...>(), "netkit: two layers on the same lower layer claim the same number");
        return all_keys_differ<U...>();
    } else return false;
}

template <class Upper, class Lower>
consteval bool stands() {
    static_assert(stands_on<Upper, Lower>, "netkit: the layer below cannot send to the kind of place that this layer addresses (its sends_to)");
    return stands_on<Upper, Lower>;
}

/// Checks every edge of the tree, so that a misfit is told of where the stack is named.
template <class Layer>
consteval bool fits() {
    return []<class... U>(std::type_identity<std::tuple<U...>>) {
        return (stands<U, Layer>() && ...) && (fits<U>() && ...);
    }(std::type_identity<typename Layer::uppers>{});
}

}  // namespace detail
}  // namespace netkit
