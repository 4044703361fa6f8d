#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace netkit {

/// How a connection finds out what its path takes, before anything was lost: start() begins, acknowledged() says by how many bytes the
/// window grows, and ended() that the path is full, though nothing was lost.
template <class S>
concept slow_start_policy = std::default_initializable<S> && std::is_trivially_copyable_v<S> && requires(S& s, const S& known, const tcp_acknowledged& news) {
    s.start();
    { s.acknowledged(news) } -> std::same_as<std::uint32_t>;
    { known.ended() } -> std::same_as<bool>;
};

/// RFC 5681 section 3.1, counting bytes (RFC 3465): the window doubles in a round trip, until something is lost. One acknowledgement
/// may cover a super-segment, so that it opens the window by up to eight segments (RFC 9406 section 4.2) rather than one.
struct standard_slow_start {
    static constexpr std::uint32_t most_segments_an_acknowledgement = 8;

    static constexpr std::uint32_t growth(const tcp_acknowledged& news) {
        return std::min(news.bytes, most_segments_an_acknowledgement * news.segment);
    }
    void start() {}
    std::uint32_t acknowledged(const tcp_acknowledged& news) { return growth(news); }
    bool ended() const { return false; }
};

static_assert(slow_start_policy<standard_slow_start>);

}  // namespace netkit
