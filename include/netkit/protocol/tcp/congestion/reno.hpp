#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/congestion/pacing.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace netkit {

/// Slow start and congestion avoidance of RFC 5681, counting acknowledged bytes (RFC 3465). One acknowledgement may cover a
/// super-segment, so that it opens the window in slow start by up to eight segments rather than one. A window that the program or
/// the peer leaves unused does not grow (RFC 7661).
class reno {
public:
    static constexpr std::string_view name = "reno";
    static constexpr std::uint32_t most_segments_an_acknowledgement = 8;

    void start(std::uint32_t segment, time_point) {
        *this = {};
        window_ = tcp_initial_window(segment);
    }
    void acknowledged(const tcp_acknowledged& news) {
        if (!news.window_was_used) return;
        if (window_ < threshold_) {
            window_ = std::min(window_ + std::min(news.bytes, most_segments_an_acknowledgement * news.segment), tcp_most_congestion_window);
            return;
        }
        counted_ += news.bytes;
        if (counted_ < window_) return;
        counted_ -= window_;
        window_ = std::min(window_ + news.segment, tcp_most_congestion_window);
    }
    void lost(const tcp_congestion_event& event) {
        remember();
        window_ = threshold_ = halved(event);
        counted_ = 0;
    }
    void timed_out(const tcp_congestion_event& event, bool again) {
        if (!again) {
            remember();
            threshold_ = halved(event);
        }
        window_ = event.segment;
        counted_ = 0;
    }
    void undo() {
        if (window_before_ == 0) return;
        window_ = std::max(window_, window_before_);
        threshold_ = threshold_before_;
        window_before_ = 0;
    }
    /// RFC 5681 section 4.1: slow start begins anew, up to where the window was.
    void idled(std::uint32_t segment, duration) {
        threshold_ = std::max(threshold_, window_ / 4 * 3);
        window_ = std::min(window_, tcp_initial_window(segment));
    }

    std::uint32_t window() const { return window_; }
    std::uint32_t slow_start_threshold() const { return threshold_; }
    std::uint64_t pacing_rate(tcp_microseconds smoothed_rtt) const { return tcp_pacing_rate(window_, window_ < threshold_, smoothed_rtt); }

private:
    static std::uint32_t halved(const tcp_congestion_event& event) { return std::max(event.in_flight / 2, 2 * event.segment); }
    void remember() {
        window_before_ = window_;
        threshold_before_ = threshold_;
    }

    std::uint32_t window_ = 0;
    std::uint32_t threshold_ = tcp_most_congestion_window;
    std::uint32_t counted_ = 0;        // acknowledged since the window last grew
    std::uint32_t window_before_ = 0;  // the last reduction; 0: none to undo
    std::uint32_t threshold_before_ = 0;
};

static_assert(congestion_control<reno>);

}  // namespace netkit
