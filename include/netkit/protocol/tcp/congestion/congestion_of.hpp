#pragma once

#include <netkit/protocol/tcp/congestion/choice.hpp>
#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/congestion/cubic.hpp>

#include <string_view>

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

/// The name of the control in use, where several are compiled in the one that was chosen.
template <congestion_control Control>
std::string_view congestion_name(const Control& control) {
    if constexpr (requires { control.chosen(); }) return control.chosen();
    else return Control::name;
}
/// The name as Control itself knows it, which lasts; empty where it is not compiled in.
template <congestion_control Control>
std::string_view known_congestion_name(std::string_view wanted) {
    Control control{};
    if constexpr (requires { control.choose(wanted); }) (void)control.choose(wanted);
    const auto name = congestion_name(control);
    return name == wanted ? name : std::string_view();
}
/// Has a connection use the control of that name, which Control knows. Where it was another, it starts over, in slow start.
template <congestion_control Control>
void choose_congestion(Control& control, std::string_view known) {
    if constexpr (requires { control.choose(known); }) (void)control.choose(known);
}

}  // namespace netkit
