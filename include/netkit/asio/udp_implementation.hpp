#pragma once

#include <netkit/asio/datagram_implementation.hpp>
#include <netkit/asio/protocol_udp.hpp>
#include <netkit/asio/socket_holder.hpp>
#include <netkit/asio/udp_options.hpp>
#include <netkit/layers/udp_socket.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>

namespace netkit::detail {

template <>
struct datagram_traits<ip::udp> {
    using socket_type = udp_socket;
    static constexpr std::size_t most_bytes = 65507;
    static constexpr bool has_ports = true;

    static errc open(udp_socket& socket, stack_core& stack, const ip::udp&) { return socket.open(stack); }
    static bool allows(const udp_socket& socket, bool as_v6, const endpoint& to) { return !(socket.v6_only && as_v6 && to.address.is_v4()); }
    static void set_option(udp_socket& socket, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
        set_udp_option(socket, level, name, data, size, error);
    }
    static void get_option(const udp_socket& socket, int level, int name, void* data, std::size_t& size, boost::system::error_code& error) {
        get_udp_option(socket, level, name, data, size, error);
    }
};

using udp_implementation = datagram_implementation<ip::udp>;
template <>
struct implementation_of<ip::udp> {
    using type = udp_implementation;
};

}  // namespace netkit::detail
