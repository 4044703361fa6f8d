#pragma once

#include <netkit/asio/socket_holder.hpp>
#include <netkit/asio/socket_work.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_socket.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

/// Asio's basic_socket for the protocols of this library. Every documented member is here, and means what it means there,
/// with these differences: native_handle_type is a pointer to the socket beneath; release() gives its ownership to the caller;
/// blocking calls drive the stacks of the socket's io_context, and answer would_block where nothing could ever finish them.
template <class Protocol, class Executor>
    requires netkit::socket_protocol<Protocol>
class boost::asio::basic_socket<Protocol, Executor> : public boost::asio::socket_base {
    using implementation_type = typename netkit::detail::implementation_of<Protocol>::type;
    using holder_type = netkit::detail::socket_holder<implementation_type, Executor>;
    using error_code = boost::system::error_code;

public:
    using executor_type = Executor;
    using native_handle_type = typename implementation_type::native_handle_type;
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using lowest_layer_type = basic_socket;
    template <class Other>
    struct rebind_executor {
        using other = basic_socket<Protocol, Other>;
    };

    explicit basic_socket(const executor_type& ex) : holder_(ex) {}
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    explicit basic_socket(Context& context) : holder_(context.get_executor()) {}
    basic_socket(const executor_type& ex, const protocol_type& protocol) : holder_(ex) { open(protocol); }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    basic_socket(Context& context, const protocol_type& protocol) : basic_socket(executor_type(context.get_executor()), protocol) {}
    basic_socket(const executor_type& ex, const endpoint_type& endpoint) : holder_(ex) {
        open(endpoint.protocol());
        bind(endpoint);
    }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    basic_socket(Context& context, const endpoint_type& endpoint) : basic_socket(executor_type(context.get_executor()), endpoint) {}
    basic_socket(const executor_type& ex, const protocol_type& protocol, const native_handle_type& native_socket) : holder_(ex) { assign(protocol, native_socket); }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    basic_socket(Context& context, const protocol_type& protocol, const native_handle_type& native_socket)
        : basic_socket(executor_type(context.get_executor()), protocol, native_socket) {}
    basic_socket(basic_socket&& other) noexcept = default;
    basic_socket& operator=(basic_socket&& other) = default;
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_socket(basic_socket<Protocol, Other>&& other) : holder_(std::move(netkit::detail::socket_access::holder(other))) {}
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_socket& operator=(basic_socket<Protocol, Other>&& other) {
        holder_ = holder_type(std::move(netkit::detail::socket_access::holder(other)));
        return *this;
    }

    const executor_type& get_executor() noexcept { return holder_.executor(); }
    lowest_layer_type& lowest_layer() { return *this; }
    const lowest_layer_type& lowest_layer() const { return *this; }

    /// socket_error::no_stack where the socket's io_context has no stack.
    void open(const protocol_type& protocol = protocol_type()) {
        call("open", [&](error_code& ec) { open(protocol, ec); });
    }
    error_code open(const protocol_type& protocol, error_code& ec) {
        implementation().open(protocol, holder_.executor(), ec);
        return ec;
    }
    void assign(const protocol_type& protocol, const native_handle_type& native_socket) {
        call("assign", [&](error_code& ec) { assign(protocol, native_socket, ec); });
    }
    /// Takes ownership of a socket on the same stack.
    error_code assign(const protocol_type& protocol, const native_handle_type& native_socket, error_code& ec) {
        implementation().assign(protocol, native_socket, holder_.executor(), ec);
        return ec;
    }
    bool is_open() const { return holder_.is_open(); }
    void close() {
        call("close", [&](error_code& ec) { close(ec); });
    }
    error_code close(error_code& ec) {
        implementation().close(ec);
        return ec;
    }
    native_handle_type release() {
        return call("release", [&](error_code& ec) { return release(ec); });
    }
    native_handle_type release(error_code& ec) { return implementation().release(ec); }
    native_handle_type native_handle() { return implementation().native_handle(); }
    void cancel() {
        call("cancel", [&](error_code& ec) { cancel(ec); });
    }
    error_code cancel(error_code& ec) {
        ec = is_open() ? error_code() : error_code(error::bad_descriptor);
        if (!ec) implementation().cancel();
        return ec;
    }
    /// Always false: there is no urgent data.
    bool at_mark() const {
        return call("at_mark", [&](error_code& ec) { return at_mark(ec); });
    }
    bool at_mark(error_code& ec) const {
        ec = is_open() ? error_code() : error_code(error::bad_descriptor);
        return false;
    }
    std::size_t available() const {
        return call("available", [&](error_code& ec) { return available(ec); });
    }
    std::size_t available(error_code& ec) const { return implementation().available(ec); }
    void bind(const endpoint_type& endpoint) {
        call("bind", [&](error_code& ec) { bind(endpoint, ec); });
    }
    error_code bind(const endpoint_type& endpoint, error_code& ec) {
        implementation().bind(endpoint, ec);
        return ec;
    }
    void connect(const endpoint_type& peer_endpoint) {
        call("connect", [&](error_code& ec) { connect(peer_endpoint, ec); });
    }
    /// Waits even where the socket is non-blocking.
    error_code connect(const endpoint_type& peer_endpoint, error_code& ec) {
        const auto failed = open_for(peer_endpoint);
        netkit::detail::connect_work<implementation_type> work{&implementation(), peer_endpoint, failed};
        implementation().block(work, ec, false);
        return ec;
    }
    template <completion_token_for<void(boost::system::error_code)> ConnectToken = default_completion_token_t<executor_type>>
    auto async_connect(const endpoint_type& peer_endpoint, ConnectToken&& token = default_completion_token_t<executor_type>()) {
        const auto failed = open_for(peer_endpoint);
        return async_initiate<ConnectToken, void(error_code)>(starting<netkit::detail::connect_work>(&implementation_type::writing), token, peer_endpoint, failed);
    }

