#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/compose/capabilities.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/protocol/path.hpp>
#include <netkit/wire/icmp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

class echo_socket;

/// The functions by which an echo_socket calls ICMP or ICMPv6.
struct echo_functions {
    errc (*send)(stack_core&, echo_socket&, const ip_address& to, std::uint16_t sequence, std::span<const std::byte> payload);
    void (*close)(stack_core&, echo_socket&);
};

/// What came back for an echo request: an answer, or word from someone on the way.
struct echo_reply {
    ip_address source;            ///< who says so
    std::uint16_t sequence = 0;
    std::uint8_t hop_limit = 0;   ///< as received
    bool is_reply = true;         ///< else `error` tells what went wrong
    network_error error{};
    packet payload;               ///< of a reply: the bytes that were sent
};

/// Sends echo requests (RFC 792, RFC 4443 section 4) under an identifier of its own, and gets what comes back: what ping stands on.
/// Not movable; its stack may go first, after which it answers bad_descriptor.
class echo_socket : public ready_item {
public:
    /// On the echo layer at a position: `echo_socket ping(stack.at<icmp>())`.
    template <class Here>
    explicit echo_socket(Here icmp) : ready_item(&told), core_(&icmp.stack()), functions_(&Here::layer_type::template echo<Here>) {
        icmp->echoes.open(*this, static_cast<std::uint16_t>(icmp.random()));
    }
    ~echo_socket() {
        if (core_) functions_->close(*core_, *this);
    }

    errc send(const ip_address& to, std::uint16_t sequence, std::span<const std::byte> payload) {
        if (!core_) return errc::bad_descriptor;
        core_->check_thread();
        return functions_->send(*core_, *this, to, sequence, payload);
    }
    /// Takes the next reply; would_block where there is none.
    errc receive(echo_reply& reply) {
        if (!core_) return errc::bad_descriptor;
        core_->check_thread();
        auto p = replies_.pop_front();
        if (!p) return errc::would_block;
        const auto n = p.template control<notes>();
        reply.source = n.source;
        reply.sequence = n.sequence;
        reply.hop_limit = n.hop_limit;
        reply.is_reply = n.is_reply;
        reply.error = n.error;
        reply.payload = std::move(p);
        return errc::ok;
    }
    std::uint16_t identifier() const { return identifier_; }
    /// Called after a batch in which replies came.
    void on_ready(void (*handler)(void*), void* context) {
        handler_ = handler;
        context_ = context;
    }

private:
    friend class echo_sockets;
    struct notes {
        ip_address source;
        std::uint16_t sequence;
        std::uint8_t hop_limit;
        bool is_reply;
        network_error error;
    };
    static constexpr std::size_t most_replies = 256;
    static void told(ready_item& item) {
        auto& self = static_cast<echo_socket&>(item);
        if (self.handler_) self.handler_(self.context_);
    }

    stack_core* core_ = nullptr;
    const echo_functions* functions_ = nullptr;
    echo_socket* next_ = nullptr;
    packet_queue replies_;
    void (*handler_)(void*) = nullptr;
    void* context_ = nullptr;
    std::uint16_t identifier_ = 0;
};

/// The echo sockets of one layer.
class echo_sockets {
public:
    echo_sockets() = default;
    echo_sockets(const echo_sockets&) = delete;
    ~echo_sockets() {
        for (auto* s = first_; s; s = s->next_) s->core_ = nullptr;
    }
    void open(echo_socket& s, std::uint16_t identifier) {
        while (find(identifier)) ++identifier;
        s.identifier_ = identifier;
        s.next_ = std::exchange(first_, &s);
    }
    void close(echo_socket& s) {
        for (auto** at = &first_; *at; at = &(*at)->next_)
            if (*at == &s) {
                *at = s.next_;
                return;
            }
    }
    /// Queues a reply's payload, or the quoted request of an error; false where nobody asked.
    bool take(stack_core& core, packet& p, std::uint16_t identifier, std::uint16_t sequence, const ip_address& source, std::uint8_t hop_limit, bool is_reply, network_error error) {
        auto* s = find(identifier);
        if (!s || s->replies_.size() >= echo_socket::most_replies) return false;
        core.count_delivered(p);
        p.control(echo_socket::notes{source, sequence, hop_limit, is_reply, error});
        s->replies_.push_back(std::move(p));
        core.make_ready(*s);
        return true;
    }

    /// A request of ours that could not be sent: `inner` begins with its ICMP header, whose type must be `request`.
    template <class A>
    void request_failed(context auto here, std::span<const std::byte> inner, const path<A>& way, network_error error, std::uint8_t request) {
        icmp_header h;
        if (inner.size() < sizeof h) return;
        std::memcpy(&h, inner.data(), sizeof h);
        if (h.type != request || !find(h.identifier())) return;
        const auto payload = inner.subspan(sizeof h);
        auto p = here.allocate(payload.size());
        if (!p) return;
        p.append(payload);
        (void)take(here.stack(), p, h.identifier(), h.sequence(), way.source, 0, false, error);
    }

private:
    echo_socket* find(std::uint16_t identifier) const {
        for (auto* s = first_; s; s = s->next_)
            if (s->identifier_ == identifier) return s;
        return nullptr;
    }
    echo_socket* first_ = nullptr;
};

}  // namespace netkit
