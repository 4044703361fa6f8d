#pragma once

#include <netkit/buffer/shared_packet.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/protocol/tcp/info.hpp>
#include <netkit/protocol/tcp/socket_options.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace netkit {

class tcp_socket;
template <class... Policy>
struct tcp;
template <class Here>
struct tcp_calls;
template <class Here>
class tcp_listening;

/// What can be done with a socket just now without would_block. An error or the end of the stream counts as readable, and
/// an error as writable, so that who waits finds out.
struct tcp_readiness {
    bool readable = false;
    bool writable = false;
    bool acceptable = false;
    bool connected = false;     ///< the handshake is complete
    bool connecting = false;    ///< the handshake is under way
    std::size_t available = 0;  ///< bytes that receive would give at once
};

/// The functions by which sockets call the TCP of their stack, whatever its type: an indirect call an operation, none a packet.
struct tcp_functions {
    void (*open)(stack_core&, tcp_socket&);
    errc (*bind)(stack_core&, tcp_socket&, const endpoint&);
    errc (*connect)(stack_core&, tcp_socket&, const endpoint&);
    errc (*listen)(stack_core&, tcp_socket&, std::size_t backlog);
    errc (*accept)(stack_core&, tcp_socket& listener, tcp_socket& peer);
    io_result (*receive)(stack_core&, tcp_socket&, std::span<const std::span<std::byte>>, bool peek);
    io_result (*receive_packet)(stack_core&, tcp_socket&, shared_packet&, std::size_t most);
    io_result (*send)(stack_core&, tcp_socket&, std::span<const std::span<const std::byte>>);
    io_result (*send_packet)(stack_core&, tcp_socket&, shared_packet);
    errc (*shutdown)(stack_core&, tcp_socket&, bool receive, bool send);
    void (*close)(stack_core&, tcp_socket&, bool abort);
    void (*options_changed)(stack_core&, tcp_socket&);
    errc (*choose_congestion_control)(stack_core&, tcp_socket&, std::string_view name);
    tcp_readiness (*readiness)(stack_core&, const tcp_socket&);
    errc (*take_error)(stack_core&, tcp_socket&);
    endpoint (*local)(stack_core&, const tcp_socket&);
    endpoint (*remote)(stack_core&, const tcp_socket&);
    tcp_info (*info)(stack_core&, const tcp_socket&);
    /// How many connections that were given up have something left to send, or to hear acknowledged.
    std::size_t (*closing)(stack_core&);
};

/// A stream socket of one stack, without Asio: operations that never wait, and a handler that says when to try again. One
/// class for all stacks. It may outlive its stack; then everything answers bad_descriptor. Every call comes from the
/// stack's thread and throws wrong_thread otherwise. Destroying it closes it.
class tcp_socket : public ready_item, private list_hook {
public:
    tcp_socket() : ready_item(&tcp_socket::run) {}
    ~tcp_socket() {
        if (core_) let_go(false);
    }

    /// Belongs to this stack from now on. not_supported where the stack has no TCP, or several; already_connected where open.
    errc open(stack_core& core) {
        core.check_thread();
        const auto* functions = core.functions<tcp_functions>();
        return functions ? open(core, *functions) : errc::not_supported;
    }
    /// The same where a stack has several: `open(stack.at<outer, tcp<>>())`.
    template <class Position>
        requires requires { Position::layer_type::template functions<Position>; }
    errc open(Position here) {
        stack_core& core = here.stack();
        core.check_thread();
        return open(core, Position::layer_type::template functions<Position>);
    }
    bool is_open() const { return core_ != nullptr; }
    /// The stack it belongs to; null where it is not open.
    stack_core* stack() const { return core_; }

    /// Takes a local address (unspecified: all) and port (0: an ephemeral one). address_in_use, address_not_available, no_ports.
    errc bind(const endpoint& local) { return call(&tcp_functions::bind, local); }
    /// Starts the handshake: would_block while it is under way. The handler is called when it ends; then connected(), or take_error() says why not.
    errc connect(const endpoint& remote) { return call(&tcp_functions::connect, remote); }
    /// Lets peers connect; at most `backlog` (1 at least) wait to be accepted.
    errc listen(std::size_t backlog) { return call(&tcp_functions::listen, backlog); }
    /// Gives a connection that waits to `peer`, which must not be open. would_block where none waits.
    errc accept(tcp_socket& peer) { return call(&tcp_functions::accept, peer); }

    /// Copies what has arrived; would_block where nothing has, end_of_stream after the peer's last byte. With `peek` the bytes stay.
    /// No buffers, or empty ones, give 0 bytes and ok.
    io_result receive(std::span<const std::span<std::byte>> buffers, bool peek = false) {
        if (!ready_to_call()) return {0, errc::bad_descriptor};
        return functions_->receive(*core_, *this, buffers, peek);
    }
    io_result receive(std::span<std::byte> buffer, bool peek = false) { return receive(std::span<const std::span<std::byte>>(&buffer, 1), peek); }
    /// The next bytes, at most `most`, as they lie; nothing is copied where they came in one piece.
    io_result receive(shared_packet& bytes, std::size_t most) {
        if (!ready_to_call()) return {0, errc::bad_descriptor};
        return functions_->receive_packet(*core_, *this, bytes, most);
    }
    /// Copies as much as the send buffer has room for; would_block where it has none, shut_down after shutdown.
    io_result send(std::span<const std::span<const std::byte>> buffers) {
        if (!ready_to_call()) return {0, errc::bad_descriptor};
        return functions_->send(*core_, *this, buffers);
    }
    io_result send(std::span<const std::byte> buffer) { return send(std::span<const std::span<const std::byte>>(&buffer, 1)); }
    /// Takes a share of all the bytes, or none: would_block where the send buffer is full. They must come from this stack's pool.
    io_result send(shared_packet bytes) {
        if (!ready_to_call()) return {0, errc::bad_descriptor};
        return functions_->send_packet(*core_, *this, std::move(bytes));
    }

