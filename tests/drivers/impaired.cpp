#include <netkit/drivers/impaired.hpp>

#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/memory_link.hpp>

#include <doctest/doctest.h>

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace drivers_impaired_tests {

using netkit::impaired;
using netkit::memory_link;
using netkit::packet;
using namespace std::chrono_literals;

static_assert(netkit::device<impaired<memory_link>> && netkit::device<netkit::capture<impaired<memory_link>>>);

namespace {

/// A wire of which one end is bad, in made-up time. Frames carry a number.
struct bad_wire {
    netkit::time_point now{1s};
    netkit::pool buffers;
    memory_link good;
    std::optional<impaired<memory_link>> bad;

    explicit bad_wire(const netkit::impairments& how, std::uint64_t seed = 1) {
        auto [a, b] = memory_link::make({.capacity = 100000});
        good = std::move(a);
        bad.emplace(std::move(b), how, seed, [this] { return now; });
    }
    void send(std::uint16_t number, std::size_t size = 100) {
        packet p(buffers, 0, size);
        p.append(size);
        p.head()[0] = std::byte(number >> 8);
        p.head()[1] = std::byte(number & 0xff);
        REQUIRE(good.transmit(std::span(&p, 1)) == 1);
    }
    /// The numbers of what has fallen due.
    std::vector<int> receive() {
        std::vector<int> numbers;
        std::array<packet, 8> batch;
        while (const auto got = bad->receive({buffers}, batch))
            for (std::size_t i = 0; i < got; ++i) numbers.push_back(static_cast<int>(batch[i].head()[0]) << 8 | static_cast<int>(batch[i].head()[1]));
        return numbers;
    }
    /// The same, letting time pass until nothing is held.
    std::vector<int> receive_all() {
        auto all = receive();
        while (const auto next = bad->next_ready()) {
            REQUIRE(*next >= now);
            now = *next;
            const auto more = receive();
            REQUIRE(!more.empty());
            all.insert(all.end(), more.begin(), more.end());
        }
        return all;
    }
};
std::vector<int> numbers_to(int n) {
    std::vector<int> numbers;
    for (int i = 0; i < n; ++i) numbers.push_back(i);
    return numbers;
}

}  // namespace

TEST_CASE("a line without faults passes everything at once, in order") {
    bad_wire line({});
    for (std::uint16_t i = 0; i < 100; ++i) line.send(i);
    CHECK(line.receive() == numbers_to(100));
    CHECK_FALSE(line.bad->next_ready());
    CHECK(line.bad->counters().passed == 100);
}

TEST_CASE("delay holds each frame, and jitter keeps the order") {
    bad_wire line({.delay = 10ms});
    line.send(0);
    CHECK(line.receive().empty());
    REQUIRE(line.bad->next_ready());
    CHECK(*line.bad->next_ready() == line.now + 10ms);
    line.now += 4ms;
    line.send(1);
    line.now += 6ms - 1ns;
    CHECK(line.receive().empty());
    line.now += 1ns;
    CHECK(line.receive() == std::vector{0});
    CHECK(*line.bad->next_ready() == line.now + 10ms - 1ns);  // frame 1 was first seen when we last looked
    line.now += 10ms - 1ns;
    CHECK(line.receive() == std::vector{1});

    bad_wire shaky({.delay = 10ms, .jitter = 5ms});
    const auto start = shaky.now;
    for (std::uint16_t i = 0; i < 200; ++i) shaky.send(i);
    CHECK(shaky.receive_all() == numbers_to(200));
    CHECK(shaky.now > start + 10ms);
    CHECK(shaky.now <= start + 15ms);
}

TEST_CASE("loss and duplication are as probable as they are said to be, and repeat with their seed") {
    for (const std::uint64_t seed : {std::uint64_t(1), std::uint64_t(42)}) {
        CAPTURE(seed);
        const netkit::impairments how{.loss = 0.1, .duplicate = 0.05};
        bad_wire line(how, seed), again(how, seed), other(how, seed + 1000);
        for (std::uint16_t i = 0; i < 10000; ++i) line.send(i), again.send(i), other.send(i);
        const auto seen = line.receive_all();
        const auto& counters = line.bad->counters();
        // Five standard deviations.
        CHECK(counters.lost > 1000 - 150);
        CHECK(counters.lost < 1000 + 150);
        CHECK(counters.duplicated > 450 - 110);
        CHECK(counters.duplicated < 450 + 110);
        CHECK(seen.size() == 10000 - counters.lost + counters.duplicated);
        CHECK(std::set<int>(seen.begin(), seen.end()).size() == 10000 - counters.lost);
        CHECK(again.receive_all() == seen);
        CHECK(other.receive_all() != seen);
    }
    bad_wire none({.loss = 1});
    none.send(0);
    CHECK(none.receive_all().empty());
    CHECK(none.buffers.in_use() == 0);
}

TEST_CASE("reordered frames come later, overtaken by those behind them") {
    bad_wire line({.reorder = 0.2, .reorder_by = 1ms});
    std::vector<int> seen;
    for (std::uint16_t i = 0; i < 1000; ++i) {
        line.send(i);
        line.now += 100us;
        const auto now_seen = line.receive();
        seen.insert(seen.end(), now_seen.begin(), now_seen.end());
    }
    const auto rest = line.receive_all();
    seen.insert(seen.end(), rest.begin(), rest.end());
    CHECK(line.bad->counters().reordered > 100);
    CHECK(seen != numbers_to(1000));
    std::sort(seen.begin(), seen.end());
    CHECK(seen == numbers_to(1000));
}

TEST_CASE("a rate spaces frames by their size, and its queue has an end") {
    bad_wire line({.rate = 8'000'000, .queue_limit = 10});
    const auto start = line.now;
    for (std::uint16_t i = 0; i < 15; ++i) line.send(i, 1000);
    CHECK(line.receive().empty());
    CHECK(line.bad->counters().overflowed == 5);
    CHECK(*line.bad->next_ready() == start + 1ms);
    CHECK(line.receive_all() == numbers_to(10));
    CHECK(line.now == start + 10ms);
}

TEST_CASE("its queue may have an end in bytes") {
    bad_wire line({.rate = 8'000'000, .queue_limit_bytes = 2500});
    line.send(0, 1000);
    line.send(1, 1000);
    line.send(2, 501);
    line.send(3, 500);
    CHECK(line.receive_all() == std::vector{0, 1, 3});
    CHECK(line.bad->counters().overflowed == 1);
}

TEST_CASE("frames are lost in bursts, turned over in a bit, and overtaken by so many others") {
    bad_wire bursts({.bursts = {.begin = 0.01, .end = 0.1}});
    for (std::uint16_t i = 0; i < 10000; ++i) bursts.send(i);
    const auto seen = bursts.receive_all();
    int gaps = 0;
    for (std::size_t i = 1; i < seen.size(); ++i) gaps += seen[i] != seen[i - 1] + 1 ? 1 : 0;
    const auto lost = static_cast<double>(bursts.bad->counters().lost);
    CHECK(lost / gaps == doctest::Approx(10).epsilon(0.3));

    bad_wire corrupts({.corrupt = 1});
    corrupts.send(0);
    netkit::packet got;
    REQUIRE(corrupts.bad->receive({corrupts.buffers}, std::span(&got, 1)) == 1);
    CHECK(corrupts.bad->counters().corrupted == 1);

    bad_wire overtaken({.reorder = 1, .reorder_by = 1s, .reorder_behind = 2});
    overtaken.send(0);
    CHECK(overtaken.receive().empty());
    overtaken.bad->change({});
    for (std::uint16_t i = 1; i < 4; ++i) overtaken.send(i);
    CHECK(overtaken.receive() == std::vector{1, 2, 0, 3});
}

TEST_CASE("what is sent passes as it was, and what the device is shows through") {
    auto [a, b] = memory_link::make({.mtu = 576, .capacity = 1, .can = {.checksum = true}, .link = netkit::link_type::ip});
    impaired<memory_link> line(std::move(a), {.loss = 1}, 1);
    CHECK(line.mtu() == 576);
    CHECK(line.link() == netkit::link_type::ip);
    CHECK(line.can().checksum);
    netkit::pool buffers;
    std::array<packet, 2> batch{packet(buffers, 0), packet(buffers, 0)};
    CHECK(line.transmit(batch) == 1);
    CHECK(b.waiting() == 1);
}

TEST_CASE("in real time its descriptor polls readable when a frame arrives, when it falls due, and when there is room again") {
    auto [a, b] = memory_link::make({.capacity = 1});
    impaired<memory_link> first(std::move(a), {.delay = 2ms}, 1);
    impaired<memory_link> line = std::move(first);
    netkit::pool buffers;
    const auto readable = [&](int timeout) {
        pollfd wanted{line.native_handle(), POLLIN, 0};
        return ::poll(&wanted, 1, timeout) == 1;
    };
    constexpr int long_enough = 10000;
    CHECK_FALSE(readable(0));

    packet p(buffers, 0, 10);
    p.append(10);
    b.transmit(std::span(&p, 1));
    CHECK(readable(0));
    packet got;
    std::size_t count = line.receive({buffers}, std::span(&got, 1));
    for (int tries = 0; tries < 100 && count == 0; ++tries) {
        CHECK(readable(long_enough));
        count = line.receive({buffers}, std::span(&got, 1));
    }
    CHECK(count == 1);
    CHECK(got.size() == 10);
    CHECK_FALSE(readable(0));

    std::array<packet, 2> batch{packet(buffers, 0), packet(buffers, 0)};
    CHECK(line.transmit(batch) == 1);
    CHECK_FALSE(readable(0));
    CHECK(b.receive({buffers}, std::span(&got, 1)) == 1);
    CHECK(readable(0));
}

TEST_CASE("what is no probability, and what is no time, is refused") {
    const auto make = [](const netkit::impairments& how) { impaired<memory_link> line(memory_link(), how, 1); };
    CHECK_THROWS_AS(make({.loss = -0.1}), std::invalid_argument);
    CHECK_THROWS_AS(make({.duplicate = 1.1}), std::invalid_argument);
    CHECK_THROWS_AS(make({.reorder = 0.0 / 0.0}), std::invalid_argument);
    CHECK_THROWS_AS(make({.delay = -1ns}), std::invalid_argument);
}

}  // namespace drivers_impaired_tests
