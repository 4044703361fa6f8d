#pragma once

#include <netkit/asio/endpoint.hpp>
#include <netkit/asio/error.hpp>
#include <netkit/asio/hop_options.hpp>
#include <netkit/asio/socket_options.hpp>
#include <netkit/layers/udp_socket.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace netkit::detail {

inline ipv4_address from_system(const ::in_addr& a) { return ipv4_address::from_raw(a.s_addr); }
inline ipv6_address from_system(const ::in6_addr& a) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &a, bytes.size());
    return ipv6_address(bytes);
}

/// Joins or leaves a multicast group.
inline void change_membership(udp_socket& socket, const ip_address& group, interface_id on, bool join, boost::system::error_code& error) {
    error = to_error_code(join ? socket.join_group(group, on) : socket.leave_group(group, on));
}

/// Options about groups, and those that all datagram sockets have; false where it is none of them.
inline bool set_ip_option(udp_socket& socket, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
    const auto is = [&](int l, int n) { return level == l && name == n; };
    if (is(IPPROTO_IP, IP_ADD_MEMBERSHIP) || is(IPPROTO_IP, IP_DROP_MEMBERSHIP)) {
        ::ip_mreq request{};
        if (!read_option(request, data, size, error)) return true;
        const auto on = socket.interface_of(from_system(request.imr_interface));
        if (on == interface_id::none && request.imr_interface.s_addr != 0) error = to_error_code(errc::address_not_available);
        else change_membership(socket, from_system(request.imr_multiaddr), on, name == IP_ADD_MEMBERSHIP, error);
    } else if (is(IPPROTO_IPV6, IPV6_JOIN_GROUP) || is(IPPROTO_IPV6, IPV6_LEAVE_GROUP)) {
        ::ipv6_mreq request{};
        if (!read_option(request, data, size, error)) return true;
        change_membership(socket, from_system(request.ipv6mr_multiaddr), interface_of_scope(request.ipv6mr_interface), name == IPV6_JOIN_GROUP, error);
    } else if (is(IPPROTO_IP, IP_MULTICAST_IF)) {
        ::in_addr address{};
        if (!read_option(address, data, size, error)) return true;
        const auto on = socket.interface_of(from_system(address));
        if (on == interface_id::none && address.s_addr != 0) error = to_error_code(errc::address_not_available);
        else socket.options.multicast_interface = on;
    } else if (is(IPPROTO_IPV6, IPV6_MULTICAST_IF)) {
        unsigned index = 0;
        if (read_option(index, data, size, error)) socket.options.multicast_interface = interface_of_scope(index);
    } else return set_hop_option(socket.options, level, name, data, size, error);
    return true;
}

/// Notes an option of a UDP socket by the system's level, name and value. no_protocol_option where there is no such.
inline void set_udp_option(udp_socket& socket, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
    error = {};
    if (set_ip_option(socket, level, name, data, size, error)) return;
    int value = 0;
    if (!read_option(value, data, size, error)) return;
    if (level == SOL_SOCKET && name == SO_REUSEADDR) socket.reuse_address = value != 0;
    else if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) {
        if (socket.local().port != 0) error = boost::asio::error::invalid_argument;  // too late: others may share the port by now
        else socket.v6_only = value != 0;
    }
    else error = boost::asio::error::no_protocol_option;
}

/// The value of an option by the system's level and name. no_protocol_option where there is no such.
inline void get_udp_option(const udp_socket& socket, int level, int name, void* data, std::size_t& size, boost::system::error_code& error) {
    const auto is = [&](int l, int n) { return level == l && name == n; };
    const auto give = [&](auto value) { write_option(static_cast<int>(value), data, size, error); };
    if (get_hop_option(socket.options, level, name, data, size, error)) return;
    if (is(SOL_SOCKET, SO_REUSEADDR)) give(socket.reuse_address);
    else if (is(IPPROTO_IPV6, IPV6_V6ONLY)) give(socket.v6_only);
    else error = boost::asio::error::no_protocol_option;
}

}  // namespace netkit::detail
