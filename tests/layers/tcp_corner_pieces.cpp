// A stream in the smallest pieces: segments of one byte in every order, again and overlapping; IP fragments of eight bytes.

#include <tests/layers/tcp_states.hpp>

#include <netkit/wire/ipv4.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace layers_tcp_corner_pieces_tests {

using namespace netkit::tcp_script;
using netkit::errc;
using netkit::tcp_state;

namespace {

std::string counted(std::size_t n) {
    std::string text(n, ' ');
    for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>('!' + i * 7 % 90);
    return text;
}
/// Bytes [first, first + size) of a text that begins with number 1.
segment_builder piece(subject& t, const std::string& text, std::size_t first, std::size_t size) {
    return t.peer.data(static_cast<std::uint32_t>(1 + first), 1, std::string_view(text).substr(first, size));
}
void check_all_came(subject& t, const std::string& text) {
    t.pass(50ms);
    const auto sent = t.take();
    REQUIRE(!sent.empty());
    CHECK(acknowledgement(static_cast<std::uint32_t>(text.size()) + 1).problem(sent.back()) == "");
    CHECK(t.read() == text);
    t.pass(1s);
    (void)t.take();
    t.check_accounts();
}
/// The packet in IP fragments of `size` bytes, a multiple of 8.
std::vector<made_packet> fragments(const made_packet& whole, std::size_t size, std::uint16_t identifier) {
    const seen_packet p(whole.bytes, netkit::link_type::ip);
    const auto inner = std::span<const std::byte>(whole.bytes).subspan(sizeof(netkit::ipv4_header));
    std::vector<made_packet> all;
    for (std::size_t at = 0; at < inner.size(); at += size) {
        const auto n = std::min(size, inner.size() - at);
        const auto more = at + n < inner.size() ? netkit::ipv4_header::more_fragments_flag : std::uint16_t(0);
        all.push_back(ip_packet(p.source, p.target, p.protocol, inner.subspan(at, n), {.identifier = identifier, .fragment = static_cast<std::uint16_t>(more | at / 8)}));
    }
    return all;
}

}  // namespace

TEST_CASE("one byte a segment, in order") {
    subject t;
    t.establish();
    const auto text = counted(3000);
    for (std::size_t i = 0; i < text.size(); ++i) {
        t.inject(piece(t, text, i, 1));
        (void)t.take();
    }
    check_all_came(t, text);
}

/// Pieces of one byte take a buffer each, and only so many are kept: a peer sends the rest again.
constexpr std::size_t surely_kept = 60;

TEST_CASE("one byte a segment, the last first") {
    subject t;
    t.establish();
    const auto text = counted(surely_kept);
    for (std::size_t i = text.size(); i-- > 0;) {
        t.inject(piece(t, text, i, 1));
        for (const auto& p : t.take()) CHECK(p.acknowledgement() == (i == 0 ? text.size() + 1 : 1));
    }
    CHECK(t.read() == text);
}

TEST_CASE("one byte a segment, every other first, then the gaps; with SACK and without") {
    for (const bool selective : {false, true}) {
        CAPTURE(selective);
        subject t;
        auto syn = t.peer.syn().mss(1460);
        if (selective) syn.sack_permitted();
        t.establish(syn);
        const auto text = counted(2 * surely_kept);
        for (std::size_t i = 1; i < text.size(); i += 2) {
            t.inject(piece(t, text, i, 1));
            const auto answers = t.take();
            REQUIRE(answers.size() == 1);
            CHECK(is_tcp(flags("."), acknowledgement(1)).problem(answers[0]) == "");
            CHECK((answers[0].options.sack_blocks != 0) == selective);
        }
        for (std::size_t i = 0; i < text.size(); i += 2) {
            t.inject(piece(t, text, i, 1));
            t.expect(is_tcp(flags("."), acknowledgement(static_cast<std::uint32_t>(i + 3))));
        }
        CHECK(t.read() == text);
        t.expect_nothing(1s);
    }
}

TEST_CASE("far more pieces of one byte than are kept: what was given up is asked for again, and the stream is whole") {
    for (const bool backwards : {false, true}) {
        CAPTURE(backwards);
        subject t;
        t.establish();
        const auto text = counted(5000);
        for (std::size_t i = 1; i < text.size(); i += backwards ? 1 : 2) {
            t.inject(piece(t, text, backwards ? text.size() - i : i, 1));
            (void)t.take();
        }
        CHECK(t.host.buffers().in_use() < 200);
        std::uint32_t acknowledged = 1;
        for (std::size_t at = 0; at < text.size(); at = acknowledged - 1) {
            t.inject(piece(t, text, at, 1));
            t.pass(50ms);
            const auto answers = t.take();
            REQUIRE(!answers.empty());
            REQUIRE(answers.back().acknowledgement() > acknowledged);
            acknowledged = answers.back().acknowledgement();
        }
        CHECK(t.read() == text);
        t.check_accounts();
    }
}

