#pragma once

#include <netkit/buffer/recycled.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/ipv6_address.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/protocol/tcp/buffer_tuning.hpp>
#include <netkit/protocol/tcp/challenge_ack.hpp>
#include <netkit/protocol/tcp/coarse_time.hpp>
#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/delivery_rate.hpp>
#include <netkit/protocol/tcp/flow.hpp>
#include <netkit/protocol/tcp/loss_detection.hpp>
#include <netkit/protocol/tcp/loss_recovery.hpp>
#include <netkit/protocol/tcp/outgoing.hpp>
#include <netkit/protocol/tcp/rack.hpp>
#include <netkit/protocol/tcp/reassembly.hpp>
#include <netkit/protocol/tcp/receive_queue.hpp>
#include <netkit/protocol/tcp/rtt.hpp>
#include <netkit/protocol/tcp/selective_acknowledgements.hpp>
#include <netkit/protocol/tcp/send_queue.hpp>
#include <netkit/protocol/tcp/shared_options.hpp>
#include <netkit/protocol/tcp/state.hpp>
#include <netkit/protocol/tcp/timing.hpp>
#include <netkit/protocol/tcp/transmissions.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// What a connection keeps of the way to its peer: the rest of a path is in its key.
struct tcp_way {
    /// The upper half of the next hop's address is not kept: with IPv6 it is nearly always one of these.
    enum class upper_half : std::uint8_t {
        of_peer,     ///< or there is none: IPv4
        of_us,
        link_local,  ///< fe80::/64
        unknown,     ///< to be asked for each time
    };

    std::uint64_t hop_low = 0;
    std::uint32_t generation = 0;     ///< of the routes when asked; 0: not asked yet
    std::uint32_t mtu = 0;            ///< as in path
    tcp_coarse_time narrowed_at{};
    std::uint16_t most_payload = 0;   ///< bytes that one packet may carry where the interface cuts super-segments; else 0
    std::uint16_t mss = 536;          ///< payload of a segment that fits the way, options not counted
    interface_id out = interface_id::none;
    interface_id scope = interface_id::none;  ///< the link on which the peer's address is meant, where that matters
    std::uint8_t hop_limit = 64;
    upper_half hop_high : 2 = upper_half::of_peer;
    bool narrowed : 1 = false;        ///< at narrowed_at, because large segments seemed to vanish
    bool sums_while_writing : 1 = false;  ///< the interface makes checksums, and its device gathers what is lent

    static constexpr std::uint64_t link_local_high = 0xfe80'0000'0000'0000;
    void set_hop(std::uint64_t high, std::uint64_t low, const tcp_flow_key& key) {
        hop_low = low;
        hop_high = high == key.remote_high  ? upper_half::of_peer
                   : high == key.local_high ? upper_half::of_us
                   : high == link_local_high ? upper_half::link_local
                                            : upper_half::unknown;
    }
    /// Not where it is unknown.
    std::uint64_t upper_half_of_hop(const tcp_flow_key& key) const {
        return hop_high == upper_half::of_peer ? key.remote_high : hop_high == upper_half::of_us ? key.local_high : link_local_high;
    }
};

/// What happened that the program may want to know of; cleared by whoever tells it.
struct tcp_events {
    bool readable : 1 = false;
    bool writable : 1 = false;
    bool changed : 1 = false;  ///< connected, or failed

    bool any() const { return (std::bit_cast<std::uint8_t>(*this) & 7) != 0; }
};

/// What the transmission timer waits for.
enum class tcp_waiting : std::uint8_t {
    nothing,
    acknowledgement,  ///< until it is time to send again (RFC 6298)
    tail,             ///< a little shorter: until it is time to ask whether the last segments arrived (RFC 8985 section 7)
    reordering,       ///< until what seems to be missing is taken for lost (RFC 8985 section 6)
    window,           ///< until it is time to probe a closed window
};

