#pragma once

#include <netkit/core/intrusive_list.hpp>
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
struct tcp_entry : tcp_connection<Congestion>, timer, list_hook {
    tcp_socket* socket = nullptr;
    tcp_port<tcp_entry>* listener = nullptr;
};

/// The local port of a socket; where it listens, with the handshakes it leads and the connections that wait to be accepted.
template <class Entry>
struct tcp_port : port_binding, tcp_syn_queue {
    tcp_socket* socket = nullptr;
    std::size_t backlog = 0;          ///< 0: not listening
    std::size_t waiting_count = 0;
    intrusive_list<Entry> waiting;    ///< to be accepted, the first to come first

    bool has_room() const { return waiting_count < backlog; }
    /// Handshakes under way at once: more than may wait, since many a SYN comes to nothing. Beyond that there are SYN cookies.
    std::size_t most_half_open() const { return backlog < 64 ? 64 : backlog; }
    void admit(Entry& e) {
        e.admitted = true;
        ++waiting_count;
        waiting.push_back(e);
    }
    void remove(Entry& e) {
        if (e.admitted) {
            --waiting_count;
            static_cast<list_hook&>(e).unlink();
        }
        e.listener = nullptr;
    }
};

}  // namespace netkit
