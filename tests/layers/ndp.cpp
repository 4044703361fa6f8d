#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

#include <algorithm>

namespace layers_ndp_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using host = ethernet<ipv6<icmpv6<ndp>, udp>>;
using namespace std::chrono_literals;

struct subject : host_by_hand<host> {
    udp_socket socket;
    subject() {
        add_address("fd00:6e6b::2/64");
        REQUIRE(socket.open(this->host) == errc::ok);
        REQUIRE(socket.bind({{}, 7}) == errc::ok);
    }
    errc say(ipv6_address to = ex::six_1) {
        const auto sent = socket.send(bytes("hello"), {to, 7});
        settle();
        return sent;
    }
    auto& cache() { return this->host.at<ndp>()->cache; }
    neighbour_state state(ipv6_address of = ex::six_1) {
        const auto* known = cache().peek(of, on);
        REQUIRE(known);
        return known->state;
    }
};

frame message(icmpv6_type type, ipv6_address source, ipv6_address to, ipv6_address about, std::uint32_t flags, const frame& options,
              std::uint8_t hops = 255, std::uint8_t code = 0) {
    const auto body = ex::join(neighbour_advertisement{{std::uint8_t(type), code, 0, flags}, about}, options);
    return ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::icmpv6, ex::icmpv6(body, source, to), to, hops, source),
                        to.is_multicast() ? to.multicast_mac() : mac(2));
}
frame link_address(nd_option_kind kind, mac_address m) { return ex::to_bytes(nd_link_address_option::make(kind, m)); }
frame advertisement(std::uint32_t flags = neighbour_advertisement::solicited_flag | neighbour_advertisement::override_flag,
                    mac_address at = mac(1), ipv6_address about = ex::six_1) {
    return message(icmpv6_type::neighbour_advertisement, about, ex::six_2, about, flags,
                   link_address(nd_option_kind::target_link_address, at));
}
frame solicitation(ipv6_address source = ex::six_1, ipv6_address about = ex::six_2) {
    return message(icmpv6_type::neighbour_solicitation, source, about.solicited_node(), about, 0,
                   source.is_any() ? frame{} : link_address(nd_option_kind::source_link_address, mac(1)));
}
/// What a neighbour discovery message is about; its type and target are checked.
neighbour_advertisement check(const frame& f, icmpv6_type type, ipv6_address source, ipv6_address to) {
    const auto ip = at<ipv6_header>(f, network);
    CHECK(ip.hop_limit == 255);
    CHECK(ip.source == source);
    CHECK(ip.target == to);
    const auto m = at<neighbour_advertisement>(f, over_ipv6);
    CHECK(m.icmp.type == std::uint8_t(type));
    const auto rest = std::span(f).subspan(over_ipv6);
    CHECK(fold16(sum16(rest, pseudo_header_sum(ip.source, ip.target, ip_protocol::icmpv6, rest.size()))) == 0);
    return m;
}
bool is_udp(const frame& f) { return at<ipv6_header>(f, network).next == std::uint8_t(ip_protocol::udp); }

}  // namespace

