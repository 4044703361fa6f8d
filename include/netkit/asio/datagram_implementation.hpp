#pragma once

#include <netkit/asio/endpoint.hpp>
#include <netkit/asio/error.hpp>
#include <netkit/asio/message_buffers.hpp>
#include <netkit/asio/socket_implementation.hpp>
#include <netkit/asio/socket_options.hpp>
#include <netkit/layers/datagram.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace netkit::detail {

/// What tells one protocol's datagram sockets from another's, specialised for each: the socket beneath (`socket_type`), how to
/// `open` it on a stack, its options (`set_option`, `get_option`), the most bytes of a datagram (`most_bytes`), whether it
/// `has_ports`, and whether it `allows` an address that a program gave as one of either family.
template <class Protocol>
struct datagram_traits;

/// A socket for datagrams behind its Asio face.
template <class Protocol>
class datagram_implementation final : public socket_implementation {
    using traits = datagram_traits<Protocol>;
    using socket_type = typename traits::socket_type;

public:
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using native_handle_type = socket_type*;
    using error_code = boost::system::error_code;
    static constexpr bool is_stream = false;

    using socket_implementation::socket_implementation;

    bool is_open() const { return socket_ && socket_->is_open(); }
    const protocol_type& protocol() const { return protocol_; }
    socket_type* native_handle() const { return socket_.get(); }
    bool native_non_blocking = false;

    template <class Executor>
    void open(const protocol_type& protocol, const Executor& executor, error_code& error) {
        if (is_open()) error = boost::asio::error::already_open;
        else if (auto* stack = find_stack(executor, error)) {
            const call_scope scope(*this);
            auto fresh = std::make_unique<socket_type>();
            error = to_error_code(traits::open(*fresh, *stack, protocol));
            if (!error) adopt(protocol, std::move(fresh));
        }
    }
    template <class Executor>
    void assign(const protocol_type& protocol, socket_type* socket, const Executor& executor, error_code& error) {
        if (is_open()) error = boost::asio::error::already_open;
        else if (!socket || !socket->is_open()) error = boost::asio::error::bad_descriptor;
        else if (find_stack(executor, error) && stack()->core != socket->stack()) error = boost::asio::error::invalid_argument;
        else if (!error) adopt(protocol, std::unique_ptr<socket_type>(socket));
    }
    /// Gives up the socket to the caller, who has to delete or assign it; what is pending is cancelled.
    socket_type* release(error_code& error) {
        if (!ready(error)) return nullptr;
        const call_scope scope(*this);
        cancel();
        socket_->on_ready(nullptr, nullptr);
        return socket_.release();
    }
    void close(error_code& error) {
        error = {};
        const call_scope scope(*this);
        cancel();
        socket_.reset();
        peeked_.reset();
        non_blocking(false);
        native_non_blocking = false;
        sends_ = receives_ = true;
    }

    void bind(const endpoint_type& local, error_code& error) {
        if (!ready(error) || !of_family(local, error)) return;
        const call_scope scope(*this);
        const auto where = from_asio(local);
        error = to_error_code(traits::allows(*socket_, local.address().is_v6(), where) ? socket_->bind(where) : errc::invalid_argument);
    }
    bool connect(const endpoint_type& remote, error_code& error) {
        if (!ready(error) || !of_family(remote, error)) return true;
        const auto to = meant_by(remote);
        error = to_error_code(traits::allows(*socket_, remote.address().is_v6(), to) ? socket_->connect(to) : errc::network_unreachable);
        return true;
    }
    bool connected(error_code& error) { return ready(error), true; }

