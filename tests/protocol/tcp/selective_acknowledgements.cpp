#include <doctest/doctest.h>

#include "ends.hpp"

#include <netkit/protocol/tcp/selective_acknowledgements.hpp>

#include <string>

namespace protocol_tcp_selective_acknowledgements_tests {

using namespace tcp_test;
using netkit::sequence_number;
using netkit::tcp_range;

namespace {

tcp_range range(std::uint32_t first, std::uint32_t end) { return {sequence_number(first), sequence_number(end)}; }

/// Runs of which a report is made, without what they hold.
struct made_up_runs {
    std::vector<tcp_range> all{};
    netkit::tcp_latest_changes latest{};

    std::size_t runs() const { return all.size(); }
    tcp_range run(std::size_t i) const { return all[i]; }
    tcp_range run_at(sequence_number place) const {
        for (const auto r : all)
            if (r.contains(place)) return r;
        return {};
    }
    std::span<const sequence_number> latest_changes() const { return latest.places(); }
};

std::string text(std::span<const netkit::tcp_sack_block> blocks, std::uint32_t from = 0) {
    std::string result;
    for (const auto& b : blocks) result += (result.empty() ? "" : " ") + std::to_string(b.left - from) + "-" + std::to_string(b.right - from);
    return result;
}
std::string report(const made_up_runs& runs, tcp_range duplicate = {}, std::size_t most = 4) {
    netkit::tcp_sack_block blocks[4];
    return text(std::span(blocks).first(netkit::report_runs(runs, duplicate, blocks, most)));
}

/// A receiver that a test sends to by hand; what it reports is text, with numbers counted from the stream's start.
struct receiver {
    made_up_time time;
    end e;
    std::uint32_t next;
    bool timestamps;

