#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

namespace layers_icmp_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;
using namespace std::chrono_literals;

namespace {

using host = ethernet<arp, ipv4<icmp, udp>>;
using ex::four_1;
using ex::four_2;
using ex::to_bytes;

struct subject : host_by_hand<host> {
    subject() {
        add_address("198.18.0.2/24");
        this->host.template at<arp>()->cache.add_permanent(four_1, on, mac(1));
    }
    std::string fate(const frame& f) { return test::fate(this->host, on, f); }
    std::uint64_t errors() { return this->host.at<icmp>()->sent[std::uint8_t(icmp_type::destination_unreachable)]; }
};

frame over(ip_protocol protocol, const frame& payload, ipv4_address to = four_2, ipv4_address from = four_1, mac_address at_mac = mac(2)) {
    return with_ipv4_checksum(with(ex::ethernet(ether_type::ipv4, ex::ipv4(protocol, payload, 0, to), at_mac), network + 12, from));
}
frame echo(icmp_type type = icmp_type::echo_request, std::uint32_t rest = icmp_header::make_echo(5, 1)) {
    return ex::icmpv4(type, 0, rest, to_bytes("12345678"));
}
/// To a port on which nobody listens.
frame unheard(ipv4_address to = four_2, ipv4_address from = four_1) {
    return over(ip_protocol::udp, ex::udp(from, to, 9, to_bytes("x")), to, from);
}
frame error_about(const frame& quoted, icmp_type type = icmp_type::destination_unreachable, std::uint8_t code = icmp_code::host_unreachable,
                  std::uint32_t rest = 0) {
    return over(ip_protocol::icmp, ex::icmpv4(type, code, rest, quoted));
}
/// A packet of ours as someone on the way would quote it.
frame ours(ip_protocol protocol, const frame& payload) {
    auto f = over(protocol, payload, four_1, four_2);
    return frame(f.begin() + network, f.end());
}

}  // namespace

TEST_CASE("an echo request is answered with what it brought") {
    subject s;
    const auto sent = s.exchange(over(ip_protocol::icmp, echo()));
    REQUIRE(sent.size() == 1);
    CHECK(at<ipv4_header>(sent[0], network).source == four_2);
    CHECK(at<ipv4_header>(sent[0], network).target == four_1);
    CHECK(fold16(sum16(std::span(sent[0]).subspan(network, 20))) == 0);
    const auto body = std::span(sent[0]).subspan(over_ipv4);
    CHECK(fold16(sum16(body)) == 0);
    const auto h = at<icmp_header>(sent[0], over_ipv4);
    CHECK(h.type == std::uint8_t(icmp_type::echo_reply));
    CHECK(h.identifier() == 5);
    CHECK(h.sequence() == 1);
    CHECK(frame(body.begin() + 8, body.end()) == to_bytes("12345678"));
}

TEST_CASE("an echo request to many is not answered") {
    subject s;
    CHECK(s.fate(over(ip_protocol::icmp, echo(), ipv4_address::broadcast(), four_1, mac_address::broadcast())) == "unsupported");
    CHECK(s.fate(over(ip_protocol::icmp, echo(), ipv4_address(198, 18, 0, 255), four_1, mac_address::broadcast())) == "unsupported");
    CHECK(s.fate(over(ip_protocol::icmp, echo(), ipv4_address(224, 0, 0, 1))) == "unsupported");
    CHECK(s.wire.take().empty());
}

TEST_CASE("replies reach the socket that asked, and none else") {
    subject s;
    echo_socket ping(s.host.at<icmp>());
    CHECK(ping.send(four_1, 4, bytes("12345678")) == errc::ok);
    s.settle();
    CHECK(s.wire.take().size() == 1);
    CHECK(s.fate(over(ip_protocol::icmp,
                      echo(icmp_type::echo_reply, icmp_header::make_echo(static_cast<std::uint16_t>(ping.identifier() + 1), 4)))) ==
          "no_socket");
    CHECK(s.fate(over(ip_protocol::icmp, echo(icmp_type::echo_reply, icmp_header::make_echo(ping.identifier(), 4)))) == "delivered");
    echo_reply r;
    REQUIRE(ping.receive(r) == errc::ok);
    CHECK(r.sequence == 4);
    CHECK(r.source == ip_address(four_1));
    CHECK(r.payload.size() == 8);
    CHECK(ping.receive(r) == errc::would_block);
    CHECK(ping.send(ip_address::parse("192.0.2.1"), 5, {}) == errc::no_route);
    CHECK(ping.send(ip_address::parse("::1"), 5, {}) == errc::no_route);
}

