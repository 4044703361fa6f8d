#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/igmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

namespace layers_igmp_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using host = ethernet<arp, ipv4<igmp, udp>>;
constexpr ipv4_address group{239, 1, 2, 3};
constexpr std::size_t message = over_ipv4 + sizeof(ipv4_router_alert);

struct subject : host_by_hand<host> {
    udp_socket member;
    subject() {
        add_address("198.18.0.2/24");
        REQUIRE(member.open(this->host) == errc::ok);
        REQUIRE(member.bind({{}, 7}) == errc::ok);
    }
    frame only() {
        auto sent = wire.take();
        REQUIRE(sent.size() == 1);
        return sent[0];
    }
    void ask(const frame& igmp_message, ipv4_address to = igmp_all_systems, std::uint8_t ttl = 1) {
        auto f = ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::igmp, igmp_message, 0, to), to.multicast_mac());
        wire.send(with_ipv4_checksum(with(f, network + 8, ttl)));
        settle();
    }
};
frame query(std::uint8_t tenths, ipv4_address about = {}) {
    return ex::with_checksum(ex::to_bytes(igmp_header{std::uint8_t(igmp_type::query), tenths, 0, about}), 2);
}
frame query_v3(std::uint8_t code) {
    return ex::with_checksum(ex::to_bytes(igmp_query{{std::uint8_t(igmp_type::query), code, 0, {}}, 2, 125, 0}), 2);
}
/// Checks what all reports share, and returns the group record of an IGMPv3 report.
igmp_group_record record(const frame& f) {
    const auto ip = at<ipv4_header>(f, network);
    CHECK(ip.header_size() == 24);
    CHECK(fold16(sum16(std::span(f).subspan(network, 24))) == 0);
    CHECK(ip.ttl == 1);
    CHECK(ip.source == ex::four_2);
    CHECK(ip.target == igmp_v3_routers);
    CHECK(at<ethernet_header>(f, 0).target == igmp_v3_routers.multicast_mac());
    CHECK(at<ipv4_router_alert>(f, over_ipv4).kind == std::uint8_t(ipv4_option_kind::router_alert));
    CHECK(fold16(sum16(std::span(f).subspan(message))) == 0);
    const auto report = at<igmp_report>(f, message);
    CHECK(report.type == std::uint8_t(igmp_type::report_v3));
    CHECK(report.records == 1);
    const auto r = at<igmp_group_record>(f, message + sizeof report);
    CHECK(r.group == group);
    return r;
}

}  // namespace

TEST_CASE("joining and leaving a group is told twice, in version 3") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    CHECK(record(s.only()).type == std::uint8_t(group_record::to_exclude));
    s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
    CHECK(record(s.only()).type == std::uint8_t(group_record::to_exclude));
    s.pass(std::chrono::seconds(20), std::chrono::seconds(1));
    CHECK(s.wire.take().empty());

    REQUIRE(s.member.leave_group(group, s.on) == errc::ok);
    CHECK(record(s.only()).type == std::uint8_t(group_record::to_include));
    s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
    CHECK(record(s.only()).type == std::uint8_t(group_record::to_include));
    CHECK(s.host.at<igmp>()->groups.size() == 1);  // 224.0.0.1, which is never reported
}

TEST_CASE("a query is answered within the time it gives") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    s.pass(std::chrono::seconds(5), std::chrono::seconds(1));
    (void)s.wire.take();
    s.ask(query_v3(50));
    CHECK(s.wire.take().empty());
    s.pass(std::chrono::seconds(5), std::chrono::milliseconds(100));
    CHECK(record(s.only()).type == std::uint8_t(group_record::is_exclude));
    CHECK(s.host.counters().held() == 0);
    // One that gives no time at all is answered, too.
    s.ask(query_v3(0));
    s.pass(std::chrono::seconds(1), std::chrono::milliseconds(100));
    CHECK(record(s.only()).type == std::uint8_t(group_record::is_exclude));
}

TEST_CASE("an older querier is spoken to in its own version") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    s.pass(std::chrono::seconds(5), std::chrono::seconds(1));
    (void)s.wire.take();
    s.ask(query(100));
    s.pass(std::chrono::seconds(10), std::chrono::milliseconds(500));
    auto answer = s.only();
    CHECK(at<igmp_header>(answer, message).type == std::uint8_t(igmp_type::report_v2));
    CHECK(at<igmp_header>(answer, message).group == group);
    CHECK(at<ipv4_header>(answer, network).target == group);
    REQUIRE(s.member.leave_group(group, s.on) == errc::ok);
    answer = s.only();
    CHECK(at<igmp_header>(answer, message).type == std::uint8_t(igmp_type::leave));
    CHECK(at<ipv4_header>(answer, network).target == igmp_all_routers);
}

TEST_CASE("where another host reports the group, an older querier needs no second answer") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    s.pass(std::chrono::seconds(5), std::chrono::seconds(1));
    (void)s.wire.take();
    s.ask(query(100));
    s.ask(ex::with_checksum(ex::to_bytes(igmp_header{std::uint8_t(igmp_type::report_v2), 0, 0, group}), 2), group);
    s.pass(std::chrono::seconds(12), std::chrono::seconds(1));
    CHECK(s.wire.take().empty());
}

TEST_CASE("a query may be sent to this host alone, or ask for one group of members of another") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    s.pass(std::chrono::seconds(5), std::chrono::seconds(1));
    (void)s.wire.take();
    const auto ask_us = [&](const frame& igmp_message, mac_address link) {
        auto f = ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::igmp, igmp_message, 0, ex::four_2), link);
        s.wire.send(with_ipv4_checksum(with(f, network + 8, std::uint8_t{1})));
        s.settle();
        s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
        return s.wire.take().size();
    };
    CHECK(ask_us(query_v3(10), mac(2)) == 1);
    CHECK(ask_us(query_v3(10), mac_address::broadcast()) == 0);
    s.ask(query(10, group));
    s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
    CHECK(at<igmp_header>(s.only(), message).group == group);
}

TEST_CASE("queries that came through a router, or are addressed to others than they ask, are not answered") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    s.pass(std::chrono::seconds(5), std::chrono::seconds(1));
    (void)s.wire.take();
    const auto before = s.host.counters()[drop_reason::malformed];
    s.ask(query_v3(10), igmp_all_systems, 2);
    s.ask(query(10), group);
    s.ask(query(10, ipv4_address(198, 18, 0, 9)), group);
    CHECK(s.host.counters()[drop_reason::malformed] == before + 3);
    auto short_of_sources = query_v3(10);
    short_of_sources[11] = std::byte{1};
    s.ask(ex::with_checksum(with(short_of_sources, 2, be16(0)), 2));
    CHECK(s.host.counters()[drop_reason::truncated] == 1);
    s.pass(std::chrono::seconds(12), std::chrono::seconds(1));
    CHECK(s.wire.take().empty());
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("a datagram to the group reaches the socket, and ceases to when it leaves") {
    subject s;
    const auto f =
        ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, ex::udp(ex::four_1, group, 7, ex::to_bytes("hello")), 0, group),
                     group.multicast_mac());
    CHECK(fate(s.host, s.on, f) == "not_for_us");
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    CHECK(fate(s.host, s.on, f) == "delivered");
    datagram d;
    CHECK(s.member.receive(d) == errc::ok);
    CHECK(d.target == ip_address(group));
    REQUIRE(s.member.leave_group(group, s.on) == errc::ok);
    CHECK(fate(s.host, s.on, f) == "not_for_us");
}

}  // namespace layers_igmp_tests
