#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

#include <algorithm>

namespace layers_fragmentation_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;
using namespace std::chrono_literals;

namespace {

using host = ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp>>;
using ex::six_1;
using ex::six_2;

struct subject : host_by_hand<host> {
    udp_socket socket;
    subject() {
        this->host.template at<ipv6>()->duplicate_address_detection = false;
        add_address("198.18.0.2/24");
        add_address("fd00:6e6b::2/64");
        this->host.template at<ndp>()->cache.add_permanent(six_1, on, mac(1));
        this->host.template at<arp>()->cache.add_permanent(ex::four_1, on, mac(1));
        REQUIRE(socket.open(this->host) == errc::ok);
        REQUIRE(socket.bind({{}, 7}) == errc::ok);
    }
    std::string fate(const frame& f) { return test::fate(this->host, on, f); }
    std::uint64_t dropped(drop_reason why) { return this->host.counters()[why]; }
    std::size_t received() {
        datagram d;
        return socket.receive(d) == errc::ok ? d.payload.size() : 0;
    }
};

frame part(const frame& whole, std::size_t from, std::size_t to) {
    return {whole.begin() + static_cast<std::ptrdiff_t>(from), whole.begin() + static_cast<std::ptrdiff_t>(std::min(to, whole.size()))};
}
frame numbered(std::size_t n) {
    frame f(n);
    for (std::size_t i = 0; i < n; ++i) f[i] = static_cast<std::byte>(i * 7);
    return f;
}
const frame four_whole = ex::udp(ex::four_1, ex::four_2, 7, numbered(72)), six_whole = ex::udp(six_1, six_2, 7, numbered(72));

frame four(std::size_t from, std::size_t to, bool more, std::uint16_t id = 7) {
    const auto f = ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, part(four_whole, from, to),
                                                           static_cast<std::uint16_t>((more ? 0x2000 : 0) | from / 8)));
    return with_ipv4_checksum(with(f, network + 4, be16(id)));
}
frame six_raw(const frame& payload, std::size_t offset, bool more, std::uint32_t id = 7, ip_protocol next = ip_protocol::udp) {
    const fragment_header h{std::uint8_t(next), 0, fragment_header::make_offset_flags(offset, more), id};
    return ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::fragment, ex::join(h, payload)));
}
frame six(std::size_t from, std::size_t to, bool more, std::uint32_t id = 7) { return six_raw(part(six_whole, from, to), from, more, id); }

/// The ICMP error in what was sent, as "type.code"; nothing where there is none.
std::string error_in(const std::vector<frame>& sent, std::size_t at_offset) {
    if (sent.empty()) return "none";
    const auto h = at<icmp_header>(sent[0], at_offset);
    return std::to_string(h.type) + "." + std::to_string(h.code);
}

}  // namespace

TEST_CASE("fragments in any order make one datagram, which counts for all of its frames") {
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        std::vector<frame> pieces;
        for (std::size_t from = 0; from < 80; from += 24)
            pieces.push_back(v6 ? six(from, from + 24, from != 72) : four(from, from + 24, from != 72));
        std::vector<std::size_t> order{0, 1, 2, 3};
        do {
            subject s;
            for (std::size_t i = 0; i < 3; ++i) CHECK(s.fate(pieces[order[i]]) == "held");
            const auto before = s.host.counters().delivered;
            s.wire.send(pieces[order[3]]);
            s.settle();
            CHECK(s.host.counters().delivered == before + 4);
            CHECK(s.host.counters().held() == 0);
            CHECK(s.received() == 72);
        } while (std::next_permutation(order.begin(), order.end()));
    }
}

TEST_CASE("large datagrams cross a wire of any MTU") {
    for (const std::size_t mtu : {std::size_t{1280}, std::size_t{1281}, std::size_t{1287}, std::size_t{1500}}) {
        two_hosts<host> net({.mtu = mtu, .capacity = 256});
        for (auto* s : {&net.a, &net.b}) s->at<ipv6>()->duplicate_address_detection = false;
        net.a.add_address(net.at_a, "198.18.0.1/24");
        net.b.add_address(net.at_b, "198.18.0.2/24");
        net.a.add_address(net.at_a, "fd00:6e6b::1/64");
        net.b.add_address(net.at_b, "fd00:6e6b::2/64");
        udp_socket receiver(net.b, {{}, 7}), sender(net.a, {});
        for (const auto* address : {"198.18.0.2", "fd00:6e6b::2"})
            for (const std::size_t size : {mtu - 48, mtu - 47, mtu - 28, mtu - 27, 2 * mtu, std::size_t{20001}, std::size_t{65000}}) {
                CAPTURE(mtu);
                CAPTURE(address);
                CAPTURE(size);
                const auto sent = numbered(size);
                CHECK(sender.send(sent, {ip_address::parse(address), 7}) == errc::ok);
                net.settle();
                datagram d;
                REQUIRE(receiver.receive(d) == errc::ok);
                frame got(d.payload.size());
                d.payload.copy_to(got);
                CHECK(got == sent);
            }
        CHECK(sender.send(numbered(65528), {ip_address::parse("fd00:6e6b::2"), 7}) == errc::message_too_big);
        CHECK(sender.send(numbered(65508), {ip_address::parse("198.18.0.2"), 7}) == errc::message_too_big);
        check_accounts(net.a);
        check_accounts(net.b);
    }
}

