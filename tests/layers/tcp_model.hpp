#pragma once

#include <netkit/protocol/tcp/state.hpp>
#include <netkit/wire/tcp.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

/// What a host must do with one segment, written down from section 3.10.7 of RFC 9293 and from RFC 5961, and from nothing else. It knows
/// no wrapping: numbers count from each side's SYN, and may be negative.
namespace netkit::tcp_model {

using number = std::int64_t;

enum class reply { nothing, ack, syn_ack, reset, reset_and_ack };

inline std::string to_string(reply r) {
    switch (r) {
    case reply::nothing: return "nothing";
    case reply::ack: return "ACK";
    case reply::syn_ack: return "SYN and ACK";
    case reply::reset: return "RST";
    case reply::reset_and_ack: return "RST and ACK";
    }
    return {};
}

/// The transmission control block, as far as it matters here.
struct block {
    tcp_state state = tcp_state::closed;
    bool passive = true;          ///< began with a listener
    bool listener = false;        ///< one is still there
    number una = 0, nxt = 0;      ///< SND.UNA, SND.NXT
    number largest_window = 0;    ///< MAX.SND.WND
    number rcv_nxt = 0, rcv_wnd = 0;
};

struct segment {
    tcp_flags flags{};
    number sequence = 0, acknowledgement = 0, size = 0;

