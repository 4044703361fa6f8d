#pragma once

#include <netkit/core/timer.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/protocol/port_table.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/half_open.hpp>

#include <cstddef>

namespace netkit {

template <class Entry>
struct tcp_port;

/// A connection as the layer keeps it: with its timer, and with whom it belongs to: a socket, a listener that has not given it
/// to one yet, or nobody.
template <congestion_control Congestion>
struct tcp_entry : tcp_connection<Congestion>, timer {
    tcp_socket* socket = nullptr;
    union {
        tcp_port<tcp_entry>* listener = nullptr;  ///< until it is admitted
        tcp_entry* next_waiting;                  ///< from then on, until it is accepted
    };
};

/// The local port of a socket; where it listens, with the handshakes it leads and the connections that wait to be accepted.
template <class Entry>
struct tcp_port : port_binding, tcp_syn_queue {
    tcp_socket* socket = nullptr;
    tcp_shared_options options;       ///< the socket's, as of the last connection
    std::size_t backlog = 0;          ///< 0: not listening
    std::size_t waiting_count = 0;
    bool has_room() const { return waiting_count < backlog; }
    /// Whether it may lead another handshake: more than may wait, since many a SYN comes to nothing. Beyond that there are SYN cookies.
    bool leads_more() const { return size < (backlog < 64 ? 64 : backlog); }
    void admit(Entry& e) {
        e.admitted = true;
        e.next_waiting = nullptr;
        (last_waiting_ ? last_waiting_->next_waiting : first_waiting_) = &e;
        last_waiting_ = &e;
        ++waiting_count;
    }
    /// The first of those that wait to be accepted, which from now on no longer does; null where none does.
    Entry* take_waiting() {
        auto* e = first_waiting_;
        if (!e) return nullptr;
        first_waiting_ = e->next_waiting;
        if (!first_waiting_) last_waiting_ = nullptr;
        --waiting_count;
        e->admitted = false;
        e->listener = nullptr;
        return e;
    }

private:
    Entry* first_waiting_ = nullptr;
    Entry* last_waiting_ = nullptr;
};

}  // namespace netkit
