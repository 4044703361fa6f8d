// Scripts: that right ones pass, and that wrong ones fail with the right words.

#include <netkit/testing/scripted_host.hpp>
#include <netkit/testing/tcp_checks.hpp>

#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/udp_socket.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace testing_script_tests {

using namespace netkit::testing;
using namespace std::chrono_literals;
using netkit::errc;

namespace {

using bare = scripted_host<netkit::ipv4<netkit::icmp, netkit::udp, netkit::tcp<>>>;
using full = scripted_host<netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::udp, netkit::tcp<>>>>;

netkit::endpoint at(std::string_view address, std::uint16_t port) { return {netkit::ip_address::parse(address), port}; }
netkit::ip_address address(std::string_view text) { return netkit::ip_address::parse(text); }

/// A host without a link layer at 198.18.0.2 that listens at port 80.
struct web_host : bare {
    netkit::tcp_socket listener;
    tcp_peer peer = tcp(at("198.18.0.1", 4000), at("198.18.0.2", 80));
    web_host() : bare({.link = {.link = netkit::link_type::ip}}) {
        add_address("198.18.0.2/24");
        REQUIRE(listener.open(host) == errc::ok);
        REQUIRE(listener.bind({{}, 80}) == errc::ok);
        REQUIRE(listener.listen(5) == errc::ok);
    }
};

/// What the script's failure says; "passed" where it does not fail.
template <class F>
std::string failure_of(F&& f) {
    try {
        f();
    } catch (const script_failure& failed) {
        return failed.what();
    }
    return "passed";
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("a handshake, and what the checks may ask of it") {
    web_host t;
    t.inject(t.peer.syn().mss(1460).window_scale(7));
    t.expect(is_ipv4(ttl(64), from("198.18.0.2"), to("198.18.0.1"), dont_fragment()) &&
             is_tcp(flags("S."), sequence(0), acknowledgement(1), from_port(80), to_port(4000), mss(1460), timestamps(false), payload_size(0)));
    t.inject(t.peer.ack(1, 1));
    t.expect_nothing(10s);
    netkit::tcp_socket s;
    CHECK(t.listener.accept(s) == errc::ok);
}

TEST_CASE("a field that is not there at all is a failure like any other") {
    const auto text = failure_of([] {
        web_host t;
        t.inject(echo_request(address("198.18.0.1"), address("198.18.0.2"), 1, 1, "hello"));
        t.expect(sequence(7) && window_at_least(1) && sack({}) && to_port(80) && asks_for("198.18.0.1") && from_mac("02:00:00:00:00:01") && ttl(64));
    });
    CAPTURE(text);
    CHECK(contains(text, "\n  is no TCP, is no TCP, is no TCP, is no UDP or TCP, is no ARP, is no Ethernet\n"));
}

TEST_CASE("a field that differs is named, with what it is and should be, where, when, and what came before") {
    const auto text = failure_of([] {
        web_host t;
        t.inject(t.peer.syn());
        t.expect(is_tcp(flags("S"), sequence(7), acknowledgement(1), mss(1400)));
    });
    CAPTURE(text);
    CHECK(contains(text, "tests/testing/script.cpp:"));
    CHECK(contains(text, ": expected TCP with flags [S], sequence 7, acknowledgement 1, mss 1400\n"));
    CHECK(contains(text, "  came at 5.000000 s: IPv4 198.18.0.2.80 > 198.18.0.1.4000 TCP [S.] seq 0 ack 1 win "));
    CHECK(contains(text, "\n  flags is [S.] instead of [S], sequence is 0 instead of 7, mss is 1460 instead of 1400\n"));
    CHECK(contains(text, "  all that happened:\n    5.000000 s > IPv4 198.18.0.1.4000 > 198.18.0.2.80 TCP [S] seq 0 win 65535 length 0\n    5.000000 s < IPv4"));
}

TEST_CASE("what does not come fails, and says until when it was waited for") {
    const auto at_once = failure_of([] {
        web_host t;
        t.expect(is_tcp());
    });
    CHECK(contains(at_once, "expected TCP\n  nothing came until 5.000000 s\n"));
    const auto later = failure_of([] {
        web_host t;
        t.expect(within(300ms), is_tcp(flags(".")));
    });
    CHECK(contains(later, "expected TCP with flags [.], until 5.300000 s\n  nothing came until 5.300000 s\n"));
    const auto second = failure_of([] {
        web_host t;
        t.inject(t.peer.syn());
        t.expect(is_tcp(flags("S.")), is_tcp(flags("F.")));
    });
    CHECK(contains(second, "expected as number 2 TCP with flags [F.]\n"));
}

TEST_CASE("what comes too early or too late fails") {
    const auto retransmission = [](due when) {
        return failure_of([&] {
            web_host t;
            t.inject(t.peer.syn());
            t.expect(is_tcp(flags("S.")));
            t.expect(when, is_tcp(flags("S."), sequence(0)));
        });
    };
    CHECK(retransmission(after(1s)) == "passed");
    CHECK(retransmission(within(1s)) == "passed");
    CHECK(retransmission(between(900ms, 1100ms)) == "passed");
    CHECK(contains(retransmission(after(1200ms, 100ms)), ", between 6.100000 s and 6.300000 s\n  came at 6.000000 s: "));
    CHECK(contains(retransmission(after(1200ms, 100ms)), "\n  too early\n"));
    CHECK(contains(retransmission(after(900ms)), "nothing came until 5.900000 s"));
    const auto passed_by = [](auto... later) {
        return failure_of([&] {
            web_host t;
            t.inject(t.peer.syn());
            t.expect(is_tcp(flags("S.")));
            t.pass(5s);
            t.expect(is_tcp(flags("S.")));
            t.expect(later..., is_tcp(flags("S.")));
            t.expect_nothing(500ms);
        });
    };
    CHECK(passed_by() == "passed");
    CHECK(contains(passed_by(within(1s)), "too early"));
}

TEST_CASE("what nobody expected fails at the next injection, when nothing was to come, and at the end") {
    const auto injection = failure_of([] {
        web_host t;
        t.inject(t.peer.syn());
        t.inject(t.peer.ack(1, 1));
    });
    CHECK(contains(injection, "not expected when something was injected\n  came at 5.000000 s: IPv4 198.18.0.2.80"));
    const auto nothing = failure_of([] {
        web_host t;
        t.inject(t.peer.syn());
        t.expect(is_tcp(flags("S.")));
        t.expect_nothing(2s);
    });
    CHECK(contains(nothing, "not expected when nothing was to come for 2.000000 s\n  came at 6.000000 s: "));
    const auto end = failure_of([] {
        web_host t;
        t.inject(t.peer.syn());
    });
    CHECK(contains(end, "not expected when the script ended\n  came at "));
    const auto ignored = failure_of([] {
        web_host t;
        t.ignore(is_tcp(flags("S.")));
        t.inject(t.peer.syn());
    });
    CHECK(ignored == "passed");
}

TEST_CASE("checks combine, and programs may write their own") {
    web_host t;
    t.inject(t.peer.syn());
    t.expect((is_udp() || is_tcp(flags("S."))) && !is_tcp(flags("R")) && anything() &&
             satisfies("an even port", [](const seen_packet& p) { return p.tcp->target % 2 == 0 ? "" : "the port is odd"; }));
    CHECK(contains(failure_of([] {
                       web_host w;
                       w.inject(w.peer.syn());
                       w.expect((is_udp(to_port(7)) || is_arp()) && !is_tcp());
                   }),
                   "expected UDP with target port 7 or ARP, not TCP\n"));
    CHECK(contains(failure_of([] {
                       web_host w;
                       w.inject(w.peer.syn());
                       w.expect((is_udp(to_port(7)) || is_arp()) && !is_tcp());
                   }),
                   "\n  is no UDP, and is no ARP, should be not TCP\n"));
    CHECK_THROWS_AS(flags("X"), std::invalid_argument);
}

TEST_CASE("UDP and ICMP, over both families and Ethernet, whose housekeeping the script does") {
    full t;
    t.add_address("198.18.0.2/24");
    t.add_address("fd00:6e6b::2/64");
    netkit::udp_socket service(t.host, {{}, 7});
    t.inject(udp_datagram(at("198.18.0.1", 5000), at("198.18.0.2", 7), "hello"));
    netkit::datagram d;
    REQUIRE(service.receive(d) == errc::ok);
    CHECK(service.send(d.payload.head(), d.source) == errc::ok);
    t.expect(is_ethernet(from_mac("02:00:00:00:00:02"), to_mac("02:00:00:00:00:01")) && is_udp(from_port(7), to_port(5000), payload("hello")));

    t.inject(udp_datagram(at("fd00:6e6b::1", 5000), at("fd00:6e6b::2", 9), "nobody there"));
    t.expect(is_ipv6(hop_limit(64)) && is_icmpv6(netkit::icmpv6_type::destination_unreachable, code(netkit::icmpv6_code::port_unreachable)));
    t.inject(udp_datagram(at("198.18.0.1", 5000), at("198.18.0.2", 9), "nobody there"));
    t.expect(is_ipv4(from("198.18.0.2")) && is_icmp(netkit::icmp_type::destination_unreachable, code(netkit::icmp_code::port_unreachable)));
    t.inject(echo_request(address("198.18.0.1"), address("198.18.0.2"), 77, 1, "ping"));
    t.expect(is_icmp(netkit::icmp_type::echo_reply, echo(77, 1), payload("ping")));
    t.inject(echo_request(address("fd00:6e6b::1"), address("fd00:6e6b::2"), 77, 2, "ping"));
    t.expect(is_icmpv6(netkit::icmpv6_type::echo_reply, echo(77, 2), payload("ping")));
}

TEST_CASE("without housekeeping a script plays the neighbours itself") {
    full t({.script = {.housekeeping = false}});
    t.add_address("198.18.0.2/24");
    netkit::udp_socket s(t.host, {{}, 7});
    CHECK(s.send(std::as_bytes(std::span("x", 1)), at("198.18.0.9", 9)) == errc::ok);
    t.expect(is_ethernet(to_mac("ff:ff:ff:ff:ff:ff")) && is_arp(asks_for("198.18.0.9")));
    t.inject(arp_reply({2, 0, 0, 0, 0, 9}, {198, 18, 0, 9}, {2, 0, 0, 0, 0, 2}, {198, 18, 0, 2}));
    t.expect(is_ethernet(to_mac("02:00:00:00:00:09")) && is_udp(to_port(9), payload("x")));
    t.inject(arp_request({2, 0, 0, 0, 0, 9}, {198, 18, 0, 9}, {198, 18, 0, 2}));
    t.expect(is_arp(tells_of("198.18.0.2")));
    CHECK(contains(failure_of([&] {
                       t.inject(arp_request({2, 0, 0, 0, 0, 9}, {198, 18, 0, 9}, {198, 18, 0, 2}));
                       t.expect(is_arp(asks_for("198.18.0.2")));
                   }),
                   "request for is ARP 198.18.0.2 is-at 02:00:00:00:00:02 instead of 198.18.0.2"));
}

TEST_CASE("a segment with a wrong checksum is neither taken by the host, nor fits a check") {
    web_host t;
    t.inject(t.peer.syn().bad_checksum());
    t.expect_nothing();
    auto made = t.peer.syn().bad_checksum().made();
    seen_packet p(made.bytes, netkit::link_type::ip);
    CHECK(p.fault == "bad TCP checksum");
    CHECK(is_tcp(flags("S")).problem(p) == "is no TCP");
    CHECK(contains(to_string(p), " [bad TCP checksum]"));
    made.bytes[10] ^= std::byte{1};
    CHECK(seen_packet(made.bytes, netkit::link_type::ip).fault == "bad IPv4 header checksum, bad TCP checksum");
    for (std::size_t n = 0; n < made.bytes.size(); ++n)
        CHECK(!seen_packet(packet_bytes(made.bytes.begin(), made.bytes.begin() + static_cast<std::ptrdiff_t>(n)), netkit::link_type::ip).fault.empty());
}

TEST_CASE("options, and SACK blocks counted from the host's own SYN") {
    web_host t;
    t.inject(t.peer.syn().mss(1000).sack_permitted().timestamps(5, 0).window_scale(3));
    const auto answer = t.expect(is_tcp(flags("S."), timestamps(), echoes(5)));
    t.inject(t.peer.ack(1, 1).timestamps(6, answer.options.ts_value));
    const auto made = t.peer.ack(1, 1).sack({{1, 100}, {200, 300}}).made();
    seen_packet p(made.bytes, netkit::link_type::ip);
    tcp_numbers(t.numbers()).apply(p, false);
    CHECK(sack({{1, 100}, {200, 300}}).problem(p).empty());
    CHECK(sack({}).problem(p) == "sack is {1:100 200:300} instead of {}");
    CHECK(mss(5).problem(p) == "mss is -1 instead of 5");
    CHECK(contains(to_string(p), "seq 1 ack 1 win 65535 <sack 2 {1:100} {200:300}>"));
}

}  // namespace testing_script_tests
