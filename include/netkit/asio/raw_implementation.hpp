#pragma once

#include <netkit/asio/datagram_implementation.hpp>
#include <netkit/asio/protocol_raw.hpp>
#include <netkit/asio/raw_options.hpp>
#include <netkit/asio/socket_holder.hpp>
#include <netkit/layers/raw_socket.hpp>

#include <boost/system/error_code.hpp>

#include <sys/socket.h>

#include <cstddef>

namespace netkit::detail {

template <raw_protocol Protocol>
struct datagram_traits<Protocol> {
    using socket_type = raw_socket;
    static constexpr std::size_t most_bytes = 65535;
    static constexpr bool has_ports = false;

    static errc open(raw_socket& socket, stack_core& stack, const Protocol& protocol) {
        const int number = protocol.protocol(), family = protocol.family();
        if (number < 0 || number > 255 || (family != AF_INET && family != AF_INET6)) return errc::invalid_argument;
        return socket.open(stack, static_cast<ip_protocol>(number), family == AF_INET6 ? raw_socket::family::v6 : raw_socket::family::v4);
    }
    static bool allows(const raw_socket&, bool, const endpoint&) { return true; }
    static void set_option(raw_socket& socket, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
        set_raw_option(socket, level, name, data, size, error);
    }
    static void get_option(const raw_socket& socket, int level, int name, void* data, std::size_t& size, boost::system::error_code& error) {
        get_raw_option(socket, level, name, data, size, error);
    }
};

template <raw_protocol Protocol>
struct implementation_of<Protocol> {
    using type = datagram_implementation<Protocol>;
};

}  // namespace netkit::detail
