#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/mld.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

namespace layers_mld_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using host = ethernet<ipv6<icmpv6<ndp, mld>, udp>>;
constexpr ipv6_address group{0xff15'0000'0000'0000, 0x1234};
constexpr std::size_t message = over_ipv6 + sizeof(ipv6_router_alert_header);

struct subject : host_by_hand<host> {
    udp_socket member;
    subject() {
        add_address("fd00:6e6b::2/64");
        REQUIRE(member.open(this->host) == errc::ok);
        REQUIRE(member.bind({{}, 7}) == errc::ok);
        pass(std::chrono::seconds(5), std::chrono::seconds(1));
        (void)wire.take();
    }
    frame only() {
        auto sent = wire.take();
        REQUIRE(sent.size() == 1);
        return sent[0];
    }
    void ask(const frame& mld, ipv6_address to = ipv6_address::all_nodes(), std::uint8_t hops = 1, ipv6_address source = ex::router) {
        const auto sound = ex::icmpv6(mld, source, to);
        const auto packet =
            ex::ipv6(ip_protocol::hop_by_hop, ex::join(ipv6_router_alert_header{.next = std::uint8_t(ip_protocol::icmpv6)}, sound), to,
                     hops, source);
        wire.send(ex::ethernet(ether_type::ipv6, packet, to.multicast_mac()));
        settle();
    }
};
frame query(std::uint16_t ms, ipv6_address about = {}) {
    return ex::to_bytes(mld_message{std::uint8_t(icmpv6_type::multicast_listener_query), 0, 0, ms, 0, about});
}
frame query_v2(std::uint16_t code) {
    return ex::to_bytes(mld_query{{std::uint8_t(icmpv6_type::multicast_listener_query), 0, 0, code, 0, {}}, 2, 125, 0});
}

void check_shared(const frame& f) {
    const auto ip = at<ipv6_header>(f, network);
    CHECK(ip.hop_limit == 1);
    CHECK(ip.next == std::uint8_t(ip_protocol::hop_by_hop));
    CHECK(ip.source == ipv6_address::link_local(mac(2)));
    CHECK(at<ipv6_router_alert_header>(f, over_ipv6).kind == std::uint8_t(ipv6_option_kind::router_alert));
    const auto rest = std::span(f).subspan(message);
    CHECK(fold16(sum16(rest, pseudo_header_sum(ip.source, ip.target, ip_protocol::icmpv6, rest.size()))) == 0);
}
mld_group_record record(const frame& f) {
    check_shared(f);
    CHECK(at<ipv6_header>(f, network).target == mld_routers);
    CHECK(at<mld_report>(f, message).records == 1);
    return at<mld_group_record>(f, message + sizeof(mld_report));
}

}  // namespace

TEST_CASE("joining and leaving a group is told twice, in version 2") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    const auto first = record(s.only());
    CHECK(first.type == std::uint8_t(group_record::to_exclude));
    CHECK(first.group == group);
    s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
    CHECK(record(s.only()).type == std::uint8_t(group_record::to_exclude));
    REQUIRE(s.member.leave_group(group, s.on) == errc::ok);
    CHECK(record(s.only()).type == std::uint8_t(group_record::to_include));
}

TEST_CASE("a host without a checked address reports from the unspecified one") {
    host_by_hand<host> s;  // its link-local address is being checked
    s.settle();
    bool reported = false;
    for (const auto& f : s.wire.take()) {
        if (at<ipv6_header>(f, network).next != std::uint8_t(ip_protocol::hop_by_hop)) continue;
        reported = true;
        CHECK(at<ipv6_header>(f, network).source.is_any());
        CHECK(at<mld_group_record>(f, message + sizeof(mld_report)).group == ipv6_address::link_local(mac(2)).solicited_node());
    }
    CHECK(reported);
}

TEST_CASE("a query is answered for each group within the time it gives") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    s.pass(std::chrono::seconds(5), std::chrono::seconds(1));
    (void)s.wire.take();
    s.ask(query_v2(1000));
    s.pass(std::chrono::seconds(1), std::chrono::milliseconds(50));
    const auto answers = s.wire.take();
    CHECK(answers.size() == 2);  // ours, and the solicited-node group that both of its addresses share
    for (const auto& f : answers) CHECK(record(f).type == std::uint8_t(group_record::is_exclude));
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("an older querier is spoken to in its own version") {
    subject s;
    REQUIRE(s.member.join_group(group, s.on) == errc::ok);
    s.pass(std::chrono::seconds(5), std::chrono::seconds(1));
    (void)s.wire.take();
    s.ask(query(1000, group), group);
    s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
    const auto answer = s.only();
    check_shared(answer);
    CHECK(at<mld_message>(answer, message).type == std::uint8_t(icmpv6_type::multicast_listener_report));
    CHECK(at<mld_message>(answer, message).group == group);
    CHECK(at<ipv6_header>(answer, network).target == group);
    REQUIRE(s.member.leave_group(group, s.on) == errc::ok);
    CHECK(at<mld_message>(s.only(), message).type == std::uint8_t(icmpv6_type::multicast_listener_done));
}

TEST_CASE("a query may be sent to this host alone, and its code says nothing") {
    subject s;
    auto asked = query_v2(100);
    asked[1] = std::byte{1};
    s.ask(asked, ipv6_address::link_local(mac(2)));
    s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
    CHECK(record(s.only()).type == std::uint8_t(group_record::is_exclude));
}

TEST_CASE("a query without a router alert for MLD is not answered") {
    subject s;
    const auto to = ipv6_address::all_nodes();
    const auto sound = ex::icmpv6(query_v2(100), ex::router, to);
    const auto answers = [&](const frame& packet) {
        const auto before = s.host.counters()[drop_reason::malformed];
        s.wire.send(ex::ethernet(ether_type::ipv6, packet, to.multicast_mac()));
        s.settle();
        s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
        const auto answered = s.wire.take().size();
        CHECK(s.host.counters()[drop_reason::malformed] - before == 1 - answered);
        return answered;
    };
    const auto hop_by_hop = [&](std::uint16_t value, ipv6_option_kind kind = ipv6_option_kind::router_alert) {
        const ipv6_router_alert_header h{.next = std::uint8_t(ip_protocol::icmpv6), .kind = std::uint8_t(kind), .value = value};
        return ex::ipv6(ip_protocol::hop_by_hop, ex::join(h, sound), to, 1, ex::router);
    };
    CHECK(answers(ex::ipv6(ip_protocol::icmpv6, sound, to, 1, ex::router)) == 0);
    CHECK(answers(hop_by_hop(1)) == 0);
    CHECK(answers(hop_by_hop(0, ipv6_option_kind::padn)) == 0);
    CHECK(answers(hop_by_hop(0)) == 1);
}

TEST_CASE("queries that a router on the link cannot have sent are not answered") {
    subject s;
    const auto malformed = s.host.counters()[drop_reason::malformed];
    s.ask(query_v2(100), ipv6_address::all_nodes(), 2);
    s.ask(query(100), group);
    CHECK(s.host.counters()[drop_reason::malformed] == malformed + 1);  // the other one's group is not listened to
    s.ask(query_v2(100), ipv6_address::all_nodes(), 1, ex::six_1);
    CHECK(s.host.counters()[drop_reason::bad_source] == 1);
    s.pass(std::chrono::seconds(2), std::chrono::milliseconds(100));
    CHECK(s.wire.take().empty());
    CHECK(s.host.counters().held() == 0);
}

}  // namespace layers_mld_tests
