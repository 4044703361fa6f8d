#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

namespace layers_arp_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;
using namespace std::chrono_literals;

namespace {

using host = ethernet<arp, ipv4<udp>>;
using ex::four_1;
using ex::four_2;

struct subject : host_by_hand<host> {
    udp_socket socket;
    subject() {
        add_address("198.18.0.2/24");
        REQUIRE(socket.open(this->host) == errc::ok);
        REQUIRE(socket.bind({{}, 7}) == errc::ok);
    }
    std::string fate(const frame& f) { return test::fate(this->host, on, f); }
    errc say(ipv4_address to = four_1) {
        const auto sent = socket.send(bytes("hello"), {to, 7});
        settle();
        return sent;
    }
    auto& cache() { return this->host.at<arp>()->cache; }
    neighbour_state state() {
        const auto* known = cache().peek(four_1, on);
        REQUIRE(known);
        return known->state;
    }
};

frame message(arp_operation operation, mac_address sender, ipv4_address source, ipv4_address target, mac_address to = mac(2)) {
    return ex::ethernet(ether_type::arp, ex::to_bytes(arp_header::make(operation, sender, source, mac(2), target)), to);
}
frame reply(mac_address from = mac(1)) { return message(arp_operation::reply, from, four_1, four_2); }
frame request(ipv4_address source = four_1, ipv4_address target = four_2) {
    return message(arp_operation::request, mac(1), source, target, mac_address::broadcast());
}
arp_header arp_in(const frame& f) {
    CHECK(at<ethernet_header>(f, 0).protocol() == ether_type::arp);
    return at<arp_header>(f, network);
}
bool is_arp(const frame& f) { return at<ethernet_header>(f, 0).protocol() == ether_type::arp; }

}  // namespace

TEST_CASE("a new address is announced") {
    host_by_hand<host> s;
    s.host.add_address(s.on, "198.18.0.2/24");
    s.settle();
    const auto sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    const auto h = arp_in(sent[0]);
    CHECK(h.kind() == arp_operation::request);
    CHECK(h.sender_ip == four_2);
    CHECK(h.target_ip == four_2);
    CHECK(at<ethernet_header>(sent[0], 0).target == mac_address::broadcast());
}

TEST_CASE("an address of ours is defended, once in ten seconds") {
    subject s;
    s.settle();
    s.wire.take();
    const auto claim = message(arp_operation::request, mac(9), four_2, four_2, mac_address::broadcast());
    CHECK(s.fate(claim) == "bad_source");
    s.settle();
    const auto sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    CHECK(arp_in(sent[0]).sender_ip == four_2);
    CHECK(arp_in(sent[0]).sender_mac == mac(2));
    CHECK(s.fate(claim) == "bad_source");
    s.settle();
    CHECK(s.wire.take().empty());
    CHECK(s.host.at<arp>()->conflicts == 2);
    for (int i = 1; i <= 30; ++i) {
        CAPTURE(i);
        s.pass(1s, 1s);
        CHECK(s.exchange(claim).size() == (i % 10 == 0 ? 1 : 0));
    }
}

TEST_CASE("an unknown neighbour is asked for three times, then its packets' senders are told") {
    subject s;
    REQUIRE(s.socket.connect({four_1, 7}) == errc::ok);
    CHECK(s.say() == errc::ok);
    for (int asked = 1; asked <= 3; ++asked) {
        const auto sent = s.wire.take();
        REQUIRE(sent.size() == 1);
        const auto h = arp_in(sent[0]);
        CHECK(h.kind() == arp_operation::request);
        CHECK(h.sender_mac == mac(2));
        CHECK(h.sender_ip == four_2);
        CHECK(h.target_ip == four_1);
        CHECK(at<ethernet_header>(sent[0], 0).target == mac_address::broadcast());
        CHECK(s.state() == neighbour_state::incomplete);
        s.pass(1s, 1s);
    }
    CHECK(s.wire.take().empty());
    CHECK(s.cache().size() == 0);
    CHECK(s.host.counters().send_failed[std::size_t(drop_reason::no_neighbour)] == 1);
    CHECK(s.socket.take_error() == errc::host_unreachable);
}

TEST_CASE("packets that wait are sent when the neighbour answers; of too many the oldest go") {
    subject s;
    const auto most = s.cache().settings().most_held_each;
    for (std::size_t i = 0; i < most + 2; ++i) CHECK(s.say() == errc::ok);
    CHECK(s.host.counters().send_failed[std::size_t(drop_reason::neighbour_queue_full)] == 2);
    (void)s.wire.take();
    auto sent = s.exchange(reply());
    s.settle();
    for (auto& f : s.wire.take()) sent.push_back(std::move(f));  // the wire takes 64 at a time
    CHECK(sent.size() == most);
    for (const auto& f : sent) {
        CHECK(!is_arp(f));
        CHECK(at<ethernet_header>(f, 0).target == mac(1));
    }
    CHECK(s.state() == neighbour_state::reachable);
}

TEST_CASE("the largest datagram waits with all its fragments") {
    subject s;
    CHECK(s.socket.send(frame(65507), {four_1, 7}) == errc::ok);
    s.settle();
    (void)s.wire.take();
    CHECK(s.exchange(reply()).size() == 45);
    CHECK(s.host.counters().send_failed[std::size_t(drop_reason::neighbour_queue_full)] == 0);
}

