#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

#include <algorithm>

namespace layers_icmpv6_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;
using namespace std::chrono_literals;

namespace {

using host = ethernet<ipv6<icmpv6<ndp>, udp>>;
using ex::six_1;
using ex::six_2;
using ex::to_bytes;

struct subject : host_by_hand<host> {
    subject() {
        add_address("fd00:6e6b::2/64");
        this->host.template at<ndp>()->cache.add_permanent(six_1, on, mac(1));
    }
    std::string fate(const frame& f) { return test::fate(this->host, on, f); }
    std::uint64_t errors() { return this->host.at<icmpv6>()->sent[std::uint8_t(icmpv6_type::destination_unreachable)]; }
};

frame over(ip_protocol next, const frame& payload, ipv6_address to = six_2, ipv6_address from = six_1) {
    return ex::ethernet(ether_type::ipv6, ex::ipv6(next, payload, to, 64, from), to.is_multicast() ? to.multicast_mac() : mac(2));
}
frame message(icmpv6_type type, std::uint8_t code, std::uint32_t rest, const frame& payload, ipv6_address to = six_2,
              ipv6_address from = six_1) {
    return over(ip_protocol::icmpv6, ex::icmpv6(ex::join(icmp_header{std::uint8_t(type), code, 0, rest}, payload), from, to), to, from);
}
frame echo(icmpv6_type type = icmpv6_type::echo_request, std::uint32_t rest = icmp_header::make_echo(5, 1), ipv6_address to = six_2,
           ipv6_address from = six_1) {
    return message(type, 0, rest, to_bytes("12345678"), to, from);
}
frame unheard(ipv6_address to = six_2, ipv6_address from = six_1) {
    return over(ip_protocol::udp, ex::udp(from, to, 9, to_bytes("x")), to, from);
}
frame ours(const frame& datagram) { return ex::ipv6(ip_protocol::udp, datagram, six_1, 64, six_2); }

}  // namespace

TEST_CASE("an echo request is answered with what it brought, be it sent to a group") {
    subject s;
    for (const auto to : {six_2, ipv6_address::all_nodes()}) {
        const auto sent = s.exchange(echo(icmpv6_type::echo_request, icmp_header::make_echo(5, 1), to));
        REQUIRE(sent.size() == 1);
        const auto ip = at<ipv6_header>(sent[0], network);
        CHECK(ip.source == six_2);
        CHECK(ip.target == six_1);
        const auto body = std::span(sent[0]).subspan(over_ipv6);
        CHECK(fold16(sum16(body, pseudo_header_sum(ip.source, ip.target, ip_protocol::icmpv6, body.size()))) == 0);
        CHECK(at<icmp_header>(sent[0], over_ipv6).type == std::uint8_t(icmpv6_type::echo_reply));
        CHECK(frame(body.begin() + 8, body.end()) == to_bytes("12345678"));
    }
    CHECK(s.fate(echo(icmpv6_type::echo_request, 0, ipv6_address::all_nodes(), {})) == "bad_source");
}

TEST_CASE("who asks from a link-local address is answered on its link") {
    subject s;
    auto [near, far] = memory_link::make();
    const auto second = s.host.attach(std::move(near), mac(3));
    const auto neighbour = ipv6_address::parse("fe80::77");
    s.pass(2s, 1s);
    s.host.at<ndp>()->cache.add_permanent(neighbour, second, mac(9));
    hand there(std::move(far));
    (void)there.take();
    there.send(with(echo(icmpv6_type::echo_request, 0, ipv6_address::link_local(mac(3)), neighbour), 0, mac(3)));
    s.settle();
    const auto sent = there.take();
    REQUIRE(sent.size() == 1);
    CHECK(at<ethernet_header>(sent[0], 0).target == mac(9));
    CHECK(at<ipv6_header>(sent[0], network).source == ipv6_address::link_local(mac(3)));
}

TEST_CASE("replies and errors reach the echo socket that asked") {
    subject s;
    echo_socket ping(s.host.at<icmpv6>());
    CHECK(ping.send(six_1, 4, bytes("12345678")) == errc::ok);
    s.settle();
    const auto asked = s.wire.take();
    REQUIRE(asked.size() == 1);
    CHECK(s.fate(echo(icmpv6_type::echo_reply, icmp_header::make_echo(static_cast<std::uint16_t>(ping.identifier() + 1), 4))) ==
          "no_socket");
    CHECK(s.fate(echo(icmpv6_type::echo_reply, icmp_header::make_echo(ping.identifier(), 4))) == "delivered");
    const frame quoted(asked[0].begin() + network, asked[0].end());
    CHECK(s.fate(message(icmpv6_type::packet_too_big, 0, 1300, quoted)) == "delivered");
    echo_reply r;
    REQUIRE(ping.receive(r) == errc::ok);
    CHECK(r.is_reply);
    CHECK(r.payload.size() == 8);
    REQUIRE(ping.receive(r) == errc::ok);
    CHECK(!r.is_reply);
    CHECK(r.error == network_error::packet_too_big);
    CHECK(r.sequence == 4);
    CHECK(s.host.at<ipv6>()->table.path_mtu(six_1) == 1300);
}

TEST_CASE("an error quotes what it is about, within 1280 bytes") {
    subject s;
    auto sent = s.exchange(unheard());
    REQUIRE(sent.size() == 1);
    CHECK(at<icmp_header>(sent[0], over_ipv6).type == std::uint8_t(icmpv6_type::destination_unreachable));
    CHECK(at<icmp_header>(sent[0], over_ipv6).code == icmpv6_code::port_unreachable);
    const auto asked = unheard();
    CHECK(std::equal(asked.begin() + network, asked.end(), sent[0].begin() + over_ipv6 + 8, sent[0].end()));
    sent = s.exchange(over(ip_protocol::udp, ex::udp(six_1, six_2, 9, frame(1400))));
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].size() == network + 1280);
}

