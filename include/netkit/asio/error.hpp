#pragma once

#include <netkit/core/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/is_error_code_enum.hpp>

#include <cerrno>
#include <string>
#include <type_traits>

namespace netkit {

/// What sockets say for which Asio has no error of its own.
enum class socket_error {
    no_stack = 1,  ///< the socket's io_context has no stack; equals network_down
};

namespace detail {
class socket_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "netkit.socket"; }
    std::string message(int) const override { return "netkit: this io_context has no stack: construct a netkit::reactor first"; }
    boost::system::error_condition default_error_condition(int) const noexcept override { return boost::system::errc::make_error_condition(boost::system::errc::network_down); }
};
}  // namespace detail

inline boost::system::error_code make_error_code(socket_error e) {
    static const detail::socket_error_category category;
    return {static_cast<int>(e), category};
}

/// The error code by which Asio's own sockets say the same. What Asio has no name for becomes the system's code.
inline boost::system::error_code to_error_code(errc e) {
    namespace error = boost::asio::error;
    const auto system = [](int number) { return boost::system::error_code(number, boost::system::system_category()); };
    switch (e) {
    case errc::ok: return {};
    case errc::would_block: return error::would_block;
    case errc::no_route: return error::network_unreachable;
    case errc::no_buffers: return error::no_buffer_space;
    case errc::queue_full: return error::no_buffer_space;
    case errc::message_too_big: return error::message_size;
    case errc::address_in_use: return error::address_in_use;
    case errc::address_not_available: return system(EADDRNOTAVAIL);
    case errc::no_ports: return system(EADDRNOTAVAIL);
    case errc::already_connected: return error::already_connected;
    case errc::already_started: return error::already_started;
    case errc::not_connected: return error::not_connected;
    case errc::connection_refused: return error::connection_refused;
    case errc::connection_reset: return error::connection_reset;
    case errc::connection_aborted: return error::connection_aborted;
    case errc::timed_out: return error::timed_out;
    case errc::host_unreachable: return error::host_unreachable;
    case errc::network_unreachable: return error::network_unreachable;
    case errc::end_of_stream: return error::eof;
    case errc::shut_down: return error::broken_pipe;
    case errc::invalid_argument: return error::invalid_argument;
    case errc::not_supported: return error::operation_not_supported;
    case errc::bad_descriptor: return error::bad_descriptor;
    case errc::interface_down: return error::network_down;
    case errc::access_denied: return error::access_denied;
    }
    return error::fault;
}

}  // namespace netkit

template <>
struct boost::system::is_error_code_enum<netkit::socket_error> : std::true_type {};
