// Raw sockets beside the transports: what they hear and send, and that the others do not notice.
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/observe.hpp>
#include <netkit/layers/raw_sockets.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vlan.hpp>
#include <netkit/wire/icmp.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/pseudo_header.hpp>

#include <tests/compose/hosts.hpp>
#include <tests/layers/by_hand.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace layers_raw_sockets_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

using four = ethernet<arp, ipv4<icmp, udp, raw_sockets>>;
using both = ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp, observe<packet_counter, raw_sockets>>>;
using family = raw_socket::family;

constexpr auto experimental = ip_protocol::experimental_1;

endpoint to(std::string_view address) { return {ip_address::parse(address)}; }

std::string text(const datagram& d, std::size_t from = 0) {
    std::string result(d.payload.size() - from, '?');
    d.payload.copy_to(std::as_writable_bytes(std::span(result)), from);
    return result;
}
/// An ICMP or ICMPv6 message with a sum over itself, which ICMPv6 replaces.
std::vector<std::byte> echo_request(std::uint8_t type, std::string_view payload) {
    std::vector<std::byte> m(8);
    m[0] = std::byte{type};
    m[5] = std::byte{77};
    for (const char c : payload) m.push_back(static_cast<std::byte>(c));
    const auto sum = checksum_of(sum16(m));
    std::memcpy(m.data() + 2, &sum, sizeof sum);
    return m;
}
ipv4_header header_of(const datagram& d) {
    ipv4_header h;
    REQUIRE(d.payload.copy_to(std::as_writable_bytes(std::span(&h, 1))) == sizeof h);
    return h;
}

struct two_of_four : test::two_hosts<four> {
    two_of_four() {
        a.add_address(at_a, "198.18.0.1/24");
        b.add_address(at_b, "198.18.0.2/24");
        // Neighbours know each other from here on, so that nothing waits for them.
        CHECK(answers_ping(a.at<icmp>(), a, b, "198.18.0.2"));
    }
    ~two_of_four() {
        check_accounts(a);
        check_accounts(b);
    }
};
struct two_of_both : test::two_hosts<both> {
    two_of_both() {
        a.add_address(at_a, "198.18.0.1/24");
        b.add_address(at_b, "198.18.0.2/24");
        a.add_address(at_a, "fd00:6e6b::1/64");
        b.add_address(at_b, "fd00:6e6b::2/64");
        pass_time(a, b, std::chrono::seconds(4), std::chrono::milliseconds(500));  // duplicate address detection
        CHECK(answers_ping(a.at<icmp>(), a, b, "198.18.0.2"));
        CHECK(answers_ping(a.at<icmpv6>(), a, b, "fd00:6e6b::2"));
    }
    ~two_of_both() {
        check_accounts(a);
        check_accounts(b);
    }
};

}  // namespace

TEST_CASE("raw ICMP: requests are heard and still answered, replies come with their IP header") {
    two_of_four net;
    raw_socket here, there;
    REQUIRE(here.open(net.a, ip_protocol::icmp, family::v4) == errc::ok);
    REQUIRE(there.open(net.b, ip_protocol::icmp, family::v4) == errc::ok);
    here.options.hop_limit = 9;
    const auto request = echo_request(8, "an echo");
    CHECK(here.send(request, to("198.18.0.2")) == errc::ok);
    net.settle();

    datagram d;
    REQUIRE(there.receive(d) == errc::ok);
    CHECK(d.hop_limit == 9);
    CHECK(d.source == to("198.18.0.1"));
    CHECK(d.target == ip_address::parse("198.18.0.2"));
    CHECK(header_of(d).ttl == 9);
    CHECK(d.payload.frames() == 0);
    CHECK(text(d, sizeof(ipv4_header)) == std::string(reinterpret_cast<const char*>(request.data()), request.size()));
    CHECK(there.receive(d) == errc::would_block);

    REQUIRE(here.receive(d) == errc::ok);
    const auto h = header_of(d);
    CHECK(h.source == ipv4_address(198, 18, 0, 2));
    CHECK(h.length == d.payload.size());
    CHECK(fold16(sum16(h)) == 0);
    CHECK(text(d, sizeof h + 8) == "an echo");
    std::vector<std::byte> reply(d.payload.size() - sizeof h);
    d.payload.copy_to(reply, sizeof h);
    CHECK(reply[0] == std::byte{0});
    CHECK(fold16(sum16(reply)) == 0);
    CHECK(here.receive(d) == errc::would_block);
    // ICMP itself had no use for the reply, as without raw sockets.
    CHECK(net.a.counters()[drop_reason::no_socket] == 1);
}

