#include <netkit/core/random.hpp>
#include <netkit/protocol/reassembly.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace protocol_reassembly_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

constexpr time_point t0{1h};
constexpr std::uint16_t header = 20;

using machine = reassembly<ipv4_address>;
using verdict = machine::verdict;

std::byte content(std::size_t at) { return static_cast<std::byte>(at * 7 + at / 256); }

bool is_content(const packet& p) {
    for (std::size_t i = 0; i < p.size(); ++i)
        if (p.head()[i] != content(i)) return false;
    return true;
}

struct fixture {
    pool home;
    machine fragments;

    explicit fixture(const reassembly_limits& limits = reassembly_limits::of<ipv4_address>()) : fragments(limits) { fragments.start({1, 2}); }
    static machine::key id(std::uint32_t n, std::uint32_t source = 1) { return {.source = ipv4_address(source), .target = ipv4_address(9), .id = n, .protocol = 17}; }

    /// A received fragment, its header pulled: what a datagram whose bytes are `content` has at `offset`.
    packet make(std::uint32_t offset, std::size_t size, std::uint16_t headers = header) {
        packet p(home, 14, headers + size);
        const auto front = p.append(headers);
        std::fill(front.begin(), front.end(), static_cast<std::byte>(0xa0 + offset / 8 % 16));
        auto bytes = p.append(size);
        for (std::size_t i = 0; i < size; ++i) bytes[i] = content(offset + i);
        p.pull(headers);
        p.frames(1);
        return p;
    }
    machine::outcome add(std::uint32_t n, std::uint32_t offset, std::size_t size, bool more, time_point now = t0, std::uint32_t source = 1) {
        return fragments.add(id(n, source), make(offset, size), {.offset = offset, .more = more, .header = header}, now, home, 14);
    }
};

void check_whole(machine::outcome& result, std::size_t size, std::uint16_t frames) {
    REQUIRE(result.what == verdict::complete);
    REQUIRE(result.whole);
    REQUIRE(result.whole.head().size() == size);
    REQUIRE(is_content(result.whole));
    CHECK(result.whole.frames() == frames);
    CHECK(result.header == header);
    const auto front = result.whole.push(header);
    CHECK(front[0] == std::byte{0xa0});  // the first fragment's
    CHECK(result.whole.headroom() >= 14);
    result.whole.pull(header);
}

}  // namespace

TEST_CASE("fragments make a datagram, in whatever order they come") {
    std::vector<std::uint32_t> order{0, 1, 2, 3, 4};
    do {
        fixture f;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const auto n = order[i];
            auto result = f.add(1, n * 1000, n == 4 ? 77 : 1000, n != 4);
            REQUIRE(result.discarded.empty());
            if (i + 1 < order.size()) REQUIRE(result.what == verdict::held);
            else check_whole(result, 4077, 5);
        }
        REQUIRE(f.fragments.size() == 0);
        REQUIRE(f.fragments.bytes() == 0);
        REQUIRE(f.home.in_use() == 0);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a datagram of 64 KiB in fragments of a 576-byte link") {
    fixture f;
    const std::uint32_t total = 65535 - header;
    std::uint16_t frames = 0;
    for (std::uint32_t offset = 0; offset < total; offset += 552, ++frames) {
        const auto size = std::min(552u, total - offset);
        auto result = f.add(1, offset, size, offset + size < total);
        if (offset + size == total) check_whole(result, total, static_cast<std::uint16_t>(frames + 1));
        else REQUIRE(result.what == verdict::held);
    }
}

