#include "bytes.hpp"

#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <utility>
#include <vector>

namespace buffer_pool_tests {

using namespace netkit;
using bytes::counting;

TEST_CASE("an exhausted pool gives empty packets, and recovers") {
    pool home(100'000);
    std::vector<packet> taken;
    for (;;) {
        packet p(home, 64);
        if (!p) break;
        taken.push_back(std::move(p));
    }
    CHECK(taken.size() >= 32);
    CHECK(home.allocated() <= 100'000);
    CHECK(home.in_use() == taken.size());
    CHECK_FALSE(packet(home, 64));
    taken.pop_back();
    packet again(home, 64);
    CHECK(again);
    CHECK_FALSE(packet(home, 64));
    home.limit(200'000);
    CHECK(packet(home, 64));
}

TEST_CASE("a pool without memory gives nothing of any size") {
    pool home(0);
    CHECK_FALSE(packet(home, 64));
    CHECK_FALSE(packet(home, 64, 3000));
    CHECK_FALSE(packet(home, 64, 60000));
    CHECK(home.allocated() == 0);
}

TEST_CASE("buffers are used again rather than taken anew") {
    pool home;
    { packet p(home, 64); }
    const auto allocated = home.allocated();
    for (int i = 0; i < 1000; ++i) packet p(home, 64);
    CHECK(home.allocated() == allocated);
    CHECK(home.in_use() == 0);
}

TEST_CASE("fail_at fails one allocation, the n-th") {
    for (std::size_t n = 1; n <= 4; ++n) {
        CAPTURE(n);
        pool home;
        home.fail_at(n);
        for (std::size_t i = 1; i <= 6; ++i) CHECK(static_cast<bool>(packet(home, 64)) == (i != n));
    }
    pool home;
    home.fail_at(1);
    home.fail_at(0);
    CHECK(packet(home, 64));
}

TEST_CASE("packets outlive their pool, and each other") {
    std::optional<pool> home(std::in_place);
    packet p = bytes::packet_of(*home, counting(10));
    auto shared = bytes::shared_of(*home, counting(20));
    packet q = bytes::packet_of(*home, counting(5));
    REQUIRE(q.attach(shared));
    packet_queue queue;
    queue.push_back(bytes::packet_of(*home, counting(7)));
    home.reset();
    CHECK(bytes::of(p) == counting(10));
    CHECK(q.size() == 25);
    REQUIRE(q.linearize());  // even grows, from what the pool had left behind
    p.reset();
    shared = {};
    q.reset();
    CHECK(queue.pop_front().size() == 7);
}

}  // namespace buffer_pool_tests
