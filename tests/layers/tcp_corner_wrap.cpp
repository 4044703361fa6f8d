// Sequence numbers that wrap at every place of every recovery: whatever the initial sequence number, the host sends the same segments
// at the same times.

#include <tests/layers/tcp_states.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace layers_tcp_corner_wrap_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_state;

namespace {

constexpr std::uint32_t segment_size = 1460;
constexpr netkit::duration round_trip = 50ms;

std::string counted(std::size_t n) {
    std::string text(n, ' ');
    for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>('!' + i * 7 % 90);
    return text;
}

/// What goes wrong, by the number of a segment's place in the stream and how often it was sent before, and by the round trip.
struct trouble {
    std::string_view name;
    std::function<bool(std::uint32_t place, unsigned before)> loses = [](std::uint32_t, unsigned) { return false; };
    std::function<bool(unsigned round)> loses_acknowledgements = [](unsigned) { return false; };
    std::function<bool(std::uint32_t place, unsigned before)> delays = [](std::uint32_t, unsigned) { return false; };
    std::function<unsigned(unsigned round)> window = [](unsigned) { return 65535u; };
};

/// A receiver that acknowledges every segment, with SACK where that was agreed on.
class receiver {
public:
    explicit receiver(bool selective) : selective_(selective) {}

    void take(const seen_packet& p) {
        const auto first = p.sequence(), end = first + static_cast<std::uint32_t>(p.payload.size()) + (p.tcp->has(netkit::tcp_flags::fin) ? 1 : 0);
        for (std::size_t i = 0; i < p.payload.size(); ++i) text_[first + static_cast<std::uint32_t>(i)] = std::to_integer<char>(p.payload[i]);
        twice_ = end <= next_ ? std::pair(first, end) : std::pair(0u, 0u);
        if (end <= next_) return;
        last_ = first;
        ranges_.emplace(first, end);
        for (auto it = ranges_.begin(); it != ranges_.end() && it->first <= next_; it = ranges_.erase(it)) next_ = std::max(next_, it->second);
    }
    segment_builder answer(const tcp_peer& peer, unsigned window) const {
        auto s = peer.ack(1, next_);
        s.window(window);
        if (!selective_) return s;
        if (twice_.first != twice_.second) s.sack({twice_});
        // The block of the last segment, then the others.
        std::vector<std::pair<std::uint32_t, std::uint32_t>> blocks;
        for (const auto& [first, end] : ranges_) {
            if (!blocks.empty() && blocks.back().second >= first) blocks.back().second = std::max(blocks.back().second, end);
            else blocks.emplace_back(first, end);
        }
        std::stable_partition(blocks.begin(), blocks.end(), [&](const auto& b) { return b.first <= last_ && last_ < b.second; });
        for (std::size_t i = 0; i < std::min<std::size_t>(blocks.size(), 3); ++i) s.sack({blocks[i]});
        return s;
    }
    std::uint32_t next() const { return next_; }
    std::string text() const {
        std::string all;
        for (const auto& [at, c] : text_) all += c;
        return all;
    }

private:
    bool selective_;
    std::uint32_t next_ = 1, last_ = 0;
    std::multimap<std::uint32_t, std::uint32_t> ranges_;
    std::pair<std::uint32_t, std::uint32_t> twice_{};
    std::map<std::uint32_t, char> text_;
};

struct run_options {
    std::uint32_t host_begins, peer_begins;
    bool selective, timestamps;
};

/// A transfer of 60 KB and its end, over a path of that trouble. Returns all that the host sent, a line each.
std::string run(const trouble& trouble, const run_options& o) {
    subject t({.host_begins = o.host_begins, .peer_begins = o.peer_begins});
    t.listen();
    auto syn = t.peer.syn().mss(o.timestamps ? segment_size + 12 : segment_size);
    if (o.selective) syn.sack_permitted();
    if (o.timestamps) syn.timestamps(1, 0);
    t.inject(syn);
    const auto answer = t.expect(is_tcp(flags("S.")));
    const auto echo = answer.options.ts_value;
    t.pass(round_trip);
    t.inject(o.timestamps ? t.peer.ack(1, 1).timestamps(2, echo) : t.peer.ack(1, 1));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);

