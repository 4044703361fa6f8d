#include <netkit/compose/transmit_queue.hpp>

#include <tests/compose/super_segment.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace compose_transmit_queue_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

using frame_bytes = std::vector<std::vector<std::byte>>;

/// Takes as many frames as it has room for, and remembers them.
struct narrow_device {
    std::size_t room = 0;
    frame_bytes taken;
    std::size_t transmit(std::span<packet> batch) {
        const auto n = std::min(room, batch.size());
        room -= n;
        for (const auto& p : batch.first(n)) taken.push_back(bytes_of(p, 0));
        return n;
    }
};

struct one_interface {
    pool buffers;
    narrow_device device;
    interface out;
    transmit_queue queue;
    std::vector<drop_reason> lost;
    frame_bytes expected;

    explicit one_interface(offloads can = {}) { out.can = can; }
    auto when_lost() {
        return [this](packet, drop_reason why) { lost.push_back(why); };
    }
    void flush() { queue.flush(device, out, buffers, when_lost()); }
    void send_small(std::uint8_t mark) {
        packet p(buffers, 64, 60);
        std::ranges::fill(p.append(std::size_t{60}), std::byte{mark});
        expected.push_back(bytes_of(p, 0));
        if (queue.hold(std::move(p))) flush();
    }
    errc send_whole(std::size_t payload) {
        auto whole = super_segment(buffers, {false, 0, true, payload}, 1000);
        for (const auto& p : segments_of(whole, out.link, buffers, out.can)) expected.push_back(bytes_of(p, 0));
        return queue.hold_cut(std::move(whole), device, out, buffers, when_lost());
    }
    /// Opens the device for so many frames.
    void let_through(std::size_t frames) {
        device.room = frames;
        flush();
    }
};

/// From the n-th from now on all allocations fail.
void fail_from(pool& buffers, std::size_t n) {
    static std::size_t left;
    left = n;
    buffers.fail_when([](void*) { return left == 0 || --left == 0; }, nullptr);
}

}  // namespace

TEST_CASE("frames and super-segments leave in order, however little room the device has at a time") {
    for (const std::size_t at_once : {1u, 5u, 31u, 32u, 33u, 1000u})
        for (const bool scatter : {false, true}) {
            CAPTURE(at_once);
            CAPTURE(scatter);
            one_interface one({.scatter = scatter});
            one.device.room = 3;
            one.send_small(1);
            CHECK(one.send_whole(40500) == errc::ok);
            one.send_small(2);
            CHECK(one.send_whole(2500) == errc::ok);
            CHECK(one.send_whole(60000) == errc::ok);
            one.send_small(3);
            one.flush();
            CHECK(one.queue.blocked());
            CHECK(one.device.taken.size() == 3);
            for (std::size_t turns = 0; !one.queue.empty(); ++turns) {
                REQUIRE(turns < 200);
                one.let_through(at_once);
            }
            CHECK(one.device.taken == one.expected);
            CHECK(one.lost.empty());
            CHECK(one.out.sent.packets == 41 + 3 + 60);  // small ones are counted by who holds them
            CHECK(one.buffers.in_use() == 0);
        }
}

TEST_CASE("what the device has no room for yet is not cut") {
    one_interface one;
    CHECK(one.send_whole(60000) == errc::ok);
    const auto waiting = one.buffers.in_use();
    for (int i = 0; i < 8; ++i) CHECK(one.send_whole(60000) == errc::ok);
    // Each whole is a buffer and the one it borrows; only what was cut before the device turned out to be full is more.
    CHECK(one.buffers.in_use() == waiting + 8 * 2);
    CHECK(waiting <= 2 + transmit_queue::burst);
    one.let_through(9 * 60);
    CHECK(one.device.taken == one.expected);
    CHECK(one.queue.empty());
}

TEST_CASE("the backlog is bounded by frames, also by those that super-segments stand for") {
    one_interface one;
    one.queue.limit = 100;
    for (int i = 0; i < 4; ++i) CHECK(one.send_whole(30000) == errc::ok);
    CHECK(one.lost.empty());
    CHECK(one.send_whole(30000) == errc::no_buffers);
    CHECK(one.lost == std::vector{drop_reason::device_full});
    CHECK(one.out.send_drops == 30);
    // What has been cut off a whole no longer counts as part of it.
    one.let_through(40);
    CHECK(one.send_whole(30000) == errc::ok);
    CHECK(one.send_whole(30000) == errc::no_buffers);
    // Room again, for as many.
    one.let_through(1000);
    CHECK(one.device.taken.size() == 5 * 30);
    CHECK(one.queue.empty());
    CHECK(one.send_whole(30000) == errc::ok);
    CHECK(one.lost.size() == 2);
}

