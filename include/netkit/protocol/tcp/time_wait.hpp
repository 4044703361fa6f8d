#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/flow.hpp>
#include <netkit/protocol/tcp/segment.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// What is left of a connection in TIME-WAIT (RFC 9293 section 3.6.1): enough to answer a peer that did not hear the last ACK.
struct tcp_time_wait : tcp_flow {
    sequence_number send_next;
    sequence_number receive_next;
    std::uint32_t recent_timestamp = 0;
    std::uint32_t timestamp_offset = 0;
    std::uint16_t window = 0;  ///< the field, as it was last sent
    bool timestamps = false;
    time_point since{}, until{};
    tcp_time_wait* later = nullptr;
    tcp_time_wait* earlier = nullptr;
};

/// What a segment means to a connection in TIME-WAIT (section 3.10.7.4).
enum class tcp_time_wait_answer : std::uint8_t {
    nothing,
    acknowledge,  ///< tell the peer where we are
    restart,      ///< the peer's FIN again: acknowledge, and wait anew
    end,          ///< a reset
    reopen,       ///< a SYN that is beyond all there was: a new connection may begin (section 3.10.7.4, RFC 1122 section 4.2.2.13, RFC 6191)
};

/// Whether a SYN cannot be an old one, and nothing old can be taken for what follows it (RFC 6191 section 2).
inline bool is_newer_connection(const tcp_time_wait& w, const tcp_segment& syn) {
    const bool beyond = syn.sequence > w.receive_next;
    if (!syn.options.has_timestamps) return beyond;
    // Segments of the old connection will be told by the timestamps that they lack.
    if (!w.timestamps) return true;
    const auto later = static_cast<std::int32_t>(syn.options.ts_value - w.recent_timestamp);
    return later > 0 || (later == 0 && beyond);
}

/// Whether a connection of ours may begin between the same two (RFC 6191 section 3): its timestamps will be later than all that the peer has seen,
/// since ours have ticked. It must use timestamps, too.
inline bool may_be_succeeded(const tcp_time_wait& w, time_point now) { return w.timestamps && now - w.since > std::chrono::seconds(1); }

inline tcp_time_wait_answer time_wait_answer(const tcp_time_wait& w, const tcp_segment& s) {
    if (s.has(tcp_flags::rst)) return s.sequence == w.receive_next ? tcp_time_wait_answer::end : tcp_time_wait_answer::nothing;
    if (s.has(tcp_flags::syn)) return !s.has(tcp_flags::ack) && is_newer_connection(w, s) ? tcp_time_wait_answer::reopen : tcp_time_wait_answer::acknowledge;
    if (s.has(tcp_flags::fin) && s.end() == w.receive_next) return tcp_time_wait_answer::restart;
    if (s.length() != 0 || s.sequence != w.receive_next) return tcp_time_wait_answer::acknowledge;
    return tcp_time_wait_answer::nothing;
}

/// Connections in TIME-WAIT, the soonest to end first: all wait equally long, so that a list is in order by itself.
class tcp_time_wait_list {
public:
    bool empty() const { return first_ == nullptr; }
    std::size_t size() const { return size_; }
    tcp_time_wait* first() const { return first_; }

    void push_back(tcp_time_wait& w) {
        w.later = nullptr;
        w.earlier = last_;
        (last_ ? last_->later : first_) = &w;
        last_ = &w;
        ++size_;
    }
    void remove(tcp_time_wait& w) {
        (w.earlier ? w.earlier->later : first_) = w.later;
        (w.later ? w.later->earlier : last_) = w.earlier;
        --size_;
    }

private:
    tcp_time_wait* first_ = nullptr;
    tcp_time_wait* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace netkit
