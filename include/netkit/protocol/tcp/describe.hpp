#pragma once

#include <netkit/protocol/tcp/congestion/congestion_of.hpp>
#include <netkit/protocol/tcp/connection.hpp>
#include <netkit/protocol/tcp/info.hpp>

#include <cstddef>

namespace netkit::tcp_machine {

/// What people and measurements may know of a connection.
template <class Connection>
void describe(const Connection& c, tcp_info& info) {
    info.state = c.state;
    info.timestamps = c.timestamps;
    info.window_scaling = c.scaling;
    info.selective_acknowledgements = c.selective;
    info.ecn = c.ecn;
    info.send_scale = c.send_scale;
    info.receive_scale = c.receive_scale;
    info.in_recovery = c.recovery.recovering();
    info.rtt = c.rtt.smoothed();
    info.rtt_variation = c.rtt.variation();
    info.rto = c.rtt.timeout();
    info.send_mss = c.send_mss;
    info.receive_mss = c.own_mss;
    info.congestion_control = congestion_name(c.congestion);
    info.congestion_window = c.congestion.window();
    info.slow_start_threshold = c.congestion.slow_start_threshold();
    info.send_window = c.send_window;
    info.receive_window = c.receive_window();
    info.send_buffer = c.send_buffer;
    info.receive_buffer = c.receive_buffer();
    info.receive_rtt = c.tuning.round_trip();
    info.unacknowledged = c.send_highest - c.send_unacknowledged;
    info.unsent = c.unsent();
    info.readable = c.receiving.size();
    info.out_of_order = c.reassembly.size();
    info.bytes_sent = c.bytes_sent();
    info.bytes_received = c.bytes_received();
    info.segments_sent = c.segments_sent;
    info.segments_received = c.segments_received;
    info.retransmitted = c.segments_retransmitted;
    info.marks_received = c.marks_received;
    info.marks_echoed = c.marks_echoed;
    info.timeouts = c.timeouts;
    info.fast_retransmits = c.fast_retransmits;
    info.tail_probes = c.tail_probes;
    info.undone = c.undone;
    info.least_rtt = c.rtt.least();
    info.delivery_rate = c.delivery_rate.last();
    info.in_network = c.in_network();
    info.selected = c.transmissions.selected();
    info.lost = c.transmissions.lost();
}

/// What the program can do now; Readiness is tcp_readiness.
template <class Connection, class Readiness>
void describe_readiness(const Connection& c, Readiness& ready) {
    const bool failed = c.state == tcp_state::closed;
    ready.available = c.receiving.size();
    ready.connected = c.was_established && !failed;
    ready.connecting = c.state == tcp_state::syn_sent || (c.state == tcp_state::syn_received && !c.was_established);
    ready.readable = ready.available != 0 || c.fin_received || c.receive_shut || failed;
    ready.writable = failed || c.fin_queued || (may_send(c.state) && c.has_worthwhile_send_room());
}

}  // namespace netkit::tcp_machine