    /// Ends one direction or both. The peer is told of the end of what we send, once all of it is sent.
    errc shutdown(bool receive, bool send) {
        if (!ready_to_call()) return errc::bad_descriptor;
        return functions_->shutdown(*core_, *this, receive, send);
    }
    /// Gives the socket up. What was sent is still delivered in the background, unless the linger option or unread bytes call for a
    /// reset (RFC 9293 section 3.6.1). A listener's waiting connections are reset.
    errc close() { return end(false); }
    /// The same with a reset.
    errc abort() { return end(true); }

    bool readable() const { return readiness().readable; }
    bool writable() const { return readiness().writable; }
    bool acceptable() const { return readiness().acceptable; }
    bool connected() const { return readiness().connected; }
    bool connecting() const { return readiness().connecting; }
    /// Bytes that receive would give at once.
    std::size_t available() const { return readiness().available; }
    tcp_readiness readiness() const { return ready_to_call() ? functions_->readiness(*core_, *this) : tcp_readiness{}; }
    /// Why the connection failed, once; ok otherwise (SO_ERROR).
    errc take_error() { return ready_to_call() ? functions_->take_error(*core_, *this) : errc::bad_descriptor; }

    /// The address and port we speak from; the default endpoint before there is one.
    endpoint local() const { return ready_to_call() ? functions_->local(*core_, *this) : endpoint{}; }
    /// The peer's; the default endpoint before connect.
    endpoint remote() const { return ready_to_call() ? functions_->remote(*core_, *this) : endpoint{}; }
    tcp_info info() const { return ready_to_call() ? functions_->info(*core_, *this) : tcp_info{}; }

    const tcp_socket_options& options() const { return options_; }
    /// Takes effect at once, also on an open connection; what was negotiated stays as it is.
    void set_options(const tcp_socket_options& options) {
        options_ = options;
        if (ready_to_call()) functions_->options_changed(*core_, *this);
    }

    /// Which congestion control the connection uses, of those that are compiled into its stack (`tcp<cubic, reno>`), by its name; and those
    /// that a listener accepts from now on. An open connection starts over with it, in slow start. invalid_argument where there is none of that name.
    errc choose_congestion_control(std::string_view name) { return call(&tcp_functions::choose_congestion_control, name); }

    /// Called after the batch in which the socket became readable, writable, acceptable or connected, or failed: then try again.
    /// It may destroy the socket.
    void on_ready(void (*handler)(void*), void* context) {
        ready_ = handler;
        ready_context_ = context;
    }
    /// Called while the stack is being destroyed, once the socket is no longer open.
    void on_detached(void (*handler)(void*), void* context) {
        detached_ = handler;
        detached_context_ = context;
    }

private:
    friend class intrusive_list<tcp_socket, list_hook>;
    template <class... Policy>
    friend struct tcp;
    template <class Here>
    friend struct tcp_calls;
    template <class Here>
    friend class tcp_listening;

    static void run(ready_item& item) {
        auto& self = static_cast<tcp_socket&>(item);
        if (self.ready_) self.ready_(self.ready_context_);
    }
    errc open(stack_core& core, const tcp_functions& functions) {
        if (core_) return errc::already_connected;
        core_ = &core;
        functions_ = &functions;
        functions_->open(core, *this);
        return errc::ok;
    }
    errc end(bool abort) {
        if (!ready_to_call()) return errc::bad_descriptor;
        let_go(abort);
        return errc::ok;
    }
    bool ready_to_call() const {
        if (!core_) return false;
        core_->check_thread();
        return true;
    }
    template <class Argument>
    errc call(errc (*const tcp_functions::*function)(stack_core&, tcp_socket&, Argument), std::type_identity_t<Argument> argument) {
        if (!ready_to_call()) return errc::bad_descriptor;
        return (functions_->*function)(*core_, *this, argument);
    }
    void let_go(bool abort) {
        ready_item::unlink();
        functions_->close(*std::exchange(core_, nullptr), *this, abort);
    }
    /// The stack is going: from now on there is nothing to call.
    void detach() {
        ready_item::unlink();
        list_hook::unlink();
        core_ = nullptr;
        connection_ = nullptr;
        port_ = nullptr;
    }

    stack_core* core_ = nullptr;
    const tcp_functions* functions_ = nullptr;
    // What the layer keeps of it: its connection, and its local port, as the layer's own types.
    void* connection_ = nullptr;
    void* port_ = nullptr;
    void (*ready_)(void*) = nullptr;
    void* ready_context_ = nullptr;
    void (*detached_)(void*) = nullptr;
    void* detached_context_ = nullptr;
    tcp_socket_options options_{};
    std::string_view congestion_control_{};  // as the layer knows it; empty: the stack's first
};

}  // namespace netkit