    template <class Sequence>
    bool receive(const Sequence& buffers, boost::asio::socket_base::message_flags flags, std::size_t& bytes, error_code& error) {
        endpoint_type ignored;
        return receive_from(buffers, ignored, flags, bytes, error);
    }
    /// Bytes that do not fit are lost.
    template <class Sequence>
    bool receive_from(const Sequence& buffers, endpoint_type& sender, boost::asio::socket_base::message_flags flags, std::size_t& bytes, error_code& error) {
        bytes = 0;
        if (!ready(error)) return true;
        if ((flags & ~boost::asio::socket_base::message_peek) != 0) return refuse(error);
        if (!peek(error)) return false;
        if (!peeked_) return true;
        sender = to_asio(peeked_->source, protocol_);
        const message_buffers<std::byte> to(buffers);
        for (const auto part : to.parts()) bytes += peeked_->payload.copy_to(part, bytes);
        if (flags == 0) peeked_.reset();
        return true;
    }
    bool receive(datagram& d, error_code& error) {
        if (!ready(error)) return true;
        if (!peek(error)) return false;
        if (peeked_) d = std::move(*peeked_);
        peeked_.reset();
        return true;
    }
    template <class Sequence>
    bool send(const Sequence& buffers, boost::asio::socket_base::message_flags flags, std::size_t& bytes, error_code& error) {
        bytes = 0;
        if (!ready(error)) return true;
        if (!socket_->connected()) error = boost::asio::error::not_connected;
        else send(buffers, socket_->remote(), flags, bytes, error);
        return true;
    }
    template <class Sequence>
    bool send_to(const Sequence& buffers, const endpoint_type& target, boost::asio::socket_base::message_flags flags, std::size_t& bytes, error_code& error) {
        bytes = 0;
        if (!ready(error) || !of_family(target, error)) return true;
        const auto to = meant_by(target);
        if (traits::has_ports && to.port == 0) error = boost::asio::error::invalid_argument;
        else if (!traits::allows(*socket_, target.address().is_v6(), to)) error = boost::asio::error::network_unreachable;
        else send(buffers, to, flags, bytes, error);
        return true;
    }
    bool wait(boost::asio::socket_base::wait_type what, error_code& error) {
        if (!ready(error)) return true;
        switch (what) {
        case boost::asio::socket_base::wait_read: return peeked_ || !receives_ || socket_->readable();
        case boost::asio::socket_base::wait_write: return true;
        case boost::asio::socket_base::wait_error: return failed();
        }
        error = boost::asio::error::invalid_argument;
        return true;
    }
    /// Bytes of the next datagram.
    std::size_t available(error_code& error) {
        if (!ready(error)) return 0;
        const call_scope scope(*this);
        return peeked_ ? peeked_->payload.size() : socket_->available();
    }
    void shutdown(boost::asio::socket_base::shutdown_type what, error_code& error) {
        using base = boost::asio::socket_base;
        if (!ready(error)) return;
        const call_scope scope(*this);
        if (!socket_->connected()) error = boost::asio::error::not_connected;
        sends_ = sends_ && what == base::shutdown_receive;
        receives_ = receives_ && what == base::shutdown_send;
        retry();
    }
    endpoint_type local_endpoint(error_code& error) {
        if (!ready(error)) return {};
        const call_scope scope(*this);
        return to_asio(socket_->local_endpoint(), protocol_);
    }
    endpoint_type remote_endpoint(error_code& error) {
        if (!ready(error)) return {};
        const call_scope scope(*this);
        if (socket_->connected()) return to_asio(socket_->remote(), protocol_);
        error = boost::asio::error::not_connected;
        return {};
    }
    void set_option(int level, int name, const void* data, std::size_t size, error_code& error) {
        if (!ready(error)) return;
        const call_scope scope(*this);
        if (!set_common_option(common, protocol_, level, name, data, size, error)) traits::set_option(*socket_, level, name, data, size, error);
    }
    void get_option(int level, int name, void* data, std::size_t& size, error_code& error) {
        if (!ready(error)) return;
        const call_scope scope(*this);
        if (level == SOL_SOCKET && name == SO_ERROR) write_option(take_error().value(), data, size, error);
        else if (!get_common_option(common, protocol_, false, level, name, data, size, error)) traits::get_option(*socket_, level, name, data, size, error);
    }

private:
    bool ready(error_code& error) const {
        error = is_open() ? error_code() : boost::asio::error::bad_descriptor;
        return !error;
    }
    bool of_family(const endpoint_type& e, error_code& error) const {
        if (e.protocol().family() == protocol_.family()) return true;
        error = boost::asio::error::address_family_not_supported;
        return false;
    }
    /// What a program means: the unspecified address is this host.
    static endpoint meant_by(const endpoint_type& e) {
        auto result = from_asio(e);
        if (traits::has_ports && result.address.is_any()) result.address = result.address.is_v4() ? ip_address(ipv4_address::loopback()) : ip_address(ipv6_address::loopback());
        return result;
    }
    /// Only where peers can report errors.
    bool failed() const {
        if constexpr (requires { socket_->failed(); }) return socket_->failed();
        else return false;
    }
    error_code take_error() {
        if constexpr (requires { socket_->take_error(); }) return to_error_code(socket_->take_error());
        else return {};
    }
    static bool refuse(error_code& error) {
        error = boost::asio::error::operation_not_supported;
        return true;
    }
    template <class Sequence>
    void send(const Sequence& buffers, const endpoint& target, boost::asio::socket_base::message_flags flags, std::size_t& bytes, error_code& error) {
        if (flags != 0) {
            refuse(error);
            return;
        }
        // What a peer has reported about what was sent before: told once, by whatever is called next.
        error = take_error();
        if (error) return;
        if (!sends_) {
            error = boost::asio::error::broken_pipe;
            return;
        }
        const message_buffers<const std::byte> from(buffers);
        auto p = socket_->allocate(from.size());
        if (!p) {
            error = to_error_code(from.size() > traits::most_bytes ? errc::message_too_big : errc::no_buffers);
            return;
        }
        for (const auto part : from.parts()) p.append(part);
        error = to_error_code(socket_->send(std::move(p), target));
        if (!error) bytes = from.size();
    }
    /// Has the next datagram at hand, so that it can be looked at; false where there is none, true without one at the end or
    /// after an error.
    bool peek(error_code& error) {
        if (peeked_ || !receives_) return true;
        datagram next;
        const auto result = socket_->receive(next);
        if (result == errc::would_block) return false;
        if (result == errc::ok) peeked_ = std::move(next);
        error = to_error_code(result);
        return true;
    }
    void adopt(const protocol_type& protocol, std::unique_ptr<socket_type> socket) {
        protocol_ = protocol;
        socket_ = std::move(socket);
        common = {};
        socket_->on_ready([](void* self) { static_cast<datagram_implementation*>(self)->retry(); }, this);
    }

    protocol_type protocol_ = protocol_type::v4();
    std::unique_ptr<socket_type> socket_;
    std::optional<datagram> peeked_;
    bool sends_ = true;
    bool receives_ = true;
};

}  // namespace netkit::detail
