#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/congestion/pacing.hpp>
#include <netkit/protocol/tcp/congestion/slow_start.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace netkit {

/// Slow start and congestion avoidance of RFC 5681, counting acknowledged bytes (RFC 3465). A window that the program or the peer
/// leaves unused does not grow (RFC 7661).
template <slow_start_policy SlowStart = standard_slow_start>
class basic_reno {
public:
    static constexpr std::string_view name = "reno";

    void start(std::uint32_t segment, time_point) {
        *this = {};
        window_ = tcp_initial_window(segment);
        slow_start_.start();
    }
    void acknowledged(const tcp_acknowledged& news) {
        if (window_ < threshold_) return open(news);
        if (!news.window_was_used) return;
        counted_ += std::min(news.bytes, window_);
        if (counted_ < window_) return;
        counted_ -= window_;
        window_ = std::min(window_ + news.segment, tcp_most_congestion_window);
    }
    void lost(const tcp_congestion_event& event) {
        remember();
        const auto reduced = halved(event);
        threshold_ = std::max(reduced, 2 * event.segment);
        window_ = event.marked ? std::max(reduced, event.segment) : threshold_;
        counted_ = 0;
    }
    void timed_out(const tcp_congestion_event& event, bool again) {
        if (!again) {
            remember();
            threshold_ = std::max(halved(event), 2 * event.segment);
        }
        window_ = event.segment;
        counted_ = 0;
    }
    void undo() {
        if (before_.window == 0) return;
        window_ = std::max(window_, before_.window);
        threshold_ = before_.threshold;
        counted_ = before_.counted;
        before_.window = 0;
    }
    /// RFC 5681 section 4.1: slow start begins anew, up to near where the window was.
    void idled(std::uint32_t segment, duration) {
        threshold_ = std::max(threshold_, window_ / 4 * 3);
        window_ = std::min(window_, tcp_initial_window(segment));
        counted_ = 0;
    }

    std::uint32_t window() const { return window_; }
    std::uint32_t slow_start_threshold() const { return threshold_; }
    std::uint64_t pacing_rate(tcp_microseconds smoothed_rtt) const { return tcp_pacing_rate(window_, window_ < threshold_, smoothed_rtt); }

private:
    void open(const tcp_acknowledged& news) {
        const bool first = threshold_ == tcp_most_congestion_window;
        const auto growth = first ? slow_start_.acknowledged(news) : standard_slow_start::growth(news);
        if (news.window_was_used) window_ = std::min(window_ + growth, threshold_);
        if (first && slow_start_.ended()) threshold_ = window_;
    }
    std::uint32_t halved(const tcp_congestion_event& event) const { return std::min(event.in_flight, window_) / 2; }
    void remember() { before_ = {window_, threshold_, counted_}; }

    std::uint32_t window_ = 0;
    std::uint32_t threshold_ = tcp_most_congestion_window;
    std::uint32_t counted_ = 0;  // acknowledged since the window last grew
    struct {
        std::uint32_t window, threshold, counted;
    } before_{};  // the last reduction, to be undone; its window is 0 where there is none
    [[no_unique_address]] SlowStart slow_start_;
};

using reno = basic_reno<>;

static_assert(congestion_control<reno>);
static_assert(sizeof(reno) <= 24);

}  // namespace netkit