TEST_CASE("the stack's own ping is not disturbed, and each socket gets a copy") {
    two_of_four net;
    raw_socket one, other, of_another_protocol;
    REQUIRE(one.open(net.a, ip_protocol::icmp, family::v4) == errc::ok);
    REQUIRE(other.open(net.a, ip_protocol::icmp, family::v4) == errc::ok);
    REQUIRE(of_another_protocol.open(net.a, experimental, family::v4) == errc::ok);
    CHECK(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.0.2"));
    datagram d;
    CHECK(one.receive(d) == errc::ok);
    CHECK(other.receive(d) == errc::ok);
    CHECK(of_another_protocol.receive(d) == errc::would_block);
    CHECK(net.a.counters()[drop_reason::no_socket] == 0);
}

TEST_CASE("a protocol that no layer has: heard, it is delivered; unheard, it is refused as ever") {
    two_of_both net;
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        const auto which = v6 ? family::v6 : family::v4;
        const auto target = to(v6 ? "fd00:6e6b::2" : "198.18.0.2");
        const std::size_t header = v6 ? 0 : sizeof(ipv4_header);
        raw_socket here, errors;
        REQUIRE(here.open(net.a, experimental, which) == errc::ok);
        REQUIRE(errors.open(net.a, v6 ? ip_protocol::icmpv6 : ip_protocol::icmp, which) == errc::ok);
        datagram d;
        {
            raw_socket there;
            REQUIRE(there.open(net.b, experimental, which) == errc::ok);
            const auto delivered = net.b.counters().delivered;
            const auto refused = net.b.counters()[drop_reason::no_upper_layer];
            CHECK(here.send(bytes("what hath"), target) == errc::ok);
            net.settle();
            REQUIRE(there.receive(d) == errc::ok);
            CHECK(text(d, header) == "what hath");
            CHECK(d.source == to(v6 ? "fd00:6e6b::1" : "198.18.0.1"));
            CHECK(net.b.counters().delivered > delivered);
            CHECK(net.b.counters()[drop_reason::no_upper_layer] == refused);
            CHECK(there.send(bytes("an answer"), d.source) == errc::ok);
            net.settle();
            REQUIRE(here.receive(d) == errc::ok);
            CHECK(text(d, header) == "an answer");
        }
        while (errors.receive(d) == errc::ok) {}
        const auto refused = net.b.counters()[drop_reason::no_upper_layer];
        CHECK(here.send(bytes("anyone?"), target) == errc::ok);
        net.settle();
        CHECK(net.b.counters()[drop_reason::no_upper_layer] == refused + 1);
        REQUIRE(errors.receive(d) == errc::ok);
        const auto message = text(d, header);
        CHECK(message[0] == (v6 ? 4 : 3));  // parameter problem; destination unreachable
    }
}

TEST_CASE("ICMPv6 gets its checksum from the stack, and comes without IP header") {
    two_of_both net;
    raw_socket here;
    REQUIRE(here.open(net.a, ip_protocol::icmpv6, family::v6) == errc::ok);
    CHECK(here.send(echo_request(128, "six"), to("fd00:6e6b::2")) == errc::ok);
    net.settle();
    datagram d;
    bool answered = false;
    while (here.receive(d) == errc::ok) {
        const auto message = text(d);
        if (static_cast<std::uint8_t>(message[0]) != 129) continue;  // neighbour discovery is heard too
        answered = message.substr(8) == "six";
        const auto pseudo = pseudo_header_sum(d.source.address.v6(), d.target.v6(), ip_protocol::icmpv6, message.size());
        CHECK(fold16(sum16(bytes(message), pseudo)) == 0);
    }
    CHECK(answered);
    CHECK(here.send(bytes("abc"), to("fd00:6e6b::2")) == errc::invalid_argument);
}

TEST_CASE("ICMPv6 with a wrong checksum is not heard") {
    host_by_hand<both> net;
    net.add_address("fd00:6e6b::2/64");
    raw_socket s;
    REQUIRE(s.open(net.host, ip_protocol::icmpv6, family::v6) == errc::ok);
    const auto source = ipv6_address::parse("fd00:6e6b::1"), target = ipv6_address::parse("fd00:6e6b::2");
    for (const bool right : {false, true}) {
        CAPTURE(right);
        auto message = echo_request(128, "?");
        message[2] = message[3] = std::byte{0};
        const auto sum = checksum_of(sum16(message, pseudo_header_sum(source, target, ip_protocol::icmpv6, message.size())));
        std::memcpy(message.data() + 2, &sum, sizeof sum);
        if (!right) message[4] ^= std::byte{1};
        packet p(net.host.buffers(), 64, message.size());
        p.append(message);
        p.push(ipv6_header{.version_flow = ipv6_header::make_version_flow(0, 0), .length = static_cast<std::uint16_t>(message.size()), .next = 58, .hop_limit = 64, .source = source, .target = target});
        p.push(ethernet_header{mac(2), mac(1), 0x86dd});
        frame f(p.size());
        p.copy_to(f);
        CHECK(fate(net.host, net.on, f) == (right ? "delivered" : "checksum"));
        datagram d;
        CHECK(s.receive(d) == (right ? errc::ok : errc::would_block));
    }
}

