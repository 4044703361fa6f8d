#pragma once

#include <netkit/asio/accept_work.hpp>
#include <netkit/asio/basic_stream_socket.hpp>
#include <netkit/asio/protocol_tcp.hpp>
#include <netkit/asio/socket_holder.hpp>
#include <netkit/asio/socket_work.hpp>
#include <netkit/asio/tcp_implementation.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/execution/executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/is_executor.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

/// Asio's acceptor for TCP on a stack of this library. Every documented member is here, and means what it means there; for the
/// differences see basic_socket.
template <class Executor>
class boost::asio::basic_socket_acceptor<netkit::ip::tcp, Executor> : public boost::asio::socket_base {
    using implementation_type = netkit::detail::tcp_implementation;
    using holder_type = netkit::detail::socket_holder<implementation_type, Executor>;
    using error_code = boost::system::error_code;
    template <class E>
    static constexpr bool is_an_executor = execution::is_executor<E>::value || boost::asio::is_executor<E>::value;
    template <class E>
    using socket_on = typename netkit::ip::tcp::socket::template rebind_executor<E>::other;

public:
    using executor_type = Executor;
    using native_handle_type = implementation_type::native_handle_type;
    using protocol_type = netkit::ip::tcp;
    using endpoint_type = netkit::ip::tcp::endpoint;
    template <class Other>
    struct rebind_executor {
        using other = basic_socket_acceptor<netkit::ip::tcp, Other>;
    };

    explicit basic_socket_acceptor(const executor_type& ex) : holder_(ex) {}
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    explicit basic_socket_acceptor(Context& context) : holder_(context.get_executor()) {}
    basic_socket_acceptor(const executor_type& ex, const protocol_type& protocol) : holder_(ex) { open(protocol); }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    basic_socket_acceptor(Context& context, const protocol_type& protocol) : basic_socket_acceptor(executor_type(context.get_executor()), protocol) {}
    basic_socket_acceptor(const executor_type& ex, const endpoint_type& endpoint, bool reuse_addr = true) : holder_(ex) {
        open(endpoint.protocol());
        if (reuse_addr) set_option(reuse_address(true));
        bind(endpoint);
        listen();
    }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    basic_socket_acceptor(Context& context, const endpoint_type& endpoint, bool reuse_addr = true)
        : basic_socket_acceptor(executor_type(context.get_executor()), endpoint, reuse_addr) {}
    basic_socket_acceptor(const executor_type& ex, const protocol_type& protocol, const native_handle_type& native_acceptor) : holder_(ex) {
        assign(protocol, native_acceptor);
    }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    basic_socket_acceptor(Context& context, const protocol_type& protocol, const native_handle_type& native_acceptor)
        : basic_socket_acceptor(executor_type(context.get_executor()), protocol, native_acceptor) {}
    basic_socket_acceptor(basic_socket_acceptor&&) noexcept = default;
    basic_socket_acceptor& operator=(basic_socket_acceptor&&) = default;
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_socket_acceptor(basic_socket_acceptor<netkit::ip::tcp, Other>&& other) : holder_(std::move(netkit::detail::socket_access::holder(other))) {}
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_socket_acceptor& operator=(basic_socket_acceptor<netkit::ip::tcp, Other>&& other) {
        holder_ = holder_type(std::move(netkit::detail::socket_access::holder(other)));
        return *this;
    }
    ~basic_socket_acceptor() = default;

    const executor_type& get_executor() noexcept { return holder_.executor(); }