TEST_CASE("an unknown neighbour is asked for three times, then its packets' senders are told") {
    subject s;
    REQUIRE(s.socket.connect({ex::six_1, 7}) == errc::ok);
    CHECK(s.say() == errc::ok);
    for (int asked = 1; asked <= 3; ++asked) {
        const auto sent = s.wire.take();
        REQUIRE(sent.size() == 1);
        const auto m = check(sent[0], icmpv6_type::neighbour_solicitation, ex::six_2, ex::six_1.solicited_node());
        CHECK(m.target == ex::six_1);
        CHECK(at<ethernet_header>(sent[0], 0).target == ex::six_1.solicited_node().multicast_mac());
        const auto option = at<nd_link_address_option>(sent[0], over_ipv6 + sizeof m);
        CHECK(option.kind == std::uint8_t(nd_option_kind::source_link_address));
        CHECK(option.mac == mac(2));
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
    CHECK(s.wire.take().size() == 1);
    CHECK(s.host.counters().send_failed[std::size_t(drop_reason::neighbour_queue_full)] == 2);
    auto sent = s.exchange(advertisement());
    s.settle();
    for (auto& f : s.wire.take()) sent.push_back(std::move(f));  // the wire takes 64 at a time
    CHECK(sent.size() == most);
    for (const auto& f : sent) {
        CHECK(is_udp(f));
        CHECK(at<ethernet_header>(f, 0).target == mac(1));
    }
    CHECK(s.state() == neighbour_state::reachable);
}

TEST_CASE("a neighbour grows stale, is used while it is being asked, and is given up") {
    subject s;
    CHECK(s.say() == errc::ok);
    CHECK(s.exchange(advertisement()).size() == 2);
    s.pass(50s, 1s);  // reachable for 15 to 45 s
    CHECK(s.say() == errc::ok);
    auto sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    CHECK(is_udp(sent[0]));
    CHECK(s.state() == neighbour_state::delay);
    s.pass(5s, 1s);
    CHECK(s.state() == neighbour_state::probe);
    sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    check(sent[0], icmpv6_type::neighbour_solicitation, ex::six_2, ex::six_1);  // by unicast
    CHECK(at<ethernet_header>(sent[0], 0).target == mac(1));

    SUBCASE("it answers") {
        s.exchange(advertisement());
        CHECK(s.state() == neighbour_state::reachable);
    }
    SUBCASE("it does not") {
        s.pass(2s, 1s);
        CHECK(s.wire.take().size() == 2);
        s.pass(1s, 1s);
        CHECK(s.cache().size() == 0);
    }
}

TEST_CASE("what an advertisement says of a known neighbour") {
    subject s;
    CHECK(s.say() == errc::ok);
    s.exchange(advertisement());
    SUBCASE("unsolicited, with override: another link address, to be confirmed") {
        s.exchange(advertisement(neighbour_advertisement::override_flag, mac(9)));
        CHECK(s.state() == neighbour_state::stale);
        CHECK(s.cache().peek(ex::six_1, s.on)->mac == mac(9));
    }
    SUBCASE("without override: the address stays") {
        s.exchange(advertisement(0, mac(9)));
        CHECK(s.state() == neighbour_state::stale);
        CHECK(s.cache().peek(ex::six_1, s.on)->mac == mac(1));
    }
}

TEST_CASE("advertisements nobody waits for create nothing") {
    subject s;
    CHECK(fate(s.host, s.on, advertisement()) == "not_for_us");
    CHECK(s.cache().size() == 0);
}

TEST_CASE("solicitations for an address of ours are answered, and teach the asker's link address") {
    subject s;
    const auto sent = s.exchange(solicitation());
    REQUIRE(sent.size() == 1);
    const auto m = check(sent[0], icmpv6_type::neighbour_advertisement, ex::six_2, ex::six_1);
    CHECK(m.target == ex::six_2);
    CHECK(m.is_solicited());
    CHECK(m.is_override());
    CHECK(!m.is_router());
    CHECK(at<nd_link_address_option>(sent[0], over_ipv6 + sizeof m).mac == mac(2));
    CHECK(at<ethernet_header>(sent[0], 0).target == mac(1));
    CHECK(fate(s.host, s.on, solicitation(ex::six_1, ipv6_address::parse("fd00:6e6b::1:2"))) == "not_for_us");

    s.host.at<ipv6>()->forwarding = true;
    CHECK(at<neighbour_advertisement>(s.exchange(solicitation())[0], over_ipv6).is_router());
}

TEST_CASE("messages that RFC 4861 section 7.1 forbids are dropped") {
    subject s;
    const auto ours = ex::six_2, theirs = ex::six_1, all = ipv6_address::all_nodes();
    const auto ns = icmpv6_type::neighbour_solicitation, na = icmpv6_type::neighbour_advertisement;
    const auto mine = link_address(nd_option_kind::source_link_address, mac(1));
    auto end = [&](const frame& f) { return fate(s.host, s.on, f); };
    CHECK(end(message(ns, theirs, ours, ours, 0, mine, 254)) == "malformed");
    CHECK(end(message(ns, theirs, ours, ours, 0, mine, 255, 1)) == "malformed");
    CHECK(end(message(ns, theirs, ours, all, 0, mine)) == "malformed");
    CHECK(end(message(ns, {}, ours.solicited_node(), ours, 0, mine)) == "malformed");
    CHECK(end(message(ns, {}, all, ours, 0, {})) == "malformed");
    CHECK(end(message(ns, theirs, ours, ours, 0, frame(8))) == "malformed");                             // an option of length 0
    CHECK(end(message(ns, theirs, ours, ours, 0, frame(mine.begin(), mine.end() - 1))) == "malformed");  // a residue
    CHECK(end(message(na, theirs, all, theirs, neighbour_advertisement::solicited_flag, mine)) == "malformed");
    CHECK(end(message(na, theirs, ours, all, 0, mine)) == "malformed");
    CHECK(end(message(na, theirs, ours, ours, 0, mine)) == "bad_source");  // it claims our address
    CHECK(s.host.at<ndp>()->conflicts == 1);
    CHECK(s.cache().size() == 0);
    // An option that names a group is as good as none: the asker's link address has to be found out.
    const auto sent = s.exchange(
        message(ns, theirs, ours.solicited_node(), ours, 0, link_address(nd_option_kind::source_link_address, all.multicast_mac())));
    REQUIRE(sent.size() == 1);
    check(sent[0], ns, ours, theirs.solicited_node());
}

TEST_CASE("what routers say is checked, and not acted upon") {
    subject s;
    const auto router = ex::router, all = ipv6_address::all_nodes();
    const auto say = [&](const frame& options, std::uint8_t hops = 255) {
        const auto body = ex::join(router_advertisement{std::uint8_t(icmpv6_type::router_advertisement), 0, 0, 1, 0, 1800, 0, 0}, options);
        return fate(s.host, s.on,
                    ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::icmpv6, ex::icmpv6(body, router, all), all, hops, router),
                                 all.multicast_mac()));
    };
    const nd_dns_servers_option even{std::uint8_t(nd_option_kind::recursive_dns_servers), 4, 0, 600};
    CHECK(say({}) == "unsupported");
    CHECK(say(ex::join(even, frame(24))) == "unsupported");
    CHECK(say(ex::join(even, frame(16))) == "malformed");
    CHECK(say(frame(8)) == "malformed");
    CHECK(say({}, 254) == "malformed");
    CHECK(s.host.at<ipv6>()->table.hop_limit == 64);
    CHECK(s.wire.take().empty());
}

