#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/layers/datagram.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace netkit {

class raw_socket;

/// The functions by which a raw_socket calls the raw_sockets layer of its stack.
struct raw_functions {
    errc (*open)(stack_core&, raw_socket&);
    errc (*bind)(stack_core&, raw_socket&, const ip_address& local);
    errc (*connect)(stack_core&, raw_socket&, const endpoint& remote);
    errc (*send)(stack_core&, raw_socket&, packet&&, const endpoint& to);
    packet (*allocate)(stack_core&, std::size_t size);
};

/// Receives copies of all that comes for this host under one IP protocol and one family, and sends packets of it. Over IPv4 what it
/// receives begins with the IP header, over IPv6 with what follows the headers of IP, as the Linux kernel has it; fragments
/// are put together before. Sent packets get their IP header from the stack; those of ICMPv6 get their checksum too (RFC 3542
/// section 3.1). Ports of endpoints mean nothing. Not movable; when the stack goes first, all calls answer bad_descriptor. Calls from
/// another thread than the stack's throw wrong_thread.
class raw_socket : public ready_item, public list_hook {
public:
    struct settings {
        std::size_t receive_buffer = 208 * 1024;  ///< bytes of packets, and 512 for each, that wait to be received; later ones are not copied
        std::uint8_t hop_limit = 0;               ///< 0: the network layer's
        std::uint8_t multicast_hop_limit = 1;
        std::uint8_t traffic_class = 0;
        bool broadcast = false;                   ///< whether it may send to broadcast addresses
        bool dont_fragment = false;
    } options;

    enum class family : std::uint8_t { v4, v6 };

    raw_socket() : ready_item(&told) {}
    ~raw_socket() { close(); }

    /// Errors: not_supported where the stack has no raw_sockets, or several, or not that family under it.
    errc open(stack_core& stack, ip_protocol protocol, family which) {
        stack.check_thread();
        const auto* found = stack.functions<raw_functions>();
        return found ? open_with(stack, *found, protocol, which) : errc::not_supported;
    }
    /// The same on the raw_sockets at a position, where a stack has several.
    template <class Here>
        requires requires { typename Here::layer_type::socket_functions; }
    errc open(Here raw, ip_protocol protocol, family which) {
        raw.stack().check_thread();
        return open_with(raw.stack(), Here::layer_type::template functions<Here>, protocol, which);
    }
    bool is_open() const { return core_ != nullptr; }
    void close() {
        core_ = nullptr;
        functions_ = nullptr;
        ready_item::unlink();
        list_hook::unlink();
        inbox_.clear();
        local_ = source_ = {};
        remote_ = {};
    }

    /// Hears what is sent to this address only, and sends from it. Errors: address_not_available, invalid_argument for the other family.
    errc bind(const endpoint& local) { return core_ ? checked().bind(*core_, *this, local.address) : errc::bad_descriptor; }
    /// Sends to and hears one peer only. Errors: no_route, invalid_argument for the other family.
    errc connect(const endpoint& remote) { return core_ ? checked().connect(*core_, *this, remote) : errc::bad_descriptor; }
    void disconnect() { remote_ = {}; }
    bool connected() const { return !remote_.address.is_any(); }

    /// A packet with room in front for every header. Empty where the pool is exhausted or the socket is not open.
    packet allocate(std::size_t size = 0) const { return core_ ? checked().allocate(*core_, size) : packet(); }
    /// Sends what the packet holds under the socket's protocol. Errors: no_route, message_too_big, no_buffers, interface_down,
    /// access_denied (broadcast without leave), invalid_argument (the other family; ICMPv6 of fewer than 4 bytes).
    errc send(packet p, const endpoint& to) { return core_ ? checked().send(*core_, *this, std::move(p), to) : errc::bad_descriptor; }
    errc send(std::span<const std::byte> bytes, const endpoint& to) {
        if (!core_) return errc::bad_descriptor;
        auto p = allocate(bytes.size());
        if (!p) return bytes.size() > 65535 ? errc::message_too_big : errc::no_buffers;
        p.append(bytes);
        return send(std::move(p), to);
    }
    /// To the peer it is connected to; else not_connected.
    errc send(std::span<const std::byte> bytes) { return connected() ? send(bytes, remote_) : errc::not_connected; }

    /// Takes the next packet; would_block where there is none.
    errc receive(datagram& d) {
        if (!core_) return errc::bad_descriptor;
        core_->check_thread();
        auto p = inbox_.pop_front();
        if (!p) return errc::would_block;
        const auto n = p.template control<notes>();
        const bool of_link = n.source.is_v6() && n.source.v6().is_link_local();
        d.source = {n.source, 0, of_link ? p.interface() : interface_id::none};
        d.target = n.target;
        d.hop_limit = n.hop_limit;
        d.traffic_class = n.traffic_class;
        d.payload = std::move(p);
        return errc::ok;
    }
    bool readable() const { return !inbox_.empty(); }
    /// Bytes of the next packet; 0 where there is none.
    std::size_t available() const { return inbox_.empty() ? 0 : inbox_.front_size(); }

    ip_protocol protocol() const { return protocol_; }
    /// Where it is bound; once connected, the address it speaks from.
    endpoint local_endpoint() const { return {local_.is_any() && connected() ? source_ : local_}; }
    const endpoint& remote() const { return remote_; }
    stack_core* stack() const { return core_; }
    /// Called after a batch in which packets came.
    void on_ready(void (*handler)(void*), void* context) {
        handler_ = handler;
        context_ = context;
    }

private:
    friend struct raw_sockets;
    struct notes {
        ip_address source, target;
        std::uint8_t hop_limit, traffic_class;
    };
    static void told(ready_item& item) {
        auto& self = static_cast<raw_socket&>(item);
        if (self.handler_) self.handler_(self.context_);
    }
    errc open_with(stack_core& stack, const raw_functions& functions, ip_protocol protocol, family which) {
        close();
        protocol_ = protocol;
        family_ = which;
        const auto opened = functions.open(stack, *this);
        if (opened != errc::ok) return opened;
        core_ = &stack;
        functions_ = &functions;
        return errc::ok;
    }
    const raw_functions& checked() const {
        core_->check_thread();
        return *functions_;
    }
    bool is_of_family(const ip_address& a) const { return a.is_v6() == (family_ == family::v6); }
    bool hears(ip_protocol protocol, const ip_address& source, const ip_address& target, interface_id on) const {
        if (protocol != protocol_ || !is_of_family(target)) return false;
        if (!local_.is_any() && !(local_ == target)) return false;
        if (!connected()) return true;
        return remote_.address == source && (remote_.scope == interface_id::none || remote_.scope == on);
    }
    bool is_full() const { return inbox_.bytes() + inbox_.size() * 512 > options.receive_buffer; }

    stack_core* core_ = nullptr;
    const raw_functions* functions_ = nullptr;
    ip_protocol protocol_{};
    family family_ = family::v4;
    ip_address local_, source_;
    endpoint remote_;
    packet_queue inbox_;
    void (*handler_)(void*) = nullptr;
    void* context_ = nullptr;
};

}  // namespace netkit
