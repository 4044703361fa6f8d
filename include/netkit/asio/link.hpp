#pragma once

#include <netkit/asio/error.hpp>
#include <netkit/asio/message_buffers.hpp>
#include <netkit/asio/socket_holder.hpp>
#include <netkit/asio/socket_implementation.hpp>
#include <netkit/asio/socket_work.hpp>
#include <netkit/layers/link_socket.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

namespace netkit {

namespace detail {

/// A link socket behind its Asio face.
class link_implementation final : public socket_implementation {
public:
    using error_code = boost::system::error_code;
    using socket_implementation::socket_implementation;

    bool is_open() const { return socket_.is_open(); }
    template <class Executor>
    void open(std::optional<ether_type> type, const Executor& executor, error_code& error) {
        if (is_open()) error = boost::asio::error::already_open;
        else if (auto* stack = find_stack(executor, error)) {
            const call_scope scope(*this);
            error = to_error_code(socket_.open(*stack, type));
            socket_.on_ready([](void* self) { static_cast<link_implementation*>(self)->retry(); }, this);
        }
    }
    void close() {
        const call_scope scope(*this);
        cancel();
        socket_.close();
    }
    template <class Buffers>
    std::size_t send(const Buffers& buffers, interface_id on, const mac_address& target, ether_type type, error_code& error) {
        const call_scope scope(*this);
        const message_buffers<const std::byte> from(buffers);
        auto p = socket_.allocate(from.size());
        if (!p) {
            error = is_open() ? boost::asio::error::no_buffer_space : boost::asio::error::bad_descriptor;
            return 0;
        }
        for (const auto part : from.parts()) p.append(part);
        error = to_error_code(socket_.send(std::move(p), on, target, type));
        return error ? 0 : from.size();
    }
    bool receive(link_frame& frame, error_code& error) {
        const auto result = socket_.receive(frame);
        error = to_error_code(result);
        return result != errc::would_block;
    }

private:
    link_socket socket_;
};

/// Receives a frame; see socket_work.hpp.
template <class Implementation>
struct receive_frame_work {
    Implementation* on;
    link_frame frame{};

    bool at_once() const { return false; }
    bool perform(boost::system::error_code& error) { return on->receive(frame, error); }
    auto results(const boost::system::error_code& error) { return std::tuple<boost::system::error_code, link_frame>(error, std::move(frame)); }
};

}  // namespace detail

/// A link_socket for Asio: hears frames of one EtherType, or of all, on the interfaces of a stack that has a link_sockets layer,
/// and sends some. `co_await socket.async_receive(use_awaitable)` gives a link_frame.
template <class Executor = boost::asio::any_io_executor>
class basic_link_socket {
    using holder_type = detail::socket_holder<detail::link_implementation, Executor>;
    using error_code = boost::system::error_code;

public:
    using executor_type = Executor;
    template <class Other>
    struct rebind_executor {
        using other = basic_link_socket<Other>;
    };

    explicit basic_link_socket(const Executor& executor) : holder_(executor) {}
    template <class Context>
        requires std::convertible_to<Context&, boost::asio::execution_context&>
    explicit basic_link_socket(Context& context) : holder_(context.get_executor()) {}
    /// Opens; throws boost::system::system_error.
    basic_link_socket(const Executor& executor, std::optional<ether_type> type) : holder_(executor) { open(type); }
    template <class Context>
        requires std::convertible_to<Context&, boost::asio::execution_context&>
    basic_link_socket(Context& context, std::optional<ether_type> type) : basic_link_socket(Executor(context.get_executor()), type) {}

    const Executor& get_executor() const noexcept { return holder_.executor(); }
    /// Hears this EtherType, or all. operation_not_supported where the stack has no link_sockets layer.
    void open(std::optional<ether_type> type, error_code& ec) { holder_.implementation().open(type, holder_.executor(), ec); }
    void open(std::optional<ether_type> type = {}) {
        call("open", [&](error_code& ec) { open(type, ec); });
    }
    bool is_open() const { return holder_.is_open(); }
    void close() { holder_.implementation().close(); }
    void cancel() { holder_.implementation().cancel(); }

    /// Sends a payload at once; the source is the interface's own address.
    template <class ConstBufferSequence>
    std::size_t send(const ConstBufferSequence& buffers, interface_id on, const mac_address& target, ether_type type, error_code& ec) {
        return holder_.implementation().send(buffers, on, target, type, ec);
    }
    template <class ConstBufferSequence>
    std::size_t send(const ConstBufferSequence& buffers, interface_id on, const mac_address& target, ether_type type) {
        return call("send", [&](error_code& ec) { return send(buffers, on, target, type, ec); });
    }
    /// Waits for the next frame, driving the stacks of the io_context.
    link_frame receive(error_code& ec) {
        detail::receive_frame_work<detail::link_implementation> work{&holder_.implementation()};
        holder_.implementation().block(work, ec);
        return std::move(work.frame);
    }
    link_frame receive() {
        return call("receive", [&](error_code& ec) { return receive(ec); });
    }
    template <boost::asio::completion_token_for<void(boost::system::error_code, link_frame)> ReadToken = boost::asio::default_completion_token_t<Executor>>
    auto async_receive(ReadToken&& token = boost::asio::default_completion_token_t<Executor>()) {
        const detail::start<detail::receive_frame_work, holder_type> starting{&holder_, &detail::link_implementation::reading};
        return boost::asio::async_initiate<ReadToken, void(error_code, link_frame)>(starting, token);
    }

private:
    template <class F>
    static auto call(const char* what, F&& f) {
        return detail::call_throwing(what, f);
    }
    holder_type holder_;
};

}  // namespace netkit
