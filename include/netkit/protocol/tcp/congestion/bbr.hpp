#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>
#include <netkit/protocol/tcp/congestion/pacing.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace netkit {

/// BBR, in the form of its first version (draft-cardwell-iccrg-bbr-congestion-control-00, with the gains of -02): sends at the
/// bandwidth that was measured, whatever is lost, and keeps about as much in flight as the path holds without queueing.
/// Left out: randomized phases, the allowance for aggregated acknowledgements, policed paths, and what later versions have against
/// loss (inflight_hi, inflight_lo). A router's marks are heeded: they bound the window, which then grows by a segment a round trip.
class bbr {
public:
    static constexpr std::string_view name = "bbr";
    static constexpr bool hears_recovery = true;
    static constexpr bool always_paces() { return true; }

    static constexpr duration least_lasts = std::chrono::seconds(10);        // RTpropFilterLen
    static constexpr duration look_lasts = std::chrono::milliseconds(200);   // ProbeRTTDuration
    static constexpr unsigned rounds_a_half = 5;                             // the bandwidth is that of the last 5 to 10 round trips
    static constexpr unsigned rounds_without_gain = 3;
    static constexpr std::uint32_t least_segments = 4;                       // BBRMinPipeCwnd

    void start(std::uint32_t segment, time_point now) {
        *this = {};
        segment_ = segment;
        window_ = tcp_initial_window(segment);
        least_at_ = phase_at_ = now;
    }
    void acknowledged(const tcp_acknowledged& news) {
        segment_ = news.segment;
        if (news.round_ended) begin_round();
        measure_bandwidth(news);
        const bool stale = measure_round_trip(news);
        const auto in_flight = news.in_flight > news.bytes ? news.in_flight - news.bytes : 0;
        switch (phase_) {
        case phase::startup:
            if (news.round_ended && !news.application_limited && is_full()) enter(phase::drain, news.now);
            break;
        case phase::drain:
            if (in_flight <= held(100)) enter(first_cruise, news.now);
            break;
        case phase::look: look_done(news); break;
        default: cycle(news.now, in_flight);
        }
        if (stale && phase_ != phase::look) enter(phase::look, news.now);
        set_window(news.bytes);
    }
    void lost(const tcp_congestion_event& event) {
        before_ = {window_, bound_};
        if (!event.marked) return;
        bound_ = std::max(window_ / 10 * 7, least_segments * event.segment);
        window_ = std::min(window_, bound_);
    }
    void timed_out(const tcp_congestion_event& event, bool again) {
        if (!again) before_ = {window_, bound_};
        window_ = event.segment;
    }
    void undo() {
        if (before_.window == 0) return;
        window_ = std::max(window_, before_.window);
        bound_ = before_.bound;
        before_.window = 0;
    }
    /// What was in the path has left it: no reason to empty it for a look, nor to push more into it.
    void idled(std::uint32_t, duration how_long) {
        const auto limit = duration(std::chrono::hours(1));
        least_at_ += std::clamp(how_long, duration::zero(), limit);
        if (phase_ >= phase::more) phase_ = first_cruise;
    }

