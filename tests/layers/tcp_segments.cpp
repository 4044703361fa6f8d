#include <doctest/doctest.h>

#include "by_hand.hpp"

#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>

#include <chrono>
#include <cstring>
#include <random>

namespace layers_tcp_segments_tests {

using namespace netkit;
using namespace netkit::test;
using namespace std::chrono_literals;

namespace {

constexpr ipv4_address ours{198, 18, 0, 2}, peer{198, 18, 0, 1};

struct made {
    ipv4_address source = peer, target = ours;
    std::uint16_t source_port = 4000, target_port = 80;
    std::uint32_t sequence = 1000, acknowledgement = 0;
    tcp_flags flags = tcp_flags::syn;
    std::size_t payload = 0;
    std::uint8_t header_words = 5;
    std::vector<std::uint8_t> options{};
    bool good_checksum = true;

    frame bytes() const {
        const auto length = 20 + options.size() + payload;
        frame f(20 + length);
        ipv4_header ip{.version_ihl = 0x45, .tos = 0, .length = static_cast<std::uint16_t>(f.size()), .id = 1, .fragment = 0x4000, .ttl = 64, .protocol = 6, .checksum = {}, .source = source, .target = target};
        ip.checksum = checksum_of(sum16(ip));
        tcp_header h{};
        h.source = source_port;
        h.target = target_port;
        h.sequence = sequence;
        h.acknowledgement = acknowledgement;
        h.offset = static_cast<std::uint8_t>(header_words << 4);
        h.control = static_cast<std::uint8_t>(flags);
        h.window = 60000;
        std::memcpy(f.data(), &ip, 20);
        std::memcpy(f.data() + 20, &h, 20);
        if (!options.empty()) std::memcpy(f.data() + 40, options.data(), options.size());
        h.checksum = checksum_of(sum16(std::span<const std::byte>(f).subspan(20), pseudo_header_sum(source, target, ip_protocol::tcp, length)));
        if (!good_checksum) h.checksum = static_cast<std::uint16_t>(h.checksum ^ 1);
        std::memcpy(f.data() + 20, &h, 20);
        return f;
    }
};

struct fixture : host_by_hand<ipv4<icmp, tcp<>>> {
    tcp_socket listener;
    fixture() : host_by_hand({.link = link_type::ip}) {
        host.add_address(on, "198.18.0.2/24");
        REQUIRE(listener.open(host) == errc::ok);
        REQUIRE(listener.bind({ip_address{}, 80}) == errc::ok);
        REQUIRE(listener.listen(8) == errc::ok);
    }
    tcp_header reply_to(const made& m) {
        const auto all = exchange(m.bytes());
        REQUIRE(all.size() == 1);
        return at<tcp_header>(all[0], 20);
    }
    std::string end_of(const made& m) { return fate(host, on, m.bytes()); }
    /// An established connection; what we expect next from it.
    std::uint32_t connect(tcp_socket& s) {
        const auto answer = reply_to({});
        CHECK(exchange(made{.sequence = 1001, .acknowledgement = answer.sequence + 1, .flags = tcp_flags::ack}.bytes()).empty());
        REQUIRE(listener.accept(s) == errc::ok);
        return answer.sequence + 1;
    }
};

}  // namespace

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

TEST_CASE("a flood of SYNs holds a bounded number of connections") {
    fixture t;
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        t.wire.send(made{.source = ipv4_address(0xc6120000 + 10 + i / 60000), .source_port = static_cast<std::uint16_t>(i % 60000 + 1)}.bytes());
        t.host.poll();
        (void)t.wire.take();
    }
    CHECK(t.host.at<tcp>()->flows.size() == 64);
    CHECK(t.host.counters()[drop_reason::backlog_full] == 20'000 - 64);
    t.pass(200s, 1s);
    CHECK(t.host.at<tcp>()->flows.size() == 0);
    CHECK(t.host.at<tcp>()->connections.in_use() == 0);
}

TEST_CASE("TIME-WAIT: the last ACK is repeated, and a newer SYN opens anew") {
    fixture t;
    tcp_socket s;
    const auto own = t.connect(s);
    CHECK(s.close() == errc::ok);
    t.settle();
    (void)t.wire.take();
    made fin{.sequence = 1001, .acknowledgement = own + 1, .flags = tcp_flags::fin | tcp_flags::ack};
    CHECK(t.reply_to(fin).acknowledgement == 1002);
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    CHECK(t.host.at<tcp>()->connections.in_use() == 0);
    t.pass(50s, 1s);
    CHECK(t.reply_to(fin).acknowledgement == 1002);
    t.pass(50s, 1s);
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    CHECK(t.exchange(made{.sequence = 900}.bytes()).size() == 1);
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    CHECK(t.reply_to({.sequence = 5000}).flags() == (tcp_flags::syn | tcp_flags::ack));
    CHECK(t.host.at<tcp>()->time_waits.size() == 0);
    t.pass(300s, 1s);
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
    tell(own - 1, network_error::packet_too_big, 400);
    tell(own + 3000, network_error::packet_too_big, 400);
    for (std::size_t n = 0; n < 8; ++n) tell(own, network_error::packet_too_big, 400, n);
    CHECK(s.info().send_mss == mss);
    tell(own, network_error::port_unreachable, 0);
    CHECK(s.connected());
    (void)t.wire.take();
    tell(own, network_error::packet_too_big, 400);
    CHECK(s.info().send_mss == 360);
    const auto again = t.wire.take();
    REQUIRE(!again.empty());
    for (const auto& f : again) CHECK(f.size() <= 400);
    tell(own, network_error::packet_too_big, 0);
    CHECK(s.info().send_mss >= 88);
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
