// Explicit congestion notification between a stack and the kernel, on a line that marks frames both ways.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <tests/support/stack_beside_kernel.hpp>
#include <tests/support/tcp_beside_kernel.hpp>

#include <cstddef>
#include <string>

using namespace netkit::test;

namespace {

constexpr std::size_t size = 512 << 10;

bool kernel_uses_ecn(const transfer& t) { return (t.pair.theirs.info().tcpi_options & TCPI_OPT_ECN) != 0; }

void set_kernel_ecn(const char* value) { REQUIRE(write_file("/proc/sys/net/ipv4/tcp_ecn", value)); }

}  // namespace

TEST_CASE("what is marked slows the sender down, and is not sent again") {
    stack_beside_kernel world(false);
    for (const bool ipv6 : {false, true}) {
        tcp_meeting meeting(world, ipv6, asking_for_all());
        for (const auto who : both_openers) {
            INFO(to_string(who) << (ipv6 ? std::string(", IPv6") : std::string()));
            REQUIRE(kernel_settings().apply());
            transfer t(size);
            REQUIRE(meeting.connect(t.pair, who));
            const auto before = world.frames_marked();
            world.change_line({.mark = 0.05});
            CHECK(world.until([&] { return t.exchange(), t.complete(); }));
            t.check();
            world.change_line({});
            CHECK(world.frames_marked() > before + 10);

            const auto ours = t.pair.ours.info();
            const auto theirs = t.pair.theirs.info();
            CHECK(ours.ecn);
            CHECK(kernel_uses_ecn(t));
            CHECK((theirs.tcpi_options & TCPI_OPT_ECN_SEEN) != 0);
            // Each has been told of marks, and neither has lost anything.
            CHECK(ours.marks_received != 0);
            CHECK(ours.marks_echoed != 0);
            CHECK(theirs.tcpi_delivered_ce != 0);
            CHECK(ours.fast_retransmits == 0);
            CHECK(world.until([&] { return t.finish(); }));
        }
    }
    world.judge();
}

TEST_CASE("nothing is marked where one side does not know of it") {
    stack_beside_kernel world(false);
    tcp_meeting answering(world, false);
    world.change_line({.mark = 1});
    for (const auto who : both_openers)
        // The kernel: not at all; or it only answers, as does the stack: then nobody asks.
        for (const char* setting : {"0", "2"}) {
            INFO(to_string(who) << ", tcp_ecn " << setting);
            set_kernel_ecn(setting);
            transfer t(size);
            REQUIRE(answering.connect(t.pair, who));
            CHECK(world.until([&] { return t.exchange(), t.complete(); }));
            t.check();
            CHECK_FALSE(t.pair.ours.info().ecn);
            CHECK_FALSE(kernel_uses_ecn(t));
            CHECK(world.until([&] { return t.finish(); }));
        }
    CHECK(world.frames_marked() == 0);
    world.judge();
}

int main(int argc, char** argv) { return run_beside_kernel(argc, argv); }
