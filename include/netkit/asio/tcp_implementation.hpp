#pragma once

#include <netkit/asio/endpoint.hpp>
#include <netkit/asio/error.hpp>
#include <netkit/asio/message_buffers.hpp>
#include <netkit/asio/protocol_tcp.hpp>
#include <netkit/asio/socket_implementation.hpp>
#include <netkit/asio/tcp_options.hpp>
#include <netkit/layers/tcp_socket.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <linux/sockios.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace netkit::detail {

/// A connection between a listener and the socket that it becomes.
struct accepted_connection {
    std::unique_ptr<tcp_socket> socket;
    const stack_handle* stack = nullptr;
    ip::tcp protocol = ip::tcp::v4();
    ip::tcp::endpoint remote;
};

/// A TCP socket or listener behind its Asio face. Each call that a kernel would answer at once is here; those that may wait
/// are tried here, and wait as operations.
class tcp_implementation final : public socket_implementation {
public:
    using protocol_type = ip::tcp;
    using endpoint_type = ip::tcp::endpoint;
    using native_handle_type = tcp_socket*;
    using error_code = boost::system::error_code;
    static constexpr bool is_stream = true;

    using socket_implementation::socket_implementation;
    /// Destroyed without having been closed, a socket ends its connection in order, as Asio's own: what was set of lingering is undone.
    ~tcp_implementation() {
        if (!lingers_ || !is_open()) return;
        auto options = socket_->options();
        options.linger = false;
        socket_->set_options(options);
    }

    bool is_open() const { return socket_ && socket_->is_open(); }
    const protocol_type& protocol() const { return protocol_; }
    tcp_socket* native_handle() const { return socket_.get(); }
    bool native_non_blocking = false;
    bool promised = false;  ///< a connection that was accepted is about to become this

    template <class Executor>
    void open(const protocol_type& protocol, const Executor& executor, error_code& error) {
        if (is_open()) error = boost::asio::error::already_open;
        else if (auto* stack = find_stack(executor, error)) {
            const call_scope scope(*this);
            auto fresh = std::make_unique<tcp_socket>();
            error = to_error_code(fresh->open(*stack));
            if (!error) adopt(protocol, std::move(fresh));
        }
    }
    template <class Executor>
    void assign(const protocol_type& protocol, tcp_socket* socket, const Executor& executor, error_code& error) {
        if (is_open()) error = boost::asio::error::already_open;
        else if (!socket || !socket->is_open()) error = boost::asio::error::bad_descriptor;
        else if (find_stack(executor, error) && stack()->core != socket->stack()) error = boost::asio::error::invalid_argument;
        else if (!error) adopt(protocol, std::unique_ptr<tcp_socket>(socket));
    }
    /// Gives up the socket to the caller, who has to delete or assign it; what is pending is cancelled.
    tcp_socket* release(error_code& error) {
        error = is_open() ? error_code() : boost::asio::error::bad_descriptor;
        if (error) return nullptr;
        const call_scope scope(*this);
        cancel();
        socket_->on_ready(nullptr, nullptr);
        return socket_.release();
    }
    void close(error_code& error) {
        error = {};
        const call_scope scope(*this);
        cancel();
        if (is_open()) error = to_error_code(socket_->close());
        socket_.reset();
        non_blocking(false);
        native_non_blocking = false;
    }