    std::uint32_t window() const { return window_; }
    /// There is none; so that a recovery does not shrink what is in flight, the window.
    std::uint32_t slow_start_threshold() const {
        return phase_ == phase::startup ? tcp_most_congestion_window : std::max(window_, 2 * segment_);
    }
    std::uint64_t pacing_rate(tcp_microseconds smoothed_rtt) const {
        const bool young = phase_ == phase::startup || bandwidth() == 0;
        const auto first = young ? tcp_pacing_rate(tcp_initial_window(segment_), smoothed_rtt, startup_gain) : 0;
        if (bandwidth() == 0) return first;
        // A hundredth less than measured, so that a queue does not stay for ever.
        return std::max(first, std::max<std::uint64_t>(bandwidth() * 99 * pacing_gain() / 10'000, segment_));
    }

private:
    /// From `more` on the cycle in which bandwidth is probed for: more than there is, less, and six times as much.
    enum class phase : std::uint8_t { startup, drain, look, more, less, cruise, last = cruise + 5 };
    static constexpr phase first_cruise = phase::cruise;
    static constexpr std::uint32_t startup_gain = 277, drain_gain = 35, window_gain = 200;  // percent
    static constexpr tcp_microseconds unknown = tcp_microseconds::max();
    static constexpr std::uint64_t most_bandwidth = 1'000'000'000'000;

    std::uint64_t bandwidth() const { return std::max(bandwidths_[0], bandwidths_[1]); }
    std::uint32_t pacing_gain() const {
        switch (phase_) {
        case phase::startup: return startup_gain;
        case phase::drain: return drain_gain;
        case phase::more: return 125;
        case phase::less: return 75;
        default: return 100;
        }
    }
    /// What the path holds without queueing, times `percent`.
    std::uint32_t held(std::uint32_t percent) const {
        if (least_ == unknown || bandwidth() == 0) return std::max(tcp_initial_window(segment_), window_);
        const auto product = double(bandwidth()) * least_.count() * percent / 1e8;
        return static_cast<std::uint32_t>(std::min(product, double(tcp_most_congestion_window)));
    }
    void enter(phase p, time_point now) {
        if (p == phase::look) window_before_look_ = std::max(window_, held(100));
        phase_ = p;
        phase_at_ = now;
        round_in_phase_ = false;
    }

    void begin_round() {
        round_in_phase_ = true;
        if (bound_ < tcp_most_congestion_window) bound_ = std::min(bound_ + segment_, tcp_most_congestion_window);
        if (phase_ == phase::look) return;
        if (rounds_ < rounds_a_half) ++rounds_;
        if (rounds_ < rounds_a_half || bandwidths_[0] == 0) return;
        rounds_ = 0;
        bandwidths_[1] = bandwidths_[0];
        bandwidths_[0] = 0;
    }
    void measure_bandwidth(const tcp_acknowledged& news) {
        const auto rate = std::min(news.delivered.rate(), most_bandwidth);
        // Who sends little learns nothing of the path, unless it is more than was thought.
        const bool little = news.application_limited || phase_ == phase::look;
        if (!little || rate >= bandwidth()) bandwidths_[0] = std::max(bandwidths_[0], rate);
    }
    /// True where the shortest round trip is so old that it has to be looked for.
    bool measure_round_trip(const tcp_acknowledged& news) {
        const bool stale = news.now > least_at_ + least_lasts;
        if (news.rtt.count() != 0 && (news.rtt <= least_ || stale)) {
            least_ = news.rtt;
            least_at_ = news.now;
        }
        return stale;
    }
    /// Whether bandwidth has ceased to grow by a quarter a round trip.
    bool is_full() {
        if (bandwidth() == 0) return false;
        if (bandwidth() > full_ + full_ / 4) {
            full_ = bandwidth();
            without_gain_ = 0;
            return false;
        }
        return ++without_gain_ >= rounds_without_gain;
    }
    void cycle(time_point now, std::uint32_t in_flight) {
        if (!is_over(now - phase_at_, in_flight)) return;
        enter(phase_ == phase::last ? phase::more : phase(static_cast<std::uint8_t>(phase_) + 1), now);
    }
    /// Each phase takes a round trip; that with more until there is as much more in flight, that with less until it is gone.
    bool is_over(duration elapsed, std::uint32_t in_flight) const {
        const bool round_trip = elapsed > least_;
        if (phase_ == phase::less) return round_trip || in_flight <= held(100);
        if (phase_ != phase::more) return round_trip;
        return round_trip && (in_flight >= held(125) || bound_ <= held(125) || elapsed > 4 * duration(least_));
    }
    /// Little is in flight for a while and a round trip, so that queues empty and the path shows how short it is.
    void look_done(const tcp_acknowledged& news) {
        if (!round_in_phase_ || news.now - phase_at_ < look_lasts) return;
        least_at_ = news.now;
        window_ = std::max(window_, window_before_look_);
        enter(without_gain_ >= rounds_without_gain ? first_cruise : phase::startup, news.now);
    }
    void set_window(std::uint32_t delivered) {
        const auto least = least_segments * segment_;
        if (phase_ == phase::look) {
            window_ = std::min(window_, std::max(least, held(50)));
            return;
        }
        // Room for what leaves at once: a millisecond's worth, or a super-segment.
        const auto at_once = std::max<std::uint64_t>(2 * segment_, std::min<std::uint64_t>(bandwidth() / 1000, 65'536));
        auto wanted = held(window_gain) + 3 * at_once;
        if (phase_ == phase::startup) wanted = std::max<std::uint64_t>(wanted, window_);
        const auto grown = std::uint64_t(window_) + delivered;
        window_ = static_cast<std::uint32_t>(std::min<std::uint64_t>({grown, wanted, bound_}));
        window_ = std::max(window_, least);
    }

    std::uint64_t bandwidths_[2] = {};  // bytes a second: most of this half, and of the one before
    std::uint64_t full_ = 0;            // when it last grew by a quarter
    time_point least_at_{};
    time_point phase_at_{};
    tcp_microseconds least_ = unknown;
    std::uint32_t window_ = 0;
    std::uint32_t window_before_look_ = 0;
    std::uint32_t bound_ = tcp_most_congestion_window;  // by a router's marks
    std::uint32_t segment_ = 0;
    struct {
        std::uint32_t window, bound;
    } before_{};
    phase phase_ = phase::startup;
    std::uint8_t rounds_ = 0;
    std::uint8_t without_gain_ = 0;
    bool round_in_phase_ = false;
};

static_assert(congestion_control<bbr>);
static_assert(sizeof(bbr) <= 80);

}  // namespace netkit