    const auto text = counted(60'000);
    REQUIRE(t.write(text) == text.size());
    REQUIRE(t.finish() == errc::ok);
    const auto end = static_cast<std::uint32_t>(text.size()) + 2;
    receiver there(o.selective);
    std::map<std::uint32_t, unsigned> times_sent;
    std::vector<seen_packet> under_way, late;
    std::string trace;
    const auto collect = [&] {
        for (auto& p : t.take()) under_way.push_back(std::move(p));
    };
    collect();
    for (unsigned round = 0; round < 3000 && !(t.state() == tcp_state::fin_wait_2 && under_way.empty() && late.empty()); ++round) {
        auto arrived = std::exchange(under_way, {});
        t.pass(round_trip);
        std::vector<segment_builder> answers;
        const auto deliver = [&](const seen_packet& p) {
            there.take(p);
            answers.push_back(there.answer(t.peer, trouble.window(round)));
            if (o.timestamps) answers.back().timestamps(round + 10, p.options.ts_value);
        };
        for (auto& p : std::exchange(late, {})) deliver(p);
        for (auto& p : arrived) {
            trace += time_text(p.when - answer.when) + " " + to_string(p.tcp->flags()) + " " + std::to_string(p.sequence()) + " " + std::to_string(p.payload.size()) + "\n";
            const auto place = (p.sequence() - 1) / segment_size;
            const auto before = times_sent[p.sequence()]++;
            if (trouble.loses(place, before)) continue;
            if (trouble.delays(place, before)) late.push_back(std::move(p));
            else deliver(p);
        }
        // A window that opens is told of without being asked.
        if (answers.empty() && round != 0 && trouble.window(round) != trouble.window(round - 1)) answers.push_back(there.answer(t.peer, trouble.window(round)));
        collect();
        for (const auto& a : answers) {
            if (trouble.loses_acknowledgements(round)) continue;
            t.inject(a);
            collect();
        }
    }
    CHECK(there.next() == end);
    CHECK(there.text() == text);
    CHECK(t.state() == tcp_state::fin_wait_2);
    t.inject(o.timestamps ? t.peer.fin(1, end).timestamps(100'000, echo) : t.peer.fin(1, end));
    t.expect(is_tcp(flags("."), sequence(end), acknowledgement(2)));
    return trace;
}

const std::vector<trouble>& troubles() {
    using std::uint32_t;
    static const std::vector<trouble> all{
        {.name = "none"},
        {.name = "one segment lost", .loses = [](uint32_t place, unsigned before) { return place == 4 && before == 0; }},
        {.name = "three segments of a window lost", .loses = [](uint32_t place, unsigned before) { return (place == 3 || place == 5 || place == 8) && before == 0; }},
        {.name = "a retransmission lost, too", .loses = [](uint32_t place, unsigned before) { return place == 4 && before <= 1; }},
        {.name = "the end lost", .loses = [](uint32_t place, unsigned before) { return place >= 40 && before == 0; }},
        {.name = "a whole window lost", .loses = [](uint32_t place, unsigned before) { return place >= 10 && place < 30 && before == 0; }},
        {.name = "a whole window lost three times", .loses = [](uint32_t place, unsigned before) { return place >= 10 && place < 14 && before <= 2; }},
        {.name = "acknowledgements lost", .loses_acknowledgements = [](unsigned round) { return round >= 2 && round < 10; }},
        {.name = "every third segment late", .delays = [](uint32_t place, unsigned before) { return place % 3 == 0 && before == 0; }},
        {.name = "the window closes", .window = [](unsigned round) { return round >= 3 && round < 60 ? 0u : 20'000u; }},
    };
    return all;
}

/// Initial sequence numbers with which the wrap falls on each kind of place; and half-way around, where comparisons change sign.
std::vector<std::uint32_t> beginnings() {
    std::vector<std::uint32_t> all;
    for (const std::uint32_t at : {1u, 2u, 1460u, 1461u, 1462u, 4 * 1460u + 1, 5 * 1460u, 5 * 1460u + 700, 14'601u, 30'000u, 58'401u, 60'001u, 60'002u, 60'003u}) all.push_back(0u - at);
    for (const std::uint32_t at : {1u, 5 * 1460u + 1, 60'001u}) all.push_back(0x8000'0000u - at);
    return all;
}

}  // namespace

TEST_CASE("the same segments at the same times, wherever the numbers wrap") {
    std::size_t turn = 0;
    for (const bool selective : {false, true}) {
        const auto untroubled = run(troubles()[0], {1000, 2000, selective, false});
        for (const auto& trouble : troubles()) {
            CAPTURE(trouble.name);
            CAPTURE(selective);
            const auto expected = run(trouble, {1000, 2000, selective, false});
            CHECK((expected == untroubled) == (trouble.name == "none"));
            // Each trouble with every third of them, and each of them with several troubles: all with all take minutes.
            const auto all = beginnings();
            for (std::size_t i = turn++ % 3; i < all.size(); i += 3) {
                const auto begins = all[i];
                CAPTURE(begins);
                CHECK(run(trouble, {begins, begins, selective, false}) == expected);
            }
        }
    }
}

TEST_CASE("with timestamps, whose clock's phase differs: all arrives") {
    for (const auto& trouble : troubles()) {
        CAPTURE(trouble.name);
        for (const auto begins : {0u - 1u, 0u - 5u * 1460u, 0u - 14'601u, 0u - 60'001u, 0x8000'0000u - 7301u}) {
            CAPTURE(begins);
            (void)run(trouble, {begins, 0u - begins, true, true});
        }
    }
}

TEST_CASE("losses are repaired without a timeout where what arrives beyond them tells of them") {
    const auto last_of = [](const std::string& trace) {
        const auto line = trace.rfind('\n', trace.size() - 2) + 1;
        return std::stod(trace.substr(line));
    };
    const run_options o{0u - 14'601u, 0u - 1u, true, false};
    const auto without = last_of(run(troubles()[0], o));
    // One lost segment, or three, cost a round trip or two.
    CHECK(last_of(run(troubles()[1], o)) <= without + 0.15);
    CHECK(last_of(run(troubles()[2], o)) <= without + 0.25);
}

TEST_CASE("the receiver: gaps, their SACK blocks and their filling, wherever the peer's numbers wrap") {
    std::string expected;
    for (const std::uint32_t at : {0x1000'0000u, 1u, 2u, 100u, 101u, 150u, 200u, 201u, 350u, 400u, 401u, 0x8000'0001u, 0x8000'0065u}) {
        CAPTURE(at);
        subject t({.peer_begins = 0u - at});
        t.establish(t.peer.syn().mss(1460).sack_permitted());
        const auto text = counted(400);
        std::string trace;
        for (const std::uint32_t place : {3u, 1u, 3u, 0u, 2u}) {
            t.inject(t.peer.data(1 + 100 * place, 1, std::string_view(text).substr(100 * place, 100)));
            t.pass(50ms);
            for (const auto& p : t.take()) {
                trace += std::to_string(p.acknowledgement());
                for (std::size_t i = 0; i < p.options.sack_blocks; ++i)
                    trace += " {" + std::to_string(p.options.sack[i].left - p.acknowledgement_origin) + ":" + std::to_string(p.options.sack[i].right - p.acknowledgement_origin) + "}";
                trace += "\n";
            }
        }
        CHECK(t.read() == text);
        if (expected.empty()) expected = trace;
        CHECK(trace == expected);
        t.inject(t.peer.fin(401, 1));
        t.expect(is_tcp(flags("."), acknowledgement(402)));
    }
    CHECK(expected.starts_with("1 {301:401}\n1 {101:201} {301:401}\n"));
}

}  // namespace layers_tcp_corner_wrap_tests