TEST_CASE("datagrams are told apart by source, target, protocol and identifier") {
    fixture f;
    const auto part = [&](machine::key of) {
        return f.fragments.add(of, f.make(0, 8), {.offset = 0, .more = true, .header = header}, t0, f.home, 14).what;
    };
    auto of = fixture::id(1);
    CHECK(part(of) == verdict::held);
    of.id = 2;
    CHECK(part(of) == verdict::held);
    of = fixture::id(1);
    of.protocol = 6;
    CHECK(part(of) == verdict::held);
    of = fixture::id(1);
    of.target = ipv4_address(10);
    CHECK(part(of) == verdict::held);
    CHECK(part(fixture::id(1, 2)) == verdict::held);
    CHECK(f.fragments.size() == 5);
    auto result = f.add(2, 8, 3, false);
    check_whole(result, 11, 2);
    CHECK(f.fragments.size() == 4);
}

TEST_CASE("an atomic fragment stands alone and disturbs nobody") {
    fixture f;
    f.add(1, 8, 8, true);
    auto result = f.add(1, 0, 11, false);
    check_whole(result, 11, 1);
    CHECK(f.fragments.size() == 1);
}

TEST_CASE("the datagram may be used again after it is complete, and its identifier too") {
    fixture f;
    for (int i = 0; i < 3; ++i) {
        f.add(1, 0, 8, true);
        auto result = f.add(1, 8, 8, false);
        check_whole(result, 16, 2);
    }
}

TEST_CASE("an overlap discards the datagram, and what else comes of it") {
    struct { std::uint32_t offset; std::size_t size; bool more; } const overlaps[] = {
        {8, 24, true},    // over the end
        {0, 24, true},    // over the start
        {16, 8, true},    // inside
        {0, 48, true},    // around
        {16, 16, true},   // the same start, shorter
        {16, 40, true},   // the same start, longer
        {24, 16, true},   // the tail
        {16, 24, false},  // the same, and suddenly the last
        {8, 9, false},    // the last, reaching into another
        {8, 8, false},    // the last, though others lie beyond
    };
    for (const auto& o : overlaps) {
        CAPTURE(o.offset);
        CAPTURE(o.size);
        fixture f;
        f.add(1, 16, 24, true);
        auto result = f.add(1, o.offset, o.size, o.more);
        CHECK(result.what == verdict::rejected);
        CHECK(result.reason == drop_reason::fragment_overlap);
        CHECK(result.discarded.size() == 2);
        CHECK(f.fragments.bytes() == 0);
        // It stays dead until its time is over.
        auto late = f.add(1, 400, 8, true, t0 + 29s);
        CHECK(late.what == verdict::rejected);
        CHECK(late.reason == drop_reason::fragment_overlap);
        CHECK(late.discarded.size() == 1);
        f.fragments.expire(t0 + 30s, [](auto&&) { FAIL("there was nothing left to expire"); });
        CHECK(f.fragments.size() == 0);
        CHECK(f.add(1, 400, 8, true, t0 + 31s).what == verdict::held);
    }
}

TEST_CASE("two last fragments, or one beyond the last, discard the datagram") {
    struct { std::uint32_t offset; std::size_t size; bool more; } const wrong[] = {{200, 8, false}, {50 * 8, 8, true}, {96, 8, true}, {88, 8, false}};
    for (const auto& w : wrong) {
        CAPTURE(w.offset);
        fixture f;
        f.add(1, 96, 8, false);
        auto result = f.add(1, w.offset, w.size, w.more);
        CHECK(result.what == verdict::rejected);
        CHECK(result.reason == drop_reason::fragment_overlap);
        CHECK(result.discarded.size() == 2);
    }
}

TEST_CASE("an exact duplicate is dropped alone; other bytes in its place are an overlap") {
    fixture f;
    f.add(1, 0, 16, true);
    auto again = f.add(1, 0, 16, true);
    CHECK(again.what == verdict::rejected);
    CHECK(again.reason == drop_reason::fragment_overlap);
    CHECK(again.discarded.size() == 1);
    f.add(1, 24, 5, false);
    CHECK(f.add(1, 24, 5, false).discarded.size() == 1);
    auto result = f.add(1, 16, 8, true);
    check_whole(result, 29, 3);

    f.add(2, 0, 16, true);
    packet forged = f.make(0, 16);
    forged.head()[3] ^= std::byte{1};
    CHECK(f.fragments.add(fixture::id(2), std::move(forged), {.offset = 0, .more = true, .header = header}, t0, f.home, 14).discarded.size() == 2);
    CHECK(f.add(2, 16, 8, false).what == verdict::rejected);
}

