#pragma once

#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/transmissions.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace netkit {

/// What a connection tells those who look for losses.
struct tcp_loss_circumstances {
    time_point now{};
    std::uint32_t segment = 0;          ///< bytes of a full segment
    tcp_microseconds smoothed_rtt{0};
    tcp_microseconds least_rtt{0};
    sequence_number unacknowledged;     ///< SND.UNA
    sequence_number next;               ///< SND.NXT
    bool recovering = false;
    bool selective = false;             ///< the peer acknowledges selectively
};

/// Tells from selective acknowledgements which transmissions are lost. A value, which each connection has for itself.
/// delivered() hears of each run that arrived, as it was before, with the round trip that it took; duplicated() that the peer
/// got something twice (RFC 2883); recovered() that a recovery has ended. detect() calls lose(i) of what is lost, and says when to look again
/// (time_point::max(): not before something arrives).
template <class D>
concept loss_detection = std::default_initializable<D> && std::is_trivially_copyable_v<D> &&
    requires(D& d, const D& known, const tcp_transmission& t, tcp_transmissions& all, const tcp_loss_circumstances& about, bool may_be_original) {
        d.delivered(t, about, may_be_original);
        d.duplicated(about);
        d.recovered();
        { d.detect(all, about) } -> std::same_as<time_point>;
        { known.saw_reordering() } -> std::same_as<bool>;
    };

}  // namespace netkit
