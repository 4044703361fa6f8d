#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

#include <stdexcept>

namespace layers_ipv4_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using host = ethernet<arp, ipv4<icmp, udp>>;
using ex::four_1;
using ex::four_2;
using ex::to_bytes;

struct subject : host_by_hand<host> {
    udp_socket socket;
    subject() {
        add_address("198.18.0.2/24");
        this->host.template at<arp>()->cache.add_permanent(four_1, on, mac(1));
        REQUIRE(socket.open(this->host) == errc::ok);
        REQUIRE(socket.bind({{}, 7}) == errc::ok);
    }
    std::string fate(const frame& f) { return test::fate(this->host, on, f); }
};

frame over(ipv4_address to, ipv4_address from = four_1, const frame& options = {}) {
    const auto f = ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, ex::udp(from, to, 7, to_bytes("hello")), 0, to, options));
    return with_ipv4_checksum(with(f, network + 12, from));
}
frame option(std::initializer_list<unsigned> values) {
    frame f;
    for (auto v : values) f.push_back(static_cast<std::byte>(v));
    return f;
}

}  // namespace

TEST_CASE("sources no host can have, and targets that are not ours") {
    subject s;
    const auto from = [&](const char* source) { return s.fate(over(four_2, ipv4_address::parse(source))); };
    const auto to = [&](const char* target) { return s.fate(over(ipv4_address::parse(target))); };
    CHECK(from("192.0.2.1") == "delivered");
    for (const auto* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.255", "198.18.0.2"}) {
        CAPTURE(source);
        CHECK(from(source) == "bad_source");
    }
    for (const auto* target : {"255.255.255.255", "198.18.0.255", "224.0.0.1"}) {
        CAPTURE(target);
        CHECK(to(target) == "delivered");
    }
    for (const auto* target : {"198.18.0.9", "127.0.0.1", "0.0.0.0", "239.1.1.1", "198.18.1.255", "240.0.0.1"}) {
        CAPTURE(target);
        CHECK(to(target) == "not_for_us");
    }
    CHECK(s.wire.take().empty());
}

TEST_CASE("who was let in before is looked at anew once our own addresses change") {
    subject s;
    CHECK(s.fate(over(four_2)) == "delivered");
    CHECK(s.fate(over(four_2)) == "delivered");
    s.add_address("198.18.0.1/24");  // now the peer's is ours
    CHECK(s.fate(over(four_2)) == "bad_source");
    auto& table = s.host.at<ipv4>()->table;
    table.remove_address(four_1, s.on);
    CHECK(s.fate(over(four_2)) == "delivered");
    table.remove_address(four_2, s.on);
    CHECK(s.fate(over(four_2)) == "not_for_us");
}

TEST_CASE("the header's checksum is looked at before its addresses") {
    subject s;
    auto f = over(four_2);
    f[network + 10] ^= std::byte{1};
    CHECK(s.fate(f) == "checksum");
    f = over(four_2, four_1, option({1, 1, 1, 0}));
    f[network + 11] ^= std::byte{1};
    CHECK(s.fate(f) == "checksum");
}

TEST_CASE("options are skipped, source routes are not followed") {
    subject s;
    CHECK(s.fate(over(four_2, four_1, option({1, 1, 1, 0}))) == "delivered");
    CHECK(s.fate(over(four_2, four_1, option({7, 7, 4, 0, 0, 0, 0, 0}))) == "delivered");
    CHECK(s.fate(over(four_2, four_1, option({148, 4, 0, 0}))) == "delivered");
    CHECK(s.fate(over(four_2, four_1, frame(40, std::byte{1}))) == "delivered");
    for (unsigned kind : {131u, 137u}) CHECK(s.fate(over(four_2, four_1, option({kind, 7, 4, 198, 18, 0, 9, 0}))) == "filtered");
    CHECK(s.fate(over(four_2, four_1, option({131, 3, 255, 0}))) == "filtered");
    CHECK(s.fate(over(four_2, four_1, option({7, 1, 0, 0}))) == "malformed");
    CHECK(s.fate(over(four_2, four_1, option({1, 1, 1, 7}))) == "malformed");
    CHECK(s.wire.take().empty());
    // An error quotes the options of what it is about.
    s.socket.close();
    const auto sent = s.exchange(over(four_2, four_1, option({148, 4, 0, 0})));
    REQUIRE(sent.size() == 1);
    CHECK(at<ipv4_header>(sent[0], over_ipv4 + 8).header_size() == 24);
    CHECK(sent[0].size() == over_ipv4 + 8 + 24 + 13);
}

TEST_CASE("tunnels nobody asked for are refused") {
    subject s;
    for (const auto inner : {ip_protocol::ipv4, ip_protocol::ipv6}) {
        const auto f =
            ex::ethernet(ether_type::ipv4, ex::ipv4(inner, ex::ipv4(ip_protocol::udp, ex::udp(four_1, four_2, 7, to_bytes("x")))));
        CHECK(s.fate(f) == "no_upper_layer");
    }
    datagram d;
    CHECK(s.socket.receive(d) == errc::would_block);
}

