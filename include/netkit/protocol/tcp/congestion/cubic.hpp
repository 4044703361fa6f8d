#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/congestion/hystart.hpp>
#include <netkit/protocol/tcp/congestion/pacing.hpp>
#include <netkit/protocol/tcp/congestion/slow_start.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

namespace netkit {

/// CUBIC (RFC 9438): after a reduction the window follows a cubic function of time, steep at first, flat near the window at which
/// something was lost, steep beyond; where Reno would be faster it grows as Reno does. The RFC's names are given beside ours.
template <slow_start_policy SlowStart = hystart>
class basic_cubic {
public:
    basic_cubic() : first_() {}

    static constexpr std::string_view name = "cubic";
    static constexpr double scaling = 0.4;    // C, in segments a second cubed
    static constexpr double decrease = 0.7;   // beta_cubic
    static constexpr double reno_increase = 3 * (1 - decrease) / (1 + decrease);  // alpha_cubic: as fast as Reno with a decrease of 0.5

    void start(std::uint32_t segment, time_point) {
        *this = {};
        window_ = tcp_initial_window(segment);
        first_.start();
    }
    void acknowledged(const tcp_acknowledged& news) {
        if (in_slow_start()) return open(news);
        const bool begins = stage_ != stage::growing;
        if (begins) [[unlikely]] begin_growing(news);
        pass_time(news);
        // What nobody uses does not grow, nor does time pass for it (section 5.8).
        if (news.window_was_used && !begins) grow(news);
    }
    void lost(const tcp_congestion_event& event) {
        remember();
        // Fast convergence (section 4.7): less than the last time, by a segment or more, means that others need room.
        plateau_ = bytes(window_ + event.segment <= plateau_ ? window_ * (1 + decrease) / 2 : window_);
        reduce(event);
        const auto reduced = reduced_window(event);
        window_ = event.marked ? std::max(reduced, event.segment) : threshold_;
        stage_ = stage::reduced;
    }
    /// Section 4.8: as in Reno, but for the threshold.
    void timed_out(const tcp_congestion_event& event, bool again) {
        if (!again) {
            remember();
            reduce(event);
        }
        window_ = event.segment;
        stage_ = stage::opening;
    }
    /// Section 4.9.
    void undo() {
        if (window_before_ == 0) return;
        window_ = std::max(window_, double(window_before_));
        threshold_ = threshold_before_;
        const auto before = in_first_slow_start() ? function_before{} : before_;
        estimate_ = before.estimate;
        plateau_ = before.plateau;
        before_reduction_ = before.before_reduction;
        since_plateau_ = before.since_plateau;
        stage_ = stage_before_;
        has_heard_ = false;
        window_before_ = 0;
    }
    /// RFC 5681 section 4.1: slow start begins anew, up to near where the window was. For the cubic function no time has passed.
    void idled(std::uint32_t segment, duration) {
        threshold_ = std::max(threshold_, window() / 4 * 3);
        estimate_ = std::min(estimate_, double(threshold_));
        window_ = std::min(window_, double(tcp_initial_window(segment)));
        has_heard_ = false;
    }

    std::uint32_t window() const { return bytes(window_); }
    std::uint32_t slow_start_threshold() const { return threshold_; }
    std::uint64_t pacing_rate(tcp_microseconds smoothed_rtt) const { return tcp_pacing_rate(window(), in_slow_start(), smoothed_rtt); }

private:
    using microseconds = std::chrono::duration<std::int32_t, std::micro>;
    enum class stage : std::uint8_t {
        opening,  ///< slow start; the function begins where that ends
        reduced,  ///< the function begins with the next acknowledgement
        growing,  ///< along the function
    };
    /// What a reduction changes, but for the window and the threshold.
    struct function_before {
        std::uint32_t estimate = 0, plateau = 0, before_reduction = 0;
        microseconds since_plateau{0};
    };
    static constexpr double longest_climb = 1500;  // seconds: to 2^30 segments

    static std::uint32_t bytes(double size) { return static_cast<std::uint32_t>(size); }
    static std::uint32_t clock(time_point t) {
        return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count());
    }
    bool in_slow_start() const { return window_ < threshold_; }
    /// Only the first slow start does not know where to end (RFC 9406 section 4.3).
    bool in_first_slow_start() const { return threshold_ == tcp_most_congestion_window; }