TEST_CASE("fragments are put together before they are heard") {
    two_of_both net;
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        const auto which = v6 ? family::v6 : family::v4;
        raw_socket here, there;
        REQUIRE(here.open(net.a, experimental, which) == errc::ok);
        REQUIRE(there.open(net.b, experimental, which) == errc::ok);
        std::string large;
        while (large.size() < 5000) large += std::to_string(large.size()) + ' ';
        CHECK(here.send(bytes(large), to(v6 ? "fd00:6e6b::2" : "198.18.0.2")) == errc::ok);
        net.settle();
        datagram d;
        REQUIRE(there.receive(d) == errc::ok);
        CHECK(text(d, v6 ? 0 : sizeof(ipv4_header)) == large);
        if (!v6) CHECK(header_of(d).length == d.payload.size());
        CHECK(there.receive(d) == errc::would_block);
        here.options.dont_fragment = true;
        CHECK(here.send(bytes(large), to(v6 ? "fd00:6e6b::2" : "198.18.0.2")) == errc::message_too_big);
    }
}

TEST_CASE("what a transport takes is heard whole, checksum and all") {
    two_of_both net;
    raw_socket there;
    REQUIRE(there.open(net.b, ip_protocol::udp, family::v4) == errc::ok);
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.0.2", 100));
    datagram d;
    REQUIRE(there.receive(d) == errc::ok);
    std::vector<std::byte> segment(d.payload.size() - sizeof(ipv4_header));
    d.payload.copy_to(segment, sizeof(ipv4_header));
    CHECK(segment.size() == 108);
    CHECK(fold16(sum16(segment, pseudo_header_sum(d.source.address.v4(), d.target.v4(), ip_protocol::udp, segment.size()))) == 0);
}

TEST_CASE("a socket that is bound or connected hears only that") {
    two_of_four net;
    net.b.add_address(net.at_b, "198.18.0.3/24");
    raw_socket here, bound, connected, elsewhere;
    for (auto* s : {&bound, &connected, &elsewhere}) REQUIRE(s->open(net.b, experimental, family::v4) == errc::ok);
    REQUIRE(here.open(net.a, experimental, family::v4) == errc::ok);
    CHECK(bound.bind(to("198.18.0.3")) == errc::ok);
    CHECK(connected.connect(to("198.18.0.1")) == errc::ok);
    CHECK(elsewhere.connect(to("198.18.0.9")) == errc::ok);
    CHECK(connected.local_endpoint().address == ip_address::parse("198.18.0.2"));
    CHECK(here.send(bytes("two"), to("198.18.0.2")) == errc::ok);
    CHECK(here.send(bytes("three"), to("198.18.0.3")) == errc::ok);
    net.settle();
    datagram d;
    REQUIRE(bound.receive(d) == errc::ok);
    CHECK(text(d, sizeof(ipv4_header)) == "three");
    CHECK(bound.receive(d) == errc::would_block);
    CHECK(connected.receive(d) == errc::ok);
    CHECK(connected.receive(d) == errc::ok);
    CHECK(elsewhere.receive(d) == errc::would_block);
    // It speaks as whom it is bound to.
    CHECK(bound.send(bytes("from three"), to("198.18.0.1")) == errc::ok);
    CHECK(connected.send(bytes("to its peer")) == errc::ok);
    CHECK(bound.send(bytes("to whom?")) == errc::not_connected);
    net.settle();
    REQUIRE(here.receive(d) == errc::ok);
    CHECK(d.source == to("198.18.0.3"));
    REQUIRE(here.receive(d) == errc::ok);
    CHECK(d.source == to("198.18.0.2"));
}

TEST_CASE("the queue is bounded, and what does not fit is told once") {
    two_of_four net;
    raw_socket here, there;
    REQUIRE(here.open(net.a, experimental, family::v4) == errc::ok);
    REQUIRE(there.open(net.b, experimental, family::v4) == errc::ok);
    there.options.receive_buffer = 2000;
    int told = 0;
    there.on_ready([](void* n) { ++*static_cast<int*>(n); }, &told);
    for (int i = 0; i < 10; ++i) CHECK(here.send(bytes("more"), to("198.18.0.2")) == errc::ok);
    net.settle();
    CHECK(told >= 1);
    CHECK(there.available() == sizeof(ipv4_header) + 4);
    int heard = 0;
    datagram d;
    while (there.receive(d) == errc::ok) ++heard;
    CHECK(heard == 4);  // 536 bytes each, the last of them beginning below 2000
    CHECK(net.b.counters()[drop_reason::no_upper_layer] == 0);
}

