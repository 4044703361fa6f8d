#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

#include <algorithm>
#include <stdexcept>

namespace layers_ipv6_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using host = ethernet<ipv6<icmpv6<ndp>, udp>>;
using ex::join;
using ex::six_1;
using ex::six_2;
using ex::to_bytes;

struct subject : host_by_hand<host> {
    udp_socket socket;
    subject() {
        add_address("fd00:6e6b::2/64");
        REQUIRE(socket.open(this->host) == errc::ok);
        REQUIRE(socket.bind({{}, 7}) == errc::ok);
        // Who sends the examples is known, so that answers are all that it sends.
        this->host.template at<ndp>()->cache.add_permanent(six_1, on, mac(1));
    }
    std::string fate(const frame& f) { return test::fate(this->host, on, f); }
    /// How a frame ended, and the ICMPv6 error that it brought about, as "reason: type.code at pointer".
    std::string answer(const frame& f) {
        auto result = fate(f);
        for (const auto& sent : wire.take()) {
            const auto icmp = test::at<icmp_header>(sent, over_ipv6);
            result += ": " + std::to_string(icmp.type) + "." + std::to_string(icmp.code) + " at " + std::to_string(icmp.rest);
        }
        return result;
    }
};

const frame hello = ex::udp(six_1, six_2, 7, to_bytes("hello"));

frame six(ip_protocol next, const frame& payload, ipv6_address to = six_2, std::uint8_t hops = 64, ipv6_address source = six_1) {
    return ex::ethernet(ether_type::ipv6, ex::ipv6(next, payload, to, hops, source), to.is_multicast() ? to.multicast_mac() : mac(2));
}
/// An extension header of 8 bytes with one option of 4 bytes and some padding.
frame options(ip_protocol next, std::uint8_t kind) { return to_bytes(ipv6_router_alert_header{.next = std::uint8_t(next), .kind = kind}); }
frame routing(ip_protocol next, std::uint8_t type, std::uint8_t left) {
    return join(routing_header{std::uint8_t(next), 0, type, left}, be32(0));
}
constexpr auto hbh = ip_protocol::hop_by_hop, destination = ip_protocol::destination_options, udp_ = ip_protocol::udp;

}  // namespace

TEST_CASE("sources no host can have, and targets that are not ours") {
    subject s;
    const auto from = [&](const char* source, ipv6_address to = six_2) {
        const auto address = ipv6_address::parse(source);
        return s.fate(six(udp_, ex::udp(address, to, 7, to_bytes("x")), to, 64, address));
    };
    const auto to = [&](const char* target) {
        const auto address = ipv6_address::parse(target);
        return s.fate(six(udp_, ex::udp(six_1, address, 7, to_bytes("x")), address));
    };
    CHECK(from("fd00:6e6b::1") == "delivered");
    CHECK(from("fe80::9") == "delivered");
    for (const auto* source : {"::", "::1", "ff02::1", "::ffff:198.18.0.1", "fd00:6e6b::2"}) {
        CAPTURE(source);
        CHECK(from(source) == "bad_source");
    }
    CHECK(from("::", ipv6_address::all_nodes()) == "delivered");
    CHECK(to("ff02::1") == "delivered");
    for (const auto* target : {"::", "::1", "ff01::1", "ff02::9", "fd00:6e6b::9", "fe80::9", "::ffff:198.18.0.2"}) {
        CAPTURE(target);
        CHECK(to(target) == "not_for_us");
    }
    CHECK(to(to_string(ipv6_address::link_local(mac(2))).c_str()) == "delivered");
    CHECK(s.wire.take().empty());
}

TEST_CASE("a link-local address is heard on its own link only") {
    subject s;
    auto [near, far] = memory_link::make();
    const auto second = s.host.attach(std::move(near), mac(3));
    s.pass(std::chrono::seconds(2), std::chrono::seconds(1));
    const auto own = ipv6_address::link_local(mac(3));
    const auto f = six(udp_, ex::udp(six_1, own, 7, to_bytes("x")), own);
    CHECK(fate(s.host, s.on, f) == "not_for_us");
    CHECK(fate(s.host, second, with(f, 0, mac(3))) == "delivered");
}

TEST_CASE("extension headers are taken in the order in which they lie") {
    subject s;
    CHECK(s.answer(six(hbh, join(options(destination, 5), options(ip_protocol::routing, 0x1e), routing(udp_, 0, 0), hello))) ==
          "delivered");
    datagram d;
    CHECK(s.socket.receive(d) == errc::ok);
    CHECK(d.payload.size() == 5);
    // Hop-by-hop options only in the first place: else its number is at fault.
    CHECK(s.answer(six(destination, join(options(hbh, 5), options(udp_, 5), hello))) == "malformed: 4.1 at 40");
    // A routing header that is still to be followed.
    CHECK(s.answer(six(ip_protocol::routing, join(routing(udp_, 0, 1), hello))) == "unsupported: 4.0 at 42");
    CHECK(s.answer(six(ip_protocol::routing, join(routing(udp_, 4, 0), hello))) == "delivered");
    // Nothing follows: neither a protocol nor an error.
    CHECK(s.answer(six(ip_protocol::no_next_header, hello)) == "no_upper_layer");
    CHECK(s.answer(six(destination, join(options(ip_protocol::no_next_header, 5), hello))) == "no_upper_layer");
    // A protocol that nobody here speaks, by the offset of its number.
    CHECK(s.answer(six(ip_protocol::gre, hello)) == "no_upper_layer: 4.1 at 6");
    CHECK(s.answer(six(destination, join(options(ip_protocol::gre, 5), hello))) == "no_upper_layer: 4.1 at 40");
}

