#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace netkit {

/// What an acknowledgement of new data tells a congestion control. Sizes are in bytes.
struct tcp_acknowledged {
    std::uint32_t bytes = 0;       ///< newly acknowledged
    std::uint32_t segment = 0;     ///< the size of a full segment
    bool window_was_used = true;   ///< the congestion window was what limited the sender, not the program or the peer
};

/// Decides how much may be in flight. A value: each connection has its own, made anew for it.
/// start(segment) begins with the initial window; acknowledged() comes for each acknowledgement of new data outside of fast
/// recovery; lost() once for each loss found by duplicate acknowledgements, timed_out() when the retransmission timer found it
/// first (`again` where it already had for the same data); idled() when nothing was sent for a timeout.
/// window() and slow_start_threshold() are in bytes; window() is never less than one segment.
template <class C>
concept congestion_control = std::default_initializable<C> && std::is_trivially_copyable_v<C> &&
    requires(C& control, const C& known, const tcp_acknowledged& news, std::uint32_t in_flight, std::uint32_t segment, bool again) {
        control.start(segment);
        control.acknowledged(news);
        control.lost(in_flight, segment);
        control.timed_out(in_flight, segment, again);
        control.idled(segment);
        { known.window() } -> std::same_as<std::uint32_t>;
        { known.slow_start_threshold() } -> std::same_as<std::uint32_t>;
    };

/// RFC 6928: ten segments, or 14600 bytes where those are large.
constexpr std::uint32_t tcp_initial_window(std::uint32_t segment) {
    const std::uint32_t least = 2 * segment > 14600 ? 2 * segment : 14600;
    return 10 * segment < least ? 10 * segment : least;
}

}  // namespace netkit
