#include <doctest/doctest.h>

#include <netkit/protocol/tcp/congestion/choice.hpp>
#include <netkit/protocol/tcp/congestion/congestion_of.hpp>
#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <type_traits>

namespace protocol_tcp_congestion_choice_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

using choice = congestion_choice<cubic, reno>;
static_assert(congestion_control<choice>);
static_assert(std::is_trivially_copyable_v<choice>);
static_assert(!congestion_hears_recovery<choice>);
static_assert(sizeof(choice) <= sizeof(cubic) + 16);

struct another_policy {};
static_assert(std::is_same_v<congestion_of<>, cubic>);
static_assert(std::is_same_v<congestion_of<another_policy>, cubic>);
static_assert(std::is_same_v<congestion_of<another_policy, reno>, reno>);
static_assert(std::is_same_v<congestion_of<reno, another_policy, cubic>, congestion_choice<reno, cubic>>);

/// Counts what it hears of, in a window of its own.
struct listening : reno {
    static constexpr std::string_view name = "listening";
    static constexpr bool hears_recovery = true;
    void acknowledged(const tcp_acknowledged&) { ++heard; }
    std::uint32_t window() const { return heard + 1; }
    std::uint32_t heard = 0;
};

tcp_acknowledged acknowledgement() {
    tcp_acknowledged news;
    news.bytes = news.segment = 1000;
    news.now = time_point(1s);
    return news;
}

/// Drives two controls alike; whether they agreed all the way.
template <class A, class B>
void same(A& a, B& b, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    time_point now(1000s);
    a.start(1000, now);
    b.start(1000, now);
    const auto both = [&](auto&& f) {
        f(a);
        f(b);
    };
    for (int i = 0; i < 2000; ++i) {
        now += std::chrono::microseconds(random() % 20'000);
        const tcp_congestion_event event{.in_flight = static_cast<std::uint32_t>(random() % 200'000), .segment = 1000, .now = now};
        const bool odd = random() % 2 == 0;
        switch (random() % 100) {
        case 0: both([&](auto& c) { c.lost(event); }); break;
        case 1: both([&](auto& c) { c.timed_out(event, odd); }); break;
        case 2: both([&](auto& c) { c.undo(); }); break;
        case 3: both([&](auto& c) { c.idled(1000, 1s); }); break;
        default: {
            auto news = acknowledgement();
            news.now = now;
            news.smoothed_rtt = 30ms;
            both([&](auto& c) { c.acknowledged(news); });
        }
        }
        REQUIRE(a.window() == b.window());
        REQUIRE(a.slow_start_threshold() == b.slow_start_threshold());
        REQUIRE(a.pacing_rate(30ms) == b.pacing_rate(30ms));
    }
}

}  // namespace

TEST_CASE("a choice is its first until another is chosen, by name") {
    choice c;
    CHECK(c.chosen() == "cubic");
    CHECK(!c.choose("vegas"));
    CHECK(c.chosen() == "cubic");
    CHECK(c.choose("reno"));
    CHECK(c.chosen() == "reno");
    CHECK(c.choose("cubic"));
    CHECK(c.chosen() == "cubic");
    CHECK(choice::has("reno"));
    CHECK(!choice::has(""));
}

TEST_CASE("a choice does what the chosen one does") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        choice c;
        cubic its;
        same(c, its, seed);
        choice d;
        d.choose("reno");
        reno other;
        same(d, other, seed);
    }
}

TEST_CASE("a connection that has begun starts over with what is chosen") {
    choice c;
    c.start(1000, time_point(1s));
    for (int i = 0; i < 100; ++i) c.acknowledged(acknowledgement());
    CHECK(c.window() == 110'000);
    CHECK(c.choose("cubic"));
    CHECK(c.window() == 110'000);
    CHECK(c.choose("reno"));
    CHECK(c.window() == 10'000);
    CHECK(c.slow_start_threshold() == tcp_most_congestion_window);
}

TEST_CASE("in a choice only who wants to hear of recoveries does") {
    using either = congestion_choice<listening, reno>;
    static_assert(congestion_hears_recovery<either>);
    either c;
    c.start(1000, time_point{});
    auto news = acknowledgement();
    news.recovering = true;
    c.acknowledged(news);
    CHECK(c.window() == 2);
    c.choose("reno");
    c.acknowledged(news);
    CHECK(c.window() == 10'000);
    news.recovering = false;
    c.acknowledged(news);
    CHECK(c.window() == 11'000);
}

}  // namespace protocol_tcp_congestion_choice_tests