TEST_CASE("sizes that lie are refused, and harm no one else's datagram") {
    fixture f;
    f.add(1, 0, 8, true);
    for (std::size_t size : {1u, 7u, 9u, 15u}) {
        auto result = f.add(1, 8, size, true);
        CHECK(result.what == verdict::rejected);
        CHECK(result.reason == drop_reason::malformed);
        CHECK(result.discarded.size() == 1);
    }
    CHECK(f.add(1, 8, 0, false).reason == drop_reason::malformed);
    CHECK(f.add(1, 8, 0, true).reason == drop_reason::malformed);
    CHECK(f.add(1, 9, 8, true).reason == drop_reason::malformed);
    CHECK(f.add(2, 0, 0, true).what == verdict::rejected);
    packet short_of_headers(f.home, 4);
    short_of_headers.append(8);
    CHECK(f.fragments.add(fixture::id(1), std::move(short_of_headers), {.offset = 8, .more = true, .header = 5}, t0, f.home, 14).reason == drop_reason::malformed);
    auto result = f.add(1, 8, 8, false);
    check_whole(result, 16, 2);
}

TEST_CASE("offset and length beyond 65535 discard the datagram") {
    fixture f;
    CHECK(f.add(1, 65528, 8, false).reason == drop_reason::fragment_too_long);
    CHECK(f.fragments.size() == 0);  // nothing was begun for it
    f.add(1, 0, 8, true);
    auto result = f.add(1, 65528, 1000, false);
    CHECK(result.reason == drop_reason::fragment_too_long);
    CHECK(result.discarded.size() == 2);
    CHECK(f.add(1, 8, 8, false).what == verdict::rejected);
    // The headers count: 65535 - 20 bytes are the most there can be.
    f.add(2, 0, 8, true);
    CHECK(f.add(2, 65512, 3, false).what == verdict::held);
    f.add(3, 0, 8, true);
    CHECK(f.add(3, 65512, 4, false).reason == drop_reason::fragment_too_long);
}

TEST_CASE("a first fragment with longer headers than the others cannot push the length over 65535") {
    fixture f;
    reassembly_limits limits = reassembly_limits::of<ipv4_address>();
    const std::uint32_t total = 65535 - header;
    machine::outcome last;
    std::size_t pieces = 0;
    for (std::uint32_t offset = 1000; offset < total; offset += 1000, ++pieces) f.add(1, offset, std::min(1000u, total - offset), offset + 1000 < total);
    last = f.fragments.add(fixture::id(1), f.make(0, 1000, 60), {.offset = 0, .more = true, .header = 60}, t0, f.home, 14);
    CHECK(pieces < limits.most_fragments_each);
    CHECK(last.what == verdict::rejected);
    CHECK(last.reason == drop_reason::fragment_too_long);
    CHECK(last.discarded.size() == pieces + 1);
    CHECK(f.fragments.bytes() == 0);
}