TEST_CASE("a host is its own neighbour, with no device at all") {
    stack<ipv4<icmp, udp>, memory_link, manual_environment> s;
    const auto poll = [&] {
        for (int i = 0; i < 4; ++i) s.poll();
    };
    udp_socket one(s, {{}, 7}), other(s, {});
    for (const auto to : {ipv4_address(127, 0, 0, 1), ipv4_address(127, 1, 2, 3)}) {
        CHECK(other.send(bytes("to myself"), {to, 7}) == errc::ok);
        poll();
        datagram d;
        REQUIRE(one.receive(d) == errc::ok);
        CHECK(d.target == ip_address(to));
        CHECK(one.send(bytes("back"), d.source) == errc::ok);
        poll();
        CHECK(other.receive(d) == errc::ok);
    }
    // Larger than any link, and nobody there.
    CHECK(other.send(std::vector<std::byte>(60000), {ipv4_address::loopback(), 7}) == errc::ok);
    CHECK(other.connect({ipv4_address::loopback(), 9}) == errc::ok);
    CHECK(other.send(bytes("anyone?")) == errc::ok);
    poll();
    CHECK(other.take_error() == errc::connection_refused);
    echo_socket ping(s.at<icmp>());
    CHECK(ping.send(ipv4_address::loopback(), 1, bytes("echo")) == errc::ok);
    poll();
    echo_reply reply;
    CHECK(ping.receive(reply) == errc::ok);
    CHECK(s.counters().held() == 0);
}

TEST_CASE("its own addresses are reached by the loopback, not by their links") {
    subject s;
    udp_socket speaker(s.host, {});
    CHECK(speaker.send(bytes("to myself"), {four_2, 7}) == errc::ok);
    s.settle();
    datagram d;
    CHECK(s.socket.receive(d) == errc::ok);
    CHECK(s.wire.take().empty());
    CHECK(s.host.interface(interface_id::loopback).received.packets == 1);
}

TEST_CASE("addresses that no interface can have are refused") {
    subject s;
    for (const auto* text : {"224.0.0.5/24", "255.255.255.255/32", "0.0.0.0/0"})
        CHECK_THROWS_AS(s.host.add_address(s.on, text), std::invalid_argument);
    for (const auto* text : {"198.18.0.2/33", "198.18.0.2/x", "198.18.0/24"})
        CHECK_THROWS_AS(s.host.add_address(s.on, text), std::invalid_argument);
}

TEST_CASE("the address that suits the way speaks") {
    subject s;
    auto [near, far] = memory_link::make();
    const auto second = s.host.attach(std::move(near), mac(3));
    s.host.add_address(second, "198.18.8.2/24");
    s.host.add_gateway("198.18.8.1", second);
    auto layer = s.host.at<ipv4>();
    CHECK(layer->route(four_1)->source == four_2);
    CHECK(layer->route(ipv4_address(198, 18, 8, 9))->source == ipv4_address(198, 18, 8, 2));
    CHECK(layer->route(ipv4_address(192, 0, 2, 1))->source == ipv4_address(198, 18, 8, 2));
    CHECK(layer->route(ipv4_address(192, 0, 2, 1))->hop == ipv4_address(198, 18, 8, 1));
    CHECK(layer->route(ipv4_address(192, 0, 2, 1), s.on) == nullptr);
}

TEST_CASE("identifiers tell nobody how many datagrams are sent") {
    subject s;
    for (int i = 0; i < 100; ++i) CHECK(s.socket.send(bytes("x"), {four_1, 7}) == errc::ok);
    const auto sent = s.wire.take();
    CHECK(sent.size() >= 60);  // as many as the link holds
    for (const auto& f : sent) {
        CHECK(at<ipv4_header>(f, network).dont_fragment());
        CHECK(at<ipv4_header>(f, network).id == 0);
    }
}

TEST_CASE("identifiers of datagrams in fragments differ from datagram to datagram, and count for each target by itself") {
    subject s;
    const ipv4_address other(198, 18, 0, 9);
    s.host.at<arp>()->cache.add_permanent(other, s.on, mac(9));
    const auto id_to = [&](ipv4_address to) {
        CHECK(s.socket.send(frame(2000), {to, 7}) == errc::ok);
        s.settle();
        const auto sent = s.wire.take();
        REQUIRE(sent.size() == 2);
        CHECK(at<ipv4_header>(sent[0], network).id == at<ipv4_header>(sent[1], network).id);
        return static_cast<std::uint16_t>(at<ipv4_header>(sent[0], network).id);
    };
    const auto first = id_to(four_1), others = id_to(other);
    for (int i = 1; i < 50; ++i) {
        CHECK(id_to(four_1) == static_cast<std::uint16_t>(first + i));
        CHECK(s.socket.send(bytes("x"), {four_1, 7}) == errc::ok);
        (void)s.wire.take();
    }
    CHECK(id_to(other) == static_cast<std::uint16_t>(others + 1));
}

TEST_CASE("too small a link for IPv4 is refused when it is attached") {
    stack<host, memory_link, manual_environment> s;
    auto [near, far] = memory_link::make({.mtu = 67});
    CHECK_THROWS_AS(s.attach(std::move(near), mac(1)), std::invalid_argument);
}

}  // namespace layers_ipv4_tests