TEST_CASE("no errors about errors, about what went to many, or about who cannot be answered") {
    subject s;
    CHECK(s.fate(unheard(ipv6_address::all_nodes())) == "no_socket");
    CHECK(s.fate(with(unheard(), 0, ipv6_address::all_nodes().multicast_mac())) == "no_socket");
    CHECK(s.fate(unheard(ipv6_address::all_nodes(), {})) == "no_socket");
    CHECK(s.fate(over(ip_protocol::gre, frame(8), ipv6_address::all_nodes())) == "no_upper_layer");
    // An error, or a redirect, with a header that calls for an error.
    const ipv6_router_alert_header unknown{.next = std::uint8_t(ip_protocol::icmpv6), .kind = 0x9e};
    const auto inside = ex::icmpv6(ex::to_bytes(icmp_header{std::uint8_t(icmpv6_type::destination_unreachable), 0, 0, 0}), six_1, six_2);
    CHECK(s.fate(over(ip_protocol::destination_options, ex::join(unknown, inside))) == "unsupported");
    auto redirect = inside;
    redirect[0] = static_cast<std::byte>(icmpv6_type::redirect);
    CHECK(s.fate(over(ip_protocol::destination_options, ex::join(unknown, redirect))) == "unsupported");
    CHECK(s.fate(message(icmpv6_type{200}, 0, 0, frame(8))) == "unsupported");
    CHECK(s.fate(message(icmpv6_type{100}, 0, 0, frame(8))) == "truncated");
    CHECK(s.wire.take().empty());
}

TEST_CASE("errors are sent at a limited rate, to each and in all") {
    subject s;
    for (int i = 0; i < 100; ++i) (void)s.fate(unheard());
    const auto burst = s.errors();
    CHECK(burst == answer_limits{}.burst_each);
    s.pass(1s, 1s);
    for (int i = 0; i < 100; ++i) (void)s.fate(unheard());
    CHECK(s.errors() > burst);
    CHECK(s.errors() - burst <= answer_limits{}.per_second_each + 1);
    s.pass(10s, 1s);
    const auto before = s.errors();
    for (std::uint64_t i = 0x100; i < 0x200; ++i) (void)s.fate(unheard(six_2, ipv6_address(six_1.high(), i)));
    CHECK(s.errors() - before <= answer_limits{}.burst);
    s.pass(5s, 1s);
}

TEST_CASE("an error is told to the socket whose packet it quotes") {
    subject s;
    udp_socket socket(s.host, {{}, 40000});
    CHECK(socket.connect({six_1, 7}) == errc::ok);
    const auto quoted = ours(ex::udp(six_2, six_1, 7, to_bytes("x")));
    const auto told = [&](icmpv6_type type, std::uint8_t code, std::uint32_t rest = 0) {
        CHECK(s.fate(message(type, code, rest, quoted)) == "delivered");
        return socket.take_error();
    };
    CHECK(told(icmpv6_type::destination_unreachable, icmpv6_code::no_route) == errc::network_unreachable);
    CHECK(told(icmpv6_type::destination_unreachable, icmpv6_code::address_unreachable) == errc::host_unreachable);
    CHECK(told(icmpv6_type::destination_unreachable, icmpv6_code::port_unreachable) == errc::connection_refused);
    CHECK(told(icmpv6_type::destination_unreachable, icmpv6_code::administratively_prohibited) == errc::access_denied);
    CHECK(told(icmpv6_type::time_exceeded, icmpv6_code::hop_limit_exceeded) == errc::host_unreachable);
    CHECK(told(icmpv6_type::parameter_problem, icmpv6_code::unrecognised_next_header, 6) == errc::connection_refused);

    CHECK(told(icmpv6_type{100}, 4, 7) == errc::host_unreachable);  // of an unknown kind, and so of an unknown code

    CHECK(told(icmpv6_type::packet_too_big, 0, 1300) == errc::ok);
    CHECK(s.host.at<ipv6>()->table.path_mtu(six_1) == 1300);
    CHECK(told(icmpv6_type::packet_too_big, 0, 1279) == errc::ok);  // no link under IPv6 is that narrow
    CHECK(s.host.at<ipv6>()->table.path_mtu(six_1) == 1300);

    CHECK(s.fate(message(icmpv6_type::destination_unreachable, 4, 0, ex::ipv6(ip_protocol::udp, ex::udp(six_1, six_2, 7, {})))) ==
          "bad_source");
    CHECK(s.fate(message(icmpv6_type::destination_unreachable, 4, 0, with(quoted, 0, std::uint8_t{0x45}))) == "malformed");
    for (std::size_t n = 0; n < 40; ++n)
        CHECK(s.fate(message(icmpv6_type::destination_unreachable, 4, 0,
                             frame(quoted.begin(), quoted.begin() + static_cast<std::ptrdiff_t>(n)))) == "truncated");
    for (std::size_t n = 40; n < 48; ++n)
        CHECK(s.fate(message(icmpv6_type::destination_unreachable, 4, 0,
                             frame(quoted.begin(), quoted.begin() + static_cast<std::ptrdiff_t>(n)))) == "delivered");
    CHECK(socket.take_error() == errc::ok);
}

TEST_CASE("a wrong checksum goes no further") {
    subject s;
    auto f = echo();
    f.back() ^= std::byte{1};
    CHECK(s.fate(f) == "checksum");
    for (std::size_t n = 0; n < 8; ++n) CHECK(s.fate(over(ip_protocol::icmpv6, frame(n, std::byte{9}))) == "truncated");
    CHECK(s.wire.take().empty());
}

}  // namespace layers_icmpv6_tests