/// A connection's state (the transmission control block of RFC 9293 section 3.3.1). It does nothing by itself: the functions in the
/// files beside it, in namespace tcp_machine, are its machine. What an arriving segment in order touches lies together.
template <congestion_control Congestion, loss_detection Detection = rack>
struct alignas(16) tcp_connection : tcp_flow {
    using congestion_type = Congestion;
    using detection_type = Detection;

    tcp_lasting_detection<Detection> lasting_detection{};  // of what `detection` knew when it was last idle
    // Receiving.
    sequence_number receive_next;       // RCV.NXT
    sequence_number receive_edge;       // RCV.NXT + RCV.WND: never taken back
    sequence_number acknowledged_to;    // the last acknowledgement sent
    std::uint32_t recent_timestamp = 0; // TS.Recent
    // Sending.
    sequence_number send_unacknowledged;  // SND.UNA
    sequence_number send_next;            // SND.NXT
    sequence_number send_highest;         // the same, or a byte more that probed a closed window
    std::uint32_t send_window = 0;        // SND.WND, from SND.UNA on, scaled
    sequence_number window_sequence;         // SND.WL1
    sequence_number window_acknowledgement;  // SND.WL2

    tcp_state state = tcp_state::closed;
    tcp_waiting waiting = tcp_waiting::nothing;
    tcp_events events{};
    errc error = errc::ok;             // why it failed, until the program has been told
    std::uint8_t send_scale = 0;       // of windows we receive
    std::uint8_t receive_scale = 0;    // of windows we send
    std::uint16_t send_mss = 536;      // payload of a full segment, options already taken off

    bool timestamps : 1 = false;
    bool scaling : 1 = false;
    bool passive : 1 = false;          // began with a listener
    bool orphan : 1 = false;           // the program has given it up
    bool receive_shut : 1 = false;     // the program reads no more
    bool fin_queued : 1 = false;       // the program sends no more
    bool fin_sent : 1 = false;
    bool fin_acknowledged : 1 = false;
    bool fin_known : 1 = false;        // the peer's FIN has been seen, at fin_sequence
    bool fin_received : 1 = false;     // and everything before it
    bool acknowledge_now : 1 = false;
    bool timing : 1 = false;           // the handshake's round trip is being measured, from progress_at on
    bool writer_waits : 1 = false;     // the program found the send buffer full
    bool window_limited : 1 = false;   // the congestion window held something back in this round
    bool pacing_waits : 1 = false;     // something is held back until paced_until
    bool was_established : 1 = false;

    // For whoever keeps it.
    bool busy : 1 = false;             // its machine is at work: it must not be destroyed
    bool admitted : 1 = false;         // it waits to be accepted

    // What the receiver reports.
    bool selective : 1 = false;        // acknowledgements, by agreement (RFC 2018)
    bool ecn : 1 = false;                 // agreed on, or asked for (RFC 3168)
    bool ecn_echo : 1 = false;            // a router's mark is echoed until the peer says that it sends less
    bool ecn_reduced : 1 = false;         // the next new data says that we send less
    bool ecn_capable_segment : 1 = false; // what is being sent may be marked
    bool report_due : 1 = false;       // acknowledgements without data carry blocks: something waits beyond a gap, or came twice

    std::uint8_t quick_acknowledgements = tcp_timing::most_quick_acknowledgements;  // full segments that are yet acknowledged at once
    std::uint16_t receive_mss = 536;   // payload of the peer's full segments, as far as seen
    std::uint16_t own_mss = 536;       // what we announced
    std::uint32_t unacknowledged_bytes = 0;  // received since the last acknowledgement sent
    std::uint32_t segments_sent = 0, segments_received = 0, segments_retransmitted = 0;

