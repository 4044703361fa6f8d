#pragma once

#include <netkit/asio/basic_socket.hpp>
#include <netkit/asio/packet_work.hpp>
#include <netkit/asio/protocol_tcp.hpp>
#include <netkit/asio/socket_work.hpp>
#include <netkit/asio/tcp_implementation.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/protocol/tcp/info.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

template <>
struct netkit::detail::implementation_of<netkit::ip::tcp> {
    using type = tcp_implementation;
};

/// Asio's stream socket for TCP on a stack of this library. Message flags: message_peek when receiving; message_end_of_record
/// when sending, which means nothing to TCP; others give operation_not_supported: there is no urgent data (RFC 6093), and
/// routes are not gone past.
template <class Executor>
class boost::asio::basic_stream_socket<netkit::ip::tcp, Executor> : public boost::asio::basic_socket<netkit::ip::tcp, Executor> {
    using base = boost::asio::basic_socket<netkit::ip::tcp, Executor>;
    using implementation_type = netkit::detail::tcp_implementation;
    using error_code = boost::system::error_code;
    using flags_type = boost::asio::socket_base::message_flags;

public:
    using executor_type = Executor;
    using protocol_type = netkit::ip::tcp;
    using endpoint_type = netkit::ip::tcp::endpoint;
    using native_handle_type = typename base::native_handle_type;
    template <class Other>
    struct rebind_executor {
        using other = basic_stream_socket<netkit::ip::tcp, Other>;
    };

    using base::base;
    basic_stream_socket(basic_stream_socket&&) noexcept = default;
    basic_stream_socket& operator=(basic_stream_socket&&) = default;
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_stream_socket(basic_stream_socket<netkit::ip::tcp, Other>&& other) : base(std::move(other)) {}
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_stream_socket& operator=(basic_stream_socket<netkit::ip::tcp, Other>&& other) {
        base::operator=(std::move(other));
        return *this;
    }
    ~basic_stream_socket() = default;

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
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers) {
        return base::call("write_some", [&](error_code& ec) { return send(buffers, 0, ec); });
    }
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers, error_code& ec) {
        return send(buffers, 0, ec);
    }
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers) {
        return base::call("read_some", [&](error_code& ec) { return receive(buffers, 0, ec); });
    }
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers, error_code& ec) {
        return receive(buffers, 0, ec);
    }

    template <class ConstBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_send(const ConstBufferSequence& buffers, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_send(buffers, flags_type(0), std::forward<WriteToken>(token));
    }
    template <class ConstBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_send(const ConstBufferSequence& buffers, flags_type flags, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<WriteToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::send_work>(&implementation_type::writing), token, buffers, flags);
    }
    template <class MutableBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive(const MutableBufferSequence& buffers, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_receive(buffers, flags_type(0), std::forward<ReadToken>(token));
    }
    template <class MutableBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive(const MutableBufferSequence& buffers, flags_type flags, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<ReadToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::receive_work>(&implementation_type::reading), token, buffers, flags);
    }
    template <class ConstBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_write_some(const ConstBufferSequence& buffers, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_send(buffers, flags_type(0), std::forward<WriteToken>(token));
    }
    template <class MutableBufferSequence, completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_read_some(const MutableBufferSequence& buffers, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_receive(buffers, flags_type(0), std::forward<ReadToken>(token));
    }

    // Beyond Asio's own:

    /// Takes a share of all of the packet's bytes, copying none. They must come from this stack's pool. Waits where the send
    /// buffer has no room for them.
    template <completion_token_for<void(boost::system::error_code, std::size_t)> WriteToken = default_completion_token_t<executor_type>>
    auto async_send(netkit::shared_packet packet, WriteToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<WriteToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::send_packet_work>(&implementation_type::writing), token, std::move(packet));
    }
    std::size_t send(netkit::shared_packet packet) {
        return base::call("send", [&](error_code& ec) { return send(std::move(packet), ec); });
    }
    std::size_t send(netkit::shared_packet packet, error_code& ec) {
        netkit::detail::send_packet_work<implementation_type> work{&this->implementation(), std::move(packet)};
        this->implementation().block(work, ec);
        return work.bytes;
    }
    /// The next bytes, at most `most`, as they came in: copied only where they lie in several pieces.
    template <completion_token_for<void(boost::system::error_code, netkit::shared_packet)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive_packet(std::size_t most, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<ReadToken, void(error_code, netkit::shared_packet)>(this->template starting<netkit::detail::receive_packet_work>(&implementation_type::reading), token, most);
    }
    /// The next bytes in the packets that they came in, as many as there are, into the front of `into`, which must stay until then.
    /// The handler is told how many packets; one at least, where there is no error.
    template <completion_token_for<void(boost::system::error_code, std::size_t)> ReadToken = default_completion_token_t<executor_type>>
    auto async_receive_packets(std::span<netkit::shared_packet> into, ReadToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<ReadToken, void(error_code, std::size_t)>(this->template starting<netkit::detail::receive_packets_work>(&implementation_type::reading), token, into);
    }
    std::size_t receive_packets(std::span<netkit::shared_packet> into) {
        return base::call("receive_packets", [&](error_code& ec) { return receive_packets(into, ec); });
    }
    std::size_t receive_packets(std::span<netkit::shared_packet> into, error_code& ec) {
        netkit::detail::receive_packets_work<implementation_type> work{&this->implementation(), into};
        this->implementation().block(work, ec);
        return work.count;
    }
    /// What the connection knows of itself.
    netkit::tcp_info info() const {
        return base::call("info", [&](error_code& ec) { return info(ec); });
    }
    netkit::tcp_info info(error_code& ec) const { return this->implementation().info(ec); }
};
