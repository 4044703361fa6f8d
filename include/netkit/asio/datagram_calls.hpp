#pragma once

#include <netkit/asio/basic_socket.hpp>
#include <netkit/asio/datagram_work.hpp>
#include <netkit/asio/socket_work.hpp>
#include <netkit/layers/datagram.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace netkit::detail {

/// What Asio's datagram and raw sockets have alike, for protocols of this library. Message flags: message_peek when receiving;
/// others give operation_not_supported. Sending never waits: where no buffers are left it fails with no_buffer_space.
template <class Protocol, class Executor>
class datagram_calls : public boost::asio::basic_socket<Protocol, Executor> {
    using base = boost::asio::basic_socket<Protocol, Executor>;
    using implementation_type = typename implementation_of<Protocol>::type;
    using error_code = boost::system::error_code;
    using flags_type = boost::asio::socket_base::message_flags;

public:
    using executor_type = Executor;
    using endpoint_type = typename Protocol::endpoint;

    using base::base;
    datagram_calls(datagram_calls&&) noexcept = default;
    datagram_calls& operator=(datagram_calls&&) = default;
    template <class Other>
        requires std::convertible_to<Other, Executor>
    datagram_calls& operator=(datagram_calls<Protocol, Other>&& other) {
        base::operator=(std::move(other));
        return *this;
    }

    template <class ConstBufferSequence>
    std::size_t send(const ConstBufferSequence& buffers, flags_type flags = 0) {
        return base::call("send", [&](error_code& ec) { return send(buffers, flags, ec); });
    }
    template <class ConstBufferSequence>
    std::size_t send(const ConstBufferSequence& buffers, flags_type flags, error_code& ec) {
        send_work<implementation_type, ConstBufferSequence> work{&this->implementation(), buffers, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }
    template <class ConstBufferSequence>
    std::size_t send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, flags_type flags = 0) {
        return base::call("send_to", [&](error_code& ec) { return send_to(buffers, destination, flags, ec); });
    }
    template <class ConstBufferSequence>
    std::size_t send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, flags_type flags, error_code& ec) {
        send_to_work<implementation_type, ConstBufferSequence> work{&this->implementation(), buffers, destination, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }
    template <class MutableBufferSequence>
    std::size_t receive(const MutableBufferSequence& buffers, flags_type flags = 0) {
        return base::call("receive", [&](error_code& ec) { return receive(buffers, flags, ec); });
    }
    template <class MutableBufferSequence>
    std::size_t receive(const MutableBufferSequence& buffers, flags_type flags, error_code& ec) {
        receive_work<implementation_type, MutableBufferSequence> work{&this->implementation(), buffers, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }
    template <class MutableBufferSequence>
    std::size_t receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, flags_type flags = 0) {
        return base::call("receive_from", [&](error_code& ec) { return receive_from(buffers, sender, flags, ec); });
    }
    template <class MutableBufferSequence>
    std::size_t receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, flags_type flags, error_code& ec) {
        receive_from_work<implementation_type, MutableBufferSequence> work{&this->implementation(), buffers, &sender, flags};
        this->implementation().block(work, ec);
        return work.bytes;
    }

    template <class ConstBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_send(const ConstBufferSequence& buffers, WriteToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return async_send(buffers, flags_type(0), std::forward<WriteToken>(token));
    }
    template <class ConstBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_send(const ConstBufferSequence& buffers, flags_type flags, WriteToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return boost::asio::async_initiate<WriteToken, void(error_code, std::size_t)>(this->template starting<send_work>(&implementation_type::writing), token, buffers, flags);
    }
    template <class ConstBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, WriteToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return async_send_to(buffers, destination, flags_type(0), std::forward<WriteToken>(token));
    }
    template <class ConstBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_send_to(const ConstBufferSequence& buffers, const endpoint_type& destination, flags_type flags, WriteToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return boost::asio::async_initiate<WriteToken, void(error_code, std::size_t)>(this->template starting<send_to_work>(&implementation_type::writing), token, buffers, destination, flags);
    }
    template <class MutableBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_receive(const MutableBufferSequence& buffers, ReadToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return async_receive(buffers, flags_type(0), std::forward<ReadToken>(token));
    }
    template <class MutableBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_receive(const MutableBufferSequence& buffers, flags_type flags, ReadToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return boost::asio::async_initiate<ReadToken, void(error_code, std::size_t)>(this->template starting<receive_work>(&implementation_type::reading), token, buffers, flags);
    }
    template <class MutableBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, ReadToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return async_receive_from(buffers, sender, flags_type(0), std::forward<ReadToken>(token));
    }
    template <class MutableBufferSequence, boost::asio::completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_receive_from(const MutableBufferSequence& buffers, endpoint_type& sender, flags_type flags, ReadToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return boost::asio::async_initiate<ReadToken, void(error_code, std::size_t)>(this->template starting<receive_from_work>(&implementation_type::reading), token, buffers, &sender, flags);
    }

    // Beyond Asio's own:

    /// The next datagram as it came in, without copying it, with all that came with it.
    template <boost::asio::completion_token_for<void(boost::system::error_code, datagram)> ReadToken = boost::asio::default_completion_token_t<executor_type>>
    auto async_receive_packet(ReadToken&& token = boost::asio::default_completion_token_t<executor_type>()) {
        return boost::asio::async_initiate<ReadToken, void(error_code, datagram)>(this->template starting<receive_datagram_work>(&implementation_type::reading), token);
    }

protected:
    ~datagram_calls() = default;
};

}  // namespace netkit::detail
