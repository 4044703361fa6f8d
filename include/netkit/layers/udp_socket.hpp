#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/layers/datagram.hpp>
#include <netkit/protocol/port_table.hpp>
#include <netkit/protocol/recent_targets.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace netkit {

class udp_socket;

/// The functions by which a socket calls the UDP of a stack: an indirect call an operation.
struct udp_functions {
    void (*open)(stack_core&, udp_socket&);
    errc (*bind)(stack_core&, udp_socket&, const endpoint& local);
    errc (*connect)(stack_core&, udp_socket&, const endpoint& remote);
    errc (*send)(stack_core&, udp_socket&, packet&&, const endpoint& to);
    packet (*allocate)(stack_core&, std::size_t size);
    errc (*membership)(stack_core&, const ip_address& group, interface_id on, bool join);
    interface_id (*interface_of)(stack_core&, const ip_address&);
};

/// A UDP port, open while this lives (RFC 768). It knows not in what stack it stands, so it may be a member of anything; not
/// movable. Datagrams queue here; the handler is called once after each batch that brought some. When the stack goes first,
/// all calls answer bad_descriptor. Calls from another thread than the stack's throw wrong_thread.
class udp_socket : public ready_item, public port_binding, public list_hook {
public:
    struct settings {
        std::size_t receive_buffer = 208 * 1024;  ///< bytes of datagrams, and 512 for each, that wait to be received
        std::uint8_t hop_limit = 0;               ///< 0: the network layer's
        std::uint8_t multicast_hop_limit = 1;
        std::uint8_t traffic_class = 0;
        bool broadcast = false;                   ///< whether it may send to broadcast addresses
        bool dont_fragment = false;
        interface_id multicast_interface = interface_id::none;
    } options;

    udp_socket() : ready_item(&told) {}
    /// Opens and binds; throws std::runtime_error, saying why not. The stack must have one UDP.
    udp_socket(stack_core& stack, const endpoint& local) : udp_socket() {
        require(open(stack), local);
        require(bind(local), local);
    }
    /// The same on the UDP at a position, where a stack has several.
    template <class Here>
        requires requires { typename Here::layer_type::socket_functions; }
    udp_socket(Here udp, const endpoint& local) : udp_socket() {
        open(udp);
        require(bind(local), local);
    }
    ~udp_socket() { close(); }

    /// Errors: not_supported where the stack has no UDP, or several.
    errc open(stack_core& stack) {
        stack.check_thread();
        const auto* found = stack.functions<udp_functions>();
        if (!found) return errc::not_supported;
        open_with(stack, *found);
        return errc::ok;
    }
    template <class Here>
        requires requires { typename Here::layer_type::socket_functions; }
    void open(Here udp) {
        open_with(udp.stack(), Here::layer_type::template functions<Here>);
    }
    bool is_open() const { return core_ != nullptr; }
    void close() {
        if (!core_) return;
        for (const auto& m : memberships_) (void)functions_->membership(*core_, m.group, m.on, false);
        detach();
    }

    /// Port 0 takes a free one. Errors: address_in_use, address_not_available, no_ports, invalid_argument.
    errc bind(const endpoint& local) { return core_ ? checked().bind(*core_, *this, local) : errc::bad_descriptor; }
    /// Sends to and hears one peer only. Binds if need be. Errors: no_route, and those of bind.
    errc connect(const endpoint& remote) { return core_ ? checked().connect(*core_, *this, remote) : errc::bad_descriptor; }
    void disconnect() { port_binding::disconnect(); }

    /// A packet with room in front for every header. Empty where the pool is exhausted or the socket is not open.
    packet allocate(std::size_t size = 0) const { return core_ ? checked().allocate(*core_, size) : packet(); }
    /// Sends what the packet holds, without copying; binds if need be. Errors: no_route, message_too_big, no_buffers,
    /// access_denied (broadcast without leave), interface_down.
    NETKIT_INLINE errc send(packet p, const endpoint& to) { return core_ ? checked().send(*core_, *this, std::move(p), to) : errc::bad_descriptor; }
    errc send(std::span<const std::byte> bytes, const endpoint& to) {
        if (!core_) return errc::bad_descriptor;
        auto p = allocate(bytes.size());
        if (!p) return bytes.size() > 65535 ? errc::message_too_big : errc::no_buffers;
        p.append(bytes);
        return send(std::move(p), to);
    }
    /// To the peer it is connected to; else not_connected.
    errc send(packet p) { return connected() ? send(std::move(p), remote()) : errc::not_connected; }
    errc send(std::span<const std::byte> bytes) { return connected() ? send(bytes, remote()) : errc::not_connected; }