TEST_CASE("an address is used once nobody objects to it") {
    host_by_hand<host> s;
    s.host.add_address(s.on, "fd00:6e6b::2/64");
    s.settle();
    udp_socket early(s.host, {ex::six_2, 7});  // it may be bound to already
    CHECK(!s.host.at<ipv6>()->is_local(ex::six_2));
    CHECK(early.send(bytes("x"), {ex::six_1, 7}) == errc::no_route);
    const auto probes = s.wire.take();
    CHECK(probes.size() == 2);  // for the link-local address, and this one
    const auto m = check(probes.at(1), icmpv6_type::neighbour_solicitation, {}, ex::six_2.solicited_node());
    CHECK(m.target == ex::six_2);
    const auto nonce = at<nd_nonce_option>(probes.at(1), over_ipv6 + sizeof m);
    CHECK(nonce.kind == std::uint8_t(nd_option_kind::nonce));

    SUBCASE("nobody does") {
        s.pass(1s, 500ms);
        CHECK(s.host.at<ipv6>()->is_local(ex::six_2));
        CHECK(early.send(bytes("x"), {ex::six_1, 7}) == errc::ok);
        const auto sent = s.wire.take();
        REQUIRE(sent.size() == 3);  // announced both, asked for the neighbour
        const auto said = check(sent[1], icmpv6_type::neighbour_advertisement, ex::six_2, ipv6_address::all_nodes());
        CHECK(said.is_override());
        CHECK(!said.is_solicited());
    }
    SUBCASE("another host has it") {
        const auto all = ipv6_address::all_nodes();
        s.exchange(message(icmpv6_type::neighbour_advertisement, ex::six_2, all, ex::six_2, neighbour_advertisement::override_flag,
                           link_address(nd_option_kind::target_link_address, mac(9))));
        CHECK(s.host.at<ndp>()->duplicates == 1);
    }
    SUBCASE("another host wants it, too") {
        s.exchange(solicitation({}, ex::six_2));
        CHECK(s.host.at<ndp>()->duplicates == 1);
    }
    SUBCASE("its own question comes back") {
        auto echo = probes.at(1);
        s.exchange(echo);
        CHECK(s.host.at<ndp>()->duplicates == 0);
        s.pass(1s, 500ms);
        CHECK(s.host.at<ipv6>()->is_local(ex::six_2));
    }
    if (s.host.at<ndp>()->duplicates != 0) {
        s.pass(3s, 1s);
        CHECK(!s.host.at<ipv6>()->is_local(ex::six_2));
        CHECK(s.host.at<ipv6>()->table.addresses().find(ex::six_2)->state == address_state::duplicate);
    }
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("a preferred address is defended") {
    subject s;
    const auto sent = s.exchange(solicitation({}, ex::six_2));
    REQUIRE(sent.size() == 1);
    const auto m = check(sent[0], icmpv6_type::neighbour_advertisement, ex::six_2, ipv6_address::all_nodes());
    CHECK(!m.is_solicited());
    CHECK(m.is_override());
}

TEST_CASE("the cache stays within its bound whoever asks") {
    subject s;
    const auto most = s.cache().settings().most_entries;
    for (std::size_t i = 0; i < most + 100; ++i) {
        s.wire.send(solicitation(ipv6_address(ex::six_1.high(), 0x10000 + i)));
        s.settle();
        (void)s.wire.take();
    }
    CHECK(s.cache().size() == most);
    CHECK(s.host.counters().held() == 0);
}

}  // namespace layers_ndp_tests
