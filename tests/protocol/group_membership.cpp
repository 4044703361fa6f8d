#include <netkit/core/random.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/protocol/group_membership.hpp>

#include <doctest/doctest.h>

#include <vector>

namespace protocol_group_membership_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

constexpr time_point t0{1h};
constexpr interface_id eth{1}, wlan{2};
constexpr std::uint64_t most = ~std::uint64_t{0};

using groups = group_membership<ipv4_address>;
using message = membership_message;
using version = membership_version;

const ipv4_address mdns(224, 0, 0, 251), media(239, 1, 2, 3), all_hosts(224, 0, 0, 1);

std::vector<groups::membership*> query(groups& g, const ipv4_address& group, version asked, duration within, time_point now = t0, std::uint64_t random = 0) {
    std::vector<groups::membership*> armed;
    g.heard_query(group, eth, asked, within, now, [&] { return random; }, [&](groups::membership& m) { armed.push_back(&m); });
    return armed;
}

}  // namespace

TEST_CASE("joins are counted, the first reported at once and once more") {
    groups g;
    CHECK_FALSE(g.is_member(media, eth));
    auto first = g.join(media, eth, t0, most);
    CHECK(first.send == message::join);
    CHECK(first.version == version::newer);
    CHECK(first.filter_changed);
    REQUIRE(first.arm != nullptr);
    CHECK(first.arm->deadline >= t0);
    CHECK(first.arm->deadline <= t0 + 1s);
    CHECK(g.is_member(media, eth));
    CHECK_FALSE(g.is_member(media, wlan));
    auto second = g.join(media, eth, t0, 0);
    CHECK(second.send == message::none);
    CHECK_FALSE(second.filter_changed);
    auto again = g.expired(*first.arm, t0 + 1s, 0);
    CHECK(again.send == message::join);
    CHECK(again.arm == nullptr);
    CHECK_FALSE(again.filter_changed);

    CHECK(g.leave(media, eth, t0, 0).send == message::none);
    CHECK(g.is_member(media, eth));
    auto last = g.leave(media, eth, t0, 0);
    CHECK(last.send == message::leave);
    CHECK(last.filter_changed);
    CHECK_FALSE(g.is_member(media, eth));
    REQUIRE(last.arm != nullptr);  // IGMPv3 tells of leaving twice, too
    CHECK(g.expired(*last.arm, t0 + 1s, 0).send == message::leave);
    CHECK(g.size() == 0);
    CHECK(g.leave(media, eth, t0, 0).send == message::none);
}

TEST_CASE("a group rejoined while it is being left is simply joined") {
    groups g;
    g.join(media, eth, t0, 0);
    REQUIRE(g.leave(media, eth, t0, 0).arm != nullptr);
    auto again = g.join(media, eth, t0, 0);
    CHECK(again.send == message::join);
    CHECK(again.filter_changed);
    CHECK(g.size() == 1);
    CHECK(g.expired(*again.arm, t0 + 1s, 0).send == message::join);
    CHECK(g.is_member(media, eth));
}

TEST_CASE("groups that everyone is in are never reported") {
    groups g;
    CHECK(g.is_member(all_hosts, eth));
    auto joined = g.join(all_hosts, eth, t0, 0);
    CHECK(joined.send == message::none);
    CHECK(joined.filter_changed);
    CHECK(query(g, {}, version::newer, 10s).empty());
    CHECK(g.leave(all_hosts, eth, t0, 0).send == message::none);
    CHECK(g.is_member(all_hosts, eth));

    group_membership<ipv6_address> six;
    CHECK(six.is_member(ipv6_address::all_nodes(), eth));
    CHECK(six.join(ipv6_address::parse("ff01::5"), eth, t0, 0).send == message::none);
    CHECK(six.join(ipv6_address::all_nodes(), eth, t0, 0).send == message::none);
    CHECK(six.join(ipv6_address::all_nodes().solicited_node(), eth, t0, 0).send == message::join);
}

TEST_CASE("queries are answered within the time they give, by chance") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        auto random = random_source::from_seed(seed);
        groups g;
        auto joined = g.join(media, eth, t0, 0);
        g.expired(*joined.arm, t0, 0);
        const auto armed = query(g, {}, version::newer, 4s, t0, random());
        REQUIRE(armed.size() == 1);
        CHECK(armed[0]->pending);
        CHECK(armed[0]->deadline >= t0);
        CHECK(armed[0]->deadline <= t0 + 4s);
        auto answer = g.expired(*armed[0], armed[0]->deadline, 0);
        CHECK(answer.send == message::answer);
        CHECK(answer.group == media);
        CHECK(answer.arm == nullptr);
    }
}

