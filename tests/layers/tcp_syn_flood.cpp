#include <doctest/doctest.h>

#include "tcp_by_hand.hpp"

#include <array>

namespace layers_tcp_syn_flood_tests {

using namespace tcp_by_hand;

namespace {

/// A client that speaks with all options, and reads what it is answered.
struct client_by_hand {
    fixture& t;
    made next{.source_port = 5000, .sequence = 70'000};
    std::uint32_t clock = 1'000'000;
    tcp_header answer{};
    tcp_parsed_options answered{};

    static void put(std::vector<std::uint8_t>& options, const tcp_parsed_options& what) {
        std::array<std::byte, tcp_longest_options> space;
        const auto n = write_tcp_options(space, what);
        options.clear();
        for (std::size_t i = 0; i < n; ++i) options.push_back(std::to_integer<std::uint8_t>(space[i]));
    }
    made with(const tcp_parsed_options& what) {
        made m = next;
        put(m.options, what);
        m.header_words = static_cast<std::uint8_t>(5 + m.options.size() / 4);
        return m;
    }
    /// The SYN; false where nothing came back.
    bool ask(const tcp_parsed_options& what) {
        next.flags = tcp_flags::syn;
        auto options = what;
        options.ts_value = clock++;
        const auto all = t.exchange(with(options).bytes());
        if (all.size() != 1) return false;
        answer = at<tcp_header>(all[0], 20);
        answered = {};
        parse_tcp_options(std::span<const std::byte>(all[0]).subspan(40, answer.header_size() - 20), answered);
        return answer.flags() == (tcp_flags::syn | tcp_flags::ack);
    }
    /// The ACK to it, with so much data; what came back.
    std::vector<frame> confirm(std::size_t payload = 0) {
        next.flags = tcp_flags::ack;
        next.sequence = 70'001;
        next.acknowledgement = answer.sequence + 1;
        next.payload = payload;
        tcp_parsed_options options;
        options.has_timestamps = answered.has_timestamps;
        options.ts_value = clock++;
        options.ts_echo = answered.ts_value;
        return t.exchange(with(options).bytes());
    }
};

tcp_parsed_options everything() {
    tcp_parsed_options o;
    o.has_mss = o.has_window_scale = o.sack_permitted = o.has_timestamps = true;
    o.mss = 1400;
    o.window_scale = 9;
    return o;
}

void flood(fixture& t, std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t i = from; i < to; ++i) {
        t.wire.send(made{.source = ipv4_address(0xc6120000 + 10 + i / 60000), .source_port = static_cast<std::uint16_t>(i % 60000 + 1), .sequence = i}.bytes());
        t.host.poll();
        (void)t.wire.take();
    }
}

}  // namespace

TEST_CASE("a hundred thousand forged SYNs hold 64 handshakes, and lock nobody out") {
    fixture t;
    flood(t, 0, 100'000);
    auto here = t.host.at<tcp>();
    CHECK(here->flows.size() == 64);
    CHECK(here->half_open.in_use() == 64);
    CHECK(here->half_open.memory() < 32 * 1024);
    CHECK(here->connections.in_use() == 0);
    CHECK(t.host.counters().dropped_in_all() == 0);

    client_by_hand client{t};
    REQUIRE(client.ask(everything()));
    CHECK(here->flows.size() == 64);
    CHECK(client.answered.has_mss);
    CHECK(client.answered.has_window_scale);
    CHECK(client.answered.ts_echo == 1'000'000);
    CHECK(client.confirm(100).size() <= 1);
    tcp_socket s;
    REQUIRE(t.listener.accept(s) == errc::ok);
    CHECK(s.connected());
    CHECK(s.available() == 100);
    const auto info = s.info();
    CHECK(info.send_mss == 1400 - 12);
    CHECK(info.send_scale == 9);
    CHECK(info.timestamps);
    CHECK(info.send_window == 60'000u << 9);
    // Its own SYN and ACK offered a scale, so that the peer reads windows by it.
    CHECK(info.receive_scale == client.answered.window_scale);

    // Timestamps go on from the one that held the cookie.
    const std::vector<std::byte> data(10);
    CHECK(s.send(std::span<const std::byte>(data)).bytes == 10);
    t.settle();
    const auto sent = t.wire.take();
    REQUIRE(sent.size() == 1);
    const auto header = at<tcp_header>(sent[0], 20);
    tcp_parsed_options options;
    parse_tcp_options(std::span<const std::byte>(sent[0]).subspan(40, header.header_size() - 20), options);
    CHECK(options.has_timestamps);
    CHECK(options.ts_value - client.answered.ts_value < 64 + 10);
    CHECK(options.ts_echo == client.clock - 1);

    t.pass(200s, 1s);
    CHECK(here->half_open.in_use() == 0);
}

TEST_CASE("cookies without timestamps keep the MSS, and agree on nothing that they could not keep") {
    fixture t;
    flood(t, 0, 100);
    client_by_hand client{t};
    auto options = everything();
    options.has_timestamps = false;
    REQUIRE(client.ask(options));
    CHECK(!client.answered.has_timestamps);
    CHECK(!client.answered.has_window_scale);
    CHECK(!client.answered.sack_permitted);
    CHECK(client.confirm().empty());
    tcp_socket s;
    REQUIRE(t.listener.accept(s) == errc::ok);
    CHECK(s.info().send_mss == 1400);
    CHECK(!s.info().window_scaling);
    CHECK(!s.info().timestamps);
    CHECK(s.info().send_window == 60'000);
}

TEST_CASE("cookies count only while some are out, for their SYN, and not for ever") {
    fixture t;
    {
        // No cookie was ever sent.
        client_by_hand client{t};
        client.answer.sequence = 123;
        const auto all = client.confirm();
        REQUIRE(all.size() == 1);
        CHECK(at<tcp_header>(all[0], 20).flags() == tcp_flags::rst);
    }
    flood(t, 0, 100);
    client_by_hand client{t};
    REQUIRE(client.ask(everything()));
    auto wrong = client;
    wrong.answer.sequence = wrong.answer.sequence + 1;
    CHECK(wrong.confirm().size() == 1);
    auto elsewhere = client;
    elsewhere.next.source_port = 5001;
    CHECK(elsewhere.confirm().size() == 1);
    CHECK(t.host.at<tcp>()->connections.in_use() == 0);
    t.pass(130s, 1s);
    while (!t.wire.take().empty()) t.settle();
    CHECK(client.confirm().size() == 1);
    CHECK(t.host.at<tcp>()->connections.in_use() == 0);
    CHECK(t.host.counters()[drop_reason::bad_state] == 4);
}

TEST_CASE("a full accept queue: the ACK is as if lost, our SYN and ACK comes again, and then it fits") {
    fixture t;
    tcp_socket narrow;
    REQUIRE(narrow.open(t.host) == errc::ok);
    REQUIRE(narrow.bind({ip_address{}, 90}) == errc::ok);
    REQUIRE(narrow.listen(1) == errc::ok);
    std::array<std::uint32_t, 2> own{};
    for (std::uint16_t i = 0; i < 2; ++i) own[i] = t.reply_to({.source_port = static_cast<std::uint16_t>(4000 + i), .target_port = 90}).sequence + 1;
    const auto confirm = [&](std::uint16_t i) {
        return t.end_of({.source_port = static_cast<std::uint16_t>(4000 + i), .target_port = 90, .sequence = 1001, .acknowledgement = own[i], .flags = tcp_flags::ack});
    };
    CHECK(confirm(0) == "delivered");
    CHECK(confirm(1) == "backlog_full");
    // Nobody new gets in either.
    CHECK(t.end_of({.source_port = 4002, .target_port = 90}) == "backlog_full");
    t.pass(1100ms, 100ms);
    const auto again = t.wire.take();
    REQUIRE(again.size() == 1);
    CHECK(at<tcp_header>(again[0], 20).flags() == (tcp_flags::syn | tcp_flags::ack));
    CHECK(at<tcp_header>(again[0], 20).sequence + 1 == own[1]);
    CHECK(confirm(1) == "backlog_full");
    tcp_socket first, second;
    REQUIRE(narrow.accept(first) == errc::ok);
    CHECK(confirm(1) == "delivered");
    REQUIRE(narrow.accept(second) == errc::ok);
    CHECK(second.connected());
    CHECK(t.host.at<tcp>()->half_open.in_use() == 0);
}

TEST_CASE("a half-open handshake: SYN again, resets, wrong ACKs") {
    fixture t;
    auto here = t.host.at<tcp>();
    const auto answer = t.reply_to({});
    CHECK(t.reply_to({}).sequence == answer.sequence);
    CHECK(here->flows.size() == 1);
    // Out of the window, or not exactly where we are.
    CHECK(t.exchange(made{.sequence = 900'000, .flags = tcp_flags::rst}.bytes()).empty());
    CHECK(t.reply_to({.sequence = 1002, .flags = tcp_flags::rst}).flags() == tcp_flags::ack);
    CHECK(here->flows.size() == 1);
    const auto refused = t.reply_to({.sequence = 1001, .acknowledgement = answer.sequence + 7, .flags = tcp_flags::ack});
    CHECK(refused.flags() == tcp_flags::rst);
    CHECK(refused.sequence == answer.sequence + 7);
    CHECK(here->flows.size() == 1);
    // Another SYN hears where we are: who has really forgotten resets us.
    const auto other = t.reply_to({.sequence = 5'000'000});
    CHECK(other.flags() == tcp_flags::ack);
    CHECK(other.acknowledgement == 1001);
    CHECK(t.end_of({.sequence = 1001, .flags = tcp_flags::rst}) == "delivered");
    CHECK(here->flows.size() == 0);
    CHECK(here->connections.in_use() == 0);
}

TEST_CASE("resets to strangers are limited") {
    fixture t;
    std::size_t answers = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) answers += t.exchange(made{.source_port = static_cast<std::uint16_t>(1000 + i), .target_port = 81}.bytes()).size();
    CHECK(answers == 200);
    t.pass(1s, 1s);
    CHECK(t.exchange(made{.target_port = 81}.bytes()).size() == 1);
}

}  // namespace layers_tcp_syn_flood_tests