    explicit receiver(bool with_timestamps = false, netkit::tcp_socket_options o = {}, bool permitted = true, std::uint32_t isn = 9000)
        : e(time, 100), next(isn + 1), timestamps(with_timestamps) {
        e.options = o;
        e.listen();
        auto syn = at(0, 0);
        syn.sequence = isn;
        syn.flags = tcp_flags::syn;
        syn.options.has_mss = true;
        syn.options.mss = 1000;
        syn.options.sack_permitted = permitted;
        e.arrive(syn);
        e.arrive(at(0, 0));
        REQUIRE(e.state() == tcp_state::established);
    }
    segment at(std::uint32_t offset, std::size_t n) const {
        segment s;
        s.sequence = next + offset;
        s.acknowledgement = 101;
        s.payload = bytes(n, std::byte('a'));
        s.options.has_timestamps = timestamps;
        s.options.ts_value = 100'000;
        return s;
    }
    /// What is answered when n bytes arrive: "ACK: blocks".
    std::string arrive(std::uint32_t offset, std::size_t n) {
        e.sent.clear();
        e.c().quick_acknowledgements = 0;
        e.arrive(at(offset, n));
        return answer();
    }
    std::string answer() const {
        if (e.sent.empty()) return "nothing";
        const auto& s = e.sent.back();
        const auto blocks = text(std::span(s.options.sack).first(s.options.sack_blocks), next);
        return std::to_string(s.acknowledgement - next) + (blocks.empty() ? "" : ": ") + blocks;
    }
};

}  // namespace

TEST_CASE("a report: the latest change first, nothing twice, and then the nearest") {
    made_up_runs runs;
    runs.all = {range(10, 20), range(30, 40), range(50, 60), range(70, 80), range(90, 99)};
    CHECK(report(runs) == "10-20 30-40 50-60 70-80");
    for (const auto i : {2u, 0u, 2u, 3u, 1u}) runs.latest.changed(runs.all[i]);
    CHECK(report(runs) == "30-40 70-80 50-60 10-20");
    CHECK(report(runs, {}, 3) == "30-40 70-80 50-60");
    CHECK(report(runs, {}, 0).empty());
    CHECK(report(runs, range(1, 5)) == "1-5 30-40 70-80 50-60");
    // A run that has grown over others takes their places.
    runs.all = {range(10, 80), range(90, 99)};
    CHECK(report(runs) == "10-80 90-99");
    runs.latest.changed(runs.all[0]);
    CHECK(runs.latest.places().size() == 1);
    CHECK(report(made_up_runs{}).empty());
}

TEST_CASE("offered, answered when offered, and only then") {
    for (const bool a_may : {false, true})
        for (const bool b_may : {false, true}) {
            CAPTURE(a_may);
            CAPTURE(b_may);
            pair p;
            p.keep_log = true;
            p.a.options.selective_acknowledgements = a_may;
            p.b.options.selective_acknowledgements = b_may;
            p.open();
            CHECK(p.log_a.at(0).options.sack_permitted == a_may);
            CHECK(p.log_b.at(0).options.sack_permitted == (a_may && b_may));
            for (auto* each : {&p.a, &p.b}) {
                netkit::tcp_info info;
                netkit::tcp_machine::describe(each->c(), info);
                CHECK(info.selective_acknowledgements == (a_may && b_may));
            }
        }
}

TEST_CASE("without agreement no blocks are sent") {
    receiver t(false, {}, false);
    CHECK(t.arrive(1000, 1000) == "0");
    CHECK(t.arrive(1000, 1000) == "0");
    CHECK(t.arrive(0, 1000) == "2000");
    CHECK(t.arrive(0, 1000) == "2000");
}

TEST_CASE("every eighth segment lost: blocks grow, and come in the order of their change") {
    receiver t;
    CHECK(t.arrive(1000, 1000) == "0: 1000-2000");
    CHECK(t.arrive(2000, 1000) == "0: 1000-3000");
    CHECK(t.arrive(4000, 1000) == "0: 4000-5000 1000-3000");
    CHECK(t.arrive(6000, 1000) == "0: 6000-7000 4000-5000 1000-3000");
    CHECK(t.arrive(8000, 1000) == "0: 8000-9000 6000-7000 4000-5000 1000-3000");
    CHECK(t.arrive(10'000, 1000) == "0: 10000-11000 8000-9000 6000-7000 4000-5000");
    CHECK(t.arrive(3000, 1000) == "0: 1000-5000 10000-11000 8000-9000 6000-7000");
    CHECK(t.arrive(0, 1000) == "5000: 10000-11000 8000-9000 6000-7000");
    CHECK(t.arrive(5000, 1000) == "7000: 10000-11000 8000-9000");
    CHECK(t.arrive(9000, 1000) == "7000: 8000-11000");
    CHECK(t.arrive(7000, 1000) == "11000");
    CHECK(t.arrive(11'000, 1000) == "nothing");
    CHECK(t.arrive(12'000, 1000) == "13000");
}

TEST_CASE("beside timestamps three blocks find room") {
    receiver t(true);
    for (std::uint32_t i = 1; i < 12; i += 2) t.arrive(i * 1000, 1000);
    CHECK(t.answer() == "0: 11000-12000 9000-10000 7000-8000");
    CHECK(t.e.sent.back().options.has_timestamps);
}

TEST_CASE("what was lost to us again is not reported") {
    netkit::tcp_socket_options o;
    o.receive_buffer = 20'000;
    receiver t(false, o);
    CHECK(t.arrive(19'000, 100) == "0: 19000-19100");
    // Small segments hold a buffer each: the furthest is given up.
    for (std::uint32_t i = 100; i-- > 1;) t.arrive(i * 20, 10);
    CHECK(t.answer().find("19000") == std::string::npos);
    CHECK(t.e.c().reassembly.run(0).first.value() == t.next + 20);
}

TEST_CASE("data below the acknowledged came twice") {
    receiver t;
    t.arrive(0, 1000);
    CHECK(t.arrive(0, 1000) == "1000: 0-1000");
    CHECK(t.arrive(500, 1000) == "1500: 500-1000");
    CHECK(t.arrive(1500, 1000) == "nothing");  // told once
    CHECK(t.arrive(3000, 1000) == "2500: 3000-4000");
    CHECK(t.arrive(1000, 500) == "2500: 1000-1500 3000-4000");
    CHECK(t.arrive(5000, 1000) == "2500: 5000-6000 3000-4000");
}

TEST_CASE("data beyond a gap came twice: that first, then the block it lies in") {
    receiver t;
    t.arrive(1000, 1000);
    t.arrive(3000, 1000);
    t.arrive(5000, 1000);
    CHECK(t.arrive(1000, 1000) == "0: 1000-2000 5000-6000 3000-4000");
    CHECK(t.arrive(1200, 300) == "0: 1200-1500 1000-2000 5000-6000 3000-4000");
    CHECK(t.arrive(1500, 1000) == "0: 1500-2000 1000-2500 5000-6000 3000-4000");
    CHECK(t.arrive(2800, 1000) == "0: 3000-3800 2800-4000 1000-2500 5000-6000");
    // Across two runs: the first part of it.
    CHECK(t.arrive(2000, 1000) == "0: 2000-2500 1000-4000 5000-6000");
    CHECK(t.arrive(0, 1200) == "4000: 1000-1200 5000-6000");
    CHECK(t.arrive(4000, 3000) == "7000: 5000-6000");
    CHECK(t.e.c().receiving.size() == 7000);
}

TEST_CASE("an old timestamp's data is told of as well") {
    receiver t(true);
    t.arrive(0, 1000);
    auto old = t.at(0, 1000);
    old.options.ts_value -= 5000;
    t.e.sent.clear();
    t.e.arrive(old);
    CHECK(t.e.drops.back() == netkit::drop_reason::old_timestamp);
    CHECK(t.answer() == "1000: 0-1000");
}

TEST_CASE("with data of our own under way the report follows without data") {
    receiver t(true);
    t.e.sent.clear();
    CHECK(t.e.write(30'000).bytes == 30'000);
    auto s = t.at(1000, 1000);
    const auto first = t.e.sent.size();
    s.acknowledgement = 101 + 988 * 2;
    t.e.arrive(s);
    REQUIRE(t.e.sent.size() > first + 1);
    for (std::size_t i = first; i + 1 < t.e.sent.size(); ++i) {
        CHECK(t.e.sent[i].size() == 988);
        CHECK(t.e.sent[i].options.sack_blocks == 0);
    }
    CHECK(t.e.sent.back().size() == 0);
    CHECK(t.answer() == "0: 1000-2000");
    // Without a gap an acknowledgement that travels with data is enough.
    t.arrive(0, 1000);
    t.e.sent.clear();
    s = t.at(2000, 2000);
    s.acknowledgement = t.e.c().send_next.value();
    t.e.arrive(s);
    CHECK(t.e.sent.back().size() != 0);
}

TEST_CASE("across the wrap of sequence numbers") {
    receiver t(false, {}, true, 0xffff'ffffu - 1500);
    CHECK(t.arrive(1000, 1000) == "0: 1000-2000");
    CHECK(t.arrive(3000, 1000) == "0: 3000-4000 1000-2000");
    CHECK(t.arrive(1200, 500) == "0: 1200-1700 1000-2000 3000-4000");
    CHECK(t.arrive(0, 1000) == "2000: 3000-4000");
    CHECK(t.arrive(0, 1000) == "2000: 0-1000 3000-4000");
}

TEST_CASE("a report is always true, and first is what has just arrived") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        receiver t(seed % 2 != 0, {}, true, static_cast<std::uint32_t>(random()));
        std::vector<bool> came(60'000);
        std::uint32_t next = 0;
        for (int i = 0; i < 400 && next < 40'000; ++i) {
            const auto at = random() % 8 == 0 ? next : next + static_cast<std::uint32_t>(random() % 20'000);
            const auto n = static_cast<std::uint32_t>(1 + random() % 900);
            t.e.sent.clear();
            t.e.arrive(t.at(at, n));
            const bool all_new = std::find(came.begin() + at, came.begin() + at + n, true) == came.begin() + at + n;
            std::fill(came.begin() + at, came.begin() + at + n, true);
            while (came[next]) ++next;
            if (t.e.sent.empty()) continue;
            const auto& s = t.e.sent.back();
            REQUIRE(s.acknowledgement - t.next == next);
            const std::size_t room = seed % 2 ? 3 : 4;
            REQUIRE(s.options.sack_blocks <= room);
            for (std::size_t b = 0; b < s.options.sack_blocks; ++b) {
                const auto left = s.options.sack[b].left - t.next, right = s.options.sack[b].right - t.next;
                REQUIRE(left < right);
                CHECK(std::find(came.begin() + left, came.begin() + right, false) == came.begin() + right);
                if (b != 0) {
                    // Whole runs, but for what came twice.
                    CHECK(left > next);
                    CHECK(!came[left - 1]);
                    CHECK(!came[right]);
                }
                for (std::size_t other = 0; other < b; ++other) CHECK(!(s.options.sack[other] == s.options.sack[b]));
            }
            if (all_new && at > next) {
                REQUIRE(s.options.sack_blocks != 0);
                CHECK(s.options.sack[0].left - t.next <= at);
                CHECK(s.options.sack[0].right - t.next >= at + n);
            }
        }
    }
}

TEST_CASE("a thousand gaps are kept, and memory comes back") {
    netkit::tcp_socket_options o;
    o.receive_buffer = 4 * 1024 * 1024;
    netkit::pool* pool = nullptr;
    receiver t(false, o);
    pool = &t.e.pool();
    t.e.c().receive_edge = t.e.c().receive_next + o.receive_buffer;
    for (std::uint32_t i = 1; i < 2000; i += 2) t.e.arrive(t.at(i * 1000, 1000));
    CHECK(t.e.c().reassembly.runs() == 1000);
    CHECK(t.e.c().reassembly.size() == 1'000'000);
    t.e.sent.clear();
    for (std::uint32_t i = 0; i < 2000; i += 2) t.e.arrive(t.at(i * 1000, 1000));
    CHECK(t.answer() == "2000000");
    CHECK(t.e.c().reassembly.empty());
    CHECK(t.e.read(3'000'000).bytes == 2'000'000);
    CHECK(pool->in_use() == 0);
    // Without a large buffer there are fewer: the nearest.
    for (std::uint32_t i = 1; i < 300; i += 2) {
        pool->fail_at(i == 2 * 84 + 1 ? 2 : 0);
        t.e.arrive(t.at(2'000'000 + i * 1000, 1000));
    }
    CHECK(t.e.c().reassembly.run(0).first.value() == t.next + 2'001'000);
    CHECK(t.e.c().reassembly.runs() > 80);
}

}  // namespace protocol_tcp_selective_acknowledgements_tests
