#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace netkit {

class link_socket;

/// The functions by which a link_socket calls the link_sockets layer of its stack.
struct link_functions {
    void (*open)(stack_core&, link_socket&);
    packet (*allocate)(stack_core&, std::size_t size);
    errc (*send)(stack_core&, packet&&, interface_id on, const mac_address& target, ether_type type);
};

/// A frame without its Ethernet header, and what that said.
struct link_frame {
    packet payload;
    mac_address source{}, target{};
    ether_type type{};
    interface_id on = interface_id::none;
};

/// Receives copies of frames as they come in, of one EtherType or of all, and sends frames of its own: what a packet socket is
/// to a kernel. The stack must have a link_sockets layer. Not movable; when the stack goes first, all calls answer
/// bad_descriptor. Calls from another thread than the stack's throw wrong_thread.
class link_socket : public ready_item, public list_hook {
public:
    std::size_t most_waiting = 256;  ///< frames; later ones are not copied to this socket

    link_socket() : ready_item(&told) {}

    /// Hears this EtherType, or all where there is none. Errors: not_supported where the stack has no link_sockets.
    errc open(stack_core& stack, std::optional<ether_type> type = {}) {
        stack.check_thread();
        const auto* found = stack.functions<link_functions>();
        if (!found) return errc::not_supported;
        close();
        core_ = &stack;
        functions_ = found;
        type_ = type;
        functions_->open(stack, *this);
        return errc::ok;
    }
    bool is_open() const { return core_ != nullptr; }
    void close() {
        core_ = nullptr;
        ready_item::unlink();
        list_hook::unlink();
        frames_.clear();
    }

    /// A packet with room in front for the header. Empty where the pool is exhausted or the socket is not open.
    packet allocate(std::size_t size) const { return core_ ? checked().allocate(*core_, size) : packet(); }
    /// Sends a payload; the source is the interface's own address. Errors: invalid_argument where the interface is no Ethernet.
    errc send(packet payload, interface_id on, const mac_address& target, ether_type type) {
        return core_ ? checked().send(*core_, std::move(payload), on, target, type) : errc::bad_descriptor;
    }
    /// Takes the next frame; would_block where there is none.
    errc receive(link_frame& frame) {
        if (!core_) return errc::bad_descriptor;
        core_->check_thread();
        auto p = frames_.pop_front();
        if (!p) return errc::would_block;
        const auto n = p.template control<notes>();
        frame = {std::move(p), n.source, n.target, n.type, n.on};
        return errc::ok;
    }
    bool readable() const { return !frames_.empty(); }
    /// Called after a batch in which frames came.
    void on_ready(void (*handler)(void*), void* context) {
        handler_ = handler;
        context_ = context;
    }

private:
    template <class Layer>
    friend struct link_sockets;
    struct notes {
        mac_address source, target;
        ether_type type;
        interface_id on;
    };
    static void told(ready_item& item) {
        auto& self = static_cast<link_socket&>(item);
        if (self.handler_) self.handler_(self.context_);
    }
    const link_functions& checked() const {
        core_->check_thread();
        return *functions_;
    }
    bool hears(ether_type type) const { return (!type_ || *type_ == type) && frames_.size() < most_waiting; }

    stack_core* core_ = nullptr;
    const link_functions* functions_ = nullptr;
    std::optional<ether_type> type_;
    packet_queue frames_;
    void (*handler_)(void*) = nullptr;
    void* context_ = nullptr;
};

}  // namespace netkit