TEST_CASE("a host hears what it sends to itself") {
    two_of_four net;
    raw_socket s;
    REQUIRE(s.open(net.a, experimental, family::v4) == errc::ok);
    CHECK(s.send(bytes("me"), to("127.0.0.1")) == errc::ok);
    net.settle();
    datagram d;
    REQUIRE(s.receive(d) == errc::ok);
    CHECK(text(d, sizeof(ipv4_header)) == "me");
}

TEST_CASE("what cannot be done is said") {
    two_of_four net;
    raw_socket s;
    datagram d;
    CHECK(s.receive(d) == errc::bad_descriptor);
    CHECK(s.send(bytes("x"), to("198.18.0.2")) == errc::bad_descriptor);
    CHECK(s.open(net.a, experimental, family::v6) == errc::not_supported);
    CHECK(!s.is_open());
    REQUIRE(s.open(net.a, experimental, family::v4) == errc::ok);
    CHECK(s.send(bytes("x"), to("fd00:6e6b::2")) == errc::invalid_argument);
    CHECK(s.send(bytes("x"), to("203.0.113.1")) == errc::no_route);
    CHECK(s.send(bytes("x"), to("198.18.0.255")) == errc::access_denied);
    s.options.broadcast = true;
    CHECK(s.send(bytes("x"), to("198.18.0.255")) == errc::ok);
    CHECK(s.bind(to("198.18.0.2")) == errc::address_not_available);
    CHECK(s.bind(to("fd00:6e6b::2")) == errc::invalid_argument);
    CHECK(s.connect(to("203.0.113.1")) == errc::no_route);
    CHECK(s.connect(to("fd00:6e6b::2")) == errc::invalid_argument);
    CHECK(s.connect({}) == errc::invalid_argument);

    stack<ethernet<arp, ipv4<icmp>>, memory_link, manual_environment> without;
    CHECK(s.open(without, experimental, family::v4) == errc::not_supported);
}

TEST_CASE("where there are several, each hears its own network") {
    using inside = ipv4<icmp, raw_sockets>;
    using tagged = vlan<42, arp, inside>;
    using plain = ipv4<raw_sockets, icmp>;
    test::two_hosts<ethernet<tagged, arp, plain>> net;
    for (auto* s : {&net.a, &net.b}) {
        const bool is_a = s == &net.a;
        const auto outside = is_a ? net.at_a : net.at_b;
        auto vlan = s->at<tagged>();
        s->add_address(vlan->add(vlan, outside), is_a ? "198.18.42.1/24" : "198.18.42.2/24");
        s->add_address(outside, is_a ? "198.18.0.1/24" : "198.18.0.2/24");
    }
    raw_socket here, on_vlan, on_ethernet;
    CHECK(here.open(net.a, experimental, family::v4) == errc::not_supported);
    REQUIRE(here.open(net.a.at<tagged, raw_sockets>(), experimental, family::v4) == errc::ok);
    REQUIRE(on_vlan.open(net.b.at<tagged, raw_sockets>(), experimental, family::v4) == errc::ok);
    REQUIRE(on_ethernet.open(net.b.at<plain, raw_sockets>(), experimental, family::v4) == errc::ok);
    CHECK(here.send(bytes("tagged"), to("198.18.42.2")) == errc::ok);
    CHECK(here.send(bytes("tagged"), to("198.18.0.2")) == errc::no_route);
    net.settle();
    datagram d;
    CHECK(on_vlan.receive(d) == errc::ok);
    CHECK(on_ethernet.receive(d) == errc::would_block);
    check_accounts(net.b);
}

TEST_CASE("a socket that outlives its stack answers bad_descriptor") {
    raw_socket s;
    {
        test::two_hosts<four> net;
        REQUIRE(s.open(net.a, experimental, family::v4) == errc::ok);
        net.a.add_address(net.at_a, "198.18.0.1/24");
        CHECK(s.send(bytes("me"), to("198.18.0.1")) == errc::ok);
        net.settle();
        CHECK(s.readable());
    }
    CHECK(!s.is_open());
    CHECK(!s.readable());
    CHECK(s.send(bytes("x"), to("198.18.0.2")) == errc::bad_descriptor);
}

}  // namespace layers_raw_sockets_tests
