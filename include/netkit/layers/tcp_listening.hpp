#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/time.hpp>
#include <netkit/layers/tcp_output.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/protocol/tcp/calls.hpp>
#include <netkit/protocol/tcp/congestion/congestion_of.hpp>
#include <netkit/protocol/tcp/half_open.hpp>
#include <netkit/protocol/tcp/initial_sequence.hpp>
#include <netkit/protocol/tcp/receive_processing.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/syn_answer.hpp>
#include <netkit/protocol/tcp/syn_cookies.hpp>
#include <netkit/protocol/tcp/timing.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace netkit {

/// What becomes of segments without a connection at the TCP at Here: listeners answer SYNs, from a queue or with cookies, and open
/// connections when handshakes are complete.
template <class Here>
class tcp_listening {
public:
    using layer = typename Here::layer_type;
    using entry = typename layer::entry;
    using port = typename layer::port;

    explicit tcp_listening(Here place) : here(place), io(place) {}

    /// The port that listens for a flow; null where none does.
    port* listener_of(const tcp_flow_key& key, interface_id in) const {
        auto local = key.local();
        local.scope = in;
        auto* its_port = static_cast<port*>(here->ports.look_up(local, key.remote()));
        return its_port && its_port->backlog != 0 ? its_port : nullptr;
    }

    /// LISTEN (RFC 9293 section 3.10.7.2), and CLOSED (3.10.7.1) where there is no listener. Where a connection between the same two came
    /// before, our sequence numbers begin behind `used`.
    NETKIT_COLD void receive(const tcp_flow_key& key, const tcp_segment& s, packet p, const sequence_number* used = nullptr) const {
        auto* its_port = listener_of(key, p.interface());
        if (!its_port) return refuse(key, s, std::move(p), drop_reason::no_socket);
        if (s.has(tcp_flags::rst)) return here.drop(std::move(p), drop_reason::bad_state);
        if (s.has(tcp_flags::ack)) return receive_acknowledgement(*its_port, key, s, std::move(p));
        if (!s.has(tcp_flags::syn) || s.has(tcp_flags::fin)) return here.drop(std::move(p), drop_reason::bad_state);
        if (!its_port->has_room()) return here.drop(std::move(p), drop_reason::backlog_full);

        auto beginnings = here->beginnings(key, io.now());
        if (used) beginnings.begin_behind(*used);
        const auto scope = scope_of(key, p);
        auto* h = its_port->leads_more() ? here->half_open.make() : nullptr;
        if (!h && used) return here.drop(std::move(p), drop_reason::no_buffers);
        const bool sent = h ? begin(*h, *its_port, key, s, beginnings, scope) : send_cookie(*its_port, key, s, beginnings, scope);
        if (!sent) return here.drop(std::move(p), drop_reason::no_route);
        here.deliver(p);
    }

    /// SYN-RECEIVED, for as long as there is no connection.
    NETKIT_COLD void receive(tcp_half_open& h, const tcp_segment& s, packet p) const {
        auto& its_port = port_of(h);
        const auto window = window_of(its_port.socket->options());
        auto why = drop_reason::out_of_window;
        switch (half_open_answer(h, s, window, why)) {
        case tcp_half_open_answer::complete: return complete(its_port, h, s, std::move(p));
        case tcp_half_open_answer::end:
            here->forget(h);
            return here.deliver(p);
        case tcp_half_open_answer::repeat:
            // A peer that no longer asks has not heard that we agree.
            h.marking = h.marking && tcp_machine::asks_for_ecn(s);
            if (h.timestamps && s.options.has_timestamps) h.recent_timestamp = s.options.ts_value;
            if (io.may_answer(h.key)) answer_again(h);
            break;
        case tcp_half_open_answer::acknowledge:
            if (io.may_answer(h.key)) acknowledge(h, window);
            break;
        case tcp_half_open_answer::refuse: return refuse(h.key, s, std::move(p), why);
        case tcp_half_open_answer::nothing: break;
        }
        here.drop(std::move(p), why);
    }

    /// Answers again whom it is time for, and gives up on those who have not been heard from for too long.
    NETKIT_COLD void expired() const {
        const auto now = here.now();
        here->handshakes.run(now, [&](tcp_half_open& h) {
            if (h.attempts >= tcp_timing::most_syn_received_attempts) return here->forget(h);
            ++h.attempts;
            answer_again(h);
            here->handshakes.answered(h, now);
        });
        const auto next = here->handshakes.next(now);
        if (next != time_point::max()) here.arm(here->handshake_due, next);
    }

private:
    Here here;
    tcp_output<Here> io;