TEST_CASE("an echo socket hears that its target's neighbour does not answer") {
    stack<ethernet<arp, ipv4<icmp>>, memory_link, manual_environment> s;
    auto [near_end, far_end] = memory_link::make();
    const auto on = s.attach(std::move(near_end), mac_address(2, 0, 0, 0, 0, 2));
    s.add_address(on, "198.18.0.2/24");
    echo_socket ping(s.at<icmp>());
    const std::array<std::byte, 4> payload{};
    REQUIRE(ping.send(ipv4_address(198, 18, 0, 9), 5, payload) == errc::ok);
    for (int second = 0; second < 5; ++second) {
        s.environment_of().advance(std::chrono::seconds(1));
        s.poll();
    }
    echo_reply reply;
    REQUIRE(ping.receive(reply) == errc::ok);
    CHECK(!reply.is_reply);
    CHECK(reply.error == network_error::no_neighbour);
    CHECK(reply.sequence == 5);
    CHECK(reply.payload.size() == 4);
}

TEST_CASE("an echo socket outlives its stack") {
    auto s = std::make_unique<subject>();
    echo_socket ping(s->host.at<icmp>());
    s.reset();
    echo_reply r;
    CHECK(ping.send(four_1, 1, {}) == errc::bad_descriptor);
    CHECK(ping.receive(r) == errc::bad_descriptor);
}

TEST_CASE("an error quotes what it is about") {
    subject s;
    const auto sent = s.exchange(unheard());
    REQUIRE(sent.size() == 1);
    const auto h = at<icmp_header>(sent[0], over_ipv4);
    CHECK(h.type == std::uint8_t(icmp_type::destination_unreachable));
    CHECK(h.code == icmp_code::port_unreachable);
    const auto asked = unheard();
    CHECK(std::equal(asked.begin() + network, asked.end(), sent[0].begin() + over_ipv4 + 8, sent[0].end()));
    // No more than 576 bytes in all.
    const auto large = s.exchange(over(ip_protocol::udp, ex::udp(four_1, four_2, 9, frame(1400))));
    REQUIRE(large.size() == 1);
    CHECK(large[0].size() == network + 576);
    CHECK(at<icmp_header>(s.exchange(over(ip_protocol::gre, frame(8)))[0], over_ipv4).code == icmp_code::protocol_unreachable);
}

TEST_CASE("no errors about errors, about what went to many, or about who cannot be answered") {
    subject s;
    CHECK(s.fate(unheard(ipv4_address(198, 18, 0, 255))) == "no_socket");
    CHECK(s.fate(unheard(ipv4_address(224, 0, 0, 1))) == "no_socket");
    CHECK(s.fate(with(unheard(), 0, mac_address::broadcast())) == "no_socket");
    CHECK(s.fate(unheard(four_2, ipv4_address::broadcast())) == "bad_source");
    CHECK(s.fate(unheard(four_2, ipv4_address::any())) == "bad_source");
    CHECK(s.fate(unheard(four_2, ipv4_address::loopback())) == "bad_source");
    CHECK(s.fate(over(ip_protocol::icmp, echo(icmp_type::source_quench))) == "unsupported");
    CHECK(s.fate(over(ip_protocol::icmp, echo(icmp_type{42}))) == "unsupported");
    CHECK(s.wire.take().empty());
}

