#include "bytes.hpp"

#include <netkit/buffer/packet_queue.hpp>

#include <doctest/doctest.h>

#include <utility>

namespace buffer_packet_queue_tests {

using namespace netkit;
using bytes::counting;

TEST_CASE("a queue keeps order, counts and bytes") {
    pool home;
    packet_queue queue;
    CHECK(queue.empty());
    CHECK_FALSE(queue.pop_front());
    for (std::size_t n = 1; n <= 3; ++n) queue.push_back(bytes::packet_of(home, counting(n)));
    queue.push_front(bytes::packet_of(home, counting(10)));
    CHECK(queue.size() == 4);
    CHECK(queue.bytes() == 16);
    for (std::size_t n : {10u, 1u, 2u, 3u}) CHECK(queue.pop_front().size() == n);
    CHECK(queue.empty());
    CHECK(queue.bytes() == 0);
    CHECK_FALSE(queue.pop_front());
    queue.push_front(bytes::packet_of(home, counting(4)));
    queue.push_back(bytes::packet_of(home, counting(5)));
    CHECK(queue.pop_front().size() == 4);
    CHECK(queue.pop_front().size() == 5);
}

TEST_CASE("splicing moves all of a queue behind another") {
    pool home;
    packet_queue a, b, none;
    a.push_back(bytes::packet_of(home, counting(1)));
    b.push_back(bytes::packet_of(home, counting(2)));
    b.push_back(bytes::packet_of(home, counting(3)));
    a.splice(b);
    a.splice(none);
    CHECK(b.empty());
    CHECK(b.size() == 0);
    CHECK(b.bytes() == 0);
    CHECK(a.size() == 3);
    CHECK(a.bytes() == 6);
    none.splice(a);
    CHECK(a.empty());
    for (std::size_t n : {1u, 2u, 3u}) CHECK(none.pop_front().size() == n);
    b.push_back(bytes::packet_of(home, counting(9)));
    CHECK(b.pop_front().size() == 9);
}

TEST_CASE("a queue owns what it holds, and moves") {
    pool home;
    {
        packet_queue a;
        a.push_back(bytes::packet_of(home, counting(1)));
        packet_queue b = std::move(a);
        CHECK(a.empty());
        CHECK(b.size() == 1);
        a.push_back(bytes::packet_of(home, counting(2)));
        b = std::move(a);
        CHECK(b.bytes() == 2);
        CHECK(home.in_use() == 2);
        b.clear();
        CHECK(b.bytes() == 0);
        CHECK(home.in_use() == 1);
    }
    CHECK(home.in_use() == 0);
}

TEST_CASE("a holder's notes stay with a packet while it waits") {
    pool home;
    packet_queue queue;
    for (int i = 0; i < 3; ++i) {
        packet p = bytes::packet_of(home, counting(1));
        p.control<int>(i);
        queue.push_back(std::move(p));
    }
    for (int i = 0; i < 3; ++i) CHECK(queue.pop_front().control<int>() == i);
}

TEST_CASE("a ring keeps packets in order, and takes some at either end") {
    pool home;
    const auto numbered = [&](std::size_t n) { return bytes::packet_of(home, counting(n)); };
    packet_ring ring;
    CHECK(ring.empty());
    CHECK_FALSE(ring.pop_front());
    for (std::size_t i = 3; i <= 5; ++i) ring.push_back(numbered(i));
    CHECK(ring.back().size() == 5);
    ring.push_front(numbered(2));
    ring.push_front(numbered(1));
    std::size_t seen = 0;
    ring.for_each([&](const packet& p) { return p.size() == ++seen && seen < 4; });
    CHECK(seen == 4);
    for (std::size_t i = 1; i <= 5; ++i) CHECK(ring.pop_front().size() == i);
    CHECK(ring.empty());
    ring.for_each([&](const packet&) { return ++seen != 0; });
    CHECK(seen == 4);
    ring.push_front(numbered(7));
    CHECK(ring.back().size() == 7);
    ring.push_back(numbered(8));
    ring.clear();
    CHECK(ring.empty());
    CHECK(home.in_use() == 0);
}

}  // namespace buffer_packet_queue_tests
