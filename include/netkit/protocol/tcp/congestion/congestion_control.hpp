#pragma once

#include <netkit/core/time.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace netkit {

/// Round trips: up to 71 minutes.
using tcp_microseconds = std::chrono::duration<std::uint32_t, std::micro>;

/// How fast data arrived. The division is left to who wants to know.
struct tcp_delivered {
    std::uint32_t bytes = 0;
    tcp_microseconds took{0};  ///< 0: nothing is known
    /// Bytes a second; 0 where nothing is known.
    std::uint64_t rate() const { return took.count() == 0 ? 0 : std::uint64_t{bytes} * 1'000'000 / took.count(); }
};

/// What an acknowledgement that delivers something tells a congestion control. Sizes are in bytes.
struct tcp_acknowledged {
    std::uint32_t bytes = 0;           ///< newly delivered: acknowledged, or selectively so
    std::uint32_t segment = 0;         ///< a full segment
    std::uint32_t in_flight = 0;       ///< before this acknowledgement
    bool window_was_used = true;       ///< the congestion window was what limited the sender since the last round, not the program or the peer
    bool round_ended = false;          ///< acknowledges something sent after the last one that had this set: a round trip has passed
    bool application_limited = false;  ///< `delivered` was limited by the program
    bool recovering = false;           ///< a loss is being repaired; only where congestion_hears_recovery
    time_point now{};
    tcp_microseconds rtt{0};           ///< measured by this acknowledgement; 0: none
    tcp_microseconds smoothed_rtt{0}, least_rtt{0};
    tcp_delivered delivered{};         ///< as measured by this acknowledgement
};

/// A sign of congestion. Sizes are in bytes.
struct tcp_congestion_event {
    std::uint32_t in_flight = 0;  ///< sent and not cumulatively acknowledged (FlightSize of RFC 5681) when it was found
    std::uint32_t segment = 0;    ///< a full segment
    time_point now{};
    bool marked = false;          ///< by a router (ECN): nothing was lost
};

/// Decides how much may be in flight, and how fast it leaves. A value: each connection has its own, made anew for it.
/// - start(segment, now): begins with the initial window.
/// - acknowledged(news): for each acknowledgement that delivers something, outside of fast recovery.
/// - lost(event): once a recovery, when it begins, or once a round trip where a router marked (event.marked).
/// - timed_out(event, again): the retransmission timer found the loss; `again` where it already had for the same data.
/// - undo(): the last lost() or timed_out() was spurious (RFC 5682, 2883, 3522): everything is as it was before it.
/// - idled(segment, how_long): nothing was sent for longer than a retransmission timeout, and now something is to be.
/// - window(), slow_start_threshold(): in bytes; window() is never less than one segment, as large as it was last told.
/// - pacing_rate(smoothed_rtt): bytes a second at which to send, where the connection paces; 0 where it is not known yet.
template <class C>
concept congestion_control = std::default_initializable<C> && std::is_trivially_copyable_v<C> &&
    requires(C& control, const C& known, const tcp_acknowledged& news, const tcp_congestion_event& event, std::uint32_t segment, bool again,
             time_point now, duration how_long, tcp_microseconds smoothed_rtt) {
        { C::name } -> std::convertible_to<std::string_view>;
        control.start(segment, now);
        control.acknowledged(news);
        control.lost(event);
        control.timed_out(event, again);
        control.undo();
        control.idled(segment, how_long);
        { known.window() } -> std::same_as<std::uint32_t>;
        { known.slow_start_threshold() } -> std::same_as<std::uint32_t>;
        { known.pacing_rate(smoothed_rtt) } -> std::same_as<std::uint64_t>;
    };

/// Whether acknowledged() comes during fast recovery as well, then with `recovering` set: where C says so with
/// `static constexpr bool hears_recovery = true`.
template <class C>
inline constexpr bool congestion_hears_recovery = [] {
    if constexpr (requires { C::hears_recovery; }) return bool(C::hears_recovery);
    else return false;
}();

/// Whether segments are to leave at pacing_rate(), asked for by the program or not: where C has `always_paces() -> bool` that says so.
template <congestion_control C>
constexpr bool congestion_paces(const C& control) {
    if constexpr (requires { { control.always_paces() } -> std::same_as<bool>; }) return control.always_paces();
    else return false;
}

/// No window is larger: that is as much as TCP's largest (RFC 7323 section 2.3).
inline constexpr std::uint32_t tcp_most_congestion_window = 1u << 30;

/// RFC 6928: ten segments, or 14600 bytes where those are large.
constexpr std::uint32_t tcp_initial_window(std::uint32_t segment) {
    const std::uint32_t least = 2 * segment > 14600 ? 2 * segment : 14600;
    return 10 * segment < least ? 10 * segment : least;
}

}  // namespace netkit
