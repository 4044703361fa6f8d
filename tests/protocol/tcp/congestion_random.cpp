#include <doctest/doctest.h>

#include <netkit/protocol/tcp/congestion/bbr.hpp>
#include <netkit/protocol/tcp/congestion/choice.hpp>
#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

/// Whatever happens in whatever order, windows stay what the concept says.
namespace protocol_tcp_congestion_random_tests {

using namespace netkit;

namespace {

/// Any value, of any magnitude.
std::uint32_t any(std::mt19937_64& random) { return static_cast<std::uint32_t>(random() >> (32 + random() % 32)); }

template <class Control>
class storm {
public:
    explicit storm(std::uint64_t seed) : random_(seed) {
        segment_ = 1 + any(random_) % 65'495;
        control_.start(segment_, now_);
    }
    void run(int events) {
        for (int i = 0; i < events; ++i) {
            now_ += std::chrono::nanoseconds(random_() >> (16 + random_() % 48));
            if (now_.time_since_epoch() > std::chrono::hours(1'000'000)) now_ = time_point{};  // back in time as well
            const auto before = control_.window();
            const bool grows = event();
            const auto after = control_.window();
            REQUIRE(after >= segment_);
            REQUIRE(after <= tcp_most_congestion_window);
            REQUIRE(control_.slow_start_threshold() >= std::min(2 * segment_, tcp_most_congestion_window));
            REQUIRE(control_.slow_start_threshold() <= tcp_most_congestion_window);
            const auto rtt = tcp_microseconds(any(random_));
            const auto rate = control_.pacing_rate(rtt);
            // With a rate of its own, the window is not all there is.
            if (congestion_paces(control_)) continue;
            REQUIRE((rate == 0) == (rtt.count() == 0 || control_.pacing_rate(tcp_microseconds(1)) < rtt.count()));
            if (grows) REQUIRE(after >= before);
        }
    }

private:
    /// Whether it is an acknowledgement, by which no window shrinks.
    bool event() {
        const tcp_congestion_event sign{.in_flight = any(random_), .segment = segment_, .now = now_, .marked = random_() % 2 == 0};
        switch (random_() % 40) {
        case 0: control_.lost(sign); return false;
        case 1: control_.timed_out(sign, random_() % 2 == 0); return false;
        case 2: control_.undo(); return true;
        case 3: control_.idled(segment_, std::chrono::nanoseconds(random_() >> 8)); return false;
        default: break;
        }
        tcp_acknowledged news;
        news.bytes = 1 + any(random_);
        news.segment = segment_;
        news.in_flight = any(random_);
        news.window_was_used = random_() % 4 != 0;
        news.round_ended = random_() % 8 == 0;
        news.application_limited = random_() % 8 == 0;
        news.now = now_;
        news.rtt = tcp_microseconds(any(random_));
        news.smoothed_rtt = tcp_microseconds(any(random_));
        news.least_rtt = std::min(news.rtt, news.smoothed_rtt);
        news.delivered = {any(random_), tcp_microseconds(any(random_) >> (random_() % 32))};
        control_.acknowledged(news);
        return true;
    }

    std::mt19937_64 random_;
    Control control_{};
    std::uint32_t segment_;
    time_point now_{std::chrono::seconds(1000)};
};

template <class Control>
void storms() {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(Control::name);
        CAPTURE(seed);
        storm<Control>(seed).run(500);
    }
}

}  // namespace

TEST_CASE("windows are never less than a segment, nor too large, nor shrink by an acknowledgement where they are all there is") {
    storms<cubic>();
    storms<reno>();
    storms<basic_reno<hystart>>();
    storms<basic_cubic<standard_slow_start>>();
    storms<congestion_choice<reno, cubic>>();
    storms<bbr>();
}

}  // namespace protocol_tcp_congestion_random_tests
