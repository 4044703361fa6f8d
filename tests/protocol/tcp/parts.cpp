#include <doctest/doctest.h>

#include "ends.hpp"

#include <netkit/protocol/tcp/flow_table.hpp>

#include <set>
#include <unordered_map>

namespace protocol_tcp_parts_tests {

using namespace tcp_test;
using namespace netkit;

namespace {

tcp_flow_key flow(std::uint32_t n) {
    return tcp_flow_key::of(ipv4_address(198, 18, 0, 1), 80, ipv4_address(0xc6120000 + n / 60000), static_cast<std::uint16_t>(n % 60000 + 1));
}

netkit::packet packet_of(netkit::pool& pool, const bytes& payload) {
    netkit::packet p(pool, 64, payload.size());
    p.append(payload);
    return p;
}

}  // namespace

TEST_CASE("flows of both families are found in one table, whatever it grows to") {
    std::mt19937_64 random(1);
    tcp_flow_table table;
    table.start(tcp_flow_hash(random));
    std::vector<tcp_flow> flows(20'000);
    for (std::uint32_t i = 0; i < flows.size(); ++i) {
        flows[i].key = i % 2 ? flow(i) : tcp_flow_key::of(ipv6_address(1, 2), 80, ipv6_address(i, i * 7), static_cast<std::uint16_t>(i + 1));
        table.insert(flows[i]);
    }
    CHECK(table.size() == flows.size());
    for (auto& f : flows) CHECK(table.find(f.key) == &f);
    auto missing = flows[0].key;
    missing.remote_port ^= 1;
    CHECK(table.find(missing) == nullptr);
    for (std::size_t i = 0; i < flows.size(); i += 3) table.remove(flows[i]);
    table.remove(flows[0]);
    for (std::size_t i = 0; i < flows.size(); ++i) CHECK((table.find(flows[i].key) != nullptr) == (i % 3 != 0));
}

TEST_CASE("an IPv4 flow is not its IPv6 namesake") {
    const auto four = tcp_flow_key::of(ipv4_address::from_raw(5), 1, ipv4_address::from_raw(6), 2);
    const auto six = tcp_flow_key::of(ipv6_address(0, 5), 1, ipv6_address(0, 6), 2);
    CHECK(!(four == six));
    CHECK(four.local().address.is_v4());
    CHECK(six.remote().address.is_v6());
}

TEST_CASE("flows spread, however much alike") {
    std::mt19937_64 random(2);
    const tcp_flow_hash hash(random);
    std::vector<int> buckets(4096);
    for (std::uint32_t i = 0; i < 4096; ++i) ++buckets[hash(flow(i)) % 4096];
    CHECK(*std::max_element(buckets.begin(), buckets.end()) < 12);
}

TEST_CASE("initial sequence numbers: unlike between flows and keys, growing for one flow") {
    tcp_beginning_source source, other;
    source.start({1, 2});
    other.start({1, 3});
    const time_point now{std::chrono::hours(1)};
    std::set<std::uint32_t> seen;
    std::size_t close = 0;
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        const auto isn = source(flow(i), now).sequence.value();
        seen.insert(isn);
        close += isn - last < 65536;
        last = isn;
        if (i < 1000) CHECK(isn != other(flow(i), now).sequence.value());
    }
    CHECK(seen.size() > 99'990);
    CHECK(close < 20);
    CHECK(source(flow(1), now + 1s).sequence - source(flow(1), now).sequence == 250'000);
    CHECK(source(flow(1), now).timestamp_offset != source(flow(2), now).timestamp_offset);
}

TEST_CASE("the round trip: RFC 6298") {
    tcp_rtt_estimator rtt;
    CHECK(rtt.timeout() == 1s);
    rtt.sample(500ms);
    CHECK(rtt.smoothed() == 500ms);
    CHECK(rtt.variation() == 250ms);
    CHECK(rtt.timeout() == 1500ms);
    rtt.sample(700ms);
    CHECK(rtt.smoothed() == 525ms);
    CHECK(rtt.variation() == 237500us);
    rtt.back_off();
    CHECK(rtt.timeout() == 2950ms);
    rtt.sample(700ms);
    CHECK(rtt.backoff() == 0);
    for (int i = 0; i < 100; ++i) rtt.sample(1ms);
    CHECK(rtt.timeout() == 200ms);
    for (int i = 0; i < 100; ++i) rtt.back_off();
    CHECK(rtt.timeout() == 60s);
    rtt.sample(std::chrono::hours(1000));
    CHECK(rtt.timeout() == 60s);
    rtt.sample(-1s);
    CHECK(rtt.smoothed().count() != 0);
}

TEST_CASE("the send queue gives the same bytes from any place") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        netkit::pool pool;
        {
            tcp_send_queue queue;
            bytes model;
            for (int i = 0; i < 400; ++i) {
                const auto what = random() % 4;
                if (what == 0 && model.size() < 200'000) {
                    const auto more = pattern(random() % 9000, random());
                    CHECK(queue.append(pool, more) == more.size());
                    model.insert(model.end(), more.begin(), more.end());
                } else if (what == 1) {
                    const auto more = pattern(1 + random() % 300, random());
                    auto own = packet_of(pool, more);
                    CHECK(queue.append(pool, std::move(own).share()));
                    model.insert(model.end(), more.begin(), more.end());
                } else if (what == 2 && !model.empty()) {
                    const auto n = static_cast<std::uint32_t>(random() % (model.size() + 1) / 4);
                    queue.release(n);
                    model.erase(model.begin(), model.begin() + n);
                } else if (!model.empty()) {
                    const auto at = static_cast<std::uint32_t>(random() % model.size());
                    const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(1 + random() % 2000, model.size() - at));
                    netkit::packet p(pool, 64, n);
                    const auto filled = queue.fill(p, at, n, 17);
                    REQUIRE(filled <= n);
                    if (n <= tcp_send_queue::copied_up_to) CHECK(filled == n);
                    REQUIRE(filled != 0);
                    bytes got(filled);
                    CHECK(p.copy_to(got) == filled);
                    CHECK(std::equal(got.begin(), got.end(), model.begin() + at));
                }
                CHECK(queue.size() == model.size());
            }
            queue.release(queue.size());
            CHECK(pool.in_use() == 0);
        }
    }
}

