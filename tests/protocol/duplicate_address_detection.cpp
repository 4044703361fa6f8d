#include <netkit/core/timer.hpp>
#include <netkit/protocol/duplicate_address_detection.hpp>

#include <doctest/doctest.h>

namespace protocol_duplicate_address_detection_tests {

using namespace netkit;
using namespace std::chrono_literals;
using action = duplicate_address_detection::action;

namespace {
constexpr time_point t0{1h};
constexpr interface_id eth{1};
const auto own = ipv6_address::link_local({2, 0, 0, 0, 0, 1});
}  // namespace

TEST_CASE("an address nobody objects to is unique after one solicitation and one second") {
    duplicate_address_detection check(own, eth);
    check.start(t0, 42, 300ms);
    CHECK(check.running());
    CHECK(check.deadline() == t0 + 300ms);
    CHECK(check.expired(t0 + 300ms) == action::solicit);
    CHECK(check.deadline() == t0 + 1300ms);
    CHECK(check.expired(t0 + 1300ms) == action::unique);
    CHECK_FALSE(check.running());
    CHECK(check.expired(t0 + 2s) == action::none);
    CHECK_FALSE(check.heard_advertisement());  // now it is a matter of defence
}

TEST_CASE("as many solicitations as wanted are sent, or none") {
    duplicate_address_detection thrice(own, eth, {.probes = 3, .retransmit = 2s});
    thrice.start(t0, 1);
    auto now = t0;
    for (int i = 0; i < 3; ++i, now = thrice.deadline()) CHECK(thrice.expired(now) == action::solicit);
    CHECK(now == t0 + 6s);
    CHECK(thrice.expired(now) == action::unique);

    duplicate_address_detection never(own, eth, {.probes = 0});
    never.start(t0, 1);
    CHECK(never.expired(t0) == action::unique);
}

TEST_CASE("an advertisement or another's solicitation ends the attempt") {
    timers all;
    for (const bool advertisement : {false, true}) {
        duplicate_address_detection check(own, eth);
        check.start(t0, 42);
        CHECK(check.expired(t0) == action::solicit);
        all.arm(check, check.deadline(), [](void*, timer&) {});
        CHECK((advertisement ? check.heard_advertisement() : check.heard_solicitation(43)));
        CHECK_FALSE(check.armed());
        CHECK_FALSE(check.running());
        CHECK(check.expired(t0 + 1s) == action::none);
        CHECK_FALSE(check.heard_advertisement());
    }
}

TEST_CASE("our own solicitation that the link brings back is known by its nonce") {
    duplicate_address_detection check(own, eth);
    check.start(t0, 0xffff'1234'5678'9abc);
    CHECK(check.nonce() == 0x1234'5678'9abc);
    CHECK_FALSE(check.heard_solicitation(check.nonce()));
    CHECK(check.running());
    CHECK(check.heard_solicitation(0));  // one without a nonce is another's
}

}  // namespace protocol_duplicate_address_detection_tests
