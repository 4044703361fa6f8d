#pragma once

#include <netkit/core/protocol_numbers.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <type_traits>

namespace netkit {

/// The key of a layer that claims several numbers: `static constexpr one_of key{a, b};`
template <class Key, std::size_t N>
struct one_of {
    std::array<Key, N> keys;

    template <class... T>
        requires(sizeof...(T) == N)
    constexpr one_of(T... each) : keys{each...} {}

    friend constexpr bool operator==(const one_of& claimed, Key key) {
        for (Key k : claimed.keys)
            if (k == key) return true;
        return false;
    }
    template <std::size_t M>
    friend constexpr bool operator==(const one_of& a, const one_of<Key, M>& b) {
        for (Key k : b.keys)
            if (a == k) return true;
        return false;
    }
};
template <class Key, class... T>
one_of(Key, T...) -> one_of<Key, 1 + sizeof...(T)>;

namespace detail {
template <class Key>
constexpr Key first_key(Key key) {
    return key;
}
template <class Key, std::size_t N>
constexpr Key first_key(one_of<Key, N> claimed) {
    return claimed.keys[0];
}
}  // namespace detail

/// The number under which a layer stands on the one below; no_key where it names none.
template <class Layer>
inline constexpr auto key_of = no_key{};
template <class Layer>
    requires requires { Layer::key; }
inline constexpr auto key_of<Layer> = Layer::key;

/// The kind of that number: ether_type, ip_protocol, udp_port, vlan_id, or one of a user's own.
template <class Layer>
using key_type = decltype(detail::first_key(key_of<Layer>));

/// The kinds of number by which a layer tells those above it apart.
template <class... Key>
struct keys {
    template <class K>
    static constexpr bool has = (std::same_as<K, Key> || ...);
};
/// Alone above: no number is needed.
using sole = keys<no_key>;

/// Upper names a number of one of the kinds by which the layer below tells its uppers apart.
template <class Upper, class Kinds>
concept keyed_by = Kinds::template has<no_key> || requires {
    Upper::key;
    requires Kinds::template has<key_type<Upper>>;
};

}  // namespace netkit