TEST_CASE("reassembly agrees with a model of bytes, in any order") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        netkit::pool pool;
        const auto data = pattern(5000, seed);
        const sequence_number start(0xffffff00u + static_cast<std::uint32_t>(seed));
        {
            tcp_reassembly reassembly;
            bytes got;
            std::uint32_t next = 0;
            for (int i = 0; i < 5000 && next < data.size(); ++i) {
                const auto at = random() % 20 == 0 ? next : static_cast<std::uint32_t>(random() % data.size());
                const auto n = std::min<std::size_t>(1 + random() % (seed % 2 ? 30 : 900), data.size() - at);
                if (at + n <= next) continue;
                bytes part(data.begin() + at, data.begin() + static_cast<std::ptrdiff_t>(at + n));
                reassembly.insert(pool, packet_of(pool, part), start + at, 10'000'000);
                tcp_range where;
                for (auto packets = reassembly.take(start + next, where); !packets.empty(); packets = reassembly.take(start + next, where))
                    while (auto p = packets.pop_front()) {
                        const auto size = static_cast<std::uint32_t>(p.size());
                        const auto known = std::min(start + next - where.first, size);
                        where.first += size;
                        if (start + next > where.first) continue;
                        p.pull(known);
                        bytes piece(p.size());
                        p.copy_to(piece);
                        got.insert(got.end(), piece.begin(), piece.end());
                        next += static_cast<std::uint32_t>(piece.size());
                    }
                for (std::size_t r = 1; r < reassembly.runs(); ++r) CHECK(reassembly.run(r - 1).end < reassembly.run(r).first);
            }
            CHECK(std::equal(got.begin(), got.end(), data.begin()));
            CHECK(got.size() == data.size());
        }
        CHECK(pool.in_use() == 0);
    }
}

TEST_CASE("reassembly keeps to its memory, and the nearest") {
    netkit::pool pool;
    tcp_reassembly reassembly;
    const auto one = bytes(100, std::byte(1));
    for (std::uint32_t i = 50; i-- > 0;) reassembly.insert(pool, packet_of(pool, one), sequence_number(1000 + i * 200), 30'000);
    CHECK(reassembly.memory() <= 30'000);
    CHECK(reassembly.run(0).first.value() == 1000);
    CHECK(!reassembly.insert(pool, packet_of(pool, one), sequence_number(100'000), 30'000).kept);
    tcp_reassembly other;
    auto p = packet_of(pool, one);
    pool.fail_at(1);
    CHECK(!other.insert(pool, std::move(p), sequence_number(1), 30'000).kept);
    CHECK(other.empty());
}

TEST_CASE("headers that lie are told from those that are short") {
    netkit::pool pool;
    const auto judge = [&](std::uint8_t offset, std::size_t size) {
        bytes raw(size);
        if (size > 12) raw[12] = static_cast<std::byte>(offset << 4);
        drop_reason why = drop_reason::count_;
        holds_tcp_segment(packet_of(pool, raw), why);
        return why;
    };
    for (std::size_t n = 0; n < 20; ++n) CHECK(judge(5, n) == drop_reason::truncated);
    for (std::uint8_t offset = 0; offset < 5; ++offset) CHECK(judge(offset, 60) == drop_reason::malformed);
    CHECK(judge(5, 20) == drop_reason::count_);
    CHECK(judge(15, 59) == drop_reason::truncated);
    CHECK(judge(15, 60) == drop_reason::count_);
}

}  // namespace protocol_tcp_parts_tests
