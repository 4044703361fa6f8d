#pragma once

#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/flow.hpp>

#include <cstdint>

namespace netkit {

/// What a connection begins with.
struct tcp_beginnings {
    sequence_number sequence;             ///< RFC 6528: a keyed hash of the flow, and a clock of 4 microseconds
    std::uint32_t timestamp_offset = 0;   ///< added to the clock of our timestamps, so that they tell nothing of other connections

    /// Leaves behind the numbers that an earlier connection between the same two has used (RFC 9293 section 3.4.3).
    void begin_behind(sequence_number used) {
        if (sequence <= used) sequence = used + 65536u;
    }
};

/// Nobody without the key can predict these for another flow; for the same flow they grow with time.
class tcp_beginning_source {
public:
    void start(const hash_key& key) { key_ = key; }
    tcp_beginnings operator()(const tcp_flow_key& flow, time_point now) const {
        const auto hash = flow.hash(key_, 0);
        const auto ticks = static_cast<std::uint32_t>(now.time_since_epoch().count() / 4000);
        return {sequence_number(static_cast<std::uint32_t>(hash) + ticks), static_cast<std::uint32_t>(hash >> 32)};
    }

private:
    hash_key key_{};
};

}  // namespace netkit
