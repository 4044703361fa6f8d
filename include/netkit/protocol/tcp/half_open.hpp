#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/flow.hpp>
#include <netkit/protocol/tcp/segment.hpp>
#include <netkit/protocol/tcp/timing.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// The handshakes that one listener leads.
struct tcp_syn_queue {
    std::size_t size = 0;
    time_point cookies_until = time_point::min();  ///< until then an ACK may bring back a cookie that was sent
};

/// A handshake that a listener leads: SYN-RECEIVED (RFC 9293 section 3.3.2) of a connection that does not exist yet, since many a SYN
/// comes to nothing. It remembers what the SYN said and what it was answered. 96 bytes.
struct tcp_half_open : list_hook, tcp_flow {
    std::uint8_t attempts : 4 = 1;  ///< answers sent
    bool timestamps : 1 = false;    ///< these are agreed on
    bool scaling : 1 = false;
    bool selective : 1 = false;
    bool marking : 1 = false;       ///< ECN
    std::uint8_t send_scale : 4 = 0;
    std::uint8_t receive_scale : 4 = 0;
    sequence_number initial_send;     // ISS
    sequence_number initial_receive;  // IRS
    std::uint32_t recent_timestamp = 0;
    std::uint32_t timestamp_offset = 0;
    std::uint32_t answered_at = 0;  ///< in microseconds, modulo 2^32
    std::uint16_t peer_mss = 0;     ///< 0: the SYN did not say
    interface_id scope = interface_id::none;
    tcp_syn_queue* queue = nullptr;

    tcp_half_open() { kind = tcp_flow_kind::half_open; }

    /// The SYN, as far as it still matters.
    tcp_segment syn() const {
        tcp_segment s;
        s.source_port = key.remote_port;
        s.target_port = key.local_port;
        s.sequence = initial_receive;
        s.flags = marking ? tcp_flags::syn | tcp_flags::ece | tcp_flags::cwr : tcp_flags::syn;
        s.options.has_mss = peer_mss != 0;
        s.options.mss = peer_mss;
        s.options.has_window_scale = scaling;
        s.options.window_scale = send_scale;
        s.options.sack_permitted = selective;
        s.options.has_timestamps = timestamps;
        s.options.ts_value = recent_timestamp;
        return s;
    }
};

/// What a segment means to a handshake that a listener leads (RFC 9293 section 3.10.7.4, RFC 5961).
enum class tcp_half_open_answer : std::uint8_t {
    nothing,
    complete,     ///< the ACK that completes it
    repeat,       ///< the SYN again: the peer did not hear us
    acknowledge,  ///< tell the peer where we are
    refuse,       ///< acknowledges what was never sent: a reset
    end,          ///< a reset, exactly where we are
};

/// `window` is what we offered. `why` tells what is wrong with the segment where it is neither `complete` nor `repeat` nor `end`.
inline tcp_half_open_answer half_open_answer(const tcp_half_open& h, const tcp_segment& s, std::uint32_t window, drop_reason& why) {
    const auto next = h.initial_receive + 1u;
    if (s.has(tcp_flags::syn) && !s.has(tcp_flags::ack | tcp_flags::rst) && s.sequence == h.initial_receive) return tcp_half_open_answer::repeat;
    if (s.has(tcp_flags::rst)) {
        why = drop_reason::out_of_window;
        if (s.sequence == next) return tcp_half_open_answer::end;
        return s.sequence.in(next, window) ? tcp_half_open_answer::acknowledge : tcp_half_open_answer::nothing;
    }
    if (h.timestamps && (!s.options.has_timestamps || static_cast<std::int32_t>(s.options.ts_value - h.recent_timestamp) < 0)) {
        why = drop_reason::old_timestamp;
        return tcp_half_open_answer::acknowledge;
    }
    const bool acceptable = s.length() == 0 ? s.sequence.in(next, std::max(window, 1u)) : window != 0 && s.end() > next && s.sequence < next + window;
    why = drop_reason::out_of_window;
    if (!acceptable) return tcp_half_open_answer::acknowledge;
    why = drop_reason::bad_state;
    if (s.has(tcp_flags::syn)) return tcp_half_open_answer::acknowledge;
    if (!s.has(tcp_flags::ack)) return tcp_half_open_answer::nothing;
    why = drop_reason::bad_acknowledgement;
    return s.acknowledgement == h.initial_send + 1u ? tcp_half_open_answer::complete : tcp_half_open_answer::refuse;
}

/// All handshakes that listeners lead, in the order in which they are to be answered again: a list for each number of answers, which is in
/// order by itself.
class tcp_half_open_schedule {
public:
    /// From an answer to the next one: a second, then twice as long each time (RFC 6298 sections 2.1 and 5.5).
    static constexpr duration interval(unsigned attempts) { return std::chrono::seconds(1) * (1u << (attempts - 1)); }

    /// Its SYN has just been answered.
    void answered(tcp_half_open& h, time_point now) {
        h.answered_at = microseconds(now);
        lists_[h.attempts - 1u].push_back(h);
    }
    /// When the soonest is due; time_point::max() where there is none.
    time_point next(time_point now) const {
        auto soonest = time_point::max();
        for (unsigned i = 0; i < lists_.size(); ++i)
            if (!lists_[i].empty()) soonest = std::min(soonest, answered_at(lists_[i].front(), now) + interval(i + 1));
        return soonest;
    }
    /// Takes the handshakes that are due off the lists and calls f with each.
    template <class F>
    void run(time_point now, F&& f) {
        for (auto i = static_cast<unsigned>(lists_.size()); i-- > 0;)
            while (!lists_[i].empty() && answered_at(lists_[i].front(), now) + interval(i + 1) <= now) {
                auto& h = lists_[i].front();
                static_cast<list_hook&>(h).unlink();
                f(h);
            }
    }
    /// Calls f with each; f may destroy the one it is given.
    template <class F>
    void for_each(F&& f) {
        for (auto& list : lists_) list.for_each(f);
    }
    /// When it was answered last.
    static time_point answered_at(const tcp_half_open& h, time_point now) {
        return now - std::chrono::microseconds(microseconds(now) - h.answered_at);
    }

private:
    static std::uint32_t microseconds(time_point now) {
        return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
    }
    std::array<intrusive_list<tcp_half_open>, tcp_timing::most_syn_received_attempts> lists_;
};

}  // namespace netkit