TEST_CASE("what is not completed in time is given back, the first fragment in front") {
    fixture f;
    f.add(1, 16, 8, true);
    f.add(1, 0, 8, true, t0 + 10s);
    f.add(2, 8, 8, true, t0 + 5s);
    CHECK(f.fragments.next_expiry() == t0 + 30s);
    std::vector<machine::expired_datagram> gone;
    const auto expire = [&](time_point now) { f.fragments.expire(now, [&](machine::expired_datagram&& d) { gone.push_back(std::move(d)); }); };
    expire(t0 + 29s);
    CHECK(gone.empty());
    expire(t0 + 30s);
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].has_first);
    CHECK(gone[0].header == header);
    REQUIRE(gone[0].fragments.size() == 2);
    packet first = gone[0].fragments.pop_front();
    CHECK(first.head()[0] == content(0));
    CHECK(first.push(header)[0] == std::byte{0xa0});
    CHECK(f.fragments.next_expiry() == t0 + 35s);
    expire(t0 + 35s);
    REQUIRE(gone.size() == 2);
    CHECK_FALSE(gone[1].has_first);
    CHECK_FALSE(f.fragments.next_expiry().has_value());
    CHECK(f.fragments.bytes() == 0);
    CHECK(reassembly_limits::of<ipv6_address>().lifetime == 60s);
}

TEST_CASE("a mark of congestion on one fragment marks the datagram") {
    for (int marked = 0; marked < 3; ++marked) {
        fixture f;
        machine::outcome result;
        for (int i = 0; i < 2; ++i)
            result = f.fragments.add(fixture::id(1), f.make(static_cast<std::uint32_t>(8 * i), 8),
                                     {.offset = static_cast<std::uint32_t>(8 * i), .more = i == 0, .header = header, .congestion_experienced = i == marked}, t0, f.home, 14);
        REQUIRE(result.what == verdict::complete);
        CHECK(result.congestion_experienced == (marked < 2));
    }
}

TEST_CASE("an exhausted pool discards the complete datagram, and the next one gets through") {
    fixture f;
    f.add(1, 0, 8, true);
    packet last = f.make(8, 8);
    f.home.fail_at(1);
    auto result = f.fragments.add(fixture::id(1), std::move(last), {.offset = 8, .more = false, .header = header}, t0, f.home, 14);
    CHECK(result.what == verdict::rejected);
    CHECK(result.reason == drop_reason::no_buffers);
    CHECK(result.discarded.size() == 2);
    CHECK(f.fragments.size() == 0);
    f.add(1, 0, 8, true);
    auto again = f.add(1, 8, 8, false);
    check_whole(again, 16, 2);
}

TEST_CASE("a flood of incomplete identifiers stays within its bytes, and others get through") {
    fixture f;
    std::size_t given = 0, back = 0;
    for (std::uint32_t n = 0; n < 100000; ++n, ++given) {
        // From many sources, so that the bound for all of them is what holds.
        auto result = f.add(n, 0, 8, true, t0, 1000 + n % 5000);
        REQUIRE(result.what == verdict::held);
        back += result.discarded.size();
        if (!result.discarded.empty()) REQUIRE(result.reason == drop_reason::fragment_limit);
        if (n % 1000 == 0) {
            back += f.add(7, 0, 800, true, t0, 2).discarded.size();
            auto good = f.add(7, 800, 8, false, t0, 2);
            check_whole(good, 808, 2);
            back += good.discarded.size();
        }
    }
    CHECK(f.fragments.bytes() <= reassembly_limits{}.most_bytes);
    CHECK(f.fragments.size() <= reassembly_limits{}.most_datagrams);
    CHECK(back + f.home.in_use() == given);
    f.fragments.expire(t0 + 30s, [&](auto&& d) { back += d.fragments.size(); });
    CHECK(back == given);
    CHECK(f.fragments.bytes() == 0);
    CHECK(f.home.in_use() == 0);
}

TEST_CASE("one source's flood takes its own memory only") {
    fixture f;
    f.add(1, 0, 8, true, t0, 2);
    for (std::uint32_t n = 0; n < 5000; ++n) f.add(n, 0, 8, true, t0, 1);
    CHECK(f.fragments.bytes() <= reassembly_limits{}.most_bytes_each_source + 8192);
    auto result = f.add(1, 8, 8, false, t0, 2);
    check_whole(result, 16, 2);
}