    static port& port_of(const tcp_half_open& h) { return static_cast<port&>(*h.queue); }
    /// A link-local peer is on the link that its SYN came by.
    static interface_id scope_of(const tcp_flow_key& key, const packet& p) {
        const bool on_link = key.remote().address.visit([](const auto& a) { return a.is_link_local(); });
        return on_link ? p.interface() : interface_id::none;
    }
    /// What a connection that has received nothing offers.
    static std::uint32_t window_of(const tcp_socket_options& o) {
        const auto buffer = o.receive_buffer != 0 ? o.receive_buffer : std::min(tcp_socket_options::first_receive_buffer, o.most_receive_buffer);
        return std::min(buffer, 65535u);
    }
    void refuse(const tcp_flow_key& key, const tcp_segment& s, packet p, drop_reason why) const {
        if (!s.has(tcp_flags::rst)) io.refuse_flow(key, s);
        here.drop(std::move(p), why);
    }

    /// A place in the listener's queue. False, and nothing left of it, where there is no way to the peer.
    bool begin(tcp_half_open& h, port& its_port, const tcp_flow_key& key, const tcp_segment& s, const tcp_beginnings& beginnings, interface_id scope) const {
        h.key = key;
        h.scope = scope;
        h.queue = &its_port;
        h.initial_send = beginnings.sequence;
        h.timestamp_offset = beginnings.timestamp_offset;
        h.initial_receive = s.sequence;
        h.recent_timestamp = s.options.ts_value;
        h.peer_mss = s.options.has_mss ? s.options.mss : std::uint16_t(0);
        h.timestamps = s.options.has_timestamps;
        h.selective = s.options.sack_permitted;
        h.scaling = s.options.has_window_scale;
        h.send_scale = s.options.window_scale & 15;
        h.marking = tcp_machine::asks_for_ecn(s);
        if (!agree(h)) {
            here->half_open.destroy(h);
            return false;
        }
        here->flows.insert(h);
        ++its_port.size;
        const auto now = io.now();
        here->handshakes.answered(h, now);
        const auto due = now + tcp_half_open_schedule::interval(1);
        timer& t = here->handshake_due;
        if (!t.armed() || due < t.when()) here.arm(here->handshake_due, due);
        return true;
    }
    /// The first answer to a SYN, by which what is agreed on is noted. False where there is no way.
    bool agree(tcp_half_open& h) const {
        const auto way_mss = io.mss_towards(h.key, h.scope);
        if (way_mss == 0) return false;
        const tcp_syn_answer what(port_of(h).socket->options(), way_mss, h.key.six, h.syn(), io.now());
        h.timestamps = what.timestamps;
        h.selective = what.selective;
        h.scaling = what.scaling;
        h.marking = what.ecn;
        h.receive_scale = what.receive_scale & 15;
        send_answer(h, what);
        return true;
    }
    /// The same once more: the peer may have heard the first.
    void answer_again(const tcp_half_open& h) const {
        const auto way_mss = io.mss_towards(h.key, h.scope);
        if (way_mss == 0) return;
        send_answer(h, tcp_syn_answer(port_of(h).socket->options(), way_mss, h.key.six, {.syn = h.syn(), .receive_scale = h.receive_scale}, io.now()));
    }
    void send_answer(const tcp_half_open& h, const tcp_syn_answer& what) const {
        io.send_apart(h.key, what.header(h.initial_send), what.syn_options(io.timestamp() + h.timestamp_offset), h.scope, port_of(h).socket->options());
    }
    /// The same for a SYN that nothing is remembered of.
    bool send_cookie(port& its_port, const tcp_flow_key& key, const tcp_segment& s, const tcp_beginnings& beginnings, interface_id scope) const {
        const auto way_mss = io.mss_towards(key, scope);
        if (way_mss == 0) return false;
        tcp_syn_answer what(its_port.socket->options(), way_mss, key.six, s, io.now());
        auto options = what.syn_options(io.timestamp() + beginnings.timestamp_offset);
        if (options.has_timestamps) {
            auto agreed = options;
            agreed.window_scale = what.send_scale;
            options.ts_value = tcp_syn_cookies::timestamp(options.ts_value, agreed, what.ecn);
        } else {
            // There is nowhere to keep these.
            options.has_window_scale = options.sack_permitted = what.ecn = false;
        }
        its_port.cookies_until = io.now() + tcp_syn_cookies::life;
        io.send_apart(key, what.header(here->cookies.make(key, s.sequence, what.peer_mss, io.now())), options, scope, its_port.socket->options());
        return true;
    }
    void acknowledge(const tcp_half_open& h, std::uint32_t window) const {
        tcp_header header{};
        header.sequence = (h.initial_send + 1u).value();
        header.acknowledgement = (h.initial_receive + 1u).value();
        header.control = static_cast<std::uint8_t>(tcp_flags::ack);
        header.window = static_cast<std::uint16_t>(window >> h.receive_scale);
        tcp_parsed_options options;
        options.has_timestamps = h.timestamps;
        options.ts_value = io.timestamp() + h.timestamp_offset;
        options.ts_echo = h.recent_timestamp;
        io.send_apart(h.key, header, options, h.scope, port_of(h).socket->options());
    }

