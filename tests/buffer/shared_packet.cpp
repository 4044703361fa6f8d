#include "bytes.hpp"

#include <netkit/buffer/chunk.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/shared_packet.hpp>

#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <type_traits>
#include <utility>

namespace buffer_shared_packet_tests {

using namespace netkit;
using bytes::counting;
using bytes::operator+;

namespace {
template <class T>
concept gives_bytes_to_write = requires(T t) {
    { t.bytes()[0] = std::byte{} };
};
template <class T>
concept gives_slices_to_write = requires(T t) {
    { t.slice(0)[0] = std::byte{} };
};
template <class T>
concept gives_head_to_write = requires(T t) {
    { t.head()[0] = std::byte{} };
};
template <class T>
concept shares_as_lvalue = requires(T& t) { t.share(); };

// Writing to bytes that others may hold does not compile; writing to one's own does.
static_assert(!gives_bytes_to_write<shared_packet> && !gives_bytes_to_write<chunk> && !gives_slices_to_write<packet>);
static_assert(gives_head_to_write<packet&> && !gives_head_to_write<const packet&>);
static_assert(!shares_as_lvalue<packet>, "sharing gives up the right to write");
static_assert(!std::copy_constructible<packet> && std::copy_constructible<shared_packet>);
static_assert(std::is_same_v<decltype(std::declval<shared_packet&>().bytes()), std::span<const std::byte>>);
}  // namespace

TEST_CASE("sharing copies nothing, and the bytes live as long as an owner") {
    pool home;
    packet p = bytes::packet_of(home, counting(10));
    const auto* where = p.head().data();
    shared_packet a = std::move(p).share();
    CHECK_FALSE(p);
    CHECK(a.bytes().data() == where);
    shared_packet b = a;
    CHECK(b.bytes().data() == where);
    CHECK(a.owners() == 2);
    a = {};
    CHECK(b.owners() == 1);
    CHECK(bytes::of(b.bytes()) == counting(10));
    b = {};
    CHECK(home.in_use() == 0);
}

TEST_CASE("sharing a packet with slices makes it contiguous first, and is empty where that fails") {
    pool home;
    const auto payload = bytes::shared_of(home, counting(1500));
    const auto make = [&] {
        packet p = bytes::packet_of(home, counting(10));
        p.attach(payload);
        p.attach(payload);
        return p;
    };
    CHECK(bytes::of(make().share().bytes()) == counting(10) + counting(1500) + counting(1500));
    packet p = make();
    home.fail_at(1);
    CHECK_FALSE(std::move(p).share());
    p.reset();
    CHECK(payload.owners() == 1);
    CHECK(home.in_use() == 1);
}

TEST_CASE("slices are cut to what there is") {
    pool home;
    const auto whole = bytes::shared_of(home, counting(10));
    CHECK(bytes::of(whole.slice(2, 3).bytes()) == counting(3, 2));
    CHECK(bytes::of(whole.slice(8, 9).bytes()) == counting(2, 8));
    CHECK(whole.slice(10, 1).size() == 0);
    CHECK(whole.slice(11, 1).size() == 0);
    CHECK(bytes::of(whole.slice(2, 6).slice(1, 99).bytes()) == counting(5, 3));
    auto part = whole.slice(0, 9);
    part.remove_prefix(4);
    CHECK(bytes::of(part.bytes()) == counting(5, 4));
    part.remove_prefix(99);
    CHECK(part.size() == 0);
    CHECK(shared_packet{}.slice(0, 1).size() == 0);
}

TEST_CASE("unsharing moves the bytes out for the only owner, and copies them otherwise") {
    pool home;
    auto whole = bytes::shared_of(home, counting(100));
    const auto* where = whole.bytes().data();
    SUBCASE("the only owner, of a part") {
        auto part = whole.slice(10, 20);
        whole = {};
        packet p = std::move(part).unshare();
        REQUIRE(p);
        CHECK(p.head().data() == where + 10);
        CHECK(p.headroom() == 64 + 10);
        CHECK(bytes::of(p) == counting(20, 10));
        CHECK(home.in_use() == 1);
    }
    SUBCASE("one of two") {
        packet p = shared_packet(whole).unshare();
        REQUIRE(p);
        CHECK(p.head().data() != where);
        p.head()[0] = std::byte{99};
        CHECK(bytes::of(whole.bytes()) == counting(100));
        CHECK(whole.owners() == 1);
    }
    SUBCASE("one of two, and the pool is exhausted") {
        home.fail_at(1);
        CHECK_FALSE(shared_packet(whole).unshare());
        CHECK(whole.owners() == 1);
    }
    SUBCASE("nothing") { CHECK_FALSE(shared_packet{}.unshare()); }
}

TEST_CASE("two transmissions of one payload queued at once copy no byte and keep their heads apart") {
    pool home;
    const auto payload = bytes::shared_of(home, counting(1000));
    packet_queue queue;
    const auto buffers = home.in_use();
    for (unsigned i = 0; i < 2; ++i) {
        packet p(home, 64);
        REQUIRE(p.attach(payload));
        p.push(be32(0x1000 + i));
        queue.push_back(std::move(p));
    }
    CHECK(home.in_use() == buffers + 2);
    CHECK(payload.owners() == 3);
    for (unsigned i = 0; i < 2; ++i) {
        packet p = queue.pop_front();
        CHECK(*p.peek<be32>() == 0x1000 + i);
        REQUIRE(p.slices() == 1);
        CHECK(p.slice(0).data() == payload.bytes().data());
        CHECK(p.size() == 1004);
    }
    CHECK(payload.owners() == 1);
}

TEST_CASE("a chunk grows while what was written is shared") {
    pool home;
    chunk c(home);
    REQUIRE(c);
    CHECK(c.size() == 0);
    CHECK(c.append(counting(100)) == 100);
    const auto first = c.share(0, 100);
    CHECK(c.append(counting(5000)) == 3996);
    CHECK(c.room() == 0);
    CHECK(c.append(counting(1)) == 0);
    CHECK(bytes::of(first.bytes()) == counting(100));
    const auto second = c.share(100, 3996);
    CHECK(second.bytes().data() == first.bytes().data() + 100);
    CHECK(bytes::of(second.bytes()) == counting(3996));
    c = {};
    CHECK(bytes::of(first.bytes()) == counting(100));
    home.fail_at(1);
    CHECK_FALSE(chunk(home));
}

TEST_CASE("a chunk's shares outlive it and give its buffer back") {
    pool home;
    shared_packet part;
    {
        chunk c(home);
        c.append(counting(9));
        part = c.share(3, 3);
    }
    CHECK(home.in_use() == 1);
    CHECK(bytes::of(part.bytes()) == counting(3, 3));
    part = {};
    CHECK(home.in_use() == 0);
}

}  // namespace buffer_shared_packet_tests