    void open(const protocol_type& protocol) {
        call("open", [&](error_code& ec) { open(protocol, ec); });
    }
    error_code open(const protocol_type& protocol, error_code& ec) {
        implementation().open(protocol, holder_.executor(), ec);
        return ec;
    }
    void assign(const protocol_type& protocol, const native_handle_type& native_acceptor) {
        call("assign", [&](error_code& ec) { assign(protocol, native_acceptor, ec); });
    }
    error_code assign(const protocol_type& protocol, const native_handle_type& native_acceptor, error_code& ec) {
        implementation().assign(protocol, native_acceptor, holder_.executor(), ec);
        return ec;
    }
    bool is_open() const { return holder_.is_open(); }
    void bind(const endpoint_type& endpoint) {
        call("bind", [&](error_code& ec) { bind(endpoint, ec); });
    }
    error_code bind(const endpoint_type& endpoint, error_code& ec) {
        implementation().bind(endpoint, ec);
        return ec;
    }
    void listen(int backlog = max_listen_connections) {
        call("listen", [&](error_code& ec) { listen(backlog, ec); });
    }
    error_code listen(int backlog, error_code& ec) {
        implementation().listen(backlog, ec);
        return ec;
    }
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
        check_open(ec);
        if (!ec) implementation().cancel();
        return ec;
    }

    template <class SettableSocketOption>
    void set_option(const SettableSocketOption& option) {
        call("set_option", [&](error_code& ec) { set_option(option, ec); });
    }
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
        check_open(ec);
        if (!ec) implementation().non_blocking(mode);
        return ec;
    }
    bool native_non_blocking() const { return implementation().native_non_blocking; }
    void native_non_blocking(bool mode) {
        call("native_non_blocking", [&](error_code& ec) { native_non_blocking(mode, ec); });
    }
    error_code native_non_blocking(bool mode, error_code& ec) {
        check_open(ec);
        if (!ec && !mode && non_blocking()) ec = error::invalid_argument;
        if (!ec) implementation().native_non_blocking = mode;
        return ec;
    }
    endpoint_type local_endpoint() const {
        return call("local_endpoint", [&](error_code& ec) { return local_endpoint(ec); });
    }
    endpoint_type local_endpoint(error_code& ec) const { return implementation().local_endpoint(ec); }
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
        const netkit::detail::start<netkit::detail::wait_work, holder_type> starting{&holder_, queue};
        return async_initiate<WaitToken, void(error_code)>(starting, token, w);
    }

    // Into a socket that is there.
    template <class Executor1>
    void accept(basic_socket<protocol_type, Executor1>& peer) {
        call("accept", [&](error_code& ec) { accept_into(peer, nullptr, ec); });
    }
    template <class Executor1>
    error_code accept(basic_socket<protocol_type, Executor1>& peer, error_code& ec) {
        return accept_into(peer, nullptr, ec);
    }
    template <class Executor1>
    void accept(basic_socket<protocol_type, Executor1>& peer, endpoint_type& peer_endpoint) {
        call("accept", [&](error_code& ec) { accept_into(peer, &peer_endpoint, ec); });
    }
    template <class Executor1>
    error_code accept(basic_socket<protocol_type, Executor1>& peer, endpoint_type& peer_endpoint, error_code& ec) {
        return accept_into(peer, &peer_endpoint, ec);
    }
    template <class Executor1, completion_token_for<void(boost::system::error_code)> AcceptToken = default_completion_token_t<executor_type>>
    auto async_accept(basic_socket<protocol_type, Executor1>& peer, AcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_into<AcceptToken>(peer, nullptr, token);
    }
    template <class Executor1, completion_token_for<void(boost::system::error_code)> AcceptToken = default_completion_token_t<executor_type>>
    auto async_accept(basic_socket<protocol_type, Executor1>& peer, endpoint_type& peer_endpoint, AcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_into<AcceptToken>(peer, &peer_endpoint, token);
    }

    // Into a new socket with the acceptor's executor.
    socket_on<Executor> accept() {
        return call("accept", [&](error_code& ec) { return accept_on(holder_.executor(), nullptr, ec); });
    }
    socket_on<Executor> accept(error_code& ec) { return accept_on(holder_.executor(), nullptr, ec); }
    socket_on<Executor> accept(endpoint_type& peer_endpoint) {
        return call("accept", [&](error_code& ec) { return accept_on(holder_.executor(), &peer_endpoint, ec); });
    }
    socket_on<Executor> accept(endpoint_type& peer_endpoint, error_code& ec) { return accept_on(holder_.executor(), &peer_endpoint, ec); }
    template <completion_token_for<void(boost::system::error_code, socket_on<Executor>)> MoveAcceptToken = default_completion_token_t<executor_type>>
    auto async_accept(MoveAcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_on<MoveAcceptToken>(holder_.executor(), nullptr, token);
    }
    template <completion_token_for<void(boost::system::error_code, socket_on<Executor>)> MoveAcceptToken = default_completion_token_t<executor_type>>
    auto async_accept(endpoint_type& peer_endpoint, MoveAcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_on<MoveAcceptToken>(holder_.executor(), &peer_endpoint, token);
    }

    // Into a new socket with another executor, or a context's.
    template <class Executor1>
        requires is_an_executor<Executor1>
    socket_on<Executor1> accept(const Executor1& ex) {
        return call("accept", [&](error_code& ec) { return accept_on(ex, nullptr, ec); });
    }
    template <class Executor1>
        requires is_an_executor<Executor1>
    socket_on<Executor1> accept(const Executor1& ex, error_code& ec) {
        return accept_on(ex, nullptr, ec);
    }
    template <class Executor1>
        requires is_an_executor<Executor1>
    socket_on<Executor1> accept(const Executor1& ex, endpoint_type& peer_endpoint) {
        return call("accept", [&](error_code& ec) { return accept_on(ex, &peer_endpoint, ec); });
    }
    template <class Executor1>
        requires is_an_executor<Executor1>
    socket_on<Executor1> accept(const Executor1& ex, endpoint_type& peer_endpoint, error_code& ec) {
        return accept_on(ex, &peer_endpoint, ec);
    }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    auto accept(Context& context) {
        return accept(context.get_executor());
    }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    auto accept(Context& context, error_code& ec) {
        return accept(context.get_executor(), ec);
    }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    auto accept(Context& context, endpoint_type& peer_endpoint) {
        return accept(context.get_executor(), peer_endpoint);
    }
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    auto accept(Context& context, endpoint_type& peer_endpoint, error_code& ec) {
        return accept(context.get_executor(), peer_endpoint, ec);
    }
    template <class Executor1, completion_token_for<void(boost::system::error_code, socket_on<Executor1>)> MoveAcceptToken = default_completion_token_t<executor_type>>
        requires is_an_executor<Executor1>
    auto async_accept(const Executor1& ex, MoveAcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_on<MoveAcceptToken>(ex, nullptr, token);
    }
    template <class Executor1, completion_token_for<void(boost::system::error_code, socket_on<Executor1>)> MoveAcceptToken = default_completion_token_t<executor_type>>
        requires is_an_executor<Executor1>
    auto async_accept(const Executor1& ex, endpoint_type& peer_endpoint, MoveAcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_on<MoveAcceptToken>(ex, &peer_endpoint, token);
    }
    template <class Context, completion_token_for<void(boost::system::error_code, socket_on<typename Context::executor_type>)> MoveAcceptToken = default_completion_token_t<executor_type>>
        requires std::convertible_to<Context&, execution_context&>
    auto async_accept(Context& context, MoveAcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_on<MoveAcceptToken>(context.get_executor(), nullptr, token);
    }
    template <class Context, completion_token_for<void(boost::system::error_code, socket_on<typename Context::executor_type>)> MoveAcceptToken = default_completion_token_t<executor_type>>
        requires std::convertible_to<Context&, execution_context&>
    auto async_accept(Context& context, endpoint_type& peer_endpoint, MoveAcceptToken&& token = default_completion_token_t<executor_type>()) {
        return async_accept_on<MoveAcceptToken>(context.get_executor(), &peer_endpoint, token);
    }

