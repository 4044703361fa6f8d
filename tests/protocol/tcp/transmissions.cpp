#include <doctest/doctest.h>

#include <netkit/buffer/pool.hpp>
#include <netkit/protocol/tcp/duplicate_threshold.hpp>
#include <netkit/protocol/tcp/rack.hpp>
#include <netkit/protocol/tcp/transmissions.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace protocol_tcp_transmissions_tests {

using namespace std::chrono_literals;
using netkit::sequence_number;
using netkit::tcp_transmission;
using netkit::tcp_transmissions;
using netkit::time_point;

namespace {

const auto ignore = [](const tcp_transmission&) {};

tcp_transmission run(std::uint32_t first, std::uint32_t end, netkit::duration at = 0s) {
    tcp_transmission t;
    t.first = sequence_number(first);
    t.end = sequence_number(end);
    t.sent_at = time_point(1000s + at);
    return t;
}

/// What is known of each sequence number by itself.
struct one {
    bool selected = false, lost = false, retransmitted = false;
    time_point sent_at{};
};

bool agrees(const tcp_transmissions& all, const std::map<std::uint32_t, one>& model) {
    std::uint32_t selected = 0, lost = 0;
    auto at = model.begin();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& run = all[i];
        if (!(run.first < run.end)) return false;
        for (auto s = run.first; s != run.end; ++s, ++at) {
            if (at == model.end() || at->first != s.value()) return false;
            const auto& known = at->second;
            if (run.selected != known.selected || run.lost != known.lost) return false;
            if (!run.selected && (run.retransmitted != known.retransmitted || run.sent_at != known.sent_at)) return false;
            selected += known.selected;
            lost += known.lost;
        }
    }
    return at == model.end() && all.selected() == selected && all.lost() == lost;
}

}  // namespace

TEST_CASE("runs that leave together are one, and one run needs no buffer") {
    netkit::pool pool;
    tcp_transmissions all;
    all.sent(pool, run(0, 1000), 0ns);
    all.sent(pool, run(1000, 2000), 0ns);
    all.sent(pool, run(2000, 3000, 3us), 10us);
    CHECK(all.size() == 1);
    CHECK(all[0].end == sequence_number(3000));
    CHECK(pool.in_use() == 0);
    // In the same eighth of a millisecond or in the next: what goes on and on does not become one for ever.
    for (std::uint32_t i = 0; i < 10; ++i) all.sent(pool, run(3000 + i * 100, 3100 + i * 100, 1ms + i * 100us), 150us);
    CHECK(all.size() >= 8);
    CHECK(all.size() <= 10);
    CHECK(pool.in_use() == 1);
    all.acknowledge(sequence_number(4000), ignore);
    CHECK(all.empty());
    CHECK(pool.in_use() == 0);
}

TEST_CASE("each sequence number has its own fate, whatever happens") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        const auto below = [&](std::uint64_t n) { return static_cast<std::uint32_t>(random() % n); };
        netkit::pool pool;
        tcp_transmissions all;
        std::map<std::uint32_t, one> model;  // no number wraps here: below, in the next test
        std::uint32_t acknowledged = 0, next = 0;
        for (int step = 0; step < 400; ++step) {
            const auto now = time_point(1000s + step * 1ms);
            switch (below(8)) {
            case 0:
            case 1:
            case 2: {
                const auto n = 1 + below(60);
                auto t = run(next, next + n);
                t.sent_at = now;
                all.sent(pool, t, 0ns);
                for (std::uint32_t i = 0; i < n; ++i) model[next + i] = {false, false, false, now};
                next += n;
                break;
            }
            case 3: {
                const auto to = acknowledged + below(std::min(next - acknowledged, 50u) + 1);
                std::uint32_t news = 0, expected = 0;
                for (auto i = acknowledged; i < to; ++i) expected += !model[i].selected;
                all.acknowledge(sequence_number(to), [&](const tcp_transmission& t) { news += t.size(); });
                CHECK(news == expected);
                model.erase(model.begin(), model.lower_bound(to));
                acknowledged = to;
                break;
            }
            case 4:
            case 5: {
                if (next == acknowledged) break;
                const auto first = acknowledged + below(next - acknowledged);
                const auto end = first + 1 + below(next - first);
                std::uint32_t news = 0, expected = 0;
                for (auto i = first; i < end; ++i) {
                    expected += !model[i].selected;
                    model[i].selected = true;
                    model[i].lost = false;
                }
                all.select(pool, sequence_number(first), sequence_number(end), [&](const tcp_transmission& t) { news += t.size(); });
                CHECK(news == expected);
                break;
            }
            case 6: {
                if (all.empty()) break;
                const auto i = below(all.size());
                for (auto s = all[i].first; s != all[i].end; ++s)
                    if (!model[s.value()].selected) model[s.value()].lost = true;
                all.lose(i);
                break;
            }
            case 7: {
                if (all.lost() == 0) break;
                sequence_number first;
                const auto n = all.next_lost(first, 1 + below(40));
                CHECK(n != 0);
                tcp_transmission stamp;
                stamp.sent_at = now;
                for (std::uint32_t i = 0; i < n; ++i) {
                    auto& known = model[first.value() + i];
                    CHECK(known.lost);
                    known = {false, false, true, now};
                }
                if (first.value() != 0) CHECK((model.count(first.value() - 1) == 0 || !model[first.value() - 1].lost || first.value() == acknowledged));
                all.sent_again(pool, first, n, stamp);
                break;
            }
            default: break;
            }
            REQUIRE(agrees(all, model));
        }
        all.acknowledge(sequence_number(next), ignore);
        CHECK(all.empty());
        CHECK(pool.in_use() == 0);
    }
}