    // What is to be sent, what is under way, and what is known of its losses, in one object of the pool: see wake() and rest().
    union {
        tcp_outgoing_pointer<Detection> outgoing{nullptr};
        tcp_outgoing_bytes<Detection> sending;
        tcp_outgoing_runs<Detection> transmissions;
        tcp_outgoing_detection<Detection> detection;
    };
    [[no_unique_address]] tcp_receive_queue receiving;
    std::uint32_t send_buffer = 0;     // bytes, now
    tcp_reassembly reassembly;
    time_point transmit_at = time_point::max();     // retransmission or window probe
    time_point acknowledge_at = time_point::max();  // delayed acknowledgement
    time_point life_at = time_point::max();         // keep-alive, FIN-WAIT-2, linger
    time_point last_heard{};                        // any acceptable segment
    time_point progress_at{};                       // the last time the peer acknowledged something, or began to have to
    time_point paced_until{};                       // nothing leaves before, where sending is paced
    tcp_receive_tuning tuning;
    tcp_rtt_estimator rtt;
    tcp_delivery_rate delivery_rate;
    tcp_way way;
    tcp_shared_options options;
    Congestion congestion{};

    tcp_loss_recovery recovery;
    std::uint16_t peer_mss = 536;      // what the peer announced
    std::uint32_t timestamp_offset = 0;
    tcp_coarse_time timestamp_at{};    // when recent_timestamp was taken
    std::uint32_t largest_window = 0;  // the peer ever offered
    sequence_number initial_send;     // ISS
    sequence_number initial_receive;  // IRS
    sequence_number fin_sequence;
    tcp_range duplicate;               // came twice, and the next report says so; else empty
    tcp_challenge_limit challenges;
    std::uint8_t attempts = 0;         // transmissions or probes since the peer last answered
    std::uint8_t probe_backoff = 0;    // of window probes that were sent since the peer last acknowledged something
    std::uint8_t keep_alive_probes = 0;
    errc soft_error = errc::ok;        // told by routers, for when the connection times out

    std::uint32_t sent_wraps = 0, received_wraps = 0;  // how often sequence numbers have come round to the initial ones
    std::uint16_t timeouts = 0, fast_retransmits = 0, tail_probes = 0, undone = 0;
    std::uint16_t marks_received = 0;  // segments of data that routers marked
    std::uint16_t marks_echoed = 0;    // reductions because the peer told of marks

    tcp_connection() = default;
    tcp_connection(const tcp_connection&) = delete;
    tcp_connection& operator=(const tcp_connection&) = delete;
    ~tcp_connection() {
        if (!outgoing.held) return;
        sending.clear();
        transmissions.clear();
        recycled<tcp_outgoing<Detection>>::give_back(outgoing.held);
    }

    /// Has what it needs for sending; false where the pool is exhausted.
    bool wake(pool& buffers) { return outgoing.held || take(buffers); }
    /// Gives that back where nothing is left to be done with it.
    void rest() {
        if (outgoing.held && is_quiet()) give_back();
    }
    /// The same, but where few connections have one, it keeps its own until its timer next expires: it may soon want it again.
    void rest_soon() {
        if (outgoing.held && recycled<tcp_outgoing<Detection>>::are_many(outgoing.held)) [[unlikely]] rest();
    }
    bool saw_reordering() const { return outgoing.held ? outgoing.held->detection.saw_reordering() : Detection(lasting_detection).saw_reordering(); }
    /// Only while something is under way, or a loss is being repaired.
    tcp_loss_repair& repair() { return outgoing.held->repair; }
    const tcp_loss_repair& repair() const { return outgoing.held->repair; }

    /// SND.NXT, or what is beyond, has moved to `end`.
    void sent_to(sequence_number end, bool fin) {
        const auto n = end - send_highest;
        send_highest = end;
        if (fin) fin_sent = true;
        if (end - initial_send < n) [[unlikely]] ++sent_wraps;
    }
    /// RCV.NXT moves.
    void received(std::uint32_t n) {
        receive_next += n;
        if (receive_next - initial_receive < n) [[unlikely]] ++received_wraps;
    }
    /// Payload that was sent, each byte counted once.
    std::uint64_t bytes_sent() const { return counted(sent_wraps, send_highest - initial_send, fin_sent); }
    bool has_sent() const { return send_highest - initial_send > 1u || sent_wraps != 0; }
    /// Payload that was received in order.
    std::uint64_t bytes_received() const { return counted(received_wraps, receive_next - initial_receive, fin_received); }

