#pragma once

#include <netkit/asio/socket_options.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <sys/socket.h>

#include <cstddef>

namespace netkit::detail {

/// Options of all sockets that their protocol does nothing about: a program finds them as it set them.
struct common_options {
    bool reports_aborted_connections = false;  ///< acceptors: accept fails with connection_aborted, rather than to wait for the next one
    bool out_of_band_inline = false;           ///< nothing is out of band
    bool keep_alive = false;                   ///< datagrams only, which have no connection to keep
    int send_buffer = 212992;                  ///< datagrams only, which never wait in the socket
};

/// Whether that is Asio's own option of acceptors, which it takes for any socket.
template <class Protocol>
bool is_enable_connection_aborted(const Protocol& protocol, int level, int name) {
    const boost::asio::socket_base::enable_connection_aborted known;
    return level == known.level(protocol) && name == known.name(protocol);
}

/// Notes one of those; false where it is none of them. operation_not_supported for values that would take more than to be noted.
template <class Protocol>
bool set_common_option(common_options& options, const Protocol& protocol, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
    const auto note = [&](auto&& use) {
        int value = 0;
        if (read_option(value, data, size, error)) use(value);
        return true;
    };
    const auto only = [&](int least, int most) {
        return note([&](int value) {
            if (value < least || value > most) error = boost::asio::error::operation_not_supported;
        });
    };
    if (is_enable_connection_aborted(protocol, level, name)) return note([&](int value) { options.reports_aborted_connections = value != 0; });
    if (level != SOL_SOCKET) return false;
    const bool datagrams = protocol.type() != SOCK_STREAM;
    switch (name) {
    case SO_DEBUG:
    case SO_DONTROUTE: return only(0, 0);
    case SO_RCVLOWAT: return only(0, 1);
    case SO_OOBINLINE: return note([&](int value) { options.out_of_band_inline = value != 0; });
    case SO_KEEPALIVE: return datagrams && note([&](int value) { options.keep_alive = value != 0; });
    case SO_SNDBUF: return datagrams && note([&](int value) { options.send_buffer = value; });
    default: return false;
    }
}

/// The value of one of those, and what a socket is; false where it is none of them.
template <class Protocol>
bool get_common_option(const common_options& options, const Protocol& protocol, bool listens, int level, int name, void* data, std::size_t& size,
                       boost::system::error_code& error) {
    const auto give = [&](int value) {
        write_option(value, data, size, error);
        return true;
    };
    if (is_enable_connection_aborted(protocol, level, name)) return give(options.reports_aborted_connections);
    if (level != SOL_SOCKET) return false;
    const bool datagrams = protocol.type() != SOCK_STREAM;
    switch (name) {
    case SO_TYPE: return give(protocol.type());
    case SO_PROTOCOL: return give(protocol.protocol());
    case SO_DOMAIN: return give(protocol.family());
    case SO_ACCEPTCONN: return give(listens);
    case SO_DEBUG:
    case SO_DONTROUTE: return give(0);
    case SO_RCVLOWAT:
    case SO_SNDLOWAT: return give(1);
    case SO_OOBINLINE: return give(options.out_of_band_inline);
    case SO_KEEPALIVE: return datagrams && give(options.keep_alive);
    case SO_SNDBUF: return datagrams && give(options.send_buffer);
    default: return false;
    }
}

}  // namespace netkit::detail