TEST_CASE("a datagram of too many fragments is given up") {
    fixture f;
    for (std::uint32_t n = 0; n < 256; ++n) REQUIRE(f.add(1, n * 16, 8, true).what == verdict::held);
    auto result = f.add(1, 256 * 16, 8, true);
    CHECK(result.what == verdict::rejected);
    CHECK(result.reason == drop_reason::fragment_limit);
    CHECK(result.discarded.size() == 257);
    CHECK(f.home.in_use() == 257);
}

TEST_CASE("a fragment that alone is beyond the bounds is refused") {
    fixture f({.most_bytes = 1000, .most_bytes_each_source = 1000});
    auto result = f.add(1, 0, 8, true);
    CHECK(result.what == verdict::rejected);
    CHECK(result.reason == drop_reason::fragment_limit);
    CHECK(f.fragments.bytes() == 0);
}

TEST_CASE("clearing gives everything back") {
    fixture f;
    for (std::uint32_t n = 0; n < 10; ++n) f.add(n, 8, 8, true);
    CHECK(f.fragments.clear().size() == 10);
    CHECK(f.fragments.size() == 0);
    CHECK(f.home.in_use() == 0);
}

TEST_CASE("IPv6 counts the extension headers before the fragment header in the length, and nothing else") {
    pool home;
    reassembly<ipv6_address> fragments;
    fragments.start({1, 2});
    const auto add = [&](std::uint32_t id, std::uint32_t offset, std::size_t size, bool more, std::uint16_t headers) {
        packet p(home, 14, headers + size);
        p.append(headers + size);
        p.pull(headers);
        return fragments.add({.source = ipv6_address(1, 1), .target = ipv6_address(1, 2), .id = id}, std::move(p), {.offset = offset, .more = more, .header = headers}, t0, home, 14);
    };
    add(1, 0, 8, true, 48);
    CHECK(add(1, 65528, 7, false, 48).what == verdict::held);
    add(2, 0, 8, true, 48);
    CHECK(add(2, 65528, 8, false, 48).reason == drop_reason::fragment_too_long);
    add(3, 0, 8, true, 56);
    CHECK(add(3, 65528, 7, false, 56).reason == drop_reason::fragment_too_long);
}

TEST_CASE("every frame ends once, and what is completed is what was sent") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        auto random = random_source::from_seed(seed);
        fixture f({.most_bytes = 250'000, .most_bytes_each_source = 120'000, .most_datagrams = 17, .most_fragments_each = 16});
        std::size_t given = 0, ended = 0, completed = 0;
        auto now = t0;
        for (int step = 0; step < 3000; ++step) {
            now += std::chrono::milliseconds(random() % 100);
            // Mostly true parts of a datagram of 8 parts, at times anything.
            const auto wild = random() % 100 == 0;
            const auto part = static_cast<std::uint32_t>(random() % 8);
            const auto offset = wild ? static_cast<std::uint32_t>(random() % 8192) * 8 : part * 64;
            const auto size = wild ? random() % 1400 : part == 7 ? 13u : 64u;
            ++given;
            auto result = f.add(static_cast<std::uint32_t>(random() % 6), offset, size, wild ? random() % 2 == 0 : part != 7, now, static_cast<std::uint32_t>(1 + random() % 3));
            ended += result.discarded.size();
            if (result.what == verdict::complete) {
                ended += result.whole.frames();
                ++completed;
                REQUIRE(is_content(result.whole));
            } else {
                REQUIRE_FALSE(result.whole);
                REQUIRE((result.what == verdict::held || !result.discarded.empty()));
            }
            result = {};
            f.fragments.expire(now, [&](auto&& d) { ended += d.fragments.size(); });
            REQUIRE(given == ended + f.home.in_use());
            REQUIRE(f.fragments.bytes() <= 250'000);
            REQUIRE(f.fragments.size() <= 17);
        }
        CHECK(completed > 10);
        ended += f.fragments.clear().size();
        CHECK(given == ended);
        CHECK(f.fragments.bytes() == 0);
    }
}

}  // namespace protocol_reassembly_tests
