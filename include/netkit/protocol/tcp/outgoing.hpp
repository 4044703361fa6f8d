#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/loss_detection.hpp>
#include <netkit/protocol/tcp/loss_recovery.hpp>
#include <netkit/protocol/tcp/send_queue.hpp>
#include <netkit/protocol/tcp/transmissions.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace netkit {

namespace detail {
template <class Detection>
struct lasting_of {
    using type = Detection;
};
template <class Detection>
    requires requires { typename Detection::lasting; }
struct lasting_of<Detection> {
    using type = typename Detection::lasting;
};
}  // namespace detail

/// What a loss detection knows that is still worth something when all that was sent has arrived: `Detection::lasting` where it has such a
/// type, which it is made of and converts to; else all of it.
template <loss_detection Detection>
using tcp_lasting_detection = typename detail::lasting_of<Detection>::type;

/// What a connection keeps while there is something to send, or under way, or losses are being repaired. An idle one has none. It is taken
/// as another connection left it: with nothing in it to be sent, and nothing under way.
template <loss_detection Detection>
struct tcp_outgoing {
    tcp_send_queue sending;
    tcp_transmissions transmissions;
    Detection detection{};
    tcp_loss_repair repair;
};

/// A connection's one pointer to its tcp_outgoing, null while it is idle. It is looked at in several ways, which lie in a union: each is
/// the interface of a part, and what is null is a part that is empty. What puts something in needs one.
template <loss_detection Detection>
struct tcp_outgoing_pointer {
    tcp_outgoing<Detection>* held;
};

/// See tcp_send_queue.
template <loss_detection Detection>
struct tcp_outgoing_bytes : tcp_outgoing_pointer<Detection> {
    std::uint32_t size() const { return this->held ? this->held->sending.size() : 0; }
    bool empty() const { return size() == 0; }
    std::size_t append(pool& buffers, std::span<const std::byte> bytes, const tcp_foreseen_cut& cut) { return this->held->sending.append(buffers, bytes, cut); }
    bool append(pool& buffers, shared_packet bytes) { return this->held->sending.append(buffers, std::move(bytes)); }
    void release(std::uint32_t n) { this->held->sending.release(n); }
    std::uint32_t fill(packet& segment, std::uint32_t offset, std::uint32_t n, std::size_t most_slices) {
        return this->held->sending.fill(segment, offset, n, most_slices);
    }
    void clear() {
        if (this->held) this->held->sending.clear();
    }
};

/// See tcp_transmissions.
template <loss_detection Detection>
struct tcp_outgoing_runs : tcp_outgoing_pointer<Detection> {
    bool empty() const { return !this->held || this->held->transmissions.empty(); }
    std::size_t size() const { return this->held ? this->held->transmissions.size() : 0; }
    const tcp_transmission& operator[](std::size_t i) const { return this->held->transmissions[i]; }
    const tcp_transmission& back() const { return this->held->transmissions.back(); }
    std::uint32_t selected() const { return this->held ? this->held->transmissions.selected() : 0; }
    std::uint32_t lost() const { return this->held ? this->held->transmissions.lost() : 0; }
    bool reneged() const { return this->held && this->held->transmissions.reneged(); }
    void sent(pool& buffers, const tcp_transmission& fresh, duration granularity) { this->held->transmissions.sent(buffers, fresh, granularity); }
    template <class F>
    void acknowledge(sequence_number edge, F&& f) {
        if (this->held) this->held->transmissions.acknowledge(edge, std::forward<F>(f));
    }
    template <class F>
    void select(pool& buffers, sequence_number first, sequence_number end, F&& f) {
        if (this->held) this->held->transmissions.select(buffers, first, end, std::forward<F>(f));
    }
    void lose_first(pool& buffers, std::uint32_t n) { this->held->transmissions.lose_first(buffers, n); }
    void lose_all() {
        if (this->held) this->held->transmissions.lose_all();
    }
    void lose_nothing() { this->held->transmissions.lose_nothing(); }
    void select_nothing() { this->held->transmissions.select_nothing(); }
    std::uint32_t next_lost(sequence_number& first, std::uint32_t most) { return this->held->transmissions.next_lost(first, most); }
    void sent_again(pool& buffers, sequence_number first, std::uint32_t n, const tcp_transmission& stamp) {
        this->held->transmissions.sent_again(buffers, first, n, stamp);
    }
    void sent_again_from(pool& buffers, sequence_number first, const tcp_transmission& stamp) {
        this->held->transmissions.sent_again_from(buffers, first, stamp);
    }
    void clear() {
        if (this->held) this->held->transmissions.clear();
    }
};

/// See loss_detection.
template <loss_detection Detection>
struct tcp_outgoing_detection : tcp_outgoing_pointer<Detection> {
    void delivered(const tcp_transmission& t, const tcp_loss_circumstances& about, bool may_be_original) {
        this->held->detection.delivered(t, about, may_be_original);
    }
    void duplicated(const tcp_loss_circumstances& about) { this->held->detection.duplicated(about); }
    void recovered() { this->held->detection.recovered(); }
    time_point detect(const tcp_loss_circumstances& about) { return this->held->detection.detect(this->held->transmissions, about); }
};

}  // namespace netkit