    /// Sequence numbers sent and not acknowledged.
    std::uint32_t in_flight() const { return send_next - send_unacknowledged; }
    /// Those of them that are still in the network, as far as is known (`pipe` of RFC 6675).
    std::uint32_t in_network() const {
        const auto* o = outgoing.held;
        if (!o) return in_flight();
        const auto gone = o->transmissions.selected() + o->transmissions.lost() + o->repair.left;
        return in_flight() > gone ? in_flight() - gone : 0;
    }
    /// Where the stream that the program has written ends so far; a FIN stands there.
    sequence_number send_end() const { return send_unacknowledged + sending.size(); }
    /// Bytes never sent.
    std::uint32_t unsent() const {
        const auto sent = in_flight();
        return sent < sending.size() ? sending.size() - sent : 0;
    }
    bool fin_unsent() const { return fin_queued && !fin_acknowledged && send_next <= send_end(); }
    /// The window the peer may still send into.
    std::uint32_t receive_window() const { return receive_edge - receive_next; }
    std::uint32_t receive_buffer() const { return tuning.buffer(); }
    std::uint32_t send_room() const { return sending.size() < send_buffer ? send_buffer - sending.size() : 0; }
    std::uint32_t receive_room() const { return receiving.size() < receive_buffer() ? receive_buffer() - receiving.size() : 0; }
    /// Whether a program that has found the send buffer full is told to go on.
    bool has_worthwhile_send_room() const { return sending.size() <= send_buffer / 3 * 2; }
    /// How many bytes may be in the network. A segment always may, also where segments have grown since the congestion control last heard of them.
    std::uint32_t congestion_window() const {
        const auto window = recovery.now == tcp_loss_recovery::phase::recovery ? repair().window : congestion.window();
        return in_network() == 0 ? std::max<std::uint32_t>(window, send_mss) : window;
    }
    time_point next_deadline() const { return std::min({transmit_at, acknowledge_at, life_at, pacing_waits ? paced_until : time_point::max()}); }

private:
    /// What is left without SYN and FIN.
    static std::uint64_t counted(std::uint32_t wraps, std::uint32_t numbers, bool fin) {
        const auto all = std::uint64_t{wraps} << 32 | numbers;
        return all == 0 ? 0 : all - 1 - (fin ? 1 : 0);
    }
    [[gnu::noinline]] bool take(pool& buffers) {
        auto* o = recycled<tcp_outgoing<Detection>>::take(buffers);
        if (!o) [[unlikely]] return false;
        o->detection = Detection(lasting_detection);
        auto& r = o->repair;
        r.round_end = send_unacknowledged;
        r.recover = send_unacknowledged - (recovery.recovered_here ? 0u : 1u);
        r.reduced_until = send_unacknowledged - (recovery.reduced_here ? 0u : 1u);
        r.left = 0;
        r.duplicates = 0;
        outgoing.held = o;
        return true;
    }
    bool is_quiet() const {
        const auto& o = *outgoing.held;
        return o.sending.empty() && o.transmissions.empty() && (send_highest == send_unacknowledged || state == tcp_state::closed) &&
               !recovery.recovering() && !recovery.may_undo && !recovery.probing && o.repair.left == 0 && o.repair.duplicates == 0;
    }
    [[gnu::noinline]] void give_back() {
        auto* o = outgoing.held;
        lasting_detection = tcp_lasting_detection<Detection>(o->detection);
        recovery.recovered_here = o->repair.recover == send_unacknowledged;
        recovery.reduced_here = o->repair.reduced_until == send_unacknowledged;
        outgoing.held = nullptr;
        recycled<tcp_outgoing<Detection>>::give_back(o);
    }
};

}  // namespace netkit