    void bind(const endpoint_type& local, error_code& error) {
        if (!ready(error) || !of_family(local, error)) return;
        const call_scope scope(*this);
        auto where = from_asio(local);
        if (local.address().is_v6() && socket_->options().v6_only && where.address.is_v4()) error = boost::asio::error::invalid_argument;
        else error = to_error_code(socket_->bind(where));
    }
    /// Starts a connection. Done unless would_block: then connected() says when.
    bool connect(const endpoint_type& remote, error_code& error) {
        if (!ready(error) || !of_family(remote, error)) return true;
        const auto to = from_asio(remote);
        if (remote.address().is_v6() && socket_->options().v6_only && to.address.is_v4()) {
            error = boost::asio::error::network_unreachable;
            return true;
        }
        const auto result = socket_->connect(to);
        error = to_error_code(result);
        return result != errc::would_block;
    }
    /// Whether a connection attempt has ended, and how.
    bool connected(error_code& error) {
        if (!ready(error)) return true;
        const auto is = socket_->readiness();
        if (is.connecting) return false;
        const auto why = socket_->take_error();
        error = why != errc::ok ? to_error_code(why) : is.connected ? error_code() : boost::asio::error::connection_aborted;
        return true;
    }
    void listen(int backlog, error_code& error) {
        if (!ready(error)) return;
        const call_scope scope(*this);
        error = to_error_code(socket_->listen(backlog < 1 ? 1 : static_cast<std::size_t>(backlog)));
        listens_ = listens_ || !error;
    }
    /// Takes a connection that waits; false where there is none.
    bool accept(accepted_connection& peer, error_code& error) {
        if (!ready(error)) return true;
        if (!spare_) spare_ = std::make_unique<tcp_socket>();
        auto result = socket_->accept(*spare_);
        while (result == errc::connection_aborted && !common.reports_aborted_connections) result = socket_->accept(*spare_);
        if (result == errc::would_block) return false;
        error = to_error_code(result);
        if (error) return true;
        peer.stack = stack();
        peer.protocol = protocol_;
        peer.remote = to_asio(spare_->remote(), protocol_);
        peer.socket = std::move(spare_);
        return true;
    }
    /// Becomes an accepted connection.
    void take(accepted_connection&& peer) {
        on_stack(*peer.stack);
        adopt(peer.protocol, std::move(peer.socket));
    }

    template <class Sequence>
    bool receive(const Sequence& buffers, boost::asio::socket_base::message_flags flags, std::size_t& bytes, error_code& error) {
        bytes = 0;
        if (!ready(error)) return true;
        const message_buffers<std::byte> to(buffers);
        if (to.parts().empty()) return true;  // whatever has become of the connection
        if ((flags & ~boost::asio::socket_base::message_peek) != 0) return refuse(error);
        const auto result = socket_->receive(to.parts(), flags != 0);
        return done(result, bytes, error);
    }
    template <class Sequence>
    bool send(const Sequence& buffers, boost::asio::socket_base::message_flags flags, std::size_t& bytes, error_code& error) {
        bytes = 0;
        if (!ready(error)) return true;
        const message_buffers<const std::byte> from(buffers);
        if (from.parts().empty()) return true;
        if ((flags & ~boost::asio::socket_base::message_end_of_record) != 0) return refuse(error);
        const auto result = socket_->send(from.parts());
        return done(result, bytes, error);
    }
    bool receive(shared_packet& packet, std::size_t most, error_code& error) {
        if (!ready(error)) return true;
        std::size_t bytes = 0;
        return done(socket_->receive(packet, most), bytes, error);
    }
    /// As many packets as there are, and there is room for.
    bool receive(std::span<shared_packet> into, std::size_t& count, error_code& error) {
        count = 0;
        if (!ready(error)) return true;
        std::size_t bytes = 0;
        while (count < into.size()) {
            const bool finished = done(socket_->receive(into[count], std::size_t(-1)), bytes, error);
            if (!finished || error) break;
            ++count;
        }
        if (count == 0 && !into.empty()) return bool(error);
        error = {};
        return true;
    }
    bool send(const shared_packet& packet, std::size_t& bytes, error_code& error) {
        bytes = 0;
        if (!ready(error)) return true;
        return done(socket_->send(packet), bytes, error);
    }
    bool wait(boost::asio::socket_base::wait_type what, error_code& error) {
        if (!ready(error)) return true;
        const auto is = socket_->readiness();
        switch (what) {
        case boost::asio::socket_base::wait_read: return is.readable || is.acceptable;
        case boost::asio::socket_base::wait_write: return is.writable;
        case boost::asio::socket_base::wait_error: return has_failed();
        }
        error = boost::asio::error::invalid_argument;
        return true;
    }

