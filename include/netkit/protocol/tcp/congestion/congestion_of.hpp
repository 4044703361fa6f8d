#pragma once

#include <netkit/protocol/tcp/congestion/choice.hpp>
#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/congestion/cubic.hpp>

namespace netkit {

namespace detail {
template <class... Control>
struct congestion_controls {
    using type = congestion_choice<Control...>;
};
template <class Control>
struct congestion_controls<Control> {
    using type = Control;
};
template <>
struct congestion_controls<> {
    using type = cubic;
};

template <class Found, class... Policy>
struct find_congestion_controls : Found {};
template <class... Found, class First, class... Rest>
struct find_congestion_controls<congestion_controls<Found...>, First, Rest...> : find_congestion_controls<congestion_controls<Found...>, Rest...> {};
template <class... Found, congestion_control First, class... Rest>
struct find_congestion_controls<congestion_controls<Found...>, First, Rest...> : find_congestion_controls<congestion_controls<Found..., First>, Rest...> {};
}  // namespace detail

/// The congestion control that these policies of a `tcp<Policy...>` ask for: cubic where none is one, a congestion_choice where
/// several are, of which the first is the default.
template <class... Policy>
using congestion_of = typename detail::find_congestion_controls<detail::congestion_controls<>, Policy...>::type;

}  // namespace netkit
