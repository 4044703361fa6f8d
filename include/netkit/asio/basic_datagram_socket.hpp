#pragma once

#include <netkit/asio/datagram_calls.hpp>
#include <netkit/asio/protocol_udp.hpp>
#include <netkit/asio/udp_implementation.hpp>

#include <boost/asio/basic_datagram_socket.hpp>

#include <concepts>
#include <utility>

/// Asio's datagram socket for UDP on a stack of this library; datagram_calls.hpp says what it does otherwise.
template <class Executor>
class boost::asio::basic_datagram_socket<netkit::ip::udp, Executor> : public netkit::detail::datagram_calls<netkit::ip::udp, Executor> {
    using base = netkit::detail::datagram_calls<netkit::ip::udp, Executor>;

public:
    using executor_type = Executor;
    using protocol_type = netkit::ip::udp;
    using endpoint_type = netkit::ip::udp::endpoint;
    using native_handle_type = typename base::native_handle_type;
    template <class Other>
    struct rebind_executor {
        using other = basic_datagram_socket<netkit::ip::udp, Other>;
    };

    using base::base;
    basic_datagram_socket(basic_datagram_socket&&) noexcept = default;
    basic_datagram_socket& operator=(basic_datagram_socket&&) = default;
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_datagram_socket(basic_datagram_socket<netkit::ip::udp, Other>&& other) : base(std::move(other)) {}
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_datagram_socket& operator=(basic_datagram_socket<netkit::ip::udp, Other>&& other) {
        base::operator=(std::move(other));
        return *this;
    }
    ~basic_datagram_socket() = default;
};
