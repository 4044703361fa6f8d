// The line between a stack and the kernel loses, doubles and reorders frames, so that the recovery of each meets the other's.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <tests/support/stack_beside_kernel.hpp>
#include <tests/support/tcp_beside_kernel.hpp>

#include <chrono>
#include <cstddef>

using namespace netkit::test;

namespace {

constexpr std::size_t size = 256 << 10;

/// Those of each kind exchange what they have over a bad line.
void exchange(const line_faults& faults) {
    INFO(to_string(faults));
    // Frames of their own for what is to be lost: no super-segments.
    stack_beside_kernel world(false);
    tcp_meeting meeting(world, false, asking_for_all());
    one_of_each all(world, meeting, size);
    world.change_line(faults);
    CHECK(all.complete(std::chrono::seconds(20)));
    if (faults.loss != 0) CHECK(world.frames_lost() > 50);
    std::size_t we_repeated = 0, they_repeated = 0;
    all.check([&](transfer& t) {
        we_repeated += t.pair.ours.info().retransmitted;
        they_repeated += t.pair.theirs.info().tcpi_total_retrans;
    });
    if (faults.loss != 0) {
        CHECK(we_repeated > 10);
        CHECK(they_repeated > 10);
    }
    world.change_line({});
    CHECK(all.finish());
    world.judge();
}

}  // namespace

TEST_CASE("frames are lost both ways") { exchange({.loss = 0.02}); }
TEST_CASE("frames are reordered both ways") { exchange({.reorder = 0.03}); }
TEST_CASE("frames are doubled both ways") { exchange({.duplicate = 0.05}); }
TEST_CASE("frames are reordered, doubled and lost both ways") { exchange({.loss = 0.01, .duplicate = 0.02, .reorder = 0.02}); }
TEST_CASE("frames are lost on a line that is long") { exchange({.loss = 0.01, .delay = std::chrono::milliseconds(10)}); }

TEST_CASE("the line is dead for a while") {
    stack_beside_kernel world(false);
    tcp_meeting meeting(world, false, asking_for_all());
    one_of_each all(world, meeting, size);
    const auto begins = [](transfer& t) {
        if (!t.complete() && (t.to_us.received() == 0 || t.to_them.received() == 0)) t.exchange();
        return t.to_us.received() != 0 && t.to_them.received() != 0;
    };
    CHECK(all.until(begins));
    world.change_line({.loss = 1});
    world.turn_for(std::chrono::milliseconds(700));
    world.change_line({});
    CHECK(all.complete());
    CHECK(all.finish());
    world.judge();
}

int main(int argc, char** argv) { return run_beside_kernel(argc, argv); }
