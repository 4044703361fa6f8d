#pragma once

#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit {

template <class Stack, std::size_t... Path>
class position;

namespace detail {

/// The layer at the end of a path of indices, and the way to it through the objects.
template <class Layer, std::size_t... Path>
struct node {
    using type = Layer;
    static Layer& get(Layer& layer) { return layer; }
};
template <class Layer, std::size_t I, std::size_t... Path>
struct node<Layer, I, Path...> {
    using next = std::tuple_element_t<I, typename Layer::uppers>;
    using type = typename node<next, Path...>::type;
    static type& get(Layer& layer) { return node<next, Path...>::get(std::get<I>(layer.above)); }
};

/// The position below one.
template <class Stack, class Done, std::size_t... Path>
struct parent;
template <class Stack, std::size_t... Done, std::size_t I, std::size_t J, std::size_t... Path>
struct parent<Stack, std::index_sequence<Done...>, I, J, Path...> : parent<Stack, std::index_sequence<Done..., I>, J, Path...> {};
template <class Stack, std::size_t... Done, std::size_t Last>
struct parent<Stack, std::index_sequence<Done...>, Last> {
    using type = position<Stack, Done...>;
};

/// What `at` looks for: a type, or whatever is made from a template.
template <class Layer>
struct exactly {
    template <class L>
    static constexpr bool wants = std::same_as<L, Layer>;
};
template <class Layer, template <class...> class Template>
inline constexpr bool made_from = false;
template <class... T, template <class...> class Template>
inline constexpr bool made_from<Template<T...>, Template> = true;
template <template <class...> class Template>
struct any_made_from {
    template <class L>
    static constexpr bool wants = made_from<L, Template>;
};

/// All positions of what Want wants at or above Layer; of the last of several, each above the one before it. Depth first.
template <class Stack, class Layer, class Want, class... Rest, std::size_t... Path>
consteval auto find(std::index_sequence<Path...>) {
    auto higher = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::tuple_cat(find<Stack, std::tuple_element_t<I, typename Layer::uppers>, Want, Rest...>(std::index_sequence<Path..., I>{})...);
    }(std::make_index_sequence<std::tuple_size_v<typename Layer::uppers>>{});
    if constexpr (!Want::template wants<Layer>) return higher;
    else if constexpr (sizeof...(Rest) == 0) return std::tuple_cat(std::tuple<position<Stack, Path...>*>{}, higher);
    else {
        // The rest is sought strictly above this one.
        return []<std::size_t... I>(std::index_sequence<I...>) {
            return std::tuple_cat(find<Stack, std::tuple_element_t<I, typename Layer::uppers>, Rest...>(std::index_sequence<Path..., I>{})...);
        }(std::make_index_sequence<std::tuple_size_v<typename Layer::uppers>>{});
    }
}
template <class Stack, class... Want>
using found = decltype(find<Stack, typename Stack::root_type, Want...>(std::index_sequence<>{}));

/// Room that a layer keeps below Upper: its header, unless it says otherwise for that one.
template <class Layer, class Upper>
consteval std::size_t room() {
    if constexpr (requires { Layer::template room_for<Upper>; }) return Layer::template room_for<Upper>;
    else return Layer::header_size;
}

/// Calls f with a null pointer to the position of each layer, from the root upwards.
template <class Stack, class Layer, std::size_t... Path, class F>
constexpr void for_each_position(std::index_sequence<Path...>, F&& f) {
    f(static_cast<position<Stack, Path...>*>(nullptr));
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (for_each_position<Stack, std::tuple_element_t<I, typename Layer::uppers>>(std::index_sequence<Path..., I>{}, f), ...);
    }(std::make_index_sequence<std::tuple_size_v<typename Layer::uppers>>{});
}

}  // namespace detail
}  // namespace netkit
