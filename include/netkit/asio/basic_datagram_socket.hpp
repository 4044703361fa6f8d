#pragma once

#include <netkit/asio/basic_socket.hpp>
#include <netkit/asio/datagram_work.hpp>
#include <netkit/asio/protocol_udp.hpp>
#include <netkit/asio/socket_work.hpp>
#include <netkit/asio/udp_implementation.hpp>
#include <netkit/layers/udp_socket.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

template <>
struct netkit::detail::implementation_of<netkit::ip::udp> {
    using type = udp_implementation;
};

/// Asio's datagram socket for UDP on a stack of this library. Message flags: message_peek when receiving; others give
/// operation_not_supported. Sending never waits: where no buffers are left it fails with no_buffer_space.
template <class Executor>
class boost::asio::basic_datagram_socket<netkit::ip::udp, Executor> : public boost::asio::basic_socket<netkit::ip::udp, Executor> {
    using base = boost::asio::basic_socket<netkit::ip::udp, Executor>;
    using implementation_type = netkit::detail::udp_implementation;
    using error_code = boost::system::error_code;
    using flags_type = boost::asio::socket_base::message_flags;

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

    template <class ConstBufferSequence>
    std::size_t send(const ConstBufferSequence& buffers, flags_type flags = 0) {
        return base::call("send", [&](error_code& ec) { return send(buffers, flags, ec); });
    }
    template <class ConstBufferSequence>
    std::size_t send(const ConstBufferSequence& buffers, flags_type flags, error_code& ec) {
        netkit::detail::send_work<implementation_type, ConstBufferSequence> work{&this->implementation(), buffers, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }
    template <class ConstBufferSequence>
    std::size_t send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, flags_type flags = 0) {
        return base::call("send_to", [&](error_code& ec) { return send_to(buffers, destination, flags, ec); });
    }
    template <class ConstBufferSequence>
    std::size_t send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, flags_type flags, error_code& ec) {
        netkit::detail::send_to_work<implementation_type, ConstBufferSequence> work{&this->implementation(), buffers, destination, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }
    template <class MutableBufferSequence>
    std::size_t receive(const MutableBufferSequence& buffers, flags_type flags = 0) {
        return base::call("receive", [&](error_code& ec) { return receive(buffers, flags, ec); });
    }
    template <class MutableBufferSequence>
    std::size_t receive(const MutableBufferSequence& buffers, flags_type flags, error_code& ec) {
        netkit::detail::receive_work<implementation_type, MutableBufferSequence> work{&this->implementation(), buffers, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }
    template <class MutableBufferSequence>
    std::size_t receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, flags_type flags = 0) {
        return base::call("receive_from", [&](error_code& ec) { return receive_from(buffers, sender, flags, ec); });
    }
    template <class MutableBufferSequence>
    std::size_t receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, flags_type flags, error_code& ec) {
        netkit::detail::receive_from_work<implementation_type, MutableBufferSequence> work{&this->implementation(), buffers, &sender, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }

    template <class ConstBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_send(const ConstBufferSequence& buffers, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_send(buffers, flags_type(0), std::forward<WriteToken>(token));
    }
    template <class ConstBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_send(const ConstBufferSequence& buffers, flags_type flags, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<WriteToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::send_work>(&implementation_type::writing), token, buffers, flags);
    }
    template <class ConstBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_send_to(buffers, destination, flags_type(0), std::forward<WriteToken>(token));
    }
    template <class ConstBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, flags_type flags, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<WriteToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::send_to_work>(&implementation_type::writing), token, buffers, destination, flags);
    }
    template <class MutableBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive(const MutableBufferSequence& buffers, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_receive(buffers, flags_type(0), std::forward<ReadToken>(token));
    }
    template <class MutableBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive(const MutableBufferSequence& buffers, flags_type flags, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<ReadToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::receive_work>(&implementation_type::reading), token, buffers, flags);
    }
    template <class MutableBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_receive_from(buffers, sender, flags_type(0), std::forward<ReadToken>(token));
    }
    template <class MutableBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, flags_type flags, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<ReadToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::receive_from_work>(&implementation_type::reading), token, buffers, &sender, flags);
    }

    // Beyond Asio's own:

    /// The next datagram as it came in, without copying it, with all that came with it.
    template <completion_token_for<void(boost::system::error_code, netkit::datagram)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive_packet(ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<ReadToken, void(error_code, netkit::datagram)>(this->template starting<netkit::detail::receive_datagram_work>(&implementation_type::reading), token);
    }
};