TEST_CASE("sequence numbers wrap") {
    netkit::pool pool;
    tcp_transmissions all;
    for (std::uint32_t i = 0; i < 10; ++i) all.sent(pool, run(0xfffffc00 + i * 200, 0xfffffc00 + (i + 1) * 200, i * 1ms), 0ns);
    all.select(pool, sequence_number(0xffffff00), sequence_number(0x100), ignore);
    CHECK(all.selected() == 0x200);
    all.lose_all();
    CHECK(all.lost() == 2000 - 0x200);
    sequence_number first;
    CHECK(all.next_lost(first, 5000) == 0x300);
    CHECK(first == sequence_number(0xfffffc00));
    all.sent_again(pool, first, 0x300, {});
    CHECK(all.next_lost(first, 100) == 100);
    CHECK(first == sequence_number(0x100));
    all.acknowledge(sequence_number(0xfffffc00 + 2000), ignore);
    CHECK(all.empty());
    CHECK(all.lost() == 0);
    CHECK(all.selected() == 0);
}

TEST_CASE("without room for more runs neighbours become one, and nothing is forgotten") {
    netkit::pool pool;
    tcp_transmissions all;
    all.sent(pool, run(0, 100), 0ns);
    pool.fail_at(1);
    all.sent(pool, run(100, 200, 1s), 0ns);
    CHECK(all.size() == 1);
    CHECK(all[0].end == sequence_number(200));
    CHECK(all[0].sent_at == time_point(1001s));
    pool.fail_at(1);
    all.select(pool, sequence_number(50), sequence_number(100), ignore);  // no room to tell it apart
    CHECK(all.selected() == 0);
    all.select(pool, sequence_number(0), sequence_number(200), ignore);
    CHECK(all.selected() == 200);
    pool.fail_at(1);
    all.sent(pool, run(200, 300, 2s), 0ns);  // what the peer has counts as under way again, rather than the other way round
    CHECK(all.selected() == 0);
    CHECK(all[0].end == sequence_number(300));
}

TEST_CASE("a peer cannot make it grow beyond its bound, nor slow") {
    netkit::pool pool;
    tcp_transmissions all;
    constexpr std::uint32_t count = 20'000;
    for (std::uint32_t i = 0; i < count; ++i) all.sent(pool, run(i * 10, i * 10 + 10, i * 1ms), 0ns);
    CHECK(all.size() <= 1990);
    CHECK(all[all.size() - 1].end == sequence_number(count * 10));
    for (std::uint32_t i = 0; i < count; i += 2) all.select(pool, sequence_number(i * 10 + 3), sequence_number(i * 10 + 5), ignore);
    CHECK(all.size() <= 1990);
    std::uint32_t covered = 0;
    for (std::size_t i = 0; i < all.size(); ++i) covered += all[i].size();
    CHECK(covered == count * 10);
    all.acknowledge(sequence_number(count * 10), ignore);
    CHECK(pool.in_use() == 0);
}

TEST_CASE("rack: what was sent before something that arrived is lost after a quarter of a round trip") {
    netkit::pool pool;
    tcp_transmissions all;
    netkit::rack rack;
    for (std::uint32_t i = 0; i < 4; ++i) all.sent(pool, run(i * 1000, (i + 1) * 1000, i * 1ms), 0ns);
    netkit::tcp_loss_circumstances about;
    about.segment = 1000;
    about.smoothed_rtt = about.least_rtt = 40ms;
    about.now = time_point(1000s + 42ms);
    CHECK(rack.detect(all, about) == time_point::max());
    all.select(pool, sequence_number(2000), sequence_number(3000), [&](const tcp_transmission& t) { rack.delivered(t, about, false); });
    // Sent 0 and 1 ms; the third took 40: they have until 40 + 10 after they were sent.
    CHECK(rack.detect(all, about) == time_point(1000s + 50ms));
    CHECK(all.lost() == 0);
    about.now = time_point(1000s + 50ms);
    CHECK(rack.detect(all, about) == time_point(1000s + 51ms));
    CHECK(all.lost() == 1000);
    CHECK(all[0].lost);
}

