#include <netkit/core/random.hpp>
#include <netkit/protocol/rate_limit.hpp>

#include <doctest/doctest.h>

#include <set>

namespace protocol_rate_limit_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {
constexpr time_point t0{1h};
}

TEST_CASE("a bucket lets a burst through, then its rate") {
    token_bucket bucket(10, 5);
    for (int i = 0; i < 5; ++i) CHECK(bucket.take(t0));
    CHECK_FALSE(bucket.take(t0));
    CHECK_FALSE(bucket.take(t0 + 99ms));
    CHECK(bucket.take(t0 + 100ms));
    CHECK_FALSE(bucket.take(t0 + 100ms));
    // However long it waits, it holds no more than a burst.
    for (int i = 0; i < 5; ++i) CHECK(bucket.take(t0 + 24h));
    CHECK_FALSE(bucket.take(t0 + 24h));
}

TEST_CASE("a bucket asked all the time gives its rate, to the token") {
    token_bucket bucket(100, 10);
    int taken = 0;
    for (auto now = t0; now < t0 + 10s; now += 137us) taken += bucket.take(now);
    CHECK(taken >= 1000);
    CHECK(taken <= 1010);
}

TEST_CASE("several tokens are taken together or not at all") {
    token_bucket bucket(1, 3);
    CHECK_FALSE(bucket.take(t0, 4));
    CHECK(bucket.take(t0, 2));
    CHECK_FALSE(bucket.take(t0, 2));
    CHECK(bucket.take(t0, 1));
    CHECK_FALSE(token_bucket(0, 10).take(t0));
    CHECK_FALSE(token_bucket(10, 0).take(t0));
}

TEST_CASE("one target cannot use up the answers of another") {
    answer_limit limit({.per_second_each = 1, .burst_each = 3, .per_second = 1000, .burst = 1000});
    limit.start({1, 2});
    const ipv4_address greedy(198, 18, 0, 1), modest(198, 18, 0, 2);
    int answered = 0;
    for (int i = 0; i < 100; ++i) answered += limit.allow(greedy, t0, 0);
    CHECK(answered == 3);
    CHECK(limit.allow(modest, t0, 0));
    CHECK(limit.allow(ip_address::parse("fd00:6e6b::1"), t0, 0));
    CHECK(limit.allow(greedy, t0 + 1s, 0));
}

TEST_CASE("how many answers all targets get together cannot be foretold") {
    std::set<int> counts;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        auto random = random_source::from_seed(seed);
        answer_limit limit;
        limit.start({1, 2});
        int answered = 0;
        for (std::uint32_t i = 0; i < 1000; ++i) answered += limit.allow(ipv4_address(i), t0, random());
        CHECK(answered <= 64);
        CHECK(answered >= 64 / 3);
        counts.insert(answered);
    }
    CHECK(counts.size() > 5);
}

}  // namespace protocol_rate_limit_tests
