// The line between a stack and the kernel loses, doubles and reorders frames, so that the recovery of each meets the other's.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <tests/support/stack_beside_kernel.hpp>

#include <algorithm>
#include <chrono>
#include <list>

using namespace netkit::test;

namespace {

constexpr std::size_t size = 512 << 10;

void exchange(stack_beside_kernel& world, tcp_meeting& meeting, opener who, const kernel_settings& settings, const line_faults& faults) {
    INFO(to_string(settings) << to_string(who) << to_string(faults));
    REQUIRE(settings.apply());
    transfer t(size);
    REQUIRE(meeting.connect(t.pair, who));
    const auto lost_before = world.frames_lost();
    world.change_line(faults);
    CHECK(world.until([&] { return t.exchange(), t.complete(); }, std::chrono::seconds(20)));
    const auto ours = t.pair.ours.info();
    const auto theirs = t.pair.theirs.info();
    t.check();
    if (faults.loss != 0) {
        CHECK(world.frames_lost() > lost_before);
        CHECK(ours.retransmitted + theirs.tcpi_total_retrans != 0);
    }
    world.change_line({});
    CHECK(world.until([&] { return t.finish(); }));
}

}  // namespace

TEST_CASE("frames are lost both ways") {
    stack_beside_kernel world(false);
    tcp_meeting meeting(world, false);
    for (const auto& settings : telling_settings())
        for (const auto who : both_openers) exchange(world, meeting, who, settings, {.loss = 0.02});
    world.judge();
}

TEST_CASE("frames are reordered, doubled and lost both ways") {
    stack_beside_kernel world(false);
    tcp_meeting meeting(world, false);
    for (const auto& settings : telling_settings()) {
        exchange(world, meeting, opener::kernel, settings, {.reorder = 0.02});
        exchange(world, meeting, opener::stack, settings, {.loss = 0.01, .duplicate = 0.02, .reorder = 0.02});
    }
    world.judge();
}

TEST_CASE("frames are lost on a line that is long") {
    stack_beside_kernel world(false);
    tcp_meeting meeting(world, false);
    for (const auto& settings : telling_settings())
        exchange(world, meeting, opener::kernel, settings, {.loss = 0.01, .delay = std::chrono::milliseconds(10)});
    world.judge();
}

TEST_CASE("the line is dead for a while") {
    stack_beside_kernel world(false);
    tcp_meeting meeting(world, false);
    // One connection of each kind, all at once.
    std::list<transfer> transfers;
    for (const auto& settings : every_setting())
        for (const auto who : both_openers) {
            REQUIRE(settings.apply());
            REQUIRE(meeting.connect(transfers.emplace_back(size).pair, who));
        }
    const auto all = [&](bool (*is_so)(const transfer&)) {
        for (auto& t : transfers) t.exchange();
        return std::ranges::all_of(transfers, is_so);
    };
    const auto has_begun = [](const transfer& t) { return t.to_us.received() != 0 && t.to_them.received() != 0; };
    const auto is_complete = [](const transfer& t) { return t.complete(); };
    CHECK(world.until([&] { return all(has_begun); }));
    world.change_line({.loss = 1});
    CHECK_FALSE(world.until([&] { return all(is_complete); }, std::chrono::milliseconds(700)));
    world.change_line({});
    CHECK(world.until([&] { return all(is_complete); }));
    for (auto& t : transfers) t.check();
    world.judge();
}

int main(int argc, char** argv) { return run_beside_kernel(argc, argv); }
