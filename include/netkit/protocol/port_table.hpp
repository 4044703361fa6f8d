#pragma once

#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/protocol/ephemeral_ports.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace netkit {

class port_table;

/// A place in a port table; a socket or a listener derives from it. Destroying it gives the port back.
class port_binding {
public:
    port_binding() = default;
    port_binding(const port_binding&) = delete;
    port_binding& operator=(const port_binding&) = delete;
    ~port_binding() { unbind(); }

    /// Where it is bound; a `scope` other than none hears that interface only.
    const endpoint& local() const { return local_; }
    /// The only peer it hears; port 0 where it hears all.
    const endpoint& remote() const { return remote_; }
    bool bound() const { return in_ != nullptr; }
    bool connected() const { return remote_.port != 0; }
    void connect(const endpoint& remote) {
        remote_ = remote;
        hears_all_ = false;
    }
    inline void disconnect();
    inline void unbind();

    // To be set before it is bound.
    bool reuse_address = false;  ///< may share its endpoint with others that say so too
    bool v6_only = false;        ///< `::` does not hear IPv4
    bool exclusive = false;      ///< shares with no other exclusive one that receives, whatever they say: TCP and its listeners
    /// Found by look-ups. A TCP socket that is bound and does not listen holds its port without receiving; see port_table::open.
    bool receives = true;

private:
    friend class port_table;
    /// Whether it has neither an address nor an interface nor a peer of its own: then whatever comes to its port fits.
    bool is_general() const { return receives && local_.address.is_any() && local_.address.is_v6() && !v6_only && local_.scope == interface_id::none && !connected(); }

    bool hears_all_ = false;  // is_general(), while bound
    port_table* in_ = nullptr;
    port_binding* next_ = nullptr;
    endpoint local_{}, remote_{};
};

/// Who hears which port, of one transport. A hash of intrusive lists, so binding allocates nothing but for growth. Bindings
/// of one port lie in one list: many connected sockets that share one port are searched one by one.
class port_table {
public:
    port_table() : heads_(256) {}
    port_table(const port_table&) = delete;
    port_table& operator=(const port_table&) = delete;
    ~port_table() {
        for (auto* head : heads_)
            for (; head; head = head->next_) head->in_ = nullptr;
    }
    /// The key by which ephemeral ports are chosen.
    void start(const hash_key& secret) { ephemeral_.start(secret); }
    ephemeral_ports& ephemeral() { return ephemeral_; }

    /// Takes a local endpoint; port 0 stands for any free one, chosen with a view to `remote` and `random`. Errors:
    /// address_in_use, no_ports, invalid_argument where it is bound already.
    errc bind(port_binding& b, const endpoint& local, std::uint64_t random, const endpoint& remote = {}) {
        if (b.in_) return errc::invalid_argument;
        b.local_ = local;
        if (local.port == 0) {
            b.local_.port = ephemeral_.choose(local.address, remote, random, [&](std::uint16_t port) {
                b.local_.port = port;
                return !taken(b, false);
            });
            if (b.local_.port == 0) return errc::no_ports;
        } else if (taken(b, b.reuse_address)) {
            b.local_ = {};
            return errc::address_in_use;
        }
        link(b);
        return errc::ok;
    }
    /// Lets a binding that only held its port receive. Error: address_in_use.
    errc open(port_binding& b) {
        if (!b.in_) return errc::invalid_argument;
        const bool before = std::exchange(b.receives, true);
        if (!before && taken(b, b.reuse_address)) {
            b.receives = false;
            return errc::address_in_use;
        }
        b.hears_all_ = b.is_general();
        return errc::ok;
    }

