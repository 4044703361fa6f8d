// A stack's TCP and the kernel's exchange megabytes, both ways at once, over what each other's options allow.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <tests/support/stack_beside_kernel.hpp>
#include <tests/support/tcp_beside_kernel.hpp>

using namespace netkit::test;

namespace {

void exchange(stack_beside_kernel& world, tcp_meeting& meeting, opener who, const kernel_settings& settings, std::size_t size, bool ipv6 = false) {
    INFO(to_string(settings) << to_string(who));
    REQUIRE(settings.apply());
    transfer t(size);
    REQUIRE(meeting.connect(t.pair, who));
    CHECK(world.until([&] { return t.exchange(), t.complete(); }));
    t.check();

    const auto ours = t.pair.ours.info();
    const auto theirs = t.pair.theirs.info();
    check_negotiated(ours, theirs, settings);
    CHECK(ours.bytes_sent == size);
    CHECK(ours.bytes_received == size);
    CHECK(ours.send_mss == (ipv6 ? 1440u : 1460u) - (settings.timestamps ? 12u : 0u));
    CHECK(ours.fast_retransmits == 0);
    CHECK(ours.rtt > netkit::duration::zero());
    CHECK(world.until([&] { return t.finish(); }));
}

}  // namespace

TEST_CASE("megabytes, under each setting of the kernel's") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        stack_beside_kernel world(offload);
        tcp_meeting meeting(world, false, asking_for_all());
        for (const auto& settings : offload ? every_setting() : telling_settings())
            for (const auto who : both_openers) exchange(world, meeting, who, settings, 2 << 20);
        world.judge();
    }
}

TEST_CASE("megabytes over IPv6") {
    stack_beside_kernel world(true);
    tcp_meeting meeting(world, true, asking_for_all());
    for (const auto& settings : telling_settings())
        for (const auto who : both_openers) exchange(world, meeting, who, settings, 2 << 20, true);
    world.judge();
}

int main(int argc, char** argv) { return run_beside_kernel(argc, argv); }
