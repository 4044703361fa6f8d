#pragma once

#include <netkit/core/endpoint.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>

#include <cstdint>

namespace netkit {

/// Scope identifiers are numbers of interfaces, counted from 1, as the kernel counts them; 0 stands for none.
inline interface_id interface_of_scope(unsigned long scope) {
    return scope == 0 || scope > 0xffff ? interface_id::none : static_cast<interface_id>(scope - 1);
}
inline std::uint32_t scope_of_interface(interface_id id) { return id == interface_id::none ? 0 : static_cast<std::uint32_t>(id) + 1; }

inline ip_address from_asio(const boost::asio::ip::address& a) {
    if (a.is_v4()) return ipv4_address(a.to_v4().to_uint());
    return ipv6_address(a.to_v6().to_bytes());
}
inline boost::asio::ip::address to_asio(const ip_address& a, interface_id scope = interface_id::none) {
    if (a.is_v4()) return boost::asio::ip::address_v4(a.v4().value());
    return boost::asio::ip::address_v6(a.v6().bytes(), scope_of_interface(scope));
}

/// What netkit calls an Asio endpoint; ::ffff:a.b.c.d is the IPv4 address that it stands for.
template <class Protocol>
endpoint from_asio(const boost::asio::ip::basic_endpoint<Protocol>& e) {
    const auto a = e.address();
    return {from_asio(a).unmapped(), e.port(), a.is_v6() ? interface_of_scope(a.to_v6().scope_id()) : interface_id::none};
}
/// What Asio calls an endpoint, on a socket of this family: IPv6 sockets see IPv4 addresses as ::ffff:a.b.c.d.
template <class Protocol>
boost::asio::ip::basic_endpoint<Protocol> to_asio(const endpoint& e, const Protocol& family) {
    if (family.family() == Protocol::v4().family()) {
        const auto address = e.address.is_v4() ? e.address.v4() : ipv4_address{};
        return {boost::asio::ip::address_v4(address.value()), e.port};
    }
    const auto address = e.address.is_v4() ? ip_address(ipv6_address::mapped(e.address.v4())) : e.address;
    return {to_asio(address, e.scope), e.port};
}

}  // namespace netkit