TEST_CASE("where few buffers are left, those of frames that leave are used again, and nothing is lost") {
    one_interface one;
    one.device.room = 10'000;
    for (const bool waits : {false, true}) {
        if (waits) one.device.room = 0;
        auto give = [&](std::size_t payload) {
            auto whole = super_segment(one.buffers, {false, 0, true, payload}, 1000);
            for (const auto& p : segments_of(whole, one.out.link, one.buffers, one.out.can)) one.expected.push_back(bytes_of(p, 0));
            return whole;
        };
        std::vector<packet> wholes;
        for (int i = 0; i < 5; ++i) wholes.push_back(give(20000));
        if (waits) {
            one.send_small(1);
            std::rotate(one.expected.begin(), one.expected.end() - 1, one.expected.end());
            one.flush();
        }
        // From here on there are so many buffers beyond those in use.
        std::size_t most = one.buffers.in_use() + 3;
        const auto fails = [&] { return one.buffers.in_use() >= most; };
        one.buffers.fail_when([](void* f) { return (*static_cast<decltype(fails)*>(f))(); }, const_cast<void*>(static_cast<const void*>(&fails)));
        for (auto& whole : wholes) CHECK(one.queue.hold_cut(std::move(whole), one.device, one.out, one.buffers, one.when_lost()) == errc::ok);
        one.let_through(10'000);
        one.buffers.fail_when(nullptr, nullptr);
        CHECK(one.queue.empty());
        CHECK(one.lost.empty());
        CHECK(one.device.taken == one.expected);
        one.device.taken.clear();
        one.expected.clear();
    }
}

TEST_CASE("what waits is told apart by what it was when it came, whatever is said of the device since") {
    one_interface one({.scatter = true, .segmentation = true});
    auto whole = super_segment(one.buffers, {false, 0, true, 30000}, 1000);
    CHECK(!one.queue.hold(std::move(whole)));
    one.flush();
    CHECK(one.queue.blocked());
    one.out.can.segmentation = false;
    one.let_through(1);
    CHECK(one.queue.empty());
    for (int i = 0; i < 3; ++i) one.send_small(1);
    one.flush();
    CHECK(one.lost.empty());
}

TEST_CASE("what is no super-segment is lost, and said to be") {
    one_interface one;
    auto complete = super_segment(one.buffers, {false, 0, true, 3000}, 1000);
    complete.complete_checksum();
    CHECK(one.queue.hold_cut(std::move(complete), one.device, one.out, one.buffers, one.when_lost()) == errc::message_too_big);
    CHECK(one.lost == std::vector{drop_reason::too_big});
    CHECK(one.queue.empty());
}

TEST_CASE("where the pool is exhausted for good the rest of a super-segment is lost, and nothing else") {
    SUBCASE("at once") {
        one_interface one;
        one.device.room = 100;
        one.send_small(1);
        auto whole = super_segment(one.buffers, {false, 0, true, 10000}, 1000);
        fail_from(one.buffers, 4);
        CHECK(one.queue.hold_cut(std::move(whole), one.device, one.out, one.buffers, one.when_lost()) == errc::no_buffers);
        one.flush();
        CHECK(one.device.taken.size() == 1 + 3);
        CHECK(one.lost == std::vector{drop_reason::no_buffers});
    }
    SUBCASE("once its turn has come") {
        one_interface one;
        one.send_small(1);
        one.flush();
        CHECK(one.send_whole(10000) == errc::ok);
        one.send_small(2);
        fail_from(one.buffers, 4);
        one.let_through(100);
        CHECK(one.device.taken.size() == 1 + 3 + 1);
        CHECK(one.device.taken.back() == one.expected.back());
        CHECK(one.lost == std::vector{drop_reason::no_buffers});
        CHECK(one.queue.empty());
    }
}

}  // namespace compose_transmit_queue_tests