    template <class SettableSocketOption>
    void set_option(const SettableSocketOption& option) {
        call("set_option", [&](error_code& ec) { set_option(option, ec); });
    }
    /// no_protocol_option for those that the stack does not have.
    template <class SettableSocketOption>
    error_code set_option(const SettableSocketOption& option, error_code& ec) {
        const auto& p = implementation().protocol();
        implementation().set_option(option.level(p), option.name(p), option.data(p), option.size(p), ec);
        return ec;
    }
    template <class GettableSocketOption>
    void get_option(GettableSocketOption& option) const {
        call("get_option", [&](error_code& ec) { get_option(option, ec); });
    }
    template <class GettableSocketOption>
    error_code get_option(GettableSocketOption& option, error_code& ec) const {
        const auto& p = implementation().protocol();
        auto size = option.size(p);
        implementation().get_option(option.level(p), option.name(p), option.data(p), size, ec);
        if (!ec) option.resize(p, size);
        return ec;
    }
    template <class IoControlCommand>
    void io_control(IoControlCommand& command) {
        call("io_control", [&](error_code& ec) { io_control(command, ec); });
    }
    /// bytes_readable and the non-blocking mode; operation_not_supported for others.
    template <class IoControlCommand>
    error_code io_control(IoControlCommand& command, error_code& ec) {
        implementation_type::io_control(implementation(), static_cast<unsigned long>(command.name()), command.data(), ec);
        return ec;
    }
    bool non_blocking() const { return implementation().non_blocking(); }
    void non_blocking(bool mode) {
        call("non_blocking", [&](error_code& ec) { non_blocking(mode, ec); });
    }
    error_code non_blocking(bool mode, error_code& ec) {
        ec = is_open() ? error_code() : error_code(error::bad_descriptor);
        if (!ec) implementation().non_blocking(mode);
        return ec;
    }
    /// The socket beneath never blocks; this is only remembered.
    bool native_non_blocking() const { return implementation().native_non_blocking; }
    void native_non_blocking(bool mode) {
        call("native_non_blocking", [&](error_code& ec) { native_non_blocking(mode, ec); });
    }
    error_code native_non_blocking(bool mode, error_code& ec) {
        ec = !is_open() ? error_code(error::bad_descriptor) : !mode && non_blocking() ? error_code(error::invalid_argument) : error_code();
        if (!ec) implementation().native_non_blocking = mode;
        return ec;
    }
    endpoint_type local_endpoint() const {
        return call("local_endpoint", [&](error_code& ec) { return local_endpoint(ec); });
    }
    endpoint_type local_endpoint(error_code& ec) const { return implementation().local_endpoint(ec); }
    endpoint_type remote_endpoint() const {
        return call("remote_endpoint", [&](error_code& ec) { return remote_endpoint(ec); });
    }
    endpoint_type remote_endpoint(error_code& ec) const { return implementation().remote_endpoint(ec); }
    void shutdown(shutdown_type what) {
        call("shutdown", [&](error_code& ec) { shutdown(what, ec); });
    }
    error_code shutdown(shutdown_type what, error_code& ec) {
        implementation().shutdown(what, ec);
        return ec;
    }
    void wait(wait_type w) {
        call("wait", [&](error_code& ec) { wait(w, ec); });
    }
    error_code wait(wait_type w, error_code& ec) {
        netkit::detail::wait_work<implementation_type> work{&implementation(), w};
        implementation().block(work, ec);
        return ec;
    }
    template <completion_token_for<void(boost::system::error_code)> WaitToken = default_completion_token_t<executor_type>>
    auto async_wait(wait_type w, WaitToken&& token = default_completion_token_t<executor_type>()) {
        const auto queue = w == wait_read ? &implementation_type::reading : w == wait_write ? &implementation_type::writing : &implementation_type::failing;
        return async_initiate<WaitToken, void(error_code)>(starting<netkit::detail::wait_work>(queue), token, w);
    }

protected:
    ~basic_socket() = default;

    implementation_type& implementation() const { return holder_.implementation(); }
    template <template <class...> class Work>
    auto starting(netkit::operation_queue implementation_type::* queue) {
        return netkit::detail::start<Work, holder_type>{&holder_, queue};
    }
    /// Calls f with an error code and throws what it stored there.
    template <class F>
    static auto call(const char* what, F&& f) {
        return netkit::detail::call_throwing(what, f);
    }

private:
    friend netkit::detail::socket_access;
    error_code open_for(const endpoint_type& peer) {
        error_code ec;
        if (!is_open()) open(peer.protocol(), ec);
        return ec;
    }
    holder_type holder_;
};