    /// The binding that fits best: one connected to `remote`, else one to the very address, else one to any; one to the very
    /// interface ahead of others, and the latest among equals. Null where nobody listens. `local.scope` is the interface
    /// a packet came by.
    NETKIT_INLINE port_binding* look_up(const endpoint& local, const endpoint& remote) const {
        auto* const first = heads_[local.port & mask_];
        if (first && !first->next_ && first->hears_all_ && first->local_.port == local.port) [[likely]] return first;
        port_binding* best = nullptr;
        unsigned best_score = 0;
        for (auto* b = first; b; b = b->next_) {
            if (b->local_.port != local.port) continue;
            const auto score = b->hears_all_ ? 1u : fit(*b, local, remote);
            if (score > best_score) {
                best = b;
                best_score = score;
            }
        }
        return best;
    }
    /// Calls f(binding) for each that hears it: what multicast and broadcast want. f must bind and unbind nothing.
    template <class F>
    void for_each_match(const endpoint& local, const endpoint& remote, F&& f) const {
        for (auto* b = heads_[local.port & mask_]; b; b = b->next_)
            if (b->local_.port == local.port && fit(*b, local, remote) != 0) f(*b);
    }
    /// Calls f with each binding.
    template <class F>
    void for_each(F&& f) const {
        for (auto* head : heads_)
            for (auto* b = head; b;) {
                auto* next = b->next_;  // f may unbind b
                f(*b);
                b = next;
            }
    }
    std::size_t size() const { return size_; }

private:
    friend class port_binding;

    /// 0 where it does not hear the packet, else more the better it fits.
    NETKIT_INLINE static unsigned fit(const port_binding& b, const endpoint& local, const endpoint& remote) {
        unsigned score = 1;
        if (!b.receives) return 0;
        if (b.local_.address == local.address) score += 4;
        else if (!b.local_.address.hears(local.address)) return 0;
        else if (b.local_.address.is_v6() == local.address.is_v6()) score += 1;
        else if (b.v6_only) return 0;
        if (b.local_.scope != interface_id::none) {
            if (b.local_.scope != local.scope) return 0;
            score += 2;
        }
        if (b.connected()) {
            if (!(b.remote_ == remote)) return 0;
            score += 16;
        }
        return score;
    }
    static bool overlap(const port_binding& a, const port_binding& b) {
        const auto &x = a.local_, &y = b.local_;
        if (x.port != y.port) return false;
        if (x.scope != interface_id::none && y.scope != interface_id::none && x.scope != y.scope) return false;
        const auto reaches = [](const port_binding& from, const ip_address& to) {
            return from.local_.address.is_any() && from.local_.address.hears(to) && !(from.v6_only && to.is_v4());
        };
        return x.address == y.address || reaches(a, y.address) || reaches(b, x.address);
    }
    bool taken(const port_binding& b, bool reuse) const {
        for (const auto* other = heads_[b.local_.port & mask_]; other; other = other->next_) {
            if (other == &b || !overlap(b, *other)) continue;
            const bool has_listener = b.exclusive && other->exclusive && other->receives;
            if (!reuse || !other->reuse_address || has_listener) return true;
        }
        return false;
    }
    void link(port_binding& b) {
        if (size_ >= heads_.size()) grow();
        auto& head = heads_[b.local_.port & mask_];
        b.next_ = std::exchange(head, &b);
        b.in_ = this;
        b.hears_all_ = b.is_general();
        ++size_;
    }
    void unlink(port_binding& b) {
        auto** at = &heads_[b.local_.port & mask_];
        while (*at != &b) at = &(*at)->next_;
        *at = b.next_;
        b.next_ = nullptr;
        b.in_ = nullptr;
        --size_;
    }
    NETKIT_COLD void grow() {
        if (heads_.size() > 0xffff) return;  // one list a port: more would stay empty
        std::vector<port_binding*> larger(heads_.size() * 2);
        for (auto* head : heads_) {
            // Reversed first, so that each list keeps its order.
            port_binding* reversed = nullptr;
            while (head) {
                auto* b = std::exchange(head, head->next_);
                b->next_ = std::exchange(reversed, b);
            }
            while (reversed) {
                auto* b = std::exchange(reversed, reversed->next_);
                auto& into = larger[b->local_.port & (larger.size() - 1)];
                b->next_ = std::exchange(into, b);
            }
        }
        heads_ = std::move(larger);
        mask_ = heads_.size() - 1;
    }

    std::vector<port_binding*> heads_;
    std::size_t mask_ = heads_.size() - 1;  // their number is a power of two
    std::size_t size_ = 0;
    ephemeral_ports ephemeral_;
};

inline void port_binding::disconnect() {
    remote_ = {};
    hears_all_ = is_general();
}
inline void port_binding::unbind() {
    if (in_) in_->unlink(*this);
    remote_ = {};
}

}  // namespace netkit