    /// Bytes that wait on either side, by the system's name of the question, or the non-blocking mode.
    static void io_control(tcp_implementation& self, unsigned long name, void* data, error_code& error) {
        if (name != SIOCOUTQ && name != SIOCOUTQNSD) return socket_implementation::io_control(self, name, data, error);
        const auto info = self.info(error);
        if (!error) *static_cast<int*>(data) = static_cast<int>(info.unsent + (name == SIOCOUTQ ? info.unacknowledged : 0));
    }
    std::size_t available(error_code& error) {
        if (!ready(error)) return 0;
        const call_scope scope(*this);
        return socket_->available();
    }
    void shutdown(boost::asio::socket_base::shutdown_type what, error_code& error) {
        using base = boost::asio::socket_base;
        if (!ready(error)) return;
        const call_scope scope(*this);
        error = to_error_code(socket_->shutdown(what != base::shutdown_send, what != base::shutdown_receive));
        retry();
    }
    endpoint_type local_endpoint(error_code& error) {
        if (!ready(error)) return {};
        const call_scope scope(*this);
        return to_asio(socket_->local(), protocol_);
    }
    endpoint_type remote_endpoint(error_code& error) {
        if (!ready(error)) return {};
        const call_scope scope(*this);
        const auto remote = socket_->remote();
        if (remote.port == 0 || !socket_->connected()) {
            error = boost::asio::error::not_connected;
            return {};
        }
        return to_asio(remote, protocol_);
    }
    tcp_info info(error_code& error) {
        if (!ready(error)) return {};
        const call_scope scope(*this);
        return socket_->info();
    }

    void set_option(int level, int name, const void* data, std::size_t size, error_code& error) {
        if (!ready(error)) return;
        const call_scope scope(*this);
        if (set_common_option(common, protocol_, level, name, data, size, error)) return;
        if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
            const std::string_view given(static_cast<const char*>(data), size);
            error = to_error_code(socket_->choose_congestion_control(given.substr(0, given.find('\0'))));
            return;
        }
        if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && socket_->local().port != 0) {
            error = boost::asio::error::invalid_argument;
            return;
        }
        auto options = socket_->options();
        if (set_tcp_option(options, level, name, data, size, error)) socket_->set_options(options);
        if (!error && level == SOL_SOCKET && name == SO_LINGER) lingers_ = true;
    }
    void get_option(int level, int name, void* data, std::size_t& size, error_code& error) {
        if (!ready(error)) return;
        const call_scope scope(*this);
        if (level == SOL_SOCKET && name == SO_ERROR) write_option(to_error_code(socket_->take_error()).value(), data, size, error);
        else if (level == IPPROTO_TCP && name == TCP_MAXSEG && socket_->connected()) write_option(static_cast<int>(socket_->info().send_mss), data, size, error);
        else if (level == IPPROTO_TCP && name == TCP_CONGESTION) write_name_option(socket_->info().congestion_control, data, size, error);
        else if (!get_common_option(common, protocol_, listens_, level, name, data, size, error)) get_tcp_option(socket_->options(), level, name, data, size, error);
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
    static bool refuse(error_code& error) {
        error = boost::asio::error::operation_not_supported;
        return true;
    }
    static bool done(const io_result& result, std::size_t& bytes, error_code& error) {
        if (result.error == errc::would_block) return false;
        bytes = result.bytes;
        error = result.bytes ? error_code() : to_error_code(result.error);
        return true;
    }
    bool has_failed() {
        std::array<std::byte, 1> one{};
        const auto error = socket_->receive(one, true).error;
        return error != errc::ok && error != errc::would_block && error != errc::end_of_stream && error != errc::not_connected;
    }
    void adopt(const protocol_type& protocol, std::unique_ptr<tcp_socket> socket) {
        protocol_ = protocol;
        socket_ = std::move(socket);
        common = {};
        lingers_ = listens_ = false;
        socket_->on_ready([](void* self) { static_cast<tcp_implementation*>(self)->retry(); }, this);
    }

    protocol_type protocol_ = protocol_type::v4();
    std::unique_ptr<tcp_socket> socket_;
    std::unique_ptr<tcp_socket> spare_;  // for the next connection that is accepted
    bool lingers_ = false;               // or not, but the program has said so
    bool listens_ = false;
};

}  // namespace netkit::detail