private:
    friend netkit::detail::socket_access;

    implementation_type& implementation() const { return holder_.implementation(); }
    void check_open(error_code& ec) const { ec = is_open() ? error_code() : error_code(error::bad_descriptor); }
    template <class F>
    static auto call(const char* what, F&& f) {
        return netkit::detail::call_throwing(what, f);
    }
    template <class Peer>
    error_code accept_into(Peer& peer, endpoint_type* from, error_code& ec) {
        netkit::detail::accept_work<Peer> work{&implementation(), &peer, from};
        implementation().block(work, ec);
        ec = std::get<0>(work.results(ec));
        return ec;
    }
    template <class Executor1>
    socket_on<Executor1> accept_on(const Executor1& ex, endpoint_type* from, error_code& ec) {
        netkit::detail::move_accept_work<Executor1, socket_on<Executor1>> work{&implementation(), ex, from, nullptr};
        implementation().block(work, ec);
        return std::get<1>(work.results(ec));
    }
    // Token is named by the caller: deduced, a handler that is an lvalue would be moved from.
    template <class Token, class Peer>
    auto async_accept_into(Peer& peer, endpoint_type* from, Token& token) {
        const netkit::detail::start<netkit::detail::accept_work, holder_type> starting{&holder_, &implementation_type::reading};
        return async_initiate<Token, void(error_code)>(starting, token, &peer, from);
    }
    template <class Token, class Executor1>
    auto async_accept_on(const Executor1& ex, endpoint_type* from, Token& token) {
        const netkit::detail::start<netkit::detail::move_accept_work, holder_type> starting{&holder_, &implementation_type::reading};
        return async_initiate<Token, void(error_code, socket_on<Executor1>)>(starting, token, ex, from, static_cast<socket_on<Executor1>*>(nullptr));
    }

    holder_type holder_;
};