TEST_CASE("an option nobody here knows is skipped or refused, as it asks for") {
    subject s;
    const auto all = ipv6_address::all_nodes();
    for (const auto header : {hbh, destination}) {
        CAPTURE(int(header));
        CHECK(s.answer(six(header, join(options(udp_, 0x1e), hello))) == "delivered");
        CHECK(s.answer(six(header, join(options(udp_, 0x5e), hello))) == "unsupported");
        CHECK(s.answer(six(header, join(options(udp_, 0x9e), hello))) == "unsupported: 4.2 at 42");
        CHECK(s.answer(six(header, join(options(udp_, 0xde), hello))) == "unsupported: 4.2 at 42");
        // The last two differ in what is sent to a group.
        CHECK(s.answer(six(header, join(options(udp_, 0x9e), hello), all)) == "unsupported: 4.2 at 42");
        CHECK(s.answer(six(header, join(options(udp_, 0xde), hello), all)) == "unsupported");
    }
}

TEST_CASE("headers and options are capped") {
    subject s;
    frame many;
    for (unsigned i = 0; i < ipv6_extension_walker::most_headers; ++i) {
        const bool last = i + 1 == ipv6_extension_walker::most_headers;
        many = join(many, options(last ? udp_ : destination, 5));
    }
    CHECK(s.fate(six(destination, join(many, hello))) == "delivered");
    CHECK(s.fate(six(destination, join(options(destination, 5), many, hello))) == "unsupported");

    frame crowded = join(ipv6_extension_header{std::uint8_t(udp_), 3});
    for (int i = 0; i < 15; ++i) crowded = join(crowded, be16(0x1e00));  // options without data
    CHECK(s.fate(six(destination, join(crowded, hello))) == "unsupported");
}

TEST_CASE("an endless jumbogram is not believed") {
    subject s;
    const auto jumbo = join(ipv6_extension_header{std::uint8_t(udp_), 0}, be16(0xc204), be32(0xffff'ffff), hello);
    auto f = six(hbh, jumbo);
    CHECK(s.fate(with(f, network + 4, be16(0))) == "truncated");
    CHECK(s.answer(f) == "unsupported: 4.2 at 42");
}

TEST_CASE("a host is its own neighbour, with no device at all") {
    stack<ipv6<icmpv6<>, udp>, memory_link, manual_environment> s;
    const auto poll = [&] {
        for (int i = 0; i < 4; ++i) s.poll();
    };
    udp_socket one(s, {ipv6_address::loopback(), 7}), other(s, {});
    CHECK(other.send(bytes("to myself"), {ipv6_address::loopback(), 7}) == errc::ok);
    poll();
    datagram d;
    REQUIRE(one.receive(d) == errc::ok);
    CHECK(d.payload.size() == 9);
    CHECK(d.source.address == ip_address(ipv6_address::loopback()));
    echo_socket ping(s.at<icmpv6>());
    CHECK(ping.send(ipv6_address::loopback(), 1, bytes("echo")) == errc::ok);
    poll();
    echo_reply reply;
    CHECK(ping.receive(reply) == errc::ok);
    CHECK(s.counters().received == 3);
    CHECK(s.counters().held() == 0);
}

TEST_CASE("addresses: of their own on each link, checked, refused and removed") {
    subject s;
    auto layer = s.host.at<ipv6>();
    CHECK(layer->is_local(ipv6_address::link_local(mac(2))));
    CHECK(layer->source_for(ipv6_address::parse("fe80::9"), s.on) == ipv6_address::link_local(mac(2)));
    CHECK(layer->source_for(ipv6_address::parse("2001:db8::1"), s.on) == six_2);
    for (const auto* text : {"ff02::5/64", "::/0"}) CHECK_THROWS_AS(s.host.add_address(s.on, text), std::invalid_argument);
    CHECK(layer->groups.has(six_2.solicited_node(), s.on));
    CHECK(layer->remove_address(layer, six_2, s.on));
    CHECK(!layer->remove_address(layer, six_2, s.on));
    CHECK(!layer->is_local(six_2));
    CHECK(layer->groups.has(six_2.solicited_node(), s.on));  // the link-local address ends alike
    CHECK(layer->remove_address(layer, ipv6_address::link_local(mac(2)), s.on));
    CHECK(!layer->groups.has(six_2.solicited_node(), s.on));
}

TEST_CASE("too small a link for IPv6 is refused when it is attached") {
    stack<host, memory_link, manual_environment> s;
    auto [near, far] = memory_link::make({.mtu = 1279});
    CHECK_THROWS_AS(s.attach(std::move(near), mac(1)), std::invalid_argument);
}

TEST_CASE("a group's members hear what is sent to it, here as well") {
    subject s;
    const auto group = ipv6_address::parse("ff05::1234");
    CHECK(s.socket.join_group(group, s.on) == errc::ok);
    CHECK(s.fate(six(udp_, ex::udp(six_1, group, 7, to_bytes("x")), group)) == "delivered");
    udp_socket speaker(s.host, {});
    CHECK(speaker.send(bytes("hear"), {group, 7, s.on}) == errc::ok);
    s.settle();
    datagram d;
    CHECK(s.socket.receive(d) == errc::ok);
    CHECK(s.socket.receive(d) == errc::ok);
    CHECK(d.payload.size() == 4);
    const auto sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    CHECK(at<ipv6_header>(sent[0], network).hop_limit == 1);
    CHECK(at<ethernet_header>(sent[0], 0).target == group.multicast_mac());
    CHECK(s.host.counters().held() == 0);
}

}  // namespace layers_ipv6_tests