    bool has(tcp_flags f) const { return netkit::has(flags, f); }
    number length() const { return size + has(tcp_flags::syn) + has(tcp_flags::fin); }
};

/// One allowed way to respond.
struct response {
    reply what = reply::nothing;
    number sequence = 0, acknowledgement = 0;  ///< of the reply, where it has them
    tcp_state next{};
    number text = 0;  ///< bytes that the program can read then
};

/// All allowed ways to respond; where there are several, a comment says why.
using responses = std::vector<response>;

inline responses in_closed(const block& b, const segment& s) {
    if (s.has(tcp_flags::rst)) return {{.next = b.state}};
    if (s.has(tcp_flags::ack)) return {{.what = reply::reset, .sequence = s.acknowledgement, .next = b.state}};
    return {{.what = reply::reset_and_ack, .sequence = 0, .acknowledgement = s.sequence + s.length(), .next = b.state}};
}

inline responses in_listen(const block& b, const segment& s) {
    if (s.has(tcp_flags::rst)) return {{.next = b.state}};
    if (s.has(tcp_flags::ack)) return {{.what = reply::reset, .sequence = s.acknowledgement, .next = b.state}};
    if (s.has(tcp_flags::syn)) return {{.what = reply::syn_ack, .sequence = 0, .acknowledgement = s.sequence + 1, .next = tcp_state::syn_received}};
    return {{.next = b.state}};
}

inline responses in_syn_sent(const block& b, const segment& s) {
    const bool ack = s.has(tcp_flags::ack);
    if (ack && (s.acknowledgement <= 0 || s.acknowledgement > b.nxt)) {
        if (s.has(tcp_flags::rst)) return {{.next = b.state}};
        return {{.what = reply::reset, .sequence = s.acknowledgement, .next = b.state}};
    }
    if (s.has(tcp_flags::rst)) return {{.next = ack ? tcp_state::closed : b.state}};
    if (!s.has(tcp_flags::syn)) return {{.next = b.state}};
    if (ack) return {{.what = reply::ack, .sequence = b.nxt, .acknowledgement = s.sequence + 1, .next = tcp_state::established}};
    return {{.what = reply::syn_ack, .sequence = 0, .acknowledgement = s.sequence + 1, .next = tcp_state::syn_received}};
}

/// "First, check sequence number": the four cases of table 6.
inline bool is_acceptable(const block& b, const segment& s) {
    const auto in_window = [&](number n) { return b.rcv_nxt <= n && n < b.rcv_nxt + b.rcv_wnd; };
    if (b.rcv_wnd == 0) return s.length() == 0 && s.sequence == b.rcv_nxt;
    if (s.length() == 0) return in_window(s.sequence);
    return in_window(s.sequence) || in_window(s.sequence + s.length() - 1);
}

/// "Sixth" to "eighth": text and FIN of an acceptable segment, the acknowledgement having been dealt with; `fin_acknowledged`: of our own.
inline responses text_and_fin(block b, const segment& s, bool fin_acknowledged) {
    const auto state = b.state;
    const bool receives = state == tcp_state::established || state == tcp_state::fin_wait_1 || state == tcp_state::fin_wait_2;
    if (s.length() == 0) return {{.next = state}};
    if (!receives) {
        // What comes behind the peer's FIN is ignored (seventh). Whether a FIN there, which cannot be, is acknowledged is not worth a rule.
        responses all{{.next = state}};
        if (s.has(tcp_flags::fin)) all.push_back({.what = reply::ack, .sequence = b.nxt, .acknowledgement = b.rcv_nxt, .next = state});
        return all;
    }
    const auto edge = b.rcv_nxt + b.rcv_wnd;
    const auto first = std::max(s.sequence, b.rcv_nxt), end = std::min(s.sequence + s.size, edge);
    number text = 0;
    if (first == b.rcv_nxt && end > first) {
        text = end - first;
        b.rcv_nxt = end;
    }
    response r{.what = reply::ack, .sequence = b.nxt, .acknowledgement = b.rcv_nxt, .next = state, .text = text};
    const auto fin_at = s.sequence + s.size;
    if (s.has(tcp_flags::fin) && fin_at == b.rcv_nxt && fin_at < edge) {
        ++r.acknowledgement;
        if (state == tcp_state::established) r.next = tcp_state::close_wait;
        else if (state == tcp_state::fin_wait_1 && !fin_acknowledged) r.next = tcp_state::closing;
        else r.next = tcp_state::time_wait;
    }
    return {r};
}

inline responses in_time_wait(const block& b, const segment& s, const responses& challenge) {
    // Only the peer's FIN can come again, and is acknowledged; an ACK without anything else asks for no answer.
    if (s.length() == 0) {
        responses all{{.next = b.state}};
        if (s.acknowledgement > b.nxt || s.acknowledgement < b.una - b.largest_window) all.push_back(challenge[0]);
        return all;
    }
    return challenge;
}

/// "Fifth" to "eighth", of an acceptable segment with a possible acknowledgement in a synchronized state.
inline responses acknowledged(block b, const segment& s) {
    const bool sent_fin = b.state == tcp_state::fin_wait_1 || b.state == tcp_state::closing || b.state == tcp_state::last_ack;
    const bool fin_acknowledged = sent_fin && s.acknowledgement == b.nxt;
    if (fin_acknowledged) {
        if (b.state == tcp_state::last_ack) return {{.next = tcp_state::closed}};
        if (b.state == tcp_state::closing) {
            // A FIN with it, which came before, is acknowledged again as TIME-WAIT would; or the ACK alone counts.
            responses all{{.next = tcp_state::time_wait}};
            if (s.length() != 0) all.push_back({.what = reply::ack, .sequence = b.nxt, .acknowledgement = b.rcv_nxt, .next = tcp_state::time_wait});
            return all;
        }
        b.state = tcp_state::fin_wait_2;
    }
    return text_and_fin(b, s, fin_acknowledged);
}

/// SYN-RECEIVED and the synchronized states (section 3.10.7.4).
inline responses in_others(block b, const segment& s) {
    const responses challenge{{.what = reply::ack, .sequence = b.nxt, .acknowledgement = b.rcv_nxt, .next = b.state}};
    const bool syn_received = b.state == tcp_state::syn_received, time_wait = b.state == tcp_state::time_wait;
    const auto gone = (syn_received && b.passive) || b.listener ? tcp_state::listen : tcp_state::closed;

    responses reopened;
    // A listener may take a SYN beyond all that was used before (RFC 1122 section 4.2.2.13).
    if (time_wait && b.listener && s.flags == tcp_flags::syn && s.sequence >= b.rcv_nxt)
        reopened.push_back({.what = reply::syn_ack, .sequence = 0, .acknowledgement = s.sequence + 1, .next = tcp_state::syn_received});

    if (!is_acceptable(b, s)) {
        if (s.has(tcp_flags::rst)) return {{.next = b.state}};
        auto all = challenge;
        all.insert(all.end(), reopened.begin(), reopened.end());
        // The SYN that began it, again: our SYN and ACK again say as much as an ACK, and what a peer needs that did not hear them.
        if (syn_received && s.has(tcp_flags::syn) && s.sequence == b.rcv_nxt - 1)
            all.push_back({.what = reply::syn_ack, .sequence = 0, .acknowledgement = b.rcv_nxt, .next = b.state});
        // Both opened at once, and the peer's ACK comes with its SYN (figure 7): what it acknowledges counts.
        if (syn_received && s.flags == (tcp_flags::syn | tcp_flags::ack) && s.sequence == b.rcv_nxt - 1 && s.acknowledgement == b.nxt)
            all.push_back({.what = reply::ack, .sequence = b.nxt, .acknowledgement = b.rcv_nxt, .next = tcp_state::established});
        // A peer that has filled the window can begin its acknowledgements only behind it: what they say may be heard.
        if (!syn_received && s.flags == tcp_flags::ack && s.length() == 0 && s.sequence == b.rcv_nxt + b.rcv_wnd && s.acknowledgement == b.nxt)
            for (auto heard : acknowledged(b, s)) {
                heard.what = reply::ack;
                heard.sequence = b.nxt;
                heard.acknowledgement = b.rcv_nxt;
                all.push_back(heard);
            }
        return all;
    }
    if (s.has(tcp_flags::rst)) {
        if (s.sequence == b.rcv_nxt) return {{.next = gone}};
        return challenge;
    }
    if (s.has(tcp_flags::syn)) {
        auto all = challenge;
        all.insert(all.end(), reopened.begin(), reopened.end());
        // RFC 9293 returns to LISTEN; RFC 5961's challenge finds out first whether the SYN is forged.
        if (syn_received && b.passive) all.push_back({.next = tcp_state::listen});
        return all;
    }
    if (!s.has(tcp_flags::ack)) return {{.next = b.state}};
    if (time_wait) return in_time_wait(b, s, challenge);

    if (syn_received) {
        if (s.acknowledgement <= b.una || s.acknowledgement > b.nxt) return {{.what = reply::reset, .sequence = s.acknowledgement, .next = b.state}};
        b.state = tcp_state::established;
        b.una = s.acknowledgement;
    }
    if (s.acknowledgement > b.nxt || s.acknowledgement < b.una - b.largest_window) return challenge;
    return acknowledged(b, s);
}

inline responses respond(const block& b, const segment& s) {
    switch (b.state) {
    case tcp_state::closed: return in_closed(b, s);
    case tcp_state::listen: return in_listen(b, s);
    case tcp_state::syn_sent: return in_syn_sent(b, s);
    case tcp_state::time_wait: {
        // Nothing can follow the peer's FIN: the window may just as well be taken for closed.
        auto all = in_others(b, s);
        auto closed_window = b;
        closed_window.rcv_wnd = 0;
        for (const auto& r : in_others(closed_window, s)) all.push_back(r);
        return all;
    }
    default: return in_others(b, s);
    }
}

}  // namespace netkit::tcp_model
