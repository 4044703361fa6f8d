#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/drivers/impairments.hpp>
#include <netkit/testing/host.hpp>
#include <netkit/testing/link.hpp>

#include <string>
#include <string_view>

namespace netkit::testing {

/// A link and the interfaces at its ends.
struct connection : link {
    interface_id at_first = interface_id::none, at_second = interface_id::none;
};

/// Connects two hosts by a link named after both, "a - b", and gives each interface an address ("198.18.0.1/24"), or none where
/// the text is empty. The link's forward direction leads from `a` to `b`.
template <class A, class B>
connection connect(A& a, std::string_view address_of_a, B& b, std::string_view address_of_b, const impairments& forward, const impairments& backward,
                   const link_options& options = {}) {
    connection made{link(a.in(), a.name() + " - " + b.name(), forward, backward, options)};
    made.at_first = a.attach(made.first());
    made.at_second = b.attach(made.second());
    if (!address_of_a.empty()) a->add_address(made.at_first, address_of_a);
    if (!address_of_b.empty()) b->add_address(made.at_second, address_of_b);
    return made;
}
/// The same with both directions alike.
template <class A, class B>
connection connect(A& a, std::string_view address_of_a, B& b, std::string_view address_of_b, const impairments& line = {}) {
    return connect(a, address_of_a, b, address_of_b, line, line);
}
/// The same without addresses, for switches.
template <class A, class B>
connection connect(A& a, B& b, const impairments& line = {}) {
    return connect(a, "", b, "", line, line);
}

}  // namespace netkit::testing