TEST_CASE("errors are sent at a limited rate, to each and in all") {
    subject s;
    for (int i = 0; i < 100; ++i) CHECK(s.fate(unheard()) == "no_socket");
    const auto burst = s.errors();
    CHECK(burst == answer_limits{}.burst_each);
    s.pass(1s, 1s);
    for (int i = 0; i < 100; ++i) (void)s.fate(unheard());
    CHECK(s.errors() - burst <= answer_limits{}.per_second_each + 1);
    CHECK(s.errors() > burst);
    // However many there are to be told, the common allowance holds.
    s.pass(10s, 1s);
    const auto before = s.errors();
    for (unsigned i = 3; i < 250; ++i) (void)s.fate(unheard(four_2, ipv4_address(198, 18, 0, static_cast<std::uint8_t>(i))));
    CHECK(s.errors() - before <= answer_limits{}.burst);
    s.pass(5s, 1s);
}

TEST_CASE("an error is told to the socket whose packet it quotes") {
    subject s;
    udp_socket socket(s.host, {{}, 40000});
    CHECK(socket.connect({four_1, 7}) == errc::ok);
    const auto quoted = ours(ip_protocol::udp, ex::udp(four_2, four_1, 7, to_bytes("x")));
    CHECK(s.fate(error_about(quoted)) == "delivered");
    CHECK(socket.take_error() == errc::host_unreachable);
    CHECK(s.fate(error_about(quoted, icmp_type::destination_unreachable, icmp_code::port_unreachable)) == "delivered");
    CHECK(socket.take_error() == errc::connection_refused);
    CHECK(s.fate(error_about(quoted, icmp_type::destination_unreachable, icmp_code::administratively_prohibited)) == "delivered");
    CHECK(socket.take_error() == errc::access_denied);
    CHECK(s.fate(error_about(quoted, icmp_type::time_exceeded, icmp_code::ttl_exceeded)) == "delivered");
    CHECK(socket.take_error() == errc::host_unreachable);

    SUBCASE("another flow's error is nobody's") {
        CHECK(s.fate(error_about(ours(ip_protocol::udp, ex::udp(four_2, four_1, 8, to_bytes("x"))))) == "delivered");
        CHECK(socket.take_error() == errc::ok);
    }
    SUBCASE("what is quoted must be ours, and whole as far as its ports") {
        auto foreign = quoted;
        foreign[15] = std::byte{9};
        CHECK(s.fate(error_about(foreign)) == "bad_source");
        for (std::size_t n = 0; n < 28; ++n)
            CHECK(s.fate(error_about(frame(quoted.begin(), quoted.begin() + static_cast<std::ptrdiff_t>(n)))) == "truncated");
        CHECK(s.fate(error_about(with(quoted, 0, std::uint8_t{0x41}))) == "malformed");
        CHECK(s.fate(error_about(with(quoted, 0, std::uint8_t{0x65}))) == "malformed");
        CHECK(s.fate(error_about(with(quoted, 0, std::uint8_t{0x4f}))) == "truncated");
        CHECK(socket.take_error() == errc::ok);
    }
    SUBCASE("a packet that is too big teaches the path's MTU, never less than there can be") {
        auto too_big = [&](std::uint32_t mtu) {
            return s.fate(error_about(quoted, icmp_type::destination_unreachable, icmp_code::fragmentation_needed, mtu));
        };
        CHECK(too_big(1300) == "delivered");
        CHECK(s.host.at<ipv4>()->table.path_mtu(four_1) == 1300);
        CHECK(too_big(1400) == "delivered");
        CHECK(s.host.at<ipv4>()->table.path_mtu(four_1) == 1300);
        CHECK(too_big(1) == "delivered");
        CHECK(s.host.at<ipv4>()->table.path_mtu(four_1) == 552);
        CHECK(socket.take_error() == errc::ok);
        CHECK(socket.send(frame(1000)) == errc::ok);
        CHECK(s.wire.take().size() == 2);
    }
}

TEST_CASE("a wrong checksum goes no further") {
    subject s;
    auto f = over(ip_protocol::icmp, echo());
    f.back() ^= std::byte{1};
    CHECK(s.fate(f) == "checksum");
    for (std::size_t n = 0; n < 8; ++n) CHECK(s.fate(over(ip_protocol::icmp, frame(n, std::byte{9}))) == "truncated");
    CHECK(s.wire.take().empty());
}

}  // namespace layers_icmp_tests
