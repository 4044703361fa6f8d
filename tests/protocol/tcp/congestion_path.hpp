#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

/// A congestion control alone, on a path that is only arithmetic: as much is under way as it allows, and the acknowledgements come
/// evenly spread over a round trip.
namespace congestion_test {

using netkit::time_point;

template <class Control>
class path {
public:
    explicit path(netkit::tcp_microseconds round_trip, std::uint32_t segment = 1000) : rtt(round_trip), segment_(segment) { control.start(segment, now); }

    Control control{};
    netkit::tcp_microseconds rtt;
    time_point now{std::chrono::seconds(1000)};
    bool window_is_used = true;
    bool measures = false;  ///< whether acknowledgements carry a measured round trip
    double delivered = 0;   ///< segments

    double window() const { return double(control.window()) / segment_; }
    /// The next acknowledgement, of a single segment, or of a 64th of a large window.
    void acknowledge() {
        const auto size = std::max(segment_, control.window() / 64);
        now += std::chrono::nanoseconds(static_cast<std::int64_t>(double(rtt.count()) * 1000 * size / control.window()));
        netkit::tcp_acknowledged news;
        news.bytes = size;
        news.segment = segment_;
        news.in_flight = control.window();
        news.window_was_used = window_is_used;
        news.now = now;
        news.smoothed_rtt = news.least_rtt = rtt;
        if (measures) news.rtt = rtt;
        news.round_ended = round_left_ <= 0;
        if (news.round_ended) round_left_ = control.window();
        round_left_ -= size;
        delivered += double(size) / segment_;
        control.acknowledged(news);
    }
    netkit::tcp_congestion_event event() const { return {.in_flight = control.window(), .segment = segment_, .now = now}; }
    void lose() { control.lost(event()); }
    void time_out() { control.timed_out(event(), false); }
    /// Acknowledgements until the window is as large, in segments.
    void open_to(double size) {
        while (window() < size) acknowledge();
    }
    void pass(netkit::duration time) {
        const auto end = now + time;
        while (now < end) acknowledge();
    }
    /// The mean window, in segments, where one segment of `interval` is lost.
    double mean_window(double interval, int losses) {
        for (int i = 0; i < losses; ++i) {
            send(interval);
            lose();
        }
        const auto began = now;
        const auto before = delivered;
        for (int i = 0; i < losses; ++i) {
            send(interval);
            lose();
        }
        const auto round_trips = std::chrono::duration<double>(now - began) / std::chrono::duration<double>(rtt);
        return (delivered - before) / round_trips;
    }

private:
    void send(double segments) {
        const auto end = delivered + segments;
        while (delivered < end) acknowledge();
    }
    std::uint32_t segment_;
    std::int64_t round_left_ = 0;
};

/// Within a part of what is expected.
inline bool near(double value, double expected, double part) { return std::abs(value - expected) <= part * std::abs(expected); }

inline double seconds(netkit::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace congestion_test
