#include <doctest/doctest.h>

#include "ends.hpp"

namespace protocol_tcp_transfer_tests {

using namespace tcp_test;

TEST_CASE("bytes arrive as they were sent, whatever the link does") {
    struct {
        const char* name;
        weather w;
        std::size_t size;
    } const links[] = {
        {"calm", {10ms, 0ms, 0, 0}, 1 << 20},
        {"lossy", {10ms, 0ms, 0.05, 0}, 300'000},
        {"reordering", {5ms, 20ms, 0, 0}, 300'000},
        {"duplicating", {5ms, 1ms, 0, 0.2}, 300'000},
        {"all of it", {10ms, 15ms, 0.1, 0.1}, 200'000},
        {"dreadful", {10ms, 15ms, 0.3, 0.1}, 40'000},
    };
    for (const auto& link : links)
        for (std::uint64_t seed = 1; seed <= 8; ++seed) {
            CAPTURE(link.name);
            CAPTURE(seed);
            pair p(link.w, seed, static_cast<std::uint32_t>(0xffffffff - seed * 997), static_cast<std::uint32_t>(seed * 0x10000000));
            p.open();
            REQUIRE(p.a.state() == tcp_state::established);
            REQUIRE(p.b.state() == tcp_state::established);
            CHECK(transfer(p, p.a, p.b, pattern(link.size, seed), 24h));
        }
}

TEST_CASE("both directions at once") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        pair p({10ms, 10ms, 0.05, 0.05}, seed);
        p.open();
        const auto there = pattern(100'000, seed), back = pattern(80'000, seed + 100);
        std::size_t written_a = 0, written_b = 0;
        bytes got_a, got_b;
        const auto step = [](end& e, const bytes& data, std::size_t& written, bytes& got) {
            if (written < data.size()) {
                written += e.write(std::span<const std::byte>(data).subspan(written)).bytes;
                if (written == data.size()) e.finish();
            }
            bytes buffer(3000);
            auto r = e.read(buffer);
            for (; r.bytes != 0; r = e.read(buffer)) got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
            return r.error == netkit::errc::end_of_stream;
        };
        CHECK(p.run_until(
            [&] {
                const bool a_done = step(p.a, there, written_a, got_a), b_done = step(p.b, back, written_b, got_b);
                return a_done && b_done;
            },
            24h));
        CHECK(got_b == there);
        CHECK(got_a == back);
    }
}

TEST_CASE("super-segments carry the same bytes, and no more slices than a device takes") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        pair p({10ms, 5ms, 0.02, 0}, seed);
        p.a.most_payload = 65000;
        p.keep_log = true;
        p.open();
        CHECK(transfer(p, p.a, p.b, pattern(2'000'000, seed), 24h, 100'000));
        std::uint32_t largest = 0;
        for (const auto& s : p.log_a) {
            largest = std::max(largest, s.size());
            if (s.gso_size != 0) CHECK(s.gso_size == 1448);
            else CHECK(s.size() <= 1448);
        }
        CHECK(largest > 30'000);
    }
}

TEST_CASE("a tiny receive buffer and one-byte reads still move everything") {
    pair p({1ms, 0ms, 0.02, 0}, 3);
    p.b.options.receive_buffer = 3000;
    p.open();
    CHECK(transfer(p, p.a, p.b, pattern(60'000, 3), 24h, 100));
}

TEST_CASE("many pieces of one byte") {
    pair p({1ms, 1ms, 0.02, 0}, 5);
    p.a.options.no_delay = true;
    p.open();
    const auto data = pattern(5000, 9);
    bytes got;
    std::size_t written = 0;
    bytes buffer(4096);
    CHECK(p.run_until(
        [&] {
            for (int i = 0; i < 10 && written < data.size(); ++i) written += p.a.write(std::span<const std::byte>(data).subspan(written, 1)).bytes;
            const auto r = p.b.read(buffer);
            got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
            return got.size() == data.size();
        },
        24h));
    CHECK(got == data);
}

TEST_CASE("nothing is left in the pool when both sides have closed") {
    pair p({10ms, 5ms, 0.05, 0.05}, 11);
    p.open();
    CHECK(transfer(p, p.a, p.b, pattern(200'000, 2), 24h));
    p.b.finish();
    p.run(300s);
    CHECK(p.a.pool().in_use() == 0);
    CHECK(p.b.pool().in_use() == 0);
    CHECK(p.a.state() == tcp_state::time_wait);
    CHECK(p.b.state() == tcp_state::closed);
}

TEST_CASE("an exhausted pool is waited out, and nothing is lost") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        pair p({5ms, 0ms, 0.01, 0}, seed);
        p.open();
        const auto data = pattern(50'000, seed);
        bytes got, buffer(2000);
        std::size_t written = 0, turn = 0;
        CHECK(p.run_until(
            [&] {
                if (++turn % 7 == 0) p.a.pool().fail_at(1 + seed % 5);
                for (int attempt = 0; attempt < 3 && written < data.size(); ++attempt) written += p.a.write(std::span<const std::byte>(data).subspan(written)).bytes;
                for (auto r = p.b.read(buffer); r.bytes != 0; r = p.b.read(buffer)) got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
                if (turn % 11 == 0) p.b.pool().fail_at(1 + seed % 3);
                return got.size() == data.size();
            },
            24h));
        CHECK(got == data);
    }
}

}  // namespace protocol_tcp_transfer_tests
