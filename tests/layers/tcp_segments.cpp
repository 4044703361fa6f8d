#include <doctest/doctest.h>

#include "tcp_by_hand.hpp"

#include <random>

namespace layers_tcp_segments_tests {

using namespace tcp_by_hand;

TEST_CASE("a segment truncated at every byte, or with lying lengths, ends once with its reason") {
    fixture t;
    made m{.options = {2, 4, 5, 180, 1, 3, 3, 7, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 4, 2}};
    m.header_words = 10;
    const auto whole = m.bytes();
    for (std::size_t n = 0; n < whole.size(); ++n) {
        CAPTURE(n);
        CHECK(fate(t.host, t.on, std::span<const std::byte>(whole).first(n)) == "truncated");
        // The network header made to agree: then TCP must see it.
        if (n < 20) continue;
        frame agreeing(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
        agreeing[2] = std::byte(n >> 8);
        agreeing[3] = std::byte(n & 255);
        CHECK(fate(t.host, t.on, with_ipv4_checksum(agreeing, 0)) == (n < 60 ? "truncated" : "checksum"));
    }
    for (std::uint8_t words = 0; words < 5; ++words) CHECK(t.end_of({.header_words = words}) == "malformed");
    for (std::uint8_t words = 6; words < 16; ++words) CHECK(t.end_of({.header_words = words}) == "truncated");
    CHECK(t.end_of({.good_checksum = false}) == "checksum");
    CHECK(t.host.at<tcp>()->flows.size() == 0);
    CHECK(fate(t.host, t.on, whole) == "delivered");
    CHECK(t.host.at<tcp>()->flows.size() == 1);
}

TEST_CASE("options that overrun do no harm") {
    for (std::vector<std::uint8_t> options : {std::vector<std::uint8_t>{2, 0, 0, 0}, {2, 1, 5, 5}, {2, 40, 5, 180}, {3, 3, 200, 0}, {8, 10, 0, 0}, {5, 255, 1, 1}, {2, 4, 0, 0}, {254, 2, 254, 3}}) {
        fixture t;
        made m{.options = options};
        m.header_words = 6;
        CHECK(t.end_of(m) == "delivered");
        CHECK(t.host.at<tcp>()->flows.size() == 1);
    }
}

TEST_CASE("what belongs to nothing is answered with a reset, but a reset never") {
    fixture t;
    made m{.target_port = 81};
    auto reset = t.reply_to(m);
    CHECK(reset.flags() == (tcp_flags::rst | tcp_flags::ack));
    CHECK(reset.sequence == 0);
    CHECK(reset.acknowledgement == 1001);
    m.flags = tcp_flags::ack;
    m.acknowledgement = 777;
    m.payload = 10;
    reset = t.reply_to(m);
    CHECK(reset.flags() == tcp_flags::rst);
    CHECK(reset.sequence == 777);
    m.flags = tcp_flags::fin;
    reset = t.reply_to(m);
    CHECK(reset.acknowledgement == 1011);
    m.flags = tcp_flags::rst;
    CHECK(t.exchange(m.bytes()).empty());
    m.flags = tcp_flags::rst | tcp_flags::ack;
    CHECK(t.exchange(m.bytes()).empty());
    CHECK(t.end_of(m) == "no_socket");
}

TEST_CASE("LISTEN: RFC 9293 section 3.10.7.2") {
    fixture t;
    CHECK(t.exchange(made{.flags = tcp_flags::rst}.bytes()).empty());
    const auto reset = t.reply_to({.acknowledgement = 55, .flags = tcp_flags::syn | tcp_flags::ack});
    CHECK(reset.flags() == tcp_flags::rst);
    CHECK(reset.sequence == 55);
    CHECK(t.end_of({.flags = tcp_flags::fin}) == "bad_state");
    CHECK(t.end_of({.flags = tcp_flags::none}) == "bad_state");
    CHECK(t.end_of({.flags = tcp_flags::syn | tcp_flags::fin}) == "bad_state");
    CHECK(t.reply_to({}).flags() == (tcp_flags::syn | tcp_flags::ack));
}

TEST_CASE("sources that cannot be") {
    fixture t;
    CHECK(t.end_of({.source = ours, .source_port = 80}) == "bad_source");
    CHECK(t.end_of({.source = {224, 0, 0, 1}}) == "bad_source");
    CHECK(t.end_of({.source = {255, 255, 255, 255}}) == "bad_source");
    CHECK(t.end_of({.source = {0, 0, 0, 0}}) == "bad_source");
    CHECK(t.end_of({.target = {198, 18, 0, 255}}) == "not_for_us");
    CHECK(t.end_of({.target = {224, 0, 0, 1}}) == "not_for_us");
    CHECK(t.host.at<tcp>()->flows.size() == 0);
}

TEST_CASE("errors about our segments are matched to what is under way") {
    fixture t;
    tcp_socket s;
    const auto own = t.connect(s);
    const std::vector<std::byte> data(3000);
    CHECK(s.send(std::span<const std::byte>(data)).bytes == 3000);
    t.settle();
    (void)t.wire.take();
    auto here = t.host.at<tcp>();
    path<ipv4_address> way;
    way.source = ours;
    way.target = peer;
    tcp_header quoted{};
    quoted.source = 80;
    quoted.target = 4000;
    const auto tell = [&](std::uint32_t sequence, network_error error, std::uint32_t detail, std::size_t quoted_bytes = 8) {
        quoted.sequence = sequence;
        here->network_failed(here, std::as_bytes(std::span(&quoted, 1)).first(quoted_bytes), way, error, detail);
        t.settle();
    };
    const auto mss = s.info().send_mss;
    tell(own - 1, network_error::packet_too_big, 570);
    tell(own + 3000, network_error::packet_too_big, 570);
    for (std::size_t n = 0; n < 8; ++n) tell(own, network_error::packet_too_big, 570, n);
    CHECK(s.info().send_mss == mss);
    tell(own, network_error::port_unreachable, 0);
    CHECK(s.connected());
    (void)t.wire.take();
    tell(own, network_error::packet_too_big, 570);
    CHECK(s.info().send_mss == 530);
    const auto again = t.wire.take();
    REQUIRE(!again.empty());
    for (const auto& f : again) CHECK(f.size() <= 570);
    // Never more than was known; what old routers say; and never less than any path carries.
    tell(own, network_error::packet_too_big, 575);
    CHECK(s.info().send_mss == 530);
    tell(own, network_error::packet_too_big, 0);
    CHECK(s.info().send_mss == 512);
    tell(own, network_error::packet_too_big, 68);
    CHECK(s.info().send_mss == 512);
}

TEST_CASE("random segments at a connection and a listener: each counted once, none crashes") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        fixture t;
        tcp_socket s;
        const auto own = t.connect(s);
        for (int i = 0; i < 300; ++i) {
            made m;
            m.source_port = random() % 4 ? 4000 : static_cast<std::uint16_t>(random());
            m.target_port = random() % 8 ? 80 : static_cast<std::uint16_t>(random());
            m.sequence = static_cast<std::uint32_t>(1001 + random() % 3000 - 1000);
            m.acknowledgement = own + static_cast<std::uint32_t>(random() % 5 ? 0 : random());
            m.flags = random() % 2 ? tcp_flags::ack : static_cast<tcp_flags>(random() % 256);
            m.payload = random() % 3 ? 0 : random() % 1400;
            auto f = m.bytes();
            if (random() % 3 == 0) f[20 + random() % (f.size() - 20)] ^= std::byte(1u << random() % 8);
            if (random() % 3 == 0) f.resize(random() % (f.size() + 1));
            fate(t.host, t.on, f);
            if (random() % 20 == 0) t.pass(500ms, 100ms);
            std::vector<std::byte> buffer(1000);
            if (random() % 5 == 0) (void)s.receive(std::span<std::byte>(buffer));
            if (random() % 5 == 0) (void)s.send(std::span<const std::byte>(buffer));
            (void)t.wire.take();
        }
    }
}

}  // namespace layers_tcp_segments_tests
