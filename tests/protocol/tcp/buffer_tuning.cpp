#include <doctest/doctest.h>

#include "ends.hpp"

#include <tuple>

namespace protocol_tcp_buffer_tuning_tests {

using namespace tcp_test;
using netkit::tcp_microseconds;
using netkit::tcp_receive_tuning;
using netkit::tcp_socket_options;

namespace {

constexpr std::uint32_t mss = 1460;

/// Moves data from a to b as fast as it goes, b's program reading all of it, for so long. Returns how much b has read.
std::size_t move_data(pair& p, netkit::duration how_long, std::size_t read_at_most = ~std::size_t{}) {
    const bytes data(1 << 20);
    bytes buffer(1 << 20);
    std::size_t got = 0;
    p.run_until(
        [&] {
            while (p.a.write(data).bytes != 0) {}
            while (got < read_at_most) {
                const auto n = p.b.read(std::span(buffer).first(std::min(buffer.size(), read_at_most - got))).bytes;
                got += n;
                if (n == 0) break;
            }
            return false;
        },
        how_long);
    return got;
}

}  // namespace

TEST_CASE("the receive buffer becomes twice what is read in a round trip, four times while that grows, and keeps to its limit") {
    constexpr std::uint32_t limit = 1'000'000;
    tcp_receive_tuning tuning;
    tuning.start(65'536, false);
    netkit::time_point now{1000s};
    CHECK(tuning.round_ends() <= now);
    tuning.round_ended(now, 5000, 10ms, mss, limit);
    CHECK(tuning.round_ends() == now + 10ms);
    CHECK(tuning.buffer() == 65'536);
    std::uint32_t read = 5000;
    const auto round = [&](std::uint32_t n) {
        read += n;
        now += 10ms;
        tuning.round_ended(now, read, 10ms, mss, limit);
        return tuning.buffer();
    };
    CHECK(round(10'000) == 65'536);
    CHECK(round(20'000) == 80'000 + 16 * mss);
    CHECK(round(40'000) == 160'000 + 16 * mss);
    CHECK(round(100'000) == 400'000 + 16 * mss);
    CHECK(round(110'000) == 400'000 + 16 * mss);  // twice is less than it is
    CHECK(round(10'000) == 400'000 + 16 * mss);
    CHECK(round(800'000) == limit);
    CHECK(round(8'000'000) == limit);
}

TEST_CASE("the shortest round trip counts at once, a longer one slowly") {
    tcp_receive_tuning tuning;
    netkit::time_point now{1000s};
    tuning.round_ended(now, 0, 80ms, mss, 1 << 20);
    CHECK(tuning.round_trip() == 80ms);
    tuning.round_ended(now, 0, 10ms, mss, 1 << 20);
    CHECK(tuning.round_trip() == 10ms);
    tuning.round_ended(now, 0, 90ms, mss, 1 << 20);
    CHECK(tuning.round_trip() == 20ms);
}

TEST_CASE("numbers of bytes wrap") {
    tcp_receive_tuning tuning;
    netkit::time_point now{1000s};
    tuning.round_ended(now, 0xffff'ff00u, 1ms, mss, 1 << 24);
    tuning.round_ended(now, 0xffff'ff00u + 100'000, 1ms, mss, 1 << 24);
    CHECK(tuning.buffer() == 400'000 + 16 * mss);
}

TEST_CASE("a long way is filled: the window follows, from its modest beginning, what the peer may send") {
    for (const bool timestamps : {true, false}) {
        CAPTURE(timestamps);
        pair p({50ms});
        p.a.options.timestamps = timestamps;
        p.open();
        CHECK(p.b.c().receive_buffer() == tcp_socket_options::first_receive_buffer);
        move_data(p, 2s);
        netkit::tcp_info info;
        netkit::tcp_machine::describe(p.b.c(), info);
        CHECK(info.receive_buffer == 6 << 20);
        CHECK(info.receive_rtt >= 90ms);
        CHECK(info.receive_rtt <= 150ms);
        CHECK(p.b.c().receive_window() > 4'000'000);
        // The sender keeps up.
        netkit::tcp_machine::describe(p.a.c(), info);
        CHECK(info.send_buffer == 4 << 20);
        CHECK(p.a.c().in_flight() > 2'000'000);
    }
}

TEST_CASE("what the program has fixed stays") {
    pair p({50ms});
    p.a.options.send_buffer = 300'000;
    p.b.options.receive_buffer = 200'000;
    p.open();
    const auto got = move_data(p, 2s);
    CHECK(p.b.c().receive_buffer() == 200'000);
    CHECK(p.a.c().send_buffer == 300'000);
    CHECK(p.b.c().receive_scale == 2);
    CHECK(got < 2'000'000 / 100 * 220);
    CHECK(got > 2'000'000);
}

TEST_CASE("fixed while it is open, and given back to its own pace") {
    pair p({50ms});
    p.open();
    auto o = p.b.options;
    o.receive_buffer = 50'000;
    p.b.set(o);
    CHECK(p.b.c().receive_buffer() == 50'000);
    move_data(p, 1s);
    CHECK(p.b.c().receive_buffer() == 50'000);
    o.receive_buffer = 0;
    p.b.set(o);
    move_data(p, 2s);
    CHECK(p.b.c().receive_buffer() > 1'000'000);
}

TEST_CASE("a program that does not read, or slowly, holds little") {
    pair p({50ms});
    p.open();
    move_data(p, 5s, 100'000);
    CHECK(p.b.c().receive_buffer() <= 4 * 100'000 + 16 * mss);
    CHECK(p.b.c().receiving.size() <= p.b.c().receive_buffer());
    CHECK(p.b.c().receiving.memory() <= p.b.c().receive_buffer() * 5 / 2);
}

TEST_CASE("where the pool has come near its limit buffers no longer grow") {
    pair p({50ms});
    p.open();
    p.a.pool().limit(p.a.pool().allocated());
    p.b.pool().limit(p.b.pool().allocated());
    move_data(p, 1s);
    CHECK(p.a.c().send_buffer == tcp_socket_options::first_send_buffer);
    CHECK(p.b.c().receive_buffer() == tcp_socket_options::first_receive_buffer);
}

TEST_CASE("the window's scale covers what the buffer may become") {
    for (const auto& [most, scale] : {std::tuple{60'000u, 0}, std::tuple{65'536u, 1}, std::tuple{6u << 20, 7}, std::tuple{1u << 30, 14}}) {
        CAPTURE(most);
        pair p;
        p.keep_log = true;
        p.a.options.most_receive_buffer = most;
        p.open();
        CHECK(p.log_a.at(0).options.window_scale == scale);
        CHECK(p.a.c().receive_buffer() == std::min(most, tcp_socket_options::first_receive_buffer));
    }
    pair p;
    p.a.options.window_scaling = false;
    p.open();
    CHECK(p.a.c().receive_scale == 0);
    CHECK(p.b.c().receive_scale == 0);
    CHECK(p.b.c().receive_window() <= 65'535);
    CHECK(move_data(p, 1s) > 1'000'000);
}

TEST_CASE("with a scale the edge that the peer sees is not taken back while the program reads") {
    pair p;
    p.keep_log = true;
    p.a.options.no_delay = true;
    p.open();
    std::mt19937_64 random(5);
    bytes buffer(100'000);
    for (int i = 0; i < 500; ++i) {
        (void)p.a.write(1 + random() % 3000);
        p.run(30ms);
        while (p.b.read(buffer).bytes != 0) {}
    }
    REQUIRE(p.b.c().receive_scale == 7);
    std::uint32_t edge = 0;
    for (const auto& s : p.log_b) {
        if (s.has(tcp_flags::syn)) continue;
        const auto now = s.acknowledgement + (std::uint32_t{s.window} << 7);
        CHECK(now - edge < 1u << 31);
        edge = now;
    }
}

TEST_CASE("without reads the window never promises more than the buffer, however small the segments") {
    pair p;
    p.a.options.no_delay = true;
    p.b.options.receive_buffer = 100'000;
    p.open();
    p.keep_log = true;
    for (int i = 0; i < 3000; ++i) {
        (void)p.a.write(static_cast<std::size_t>(1 + i % 7));
        p.run(1ms);
    }
    const auto start = p.b.c().initial_receive.value() + 1;
    for (const auto& s : p.log_b) CHECK(s.acknowledgement - start + (std::uint32_t{s.window} << p.b.c().receive_scale) <= 100'000);
}

TEST_CASE("middling segments are put together where they would hold much more memory than bytes") {
    for (const std::uint32_t size : {1u, 100u, 513u, 600u, 700u, 900u, 1400u}) {
        CAPTURE(size);
        netkit::pool pool;
        netkit::tcp_receive_queue queue;
        bytes model, got(500'000);
        for (std::uint32_t i = 0; i < 300; ++i) {
            const auto one = pattern(size, i);
            netkit::packet p(pool, 64, size);
            p.append(one);
            queue.push(std::move(p));
            model.insert(model.end(), one.begin(), one.end());
        }
        CHECK(queue.memory() <= queue.size() / 2 * 5 + 5000);
        const auto memory = queue.memory();
        std::span<std::byte> to(got);
        CHECK(queue.read({&to, 1}, true) == model.size());
        CHECK(queue.memory() == memory);
        auto part = to.first(10);
        const bool more_than_part = model.size() > 10;
        CHECK(queue.read({&part, 1}, false) == 10);
        if (more_than_part) CHECK(queue.memory() != 0);
        const auto taken = queue.take(7);
        CHECK(taken.size() <= 7);
        CHECK(queue.read({&to, 1}, false) == model.size() - 10 - taken.size());
        CHECK(std::equal(got.begin(), got.begin() + 20, model.begin() + 10 + static_cast<std::ptrdiff_t>(taken.size())));
        CHECK(queue.memory() == 0);
        CHECK(queue.empty());
    }
}

TEST_CASE("buffers that are set while it connects are those it has then") {
    made_up_time time;
    end e(time);
    e.connect();
    netkit::tcp_socket_options o;
    o.send_buffer = 4'000'000;
    o.receive_buffer = 50'000;
    e.set(o);
    CHECK(e.c().send_buffer == 4'000'000);
    CHECK(e.c().receive_room() == 50'000);
}

TEST_CASE("what borrows many buffers for few bytes is copied: the pool holds no more than the queue says") {
    for (const std::size_t size : {10u, 40u, 200u, 1400u}) {
        CAPTURE(size);
        netkit::pool pool;
        netkit::tcp_receive_queue queue;
        bytes model, got(1'000'000);
        for (std::uint32_t i = 0; i < 30; ++i) {
            netkit::packet p(pool, 64, size);
            for (std::uint32_t slice = 0; slice < 18; ++slice) {
                const auto one = pattern(size, i * 18 + slice);
                netkit::packet q(pool, 64, size);
                q.append(one);
                if (slice == 0) p.append(one);
                else REQUIRE(p.attach(std::move(q).share()));
                model.insert(model.end(), one.begin(), one.end());
            }
            queue.push(std::move(p));
        }
        CHECK(queue.memory() >= pool.in_use() * (2048 + sizeof(netkit::buffer)));
        CHECK(queue.memory() <= queue.size() * 3 + 9000);
        std::span<std::byte> to(got);
        CHECK(queue.read({&to, 1}, false) == model.size());
        CHECK(std::equal(model.begin(), model.end(), got.begin()));
        CHECK(queue.memory() == 0);
        CHECK(pool.in_use() == 0);
    }
}

}  // namespace protocol_tcp_buffer_tuning_tests
