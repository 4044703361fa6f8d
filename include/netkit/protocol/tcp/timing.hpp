#pragma once

#include <netkit/core/time.hpp>

#include <chrono>
#include <cstdint>

namespace netkit::tcp_timing {

/// An acknowledgement of received data waits so long for data to travel with, or a second full segment (RFC 9293 section 3.8.6.3).
inline constexpr duration acknowledgement_delay = std::chrono::milliseconds(40);
/// So late may a peer acknowledge a single segment: what most systems do at most.
inline constexpr duration longest_acknowledgement_delay = std::chrono::milliseconds(200);
/// A tail loss probe waits at least so much longer than two round trips.
inline constexpr duration least_probe_delay = std::chrono::milliseconds(2);
/// Where sending is paced, what was late may be made up for by so much at once.
inline constexpr duration pacing_slack = std::chrono::milliseconds(1);
/// Full segments that are acknowledged one by one when a flow begins.
inline constexpr std::uint8_t most_quick_acknowledgements = 16;
/// An orphan waits so long for the peer's FIN.
inline constexpr duration fin_wait_2 = std::chrono::seconds(60);
/// Twice the longest life of a segment: how long a closed connection is remembered.
inline constexpr duration time_wait = std::chrono::seconds(60);
/// Between window probes at most.
inline constexpr duration longest_probe_interval = std::chrono::seconds(60);
/// A timestamp older than this proves nothing (RFC 7323 section 5.5).
inline constexpr duration timestamp_life = std::chrono::hours(24 * 24);

/// After so many timeouts in a row full segments are thought to be too large for the path.
inline constexpr unsigned attempts_that_suggest_a_black_hole = 3;
/// So long a path is thought to take small segments only.
inline constexpr duration narrow_path_life = std::chrono::minutes(10);

/// Transmissions of the same thing without an answer until the connection fails: of a SYN in 183 seconds (RFC 9293 section 3.8.3: 180 at least).
inline constexpr unsigned most_syn_attempts = 8;
inline constexpr unsigned most_syn_received_attempts = 6;
inline constexpr unsigned most_attempts = 15;
inline constexpr unsigned most_orphan_attempts = 8;

/// Our clock of timestamps, in milliseconds (RFC 7323 section 5.4).
constexpr std::uint32_t timestamp_clock(time_point now) {
    return in_milliseconds(now);
}

}  // namespace netkit::tcp_timing