    void open(const tcp_acknowledged& news) {
        const bool first = in_first_slow_start();
        const auto growth = first ? first_.acknowledged(news) : standard_slow_start::growth(news);
        if (news.window_was_used) window_ = std::min(window_ + growth, double(threshold_));
        if (first && first_.ended()) end_first_slow_start();
    }

    /// Sets the function up (section 4.2).
    NETKIT_COLD void begin_growing(const tcp_acknowledged& news) {
        since_plateau_ = microseconds{0};
        if (stage_ == stage::reduced && window_ < plateau_) {
            const std::chrono::duration<double> K(std::min(std::cbrt((plateau_ - window_) / (scaling * news.segment)), longest_climb));
            since_plateau_ = -std::chrono::duration_cast<microseconds>(K);
        } else {
            plateau_ = window();
        }
        estimate_ = window_;
        has_heard_ = false;
        stage_ = stage::growing;
    }
    void pass_time(const tcp_acknowledged& news) {
        const auto now = clock(news.now);
        const std::chrono::microseconds passed(now - heard_at_);
        heard_at_ = now;
        if (!has_heard_ || !news.window_was_used) {
            has_heard_ = true;
            return;
        }
        const auto since = std::min<std::chrono::microseconds>(since_plateau_ + passed, microseconds::max());
        since_plateau_ = microseconds(static_cast<std::int32_t>(since.count()));
    }
    /// Sections 4.3 to 4.5.
    [[gnu::noinline]] void grow(const tcp_acknowledged& news) {
        const double most = tcp_most_congestion_window;
        const double part = std::min(news.bytes / window_, 1.0);
        estimate_ = std::min(estimate_ + (estimate_ < before_reduction_ ? reno_increase : 1) * part * news.segment, most);
        if (function(since_plateau_, news.segment) < estimate_) {
            window_ = std::max(window_, estimate_);
        } else {
            const auto in_a_round_trip = function(std::chrono::microseconds(since_plateau_) + news.smoothed_rtt, news.segment);
            window_ = std::min(window_ + part * (std::clamp(in_a_round_trip, window_, 1.5 * window_) - window_), most);
        }
    }
    /// W_cubic, in bytes.
    double function(std::chrono::duration<double> since_plateau, double segment) const {
        const double t = since_plateau.count();
        return plateau_ + scaling * segment * t * t * t;
    }

    /// Section 4.6. What is in flight is less than the window where the program or the peer did not use it.
    std::uint32_t reduced_window(const tcp_congestion_event& event) const { return bytes(std::min(window_, double(event.in_flight)) * decrease); }
    void reduce(const tcp_congestion_event& event) {
        before_reduction_ = window();
        threshold_ = std::max(reduced_window(event), 2 * event.segment);
    }
    void remember() {
        window_before_ = window();
        threshold_before_ = threshold_;
        // In the first slow start there is nothing else yet, and what is known there may still be wanted.
        if (!in_first_slow_start()) before_ = {bytes(estimate_), plateau_, before_reduction_, since_plateau_};
        stage_before_ = stage_;
    }
    void end_first_slow_start() {
        threshold_ = window();
        before_ = {};
    }

    double window_ = 0;              // cwnd
    double estimate_ = 0;            // W_est, what Reno's window would be
    std::uint32_t threshold_ = tcp_most_congestion_window;  // ssthresh
    std::uint32_t plateau_ = 0;           // W_max
    std::uint32_t before_reduction_ = 0;  // cwnd_prior
    microseconds since_plateau_{0};       // t - K
    // The last reduction, to be undone.
    std::uint32_t window_before_ = 0;     // 0 where there is none
    std::uint32_t threshold_before_ = 0;
    // Of a reduction that ended the first slow start there is no function yet to go back to.
    union {
        SlowStart first_;         // until the first slow start has ended for good
        function_before before_;  // then
    };
    std::uint32_t heard_at_ = 0;     // until when time has passed for the function, in microseconds modulo 2^32
    stage stage_ : 2 = stage::opening;
    stage stage_before_ : 2 = stage::opening;
    bool has_heard_ : 1 = false;
};

using cubic = basic_cubic<>;

static_assert(congestion_control<cubic>);
static_assert(sizeof(cubic) <= 64);

}  // namespace netkit
