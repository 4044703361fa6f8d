#include <netkit/core/steady_time.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <random>

namespace core_steady_time_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

/// A clock and a counter that do as they are told.
struct made_up {
    duration real = 100s;
    double counted = 5e9;
    double speed = 3.6;      // counts a nanosecond
    double a_look = 80;      // counts that pass while the clock is asked
    bool evenly = true;
    std::size_t asked = 0;

    void pass(duration by) {
        real += by;
        counted += static_cast<double>(by.count()) * speed;
    }
};
struct made_up_source {
    made_up* world;
    time_point now() const {
        ++world->asked;
        world->pass(duration(static_cast<duration::rep>(world->a_look / world->speed)));
        return time_point(world->real);
    }
    std::uint64_t count() const { return static_cast<std::uint64_t>(world->counted); }
    bool counts_evenly() const { return world->evenly; }
};
using time_of = basic_steady_time<made_up_source>;

/// How far what is told is from what is.
struct comparison {
    made_up world;
    time_of time{made_up_source{&world}};
    time_point last{};
    duration worst{};

    void step(duration by) {
        world.pass(by);
        const auto told = time.now();
        CHECK(told >= last);
        last = told;
        worst = std::max(worst, duration(std::abs((told - time_point(world.real)).count())));
    }
    void steps(duration each, duration in_all) {
        for (duration passed{}; passed < in_all; passed += each) step(each);
    }
    duration worst_in(duration each, duration in_all) {
        worst = {};
        steps(each, in_all);
        return worst;
    }
};

}  // namespace

TEST_CASE("the clock is asked each millisecond, and in between the counter") {
    comparison c;
    c.steps(100us, 5ms);
    c.world.asked = 0;
    CHECK(c.worst_in(1us, 100ms) < 100ns);
    CHECK(c.world.asked <= 2 * 101);  // once to find that it is time to measure, once to do so
    CHECK(c.world.asked >= 2 * 90);
}

TEST_CASE("pauses of any length change nothing") {
    comparison c;
    std::mt19937_64 random(4);
    for (int i = 0; i < 2000; ++i) {
        c.worst = {};
        c.step(duration(static_cast<duration::rep>(random() % (1ull << (random() % 36)))));
        REQUIRE(c.worst < 1us);
    }
}

TEST_CASE("a counter that jumps, stands still for a while, or changes its speed, is believed for a millisecond of its own and no longer") {
    comparison c;
    c.steps(100us, 10ms);
    SUBCASE("it jumps ahead, by little or by hours, between looks and right behind one") {
        for (const double by : {1e3, 1e6, 3e6, 1e8, 9e9, 4e13}) {
            c.world.counted += by;
            CHECK(c.worst_in(10us, 5ms) < 1ms);
            CHECK(c.worst_in(10us, 50ms) < 1us);
            c.step(1ms);
            c.world.counted += by;
            CHECK(c.worst_in(10us, 5ms) < 1ms);
            CHECK(c.worst_in(10us, 50ms) < 1us);
        }
    }
    SUBCASE("it jumps back") {
        c.world.counted -= 1e9;
        CHECK(c.worst_in(10us, 5ms) < 1us);
        c.world.counted = 12345;
        CHECK(c.worst_in(10us, 50ms) < 1us);
    }
    SUBCASE("the clock goes on while it stands still, and it goes on while the clock stands still") {
        c.world.real += 3s;
        CHECK(c.worst_in(10us, 5ms) < 3s + 1ms);
        CHECK(c.worst_in(10us, 50ms) < 1us);
        c.world.counted += 3600e9 * c.world.speed;
        CHECK(c.worst_in(10us, 5ms) < 1ms);
        CHECK(c.worst_in(10us, 50ms) < 1us);
    }
    SUBCASE("another speed") {
        for (const double speed : {3.5, 2.0, 0.1, 5.0, 0.001}) {
            CAPTURE(speed);
            c.world.speed = speed;
            c.steps(1ms, 10s);  // a slow counter takes long to count what was a millisecond
            // A look, of so many counts, is taken for one moment.
            CHECK(c.worst_in(10us, 50ms) < 1us + duration(static_cast<duration::rep>(c.world.a_look / speed)));
        }
    }
}

TEST_CASE("a look that was interrupted says nothing, and a counter that is not even is not asked") {
    comparison c;
    c.steps(100us, 10ms);
    c.world.a_look = 1e6;
    c.steps(100us, 10ms);
    c.world.a_look = 80;
    CHECK(c.worst_in(1us, 20ms) < 1us);
    comparison uneven;
    uneven.world.evenly = false;
    CHECK(uneven.worst_in(10us, 10ms) < 100ns);
    CHECK(uneven.world.asked == 1000);
}

TEST_CASE("the system's own goes on, and not back") {
    steady_time time;
    auto last = time.now();
    const auto first = last;
    for (int i = 0; i < 100'000; ++i) {
        const auto told = time.now();
        REQUIRE(told >= last);
        last = told;
    }
    CHECK(last > first);
}

}  // namespace core_steady_time_tests
