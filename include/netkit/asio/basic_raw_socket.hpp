#pragma once

#include <netkit/asio/datagram_calls.hpp>
#include <netkit/asio/protocol_raw.hpp>
#include <netkit/asio/raw_implementation.hpp>

#include <boost/asio/basic_raw_socket.hpp>

#include <concepts>
#include <utility>

/// Asio's raw socket for a stack of this library, which has a raw_sockets layer; else opening it is operation_not_supported.
/// raw_socket.hpp says what is received, datagram_calls.hpp what it does otherwise.
template <class Protocol, class Executor>
    requires netkit::raw_protocol<Protocol>
class boost::asio::basic_raw_socket<Protocol, Executor> : public netkit::detail::datagram_calls<Protocol, Executor> {
    using base = netkit::detail::datagram_calls<Protocol, Executor>;

public:
    using executor_type = Executor;
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using native_handle_type = typename base::native_handle_type;
    template <class Other>
    struct rebind_executor {
        using other = basic_raw_socket<Protocol, Other>;
    };

    using base::base;
    basic_raw_socket(basic_raw_socket&&) noexcept = default;
    basic_raw_socket& operator=(basic_raw_socket&&) = default;
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_raw_socket(basic_raw_socket<Protocol, Other>&& other) : base(std::move(other)) {}
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_raw_socket& operator=(basic_raw_socket<Protocol, Other>&& other) {
        base::operator=(std::move(other));
        return *this;
    }
    ~basic_raw_socket() = default;
};
