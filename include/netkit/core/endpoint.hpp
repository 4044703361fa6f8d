#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/core/ip_address.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace netkit {

/// An address and a port in the host's byte order. `scope` says which interface a link-local address is of;
/// `interface_id::none` where it does not matter.
struct endpoint {
    ip_address address{};
    std::uint16_t port = 0;
    interface_id scope = interface_id::none;

    constexpr bool operator==(const endpoint& o) const { return address == o.address && port == o.port; }
};

/// "198.18.0.1:80", "[fd00:6e6b::1]:80".
inline std::string to_string(const endpoint& e) {
    return (e.address.is_v6() ? "[" + to_string(e.address) + "]" : to_string(e.address)) + ":" + std::to_string(e.port);
}

}  // namespace netkit

template <>
struct std::hash<netkit::endpoint> {
    std::size_t operator()(const netkit::endpoint& e) const noexcept { return (e.address.hash() * 0x9e3779b97f4a7c15u) ^ e.port; }
};