TEST_CASE("rack: three segments beyond a gap tell at once, until something has come out of order") {
    for (const bool reordered : {false, true}) {
        CAPTURE(reordered);
        netkit::pool pool;
        tcp_transmissions all;
        netkit::rack rack;
        netkit::tcp_loss_circumstances about;
        about.segment = 1000;
        about.smoothed_rtt = about.least_rtt = 40ms;
        about.now = time_point(1000s + 40ms);
        const auto tell = [&](const tcp_transmission& t) { rack.delivered(t, about, false); };
        all.sent(pool, run(0, 2000, -20ms), 0ns);
        if (reordered) all.select(pool, sequence_number(1000), sequence_number(2000), tell);
        all.acknowledge(sequence_number(2000), tell);
        CHECK(rack.saw_reordering() == reordered);
        for (std::uint32_t i = 2; i < 6; ++i) all.sent(pool, run(i * 1000, (i + 1) * 1000), 0ns);
        all.select(pool, sequence_number(3000), sequence_number(6000), tell);
        rack.detect(all, about);
        CHECK(all.lost() == (reordered ? 0 : 1000));
    }
}

TEST_CASE("rack: a retransmission that is lost is found as well") {
    netkit::pool pool;
    tcp_transmissions all;
    netkit::rack rack;
    netkit::tcp_loss_circumstances about;
    about.segment = 1000;
    about.smoothed_rtt = about.least_rtt = 40ms;
    about.recovering = true;
    for (std::uint32_t i = 0; i < 2; ++i) all.sent(pool, run(i * 1000, (i + 1) * 1000), 0ns);
    all.lose_first(pool, 1000);
    all.sent_again(pool, sequence_number(0), 1000, run(0, 0, 50ms));
    all.sent(pool, run(2000, 3000, 60ms), 0ns);
    about.now = time_point(1000s + 100ms);
    all.select(pool, sequence_number(2000), sequence_number(3000), [&](const tcp_transmission& t) { rack.delivered(t, about, false); });
    rack.detect(all, about);
    CHECK(all[0].lost);
}

TEST_CASE("rack: duplicates reported make it patient, for a while") {
    netkit::rack rack;
    netkit::pool pool;
    netkit::tcp_loss_circumstances about;
    about.segment = 1000;
    about.smoothed_rtt = 1s;
    about.least_rtt = 40ms;
    const auto patience = [&] {
        tcp_transmissions all;
        all.sent(pool, run(0, 1000), 0ns);
        all.sent(pool, run(1000, 2000), 0ns);
        about.now = time_point(1000s + 40ms);
        all.select(pool, sequence_number(1000), sequence_number(2000), [&](const tcp_transmission& t) { rack.delivered(t, about, false); });
        return rack.detect(all, about) - about.now;
    };
    CHECK(patience() == 10ms);
    about.next = sequence_number(5000);
    rack.duplicated(about);
    CHECK(patience() == 20ms);
    rack.duplicated(about);  // of the same round trip: counts once
    CHECK(patience() == 20ms);
    about.unacknowledged = sequence_number(5000);
    rack.duplicated(about);
    CHECK(patience() == 30ms);
    for (int i = 0; i < 15; ++i) rack.recovered();
    CHECK(patience() == 30ms);
    rack.recovered();
    CHECK(patience() == 10ms);
}

TEST_CASE("duplicate_threshold: more than two segments beyond, or three runs") {
    netkit::tcp_loss_circumstances about;
    about.segment = 1000;
    netkit::duplicate_threshold by_count;
    netkit::pool pool;
    tcp_transmissions all;
    for (std::uint32_t i = 0; i < 8; ++i) all.sent(pool, run(i * 1000, (i + 1) * 1000, i * 1ms), 0ns);
    all.select(pool, sequence_number(6000), sequence_number(8000), ignore);
    by_count.detect(all, about);
    CHECK(all.lost() == 0);
    all.select(pool, sequence_number(4000), sequence_number(4001), ignore);
    by_count.detect(all, about);
    CHECK(all.lost() == 4000);
}

}  // namespace protocol_tcp_transmissions_tests