TEST_CASE("a neighbour grows stale, is used while it is being asked, and is given up") {
    subject s;
    CHECK(s.say() == errc::ok);
    (void)s.exchange(reply());
    s.pass(50s, 1s);
    CHECK(s.say() == errc::ok);
    auto sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    CHECK(!is_arp(sent[0]));
    CHECK(s.state() == neighbour_state::delay);
    s.pass(5s, 1s);
    CHECK(s.state() == neighbour_state::probe);
    sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    CHECK(arp_in(sent[0]).kind() == arp_operation::request);
    CHECK(at<ethernet_header>(sent[0], 0).target == mac(1));  // by unicast
    SUBCASE("it answers") {
        (void)s.exchange(reply());
        CHECK(s.state() == neighbour_state::reachable);
    }
    SUBCASE("it does not") {
        s.pass(3s, 1s);
        CHECK(s.cache().size() == 0);
    }
}

TEST_CASE("a gratuitous announcement changes what is known, and creates nothing") {
    subject s;
    const auto announcement = message(arp_operation::request, mac(9), four_1, four_1, mac_address::broadcast());
    CHECK(s.fate(announcement) == "not_for_us");
    CHECK(s.cache().size() == 0);
    CHECK(s.say() == errc::ok);
    (void)s.exchange(reply());
    CHECK(s.fate(announcement) == "not_for_us");
    CHECK(s.cache().peek(four_1, s.on)->mac == mac(9));
    CHECK(s.state() == neighbour_state::stale);
}

TEST_CASE("a request for us is answered, and teaches who asks") {
    subject s;
    const auto sent = s.exchange(request());
    REQUIRE(sent.size() == 1);
    const auto h = arp_in(sent[0]);
    CHECK(h.kind() == arp_operation::reply);
    CHECK(h.sender_ip == four_2);
    CHECK(h.sender_mac == mac(2));
    CHECK(h.target_ip == four_1);
    CHECK(at<ethernet_header>(sent[0], 0).target == mac(1));
    CHECK(s.state() == neighbour_state::stale);
}

TEST_CASE("a probe is answered, and teaches nothing") {
    subject s;
    CHECK(s.exchange(request({})).size() == 1);
    CHECK(s.cache().size() == 0);
}

TEST_CASE("what nobody waits for, and what nobody can be") {
    subject s;
    CHECK(s.fate(reply()) == "delivered");
    CHECK(s.cache().size() == 0);  // unsolicited replies create nothing
    CHECK(s.fate(request(four_1, ipv4_address(198, 18, 0, 9))) == "not_for_us");
    CHECK(s.fate(request(four_1, ipv4_address::loopback())) == "not_for_us");
    for (const auto source : {ipv4_address::broadcast(), ipv4_address(198, 18, 0, 255), ipv4_address(224, 0, 0, 1), ipv4_address(240, 0, 0, 1), ipv4_address::loopback()})
        CHECK(s.fate(request(source)) == "bad_source");
    for (const auto sender : {mac_address::broadcast(), mac_address(), mac(2), ipv4_address(224, 0, 0, 1).multicast_mac()})
        CHECK(s.fate(message(arp_operation::request, sender, four_1, four_2)) == "bad_source");
    CHECK(s.host.at<arp>()->conflicts == 0);
    CHECK(s.wire.take().empty());
    CHECK(s.fate(request(four_2, four_2)) == "bad_source");  // it claims our address
    CHECK(s.host.at<arp>()->conflicts == 1);
    CHECK(s.cache().size() == 0);
}

TEST_CASE("the cache stays within its bound whoever asks") {
    subject s;
    const auto most = s.cache().settings().most_entries;
    for (std::size_t i = 0; i < most + 100; ++i) {
        s.wire.send(request(ipv4_address(static_cast<std::uint32_t>(198u << 24 | 18u << 16 | 10 << 8) + static_cast<std::uint32_t>(i))));
        s.settle();
        (void)s.wire.take();
    }
    CHECK(s.cache().size() == most);
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("packets that wait for neighbours are bounded in all") {
    subject s;
    for (unsigned i = 0; i < 600; ++i) CHECK(s.say(ipv4_address(198, 18, 0, static_cast<std::uint8_t>(10 + i / 3))) == errc::ok);
    CHECK(s.cache().size() == 200);
    CHECK(s.cache().held() == s.cache().settings().most_held);
    CHECK(s.host.counters().send_failed[std::size_t(drop_reason::neighbour_queue_full)] == 600 - s.cache().settings().most_held);
    s.pass(4s, 1s);
    CHECK(s.cache().held() == 0);
    CHECK(s.cache().size() == 0);
}

TEST_CASE("frames for others, and for protocols nobody speaks here") {
    subject s;
    CHECK(s.fate(with(request(), 0, mac(7))) == "not_for_us");
    CHECK(s.fate(ex::ethernet(ether_type{0x88b5}, frame(50))) == "no_upper_layer");
    CHECK(s.fate(frame(13)) == "truncated");
    CHECK(s.fate({}) == "truncated");
}

}  // namespace layers_arp_tests