    /// An ACK out of nowhere: it may bring a cookie back.
    void receive_acknowledgement(port& its_port, const tcp_flow_key& key, const tcp_segment& s, packet p) const {
        const auto now = io.now();
        const auto peers = s.sequence - 1u, ours = s.acknowledgement - 1u;
        const bool expected = now < its_port.cookies_until && !s.has(tcp_flags::syn);
        const auto mss = expected ? here->cookies.read(key, peers, ours, now) : std::uint16_t(0);
        if (mss == 0) return refuse(key, s, std::move(p), drop_reason::bad_state);
        if (!its_port.has_room()) return here.drop(std::move(p), drop_reason::backlog_full);

        tcp_beginnings beginnings = here->beginnings(key, now);
        beginnings.sequence = ours;
        tcp_segment syn;
        syn.sequence = peers;
        syn.flags = tcp_flags::syn;
        syn.options.has_mss = true;
        syn.options.mss = mss;
        syn.options.has_timestamps = s.options.has_timestamps;
        syn.options.ts_value = s.options.ts_value;
        if (s.options.has_timestamps) {
            bool marking = false;
            tcp_syn_cookies::read_echo(s.options.ts_echo, syn.options, marking);
            if (marking) syn.flags |= tcp_flags::ece | tcp_flags::cwr;
        }
        auto* e = make_entry(its_port, key, scope_of(key, p));
        if (!e) return here.drop(std::move(p), drop_reason::no_buffers);
        // The cookie had no place for our own scale: it follows from the options, which hardly change so soon.
        const tcp_syn_answer answered(its_port.socket->options(), e->way.mss, key.six, syn, now);
        open(*e, beginnings, {.syn = syn, .receive_scale = answered.receive_scale, .answered_at = now}, s, std::move(p));
    }
    void complete(port& its_port, tcp_half_open& h, const tcp_segment& s, packet p) const {
        // As if the ACK had been lost: our SYN and ACK follows again in its time, and is acknowledged again.
        if (!its_port.has_room()) return here.drop(std::move(p), drop_reason::backlog_full);
        auto* e = make_entry(its_port, h.key, h.scope);
        if (!e) return here.drop(std::move(p), drop_reason::no_buffers);
        const tcp_beginnings beginnings{h.initial_send, h.timestamp_offset};
        const tcp_led_handshake led{h.syn(), h.receive_scale, h.attempts, tcp_half_open_schedule::answered_at(h, io.now())};
        here->forget(h);
        open(*e, beginnings, led, s, std::move(p));
    }
    /// Null where there is neither memory nor a way.
    entry* make_entry(port& its_port, const tcp_flow_key& key, interface_id scope) const {
        if (!its_port.options.set(its_port.socket->options())) return nullptr;
        auto* e = here->connections.make();
        if (!e) return nullptr;
        e->key = key;
        e->options = its_port.options;
        if (!its_port.socket->congestion_control_.empty()) choose_congestion(e->congestion, its_port.socket->congestion_control_);
        e->way.scope = scope;
        e->listener = &its_port;
        if (io.find_way(*e)) return e;
        here->connections.destroy(*e);
        return nullptr;
    }
    /// The handshake is complete: from here on there is a connection, which the ACK is given to.
    void open(entry& e, const tcp_beginnings& beginnings, const tcp_led_handshake& led, const tcp_segment& s, packet p) const {
        here->flows.insert(e);
        e.busy = true;
        tcp_machine::resume_passive(io, e, beginnings, led);
        tcp_machine::receive(io, e, s, std::move(p));
        e.busy = false;
        // It was looked at before; where the machine sees it otherwise, it was not worth a connection.
        if (!e.admitted) return here->destroy(e);
        here->worked(here, e);
    }
};

}  // namespace netkit
