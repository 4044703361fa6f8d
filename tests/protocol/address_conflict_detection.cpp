#include <netkit/core/timer.hpp>
#include <netkit/protocol/address_conflict_detection.hpp>

#include <doctest/doctest.h>

namespace protocol_address_conflict_detection_tests {

using namespace netkit;
using namespace std::chrono_literals;
using action = address_conflict_detection::action;
using conflict = address_conflict_detection::conflict;

namespace {
constexpr time_point t0{1h};
constexpr interface_id eth{1};
const ipv4_address own(198, 18, 0, 2);
}  // namespace

TEST_CASE("without probes an address is announced twice, two seconds apart") {
    address_conflict_detection claim(own, eth);
    claim.start(t0, 7);
    CHECK(claim.deadline() == t0);
    CHECK(claim.expired(t0, 7) == action::announce);
    CHECK(claim.claimed());
    CHECK(claim.deadline() == t0 + 2s);
    CHECK(claim.expired(t0 + 2s, 7) == action::last_announce);
    CHECK(claim.expired(t0 + 4s, 7) == action::none);
}

TEST_CASE("probes come first, at moments within their bounds") {
    for (std::uint64_t random : {std::uint64_t{0}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
        CAPTURE(random);
        address_conflict_detection claim(own, eth, {.probes = 3});
        claim.start(t0, random);
        auto now = claim.deadline();
        CHECK(now >= t0);
        CHECK(now <= t0 + 1s);
        for (int i = 0; i < 3; ++i) {
            CHECK(claim.expired(now, random) == action::probe);
            CHECK_FALSE(claim.claimed());
            const auto gap = claim.deadline() - now;
            CHECK(gap >= 1s);
            CHECK(gap <= 2s);
            now = claim.deadline();
        }
        CHECK(claim.expired(now, random) == action::announce);
        CHECK(claim.claimed());
    }
}

TEST_CASE("a conflict while probing means the address is another's") {
    timers all;
    address_conflict_detection claim(own, eth, {.probes = 3});
    claim.start(t0, 0);
    CHECK(claim.expired(t0, 0) == action::probe);
    all.arm(claim, claim.deadline(), [](void*, timer&) {});
    CHECK(claim.heard(t0 + 500ms) == conflict::failed);
    CHECK_FALSE(claim.armed());
    CHECK_FALSE(claim.claimed());
    CHECK(claim.expired(t0 + 1s, 0) == action::none);
    CHECK(claim.heard(t0 + 1s) == conflict::none);
}

TEST_CASE("a claimed address is defended once in ten seconds, else given up") {
    address_conflict_detection claim(own, eth);
    claim.start(t0, 0);
    CHECK(claim.expired(t0, 0) == action::announce);
    CHECK(claim.heard(t0 + 1s) == conflict::defend);
    CHECK(claim.heard(t0 + 11s) == conflict::defend);
    CHECK(claim.claimed());
    CHECK(claim.heard(t0 + 20s) == conflict::give_up);
    CHECK_FALSE(claim.claimed());
    CHECK(claim.heard(t0 + 60s) == conflict::none);
}

TEST_CASE("an address that is not given up is defended once in ten seconds, for ever") {
    address_conflict_detection claim(own, eth, {.gives_up = false});
    claim.start(t0, 0);
    CHECK(claim.expired(t0, 0) == action::announce);
    for (int i = 0; i < 100; ++i) {
        CAPTURE(i);
        CHECK(claim.heard(t0 + i * 1s) == (i % 10 == 0 ? conflict::defend : conflict::none));
        CHECK(claim.claimed());
    }
}

TEST_CASE("a claim without announcements is silent") {
    address_conflict_detection claim(own, eth, {.announcements = 0});
    claim.start(t0, 0);
    CHECK(claim.expired(t0, 0) == action::none);
    CHECK(claim.claimed());
}

}  // namespace protocol_address_conflict_detection_tests
