#include <netkit/core/timer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace core_timer_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

struct numbered_timer : timer {
    int number = 0;
};

/// A stack, as far as timers know one: it notes who expired, and may react.
struct listener {
    timers all;
    std::vector<int> expired;
    std::function<void(numbered_timer&)> react;

    static void on_expiry(void* self, timer& t) {
        auto& me = *static_cast<listener*>(self);
        auto& mine = static_cast<numbered_timer&>(t);
        me.expired.push_back(mine.number);
        if (me.react) me.react(mine);
    }
    void arm(numbered_timer& t, duration after, int number) {
        t.number = number;
        all.arm(t, time_point(after), &on_expiry);
    }
    std::size_t run(duration now) { return all.run(this, time_point(now)); }
};

}  // namespace

TEST_CASE("timers expire in order, not before their moment, once") {
    listener stack;
    numbered_timer a, b, c;
    stack.arm(a, 30ms, 1);
    stack.arm(b, 10ms, 2);
    stack.arm(c, 20ms, 3);
    CHECK(stack.all.size() == 3);
    CHECK(stack.all.next() == time_point(10ms));
    CHECK(a.when() == time_point(30ms));

    CHECK(stack.run(10ms - 1ns) == 0);
    CHECK(stack.run(10ms) == 1);
    CHECK_FALSE(b.armed());
    CHECK(stack.run(100ms) == 2);
    CHECK(stack.expired == std::vector{2, 3, 1});
    CHECK(stack.run(100ms) == 0);
    CHECK_FALSE(stack.all.next());
}

TEST_CASE("timers that end at the same moment expire in the order in which they were armed, whatever else there is") {
    for (const int others : {0, 1, 5, 50}) {
        CAPTURE(others);
        listener stack;
        std::deque<numbered_timer> mine(100), bystanders(static_cast<std::size_t>(others));
        std::vector<int> expected;
        for (int i = 0; i < 100; ++i) {
            if (i < others) stack.arm(bystanders[static_cast<std::size_t>(i)], std::chrono::milliseconds(i % 7), 1000 + i);
            stack.arm(mine[static_cast<std::size_t>(i)], 10ms, i);
            if (i != 0) expected.push_back(i);
        }
        stack.arm(mine[0], 10ms, 100);
        expected.push_back(100);
        stack.run(9ms);
        stack.expired.clear();
        stack.run(10ms);
        CHECK(stack.expired == expected);
    }
}

TEST_CASE("arming an armed timer moves it, either way") {
    listener stack;
    numbered_timer a, b;
    stack.arm(a, 10ms, 1);
    stack.arm(b, 20ms, 2);
    stack.arm(a, 30ms, 1);
    CHECK(stack.all.size() == 2);
    CHECK(stack.all.next() == time_point(20ms));
    stack.arm(a, 5ms, 1);
    CHECK(stack.all.next() == time_point(5ms));
    CHECK(stack.run(50ms) == 2);
    CHECK(stack.expired == std::vector{1, 2});
}

TEST_CASE("a disarmed or destroyed timer does not expire") {
    listener stack;
    numbered_timer a;
    stack.arm(a, 10ms, 1);
    {
        numbered_timer gone;
        stack.arm(gone, 5ms, 2);
        CHECK(stack.all.size() == 2);
    }
    CHECK(stack.all.size() == 1);
    a.disarm();
    a.disarm();
    CHECK_FALSE(a.armed());
    CHECK(stack.run(50ms) == 0);
    CHECK(stack.expired.empty());
}

TEST_CASE("a moved timer stays armed where it went") {
    listener stack;
    numbered_timer a;
    stack.arm(a, 10ms, 1);
    numbered_timer b = std::move(a);
    CHECK_FALSE(a.armed());
    CHECK(b.armed());
    CHECK(b.when() == time_point(10ms));

    numbered_timer c;
    stack.arm(c, 5ms, 2);
    c = std::move(b);  // c's own expiry is forgotten
    CHECK(stack.all.size() == 1);
    CHECK(stack.run(50ms) == 1);
    CHECK(stack.expired == std::vector{1});
}

TEST_CASE("timers in a growing vector stay armed") {
    listener stack;
    std::vector<numbered_timer> many;
    for (int i = 0; i < 100; ++i) {
        many.emplace_back();
        stack.arm(many.back(), 1ms * (100 - i), i);
    }
    CHECK(stack.run(1s) == 100);
    CHECK(std::is_sorted(stack.expired.rbegin(), stack.expired.rend()));
}

TEST_CASE("an expiry may re-arm its timer; for a moment past, that waits for the next run") {
    listener stack;
    numbered_timer a;
    stack.react = [&](numbered_timer& t) { stack.arm(t, 10ms, t.number + 1); };
    stack.arm(a, 10ms, 1);
    CHECK(stack.run(20ms) == 1);
    CHECK(a.armed());
    CHECK(stack.run(20ms) == 1);
    CHECK(stack.expired == std::vector{1, 2});
    a.disarm();
}

TEST_CASE("an expiry may destroy its own timer and others that are due") {
    listener stack;
    auto a = std::make_unique<numbered_timer>(), b = std::make_unique<numbered_timer>();
    stack.arm(*a, 10ms, 1);
    stack.arm(*b, 20ms, 2);
    stack.react = [&](numbered_timer&) {
        a.reset();
        b.reset();
    };
    CHECK(stack.run(50ms) == 1);
    CHECK(stack.expired == std::vector{1});
    CHECK(stack.all.size() == 0);
}

TEST_CASE("a timer outlives its stack, disarmed") {
    numbered_timer a;
    {
        listener stack;
        stack.arm(a, 10ms, 1);
    }
    CHECK_FALSE(a.armed());
    listener other;
    other.arm(a, 10ms, 2);
    CHECK(other.run(10ms) == 1);
    CHECK(other.expired == std::vector{2});
}

TEST_CASE("arming in another stack leaves the first") {
    listener one, two;
    numbered_timer a;
    one.arm(a, 10ms, 1);
    two.arm(a, 20ms, 2);
    CHECK(one.all.size() == 0);
    CHECK(one.run(1s) == 0);
    CHECK(two.run(1s) == 1);
}

TEST_CASE("any sequence of arming, moving and disarming keeps the order") {
    constexpr std::uint32_t seed = 7;
    CAPTURE(seed);
    std::mt19937 random(seed);
    listener stack;
    std::deque<numbered_timer> all(64);
    for (int round = 0; round < 200; ++round) {
        for (int step = 0; step < 40; ++step) {
            auto& t = all[random() % all.size()];
            switch (random() % 4) {
            case 0: t.disarm(); break;
            case 1: all[random() % all.size()] = std::move(t); break;
            default: {
                const int when = static_cast<int>(random() % 1000);
                stack.arm(t, 1us * when, when);
            }
            }
        }
        const auto armed = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& t) { return t.armed(); }));
        REQUIRE(stack.all.size() == armed);
        const int now = static_cast<int>(random() % 1000);
        const auto due = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& t) { return t.armed() && t.when() <= time_point(1us * now); }));
        stack.expired.clear();
        REQUIRE(stack.run(1us * now) == due);
        REQUIRE(std::is_sorted(stack.expired.begin(), stack.expired.end()));
        REQUIRE(stack.all.size() == armed - due);
    }
}

}  // namespace core_timer_tests