    /// Takes the next datagram. would_block where there is none; an error that a peer reported about what was sent, once.
    NETKIT_INLINE errc receive(datagram& d) {
        auto p = receive_packet(d);
        if (!p) return core_ ? take_error_or(errc::would_block) : errc::bad_descriptor;
        d.payload = std::move(p);
        return errc::ok;
    }
    bool readable() const { return !inbox_.empty() || failed(); }
    /// Whether a peer reported an error that receive has not told yet.
    bool failed() const { return error_ != errc::ok; }
    /// Payload bytes of the next datagram; 0 where there is none.
    std::size_t available() const { return next_size(); }
    errc take_error() { return take_error_or(errc::ok); }

    /// The interface that has this address; none where no one has.
    interface_id interface_of(const ip_address& address) const { return core_ ? checked().interface_of(*core_, address) : interface_id::none; }
    /// Receives what is sent to a group on an interface; on the first that has an address, where that is none.
    errc join_group(const ip_address& group, interface_id on = interface_id::none) {
        if (!core_) return errc::bad_descriptor;
        for (const auto& m : memberships_)
            if (m.group == group && m.on == on) return errc::address_in_use;
        const auto joined = checked().membership(*core_, group, on, true);
        if (joined == errc::ok) memberships_.push_back({group, on});
        return joined;
    }
    errc leave_group(const ip_address& group, interface_id on = interface_id::none) {
        if (!core_) return errc::bad_descriptor;
        for (auto at = memberships_.begin(); at != memberships_.end(); ++at) {
            if (!(at->group == group) || at->on != on) continue;
            memberships_.erase(at);
            return checked().membership(*core_, group, on, false);
        }
        return errc::address_not_available;
    }

    /// Where it is bound; once connected, with the address it speaks from.
    endpoint local_endpoint() const {
        auto e = local();
        if (e.address.is_any() && connected()) e.address = source_;
        return e;
    }
    stack_core* stack() const { return core_; }
    /// Called after a batch in which datagrams or errors came.
    void on_ready(void (*handler)(void*), void* context) {
        handler_ = handler;
        context_ = context;
    }
    /// Called when the stack goes before the socket.
    void on_detached(void (*handler)(void*), void* context) {
        detached_ = handler;
        detached_context_ = context;
    }

private:
    template <class...>
    friend struct basic_udp;
    struct notes {
        ip_address source, target;
        std::uint16_t port;
        std::uint8_t hop_limit, traffic_class;
    };
    struct membership {
        ip_address group;
        interface_id on;
    };

    static void told(ready_item& item) {
        auto& self = static_cast<udp_socket&>(item);
        if (self.handler_) self.handler_(self.context_);
    }
    static void require(errc result, const endpoint& local) {
        if (result == errc::ok) return;
        if (result == errc::not_supported) throw std::runtime_error("netkit: this stack has no UDP, or several: name the layer, udp_socket(stack.at<...>(), ...)");
        throw std::runtime_error("netkit: cannot bind UDP to " + to_string(local) + ": " + std::string(to_string(result)));
    }
    const udp_functions& checked() const {
        core_->check_thread();
        return *functions_;
    }
    void open_with(stack_core& stack, const udp_functions& functions) {
        close();
        core_ = &stack;
        functions_ = &functions;
        functions.open(stack, *this);
    }
    void detach() {
        core_ = nullptr;
        functions_ = nullptr;
        unbind();
        ready_item::unlink();
        list_hook::unlink();
        inbox_.clear();
        memberships_.clear();
        error_ = errc::ok;
    }
    NETKIT_INLINE packet receive_packet(datagram& d) {
        if (core_) core_->check_thread();
        auto p = inbox_.pop_front();
        if (!p) return p;
        const auto& n = p.template control<notes>();
        // One by one: an endpoint made elsewhere would be copied in wider pieces than it was written in, and stall.
        d.source.address = n.source;
        d.source.port = n.port;
        d.source.scope = n.source.is_v6() && n.source.v6().is_link_local() ? p.interface() : interface_id::none;
        d.target = n.target;
        d.hop_limit = n.hop_limit;
        d.traffic_class = n.traffic_class;
        return p;
    }
    errc take_error_or(errc otherwise) {
        const auto e = std::exchange(error_, errc::ok);
        return e == errc::ok ? otherwise : e;
    }
    std::size_t next_size() const { return inbox_.empty() ? 0 : inbox_.front_size(); }

    stack_core* core_ = nullptr;
    const udp_functions* functions_ = nullptr;
    packet_queue inbox_;
    void (*handler_)(void*) = nullptr;
    void* context_ = nullptr;
    ip_address source_;
    recent_targets large_sent_to_;
    errc error_ = errc::ok;
    void (*detached_)(void*) = nullptr;
    void* detached_context_ = nullptr;
    std::vector<membership> memberships_;
};

}  // namespace netkit