TEST_CASE("overlapping fragments discard their datagram, and what still comes of it") {
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        subject s;
        auto piece = [&](std::size_t from, std::size_t to, bool more) { return v6 ? six(from, to, more) : four(from, to, more); };
        CHECK(s.fate(piece(0, 24, true)) == "held");
        CHECK(s.fate(piece(0, 24, true)) == "fragment_overlap");  // the same again changes nothing
        s.wire.send(piece(16, 40, true));
        s.settle();
        CHECK(s.dropped(drop_reason::fragment_overlap) == 3);
        CHECK(s.fate(piece(24, 80, false)) == "fragment_overlap");
        CHECK(s.received() == 0);
        CHECK(s.host.counters().held() == 0);
        CHECK(s.wire.take().empty());
    }
}

TEST_CASE("a second end, and an end before what was there, are contradictions") {
    subject s;
    CHECK(s.fate(six(40, 80, false)) == "held");
    CHECK(s.fate(six_raw(frame(8), 88, false)) != "held");
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("fragments that reach beyond 65535 bytes are refused") {
    subject s;
    const auto huge = ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, frame(64), 0x1fff));
    CHECK(s.fate(huge) == "fragment_too_long");
    CHECK(s.wire.take().empty());  // no errors about later fragments of IPv4 (RFC 1122 section 3.2.2)
    const auto told = [&](const frame& f) {
        CHECK(s.fate(f) == "fragment_too_long");
        return s.wire.take();
    };
    auto sent = told(six_raw(frame(64), 65528, false));
    REQUIRE(error_in(sent, over_ipv6) == "4.0");
    CHECK(at<icmp_header>(sent[0], over_ipv6).rest == 40 + 2);  // the offset's
    CHECK(told(six_raw(frame(64), 65528, false, 7, ip_protocol::icmpv6)).empty());  // of what may be an error itself
    // Extension headers in front of the fragment header count.
    const auto behind_options = [&](std::size_t last) {
        const ipv6_router_alert_header options{.next = std::uint8_t(ip_protocol::fragment), .kind = 0x1e};
        const fragment_header h{std::uint8_t(ip_protocol::udp), 0, fragment_header::make_offset_flags(65520, false), 7};
        return ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::hop_by_hop, ex::join(options, h, frame(last))));
    };
    CHECK(s.fate(behind_options(7)) == "held");
    sent = told(behind_options(8));
    REQUIRE(error_in(sent, over_ipv6) == "4.0");
    CHECK(at<icmp_header>(sent[0], over_ipv6).rest == 48 + 2);
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("a fragment that others follow has a multiple of 8 bytes") {
    subject s;
    CHECK(s.fate(six(0, 20, true)) == "malformed");
    const auto sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    CHECK(at<icmp_header>(sent[0], over_ipv6).type == std::uint8_t(icmpv6_type::parameter_problem));
    CHECK(at<icmp_header>(sent[0], over_ipv6).rest == 4);
    CHECK(s.fate(four(0, 20, true)) == "malformed");
    CHECK(s.fate(six_raw({}, 8, true)) == "malformed");
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("fragments whose others do not come end in time, and the sender of a first one is told") {
    subject s;
    CHECK(s.fate(four(0, 24, true)) == "held");
    CHECK(s.fate(six(0, 24, true)) == "held");
    CHECK(s.fate(six(24, 48, true, 8)) == "held");
    s.pass(29s, 1s);
    CHECK(s.host.counters().held() == 3);
    s.pass(2s, 1s);
    CHECK(s.dropped(drop_reason::fragment_timeout) == 1);
    CHECK(error_in(s.wire.take(), over_ipv4) == "11.1");
    s.pass(30s, 1s);
    CHECK(s.dropped(drop_reason::fragment_timeout) == 3);
    const auto sent = s.wire.take();
    CHECK(sent.size() == 1);  // nothing about the one without its first fragment
    CHECK(error_in(sent, over_ipv6) == "3.1");
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("an atomic fragment stands alone, whatever else has its number") {
    subject s;
    CHECK(s.fate(six(0, 24, true)) == "held");
    CHECK(s.fate(six(0, 80, false)) == "delivered");
    CHECK(s.received() == 72);
    CHECK(s.host.counters().held() == 1);
}

TEST_CASE("nested fragments, incomplete header chains and fragmented neighbour discovery are dropped") {
    subject s;
    const fragment_header inner{std::uint8_t(ip_protocol::udp), 0, 0, 9};
    CHECK(s.fate(six_raw(ex::join(inner, six_whole), 0, false, 7, ip_protocol::fragment)) == "malformed");
    CHECK(s.wire.take().empty());
    // RFC 7112: no UDP header at all, at once or behind options.
    CHECK(s.fate(six_raw(part(six_whole, 0, 0), 0, true)) == "malformed");
    CHECK(error_in(s.wire.take(), over_ipv6) == "4.3");
    CHECK(s.fate(six_raw(ex::to_bytes(ipv6_router_alert_header{.next = 17}), 0, true, 7, ip_protocol::destination_options)) == "malformed");
    const auto sent = s.wire.take();
    REQUIRE(error_in(sent, over_ipv6) == "4.3");
    CHECK(at<icmp_header>(sent[0], over_ipv6).rest == 0);
    const auto solicitation =
        ex::icmpv6(ex::to_bytes(neighbour_solicitation{{std::uint8_t(icmpv6_type::neighbour_solicitation), 0, 0, 0}, six_2}), six_1, six_2);
    CHECK(s.fate(six_raw(solicitation, 0, false, 7, ip_protocol::icmpv6)) == "malformed");  // RFC 6980
    CHECK(s.fate(six_raw(part(solicitation, 0, 16), 0, true, 7, ip_protocol::icmpv6)) == "malformed");
    CHECK(s.host.counters().held() == 0);
    CHECK(s.wire.take().empty());
}

TEST_CASE("extension headers before and behind the fragment header survive reassembly") {
    subject s;
    const auto options = [](ip_protocol next) { return ipv6_router_alert_header{.next = std::uint8_t(next), .kind = 0x1e}; };
    const auto behind = ex::join(options(ip_protocol::udp), six_whole);
    const auto piece = [&](std::size_t from, std::size_t to, bool more) {
        const fragment_header h{std::uint8_t(ip_protocol::destination_options), 0, fragment_header::make_offset_flags(from, more), 7};
        return ex::ethernet(ether_type::ipv6,
                            ex::ipv6(ip_protocol::hop_by_hop, ex::join(options(ip_protocol::fragment), h, part(behind, from, to))));
    };
    CHECK(s.fate(piece(48, 88, false)) == "held");
    s.wire.send(piece(0, 48, true));
    s.settle();
    CHECK(s.received() == 72);
    // An error about the whole quotes it as if it had never been in pieces.
    s.socket.close();
    CHECK(s.fate(piece(48, 88, false)) == "held");
    s.wire.send(piece(0, 48, true));
    s.settle();
    const auto sent = s.wire.take();
    REQUIRE(sent.size() == 1);
    const auto quoted = at<ipv6_header>(sent[0], over_ipv6 + sizeof(icmp_header));
    CHECK(quoted.next == std::uint8_t(ip_protocol::hop_by_hop));
    CHECK(quoted.length == 8 + behind.size());
    CHECK(at<ipv6_extension_header>(sent[0], over_ipv6 + 8 + 40).next == std::uint8_t(ip_protocol::destination_options));
    CHECK(s.dropped(drop_reason::no_socket) == 2);
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("a flood of first fragments stays within its bounds, and disturbs nobody else") {
    subject s;
    const auto f = six(0, 24, true);
    for (std::uint32_t id = 100; id < 20100; ++id) {
        s.wire.send(with(f, over_ipv6 + 4, be32(id)));
        if (id % 32 == 0) s.settle();
    }
    s.settle();
    CHECK(s.host.at<ipv6>()->fragments.size() <= reassembly_limits{}.most_datagrams);
    CHECK(s.host.at<ipv6>()->fragments.bytes() <= reassembly_limits{}.most_bytes);
    CHECK(s.dropped(drop_reason::fragment_limit) > 10000);
    CHECK(s.fate(ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::udp, six_whole))) == "delivered");
    CHECK(s.fate(four(0, 80, false)) == "delivered");
    s.pass(61s, 1s);
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("the congestion mark of one fragment marks the datagram") {
    subject s;
    CHECK(s.fate(with(six(0, 40, true), network, be32(ipv6_header::make_version_flow(3, 0)))) == "held");
    s.wire.send(with(six(40, 80, false), network, be32(ipv6_header::make_version_flow(1, 0))));
    s.settle();
    datagram d;
    REQUIRE(s.socket.receive(d) == errc::ok);
    CHECK(d.traffic_class == 3);
}

}  // namespace layers_fragmentation_tests
