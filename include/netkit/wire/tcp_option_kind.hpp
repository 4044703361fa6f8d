#pragma once

#include <cstdint>

namespace netkit {

/// TCP option kinds: RFC 9293 section 3.2, RFC 7323, RFC 2018.
enum class tcp_option_kind : std::uint8_t {
    end = 0,
    no_operation = 1,
    maximum_segment_size = 2,
    window_scale = 3,
    sack_permitted = 4,
    sack = 5,
    timestamps = 8,
};

/// The largest shift a window may be scaled by; larger ones are taken for it (RFC 7323 section 2.3).
inline constexpr std::uint8_t tcp_largest_window_scale = 14;

}  // namespace netkit