TEST_CASE("each byte twice, and each with the one before it") {
    subject t;
    t.establish();
    const auto text = counted(500);
    for (std::size_t i = 0; i < text.size(); ++i) {
        t.inject(piece(t, text, i, 1));
        (void)t.take();
        t.inject(piece(t, text, i, 1));
        (void)t.take();
        if (i != 0) t.inject(piece(t, text, i - 1, 2));
        (void)t.take();
    }
    t.inject(piece(t, text, 0, 100));
    (void)t.take();
    CHECK(t.read() == text);
}

TEST_CASE("pieces of random sizes that overlap in random order: the stream comes out as it went in") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        subject t;
        t.establish();
        const auto text = counted(4000);
        std::vector<std::pair<std::size_t, std::size_t>> pieces;
        for (std::size_t at = 0; at < text.size();) {
            const auto n = std::min<std::size_t>(1 + random() % (random() % 4 ? 8 : 400), text.size() - at);
            const auto before = std::min<std::size_t>(at, random() % 20);
            pieces.emplace_back(at - before, n + before);
            at += n;
        }
        std::shuffle(pieces.begin(), pieces.end(), random);
        for (const auto& [first, size] : pieces) {
            t.inject(piece(t, text, first, size));
            (void)t.take();
        }
        // What was too much to keep comes again.
        for (std::size_t at = 0; at < text.size(); at += 1000) {
            t.inject(piece(t, text, at, 1000));
            (void)t.take();
        }
        CHECK(t.read() == text);
        CHECK(t.state() == tcp_state::established);
    }
}

TEST_CASE("the program writes one byte at a time: Nagle puts them together; without it each leaves by itself") {
    for (const bool no_delay : {false, true}) {
        CAPTURE(no_delay);
        subject t({.socket = {.no_delay = no_delay}});
        t.establish();
        const auto text = counted(20);
        for (const char c : text) CHECK(t.write(std::string_view(&c, 1)) == 1);
        if (no_delay) {
            std::uint32_t sent = 0;
            for (const auto& p : t.take()) {
                CHECK(p.payload.size() == 1);
                ++sent;
            }
            // The first congestion window counts bytes: twenty small segments are few.
            CHECK(sent == 20);
        } else {
            t.expect(is_tcp(sequence(1), payload(text.substr(0, 1))));
            t.inject(t.peer.ack(1, 2));
            t.expect(is_tcp(sequence(2), payload(text.substr(1))));
        }
        (void)t.socket.abort();
        (void)t.take();
    }
}

TEST_CASE("a connection whose every segment comes in IP fragments of eight bytes, the last first") {
    subject t;
    t.listen();
    std::uint16_t identifier = 1;
    const auto inject = [&](const made_packet& whole) {
        auto all = fragments(whole, 8, identifier++);
        while (!all.empty()) {
            t.inject(all.back());
            all.pop_back();
            if (!all.empty()) t.expect_nothing();
        }
    };
    inject(t.peer.syn().mss(1460));
    t.expect(is_tcp(flags("S."), acknowledgement(1)));
    inject(t.peer.ack(1, 1));
    REQUIRE(t.listener.accept(t.socket) == errc::ok);
    const auto text = counted(300);
    inject(piece(t, text, 0, 300));
    t.expect(within(40ms), is_tcp(flags("."), acknowledgement(301)));
    CHECK(t.read() == text);
    inject(t.peer.fin(301, 1));
    t.expect(is_tcp(flags("."), acknowledgement(302)));
    CHECK(t.read() == "<end of stream>");
    t.check_accounts();
}

TEST_CASE("a reader that takes one byte at a time gets the same stream") {
    subject t;
    t.establish();
    const auto text = counted(600);
    for (std::size_t at = 0; at < text.size(); at += 150) {
        t.inject(piece(t, text, at, 150));
        (void)t.take();
    }
    std::string got;
    for (std::byte one; t.socket.receive(std::span(&one, 1)).bytes == 1;) got += std::to_integer<char>(one);
    CHECK(got == text);
    t.pass(1s);
    (void)t.take();
}

}  // namespace layers_tcp_corner_pieces_tests
