#pragma once

#include <netkit/buffer/packet_queue.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace netkit {

/// What is known of a neighbour's reachability (RFC 4861 section 7.3.2), and `permanent` for entries a person made.
enum class neighbour_state : std::uint8_t { incomplete, reachable, stale, delay, probe, permanent };

constexpr std::string_view to_string(neighbour_state state) {
    constexpr std::string_view names[] = {"incomplete", "reachable", "stale", "delay", "probe", "permanent"};
    return names[static_cast<std::size_t>(state)];
}

/// The constants of RFC 4861 section 10, and bounds against floods.
struct neighbour_settings {
    duration retransmit = std::chrono::seconds(1);
    duration reachable_time = std::chrono::seconds(30);  ///< the base; the time in use is 0.5 to 1.5 times that
    duration delay_first_probe = std::chrono::seconds(5);
    unsigned multicast_solicits = 3;
    unsigned unicast_solicits = 3;
    std::size_t most_entries = 1024;
    /// Packets held for one neighbour until it answers, and their bytes: the fragments of the largest datagram, with their headers, for an
    /// MTU from 576 on. The oldest give way.
    std::size_t most_held_each = 128, most_held_bytes_each = std::size_t{72} << 10;
    /// The same of all neighbours. What one has beyond `held_in_any_case` packets uses no more than half of that, so that a few neighbours
    /// leave room for many others.
    std::size_t most_held = 512, most_held_bytes = std::size_t{1} << 20;
    std::size_t held_in_any_case = 3;
};

/// One entry of a neighbour cache. It stays where it is in memory until it is removed. As a timer it is armed by whoever
/// sends the solicitations, for the moment `deadline`.
template <ip_number A>
struct neighbour : timer {
    neighbour(const A& a, interface_id on) : address(a), interface(on) {}

    A address;
    mac_address mac{};
    interface_id interface;
    neighbour_state state = neighbour_state::incomplete;
    bool is_router = false;
    bool used = false;           ///< since it was last moved in the order of use
    std::uint8_t solicits = 0;   ///< sent in this state
    time_point usable_until{};   ///< before this moment `mac` may be used without further ado
    time_point confirmed{};      ///< when it was last known to be reachable
    time_point deadline{};
    packet_queue held;
};

}  // namespace netkit