TEST_CASE("a query concerns its group and its interface only") {
    groups g;
    for (const auto& group : {media, mdns}) g.expired(*g.join(group, eth, t0, 0).arm, t0, 0);
    g.expired(*g.join(media, wlan, t0, 0).arm, t0, 0);
    const auto armed = query(g, mdns, version::newer, 1s);
    REQUIRE(armed.size() == 1);
    CHECK(armed[0]->group == mdns);
    CHECK(armed[0]->on == eth);
    CHECK(query(g, ipv4_address(239, 9, 9, 9), version::newer, 1s).empty());
    CHECK(query(g, {}, version::newer, 1s, t0, most).size() == 1);  // mdns answers sooner anyway
}

TEST_CASE("a response time of zero is taken for the least there is") {
    groups g;
    auto joined = g.join(media, eth, t0, 0);
    g.expired(*joined.arm, t0, 0);
    for (const duration within : {duration(0s), duration(-5s)}) {
        const auto armed = query(g, {}, version::newer, within, t0, most);
        if (armed.empty()) continue;  // the first query's answer is still on its way
        CHECK(armed[0]->deadline >= t0);
        CHECK(armed[0]->deadline <= t0 + 100ms);
    }
    group_membership<ipv6_address> six;
    const auto group = ipv6_address::parse("ff02::fb");
    six.expired(*six.join(group, eth, t0, 0).arm, t0, 0);
    std::size_t armed = 0;
    six.heard_query({}, eth, version::older, 0s, t0, [] { return most; }, [&](auto& m) {
        ++armed;
        CHECK(m.deadline <= t0 + 1ms);
    });
    CHECK(armed == 1);
}

TEST_CASE("an urgent query brings a waiting answer forward, a lazy one does not put it off") {
    groups g;
    g.expired(*g.join(media, eth, t0, 0).arm, t0, 0);
    const std::uint64_t late = 9'000'000'000;  // ns
    REQUIRE(query(g, {}, version::newer, 10s, t0, late).size() == 1);
    CHECK(query(g, {}, version::newer, 10s, t0, late).empty());
    const auto sooner = query(g, {}, version::newer, 1s, t0, 0);
    REQUIRE(sooner.size() == 1);
    CHECK(sooner[0]->deadline == t0);
}

TEST_CASE("towards an older querier one report of anyone is enough") {
    timers all;
    groups g;
    g.expired(*g.join(media, eth, t0, 0).arm, t0, 0);
    const auto armed = query(g, {}, version::older, 10s, t0, 5'000'000'000);
    REQUIRE(armed.size() == 1);
    all.arm(*armed[0], armed[0]->deadline, [](void*, timer&) {});
    g.heard_report(media, eth, t0 + 1s);
    CHECK_FALSE(armed[0]->armed());
    CHECK(g.expired(*armed[0], t0 + 6s, 0).send == message::none);
    // The other one will tell of it when it leaves: IGMPv2 lets the last reporter speak.
    CHECK(g.leave(media, eth, t0 + 7s, 0).send == message::none);
    CHECK(g.size() == 0);
}

TEST_CASE("towards a newer querier everyone reports") {
    groups g;
    g.expired(*g.join(media, eth, t0, 0).arm, t0, 0);
    const auto armed = query(g, {}, version::newer, 10s);
    REQUIRE(armed.size() == 1);
    g.heard_report(media, eth, t0);
    CHECK(g.expired(*armed[0], t0, 0).send == message::answer);
}

TEST_CASE("an older querier is deferred to for a while") {
    groups g;
    query(g, {}, version::older, 10s);
    CHECK(g.version(eth, t0 + 259s) == version::older);
    CHECK(g.version(wlan, t0) == version::newer);
    CHECK(g.version(eth, t0 + 260s) == version::newer);
    auto joined = g.join(media, eth, t0, most);
    CHECK(joined.version == version::older);
    CHECK(joined.arm->deadline <= t0 + 10s);
    CHECK(g.leave(media, eth, t0, 0).send == message::leave);
    CHECK(g.size() == 0);  // IGMPv2 tells once
    query(g, {}, version::oldest, 10s);
    g.join(media, eth, t0, 0);
    CHECK(g.leave(media, eth, t0, 0).send == message::none);  // IGMPv1 does not tell
    query(g, {}, version::older, 10s);
    CHECK(g.version(eth, t0) == version::oldest);
    query(g, {}, version::older, 10s, t0 + 261s);
    CHECK(g.version(eth, t0 + 262s) == version::older);
}

TEST_CASE("an interface that goes takes its groups along") {
    groups g;
    g.join(media, eth, t0, 0);
    g.join(media, wlan, t0, 0);
    g.remove(eth);
    CHECK(g.size() == 1);
    CHECK_FALSE(g.is_member(media, eth));
    std::size_t seen = 0;
    g.for_each([&](const groups::membership& m) {
        ++seen;
        CHECK(m.on == wlan);
    });
    CHECK(seen == 1);
}

}  // namespace protocol_group_membership_tests
