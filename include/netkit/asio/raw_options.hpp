#pragma once

#include <netkit/asio/hop_options.hpp>
#include <netkit/asio/socket_options.hpp>
#include <netkit/layers/raw_socket.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <sys/socket.h>

#include <cstddef>

namespace netkit::detail {

/// Notes an option of a raw socket by the system's level, name and value. no_protocol_option where there is no such.
inline void set_raw_option(raw_socket& socket, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
    error = {};
    if (!set_hop_option(socket.options, level, name, data, size, error)) error = boost::asio::error::no_protocol_option;
}
/// The value of an option by the system's level and name. no_protocol_option where there is no such.
inline void get_raw_option(const raw_socket& socket, int level, int name, void* data, std::size_t& size, boost::system::error_code& error) {
    if (!get_hop_option(socket.options, level, name, data, size, error)) error = boost::asio::error::no_protocol_option;
}

}  // namespace netkit::detail
