#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>

#include <algorithm>
#include <cstdint>

namespace netkit {

/// Slow start and congestion avoidance of RFC 5681, counting acknowledged bytes (RFC 3465). One acknowledgement may cover a
/// super-segment, so that it opens the window in slow start by up to eight segments rather than one.
class reno {
public:
    static constexpr std::uint32_t most_segments_an_acknowledgement = 8;
    static constexpr std::uint32_t most_window = 1u << 30;

    void start(std::uint32_t segment) {
        window_ = tcp_initial_window(segment);
        threshold_ = most_window;
        counted_ = 0;
    }
    void acknowledged(const tcp_acknowledged& news) {
        if (!news.window_was_used) return;
        if (window_ < threshold_) {
            window_ = std::min(window_ + std::min(news.bytes, most_segments_an_acknowledgement * news.segment), most_window);
            return;
        }
        counted_ += news.bytes;
        if (counted_ < window_) return;
        counted_ -= window_;
        window_ = std::min(window_ + news.segment, most_window);
    }
    void lost(std::uint32_t in_flight, std::uint32_t segment) {
        threshold_ = std::max(in_flight / 2, 2 * segment);
        window_ = threshold_;
        counted_ = 0;
    }
    void timed_out(std::uint32_t in_flight, std::uint32_t segment, bool again) {
        if (!again) threshold_ = std::max(in_flight / 2, 2 * segment);
        window_ = segment;
        counted_ = 0;
    }
    void idled(std::uint32_t segment) { window_ = std::min(window_, tcp_initial_window(segment)); }

    std::uint32_t window() const { return window_; }
    std::uint32_t slow_start_threshold() const { return threshold_; }

private:
    std::uint32_t window_ = 0;
    std::uint32_t threshold_ = most_window;
    std::uint32_t counted_ = 0;  // acknowledged since the window last grew
};

static_assert(congestion_control<reno>);

}  // namespace netkit
