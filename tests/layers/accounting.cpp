// Whatever comes in ends once: delivered, forwarded, or dropped with a reason.

#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/igmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/mld.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vlan.hpp>

#include <tests/layers/by_hand.hpp>

#include <algorithm>
#include <random>

namespace layers_accounting_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using inside = vlan<42, arp, ipv4<icmp>>;
using host = ethernet<arp, inside, dual<ipv4<icmp, igmp>, ipv6<icmpv6<ndp, mld>>, udp>>;

struct subject : host_by_hand<host> {
    udp_socket listener;
    subject() {
        this->host.template at<ipv6>()->duplicate_address_detection = false;
        add_address("198.18.0.2/24");
        add_address("fd00:6e6b::2/64");
        auto tag = this->host.template at<inside>();
        this->host.add_address(tag->add(tag, on), "198.18.0.2/24");
        (void)listener.open(this->host);
        (void)listener.bind({{}, 7});
        for (auto group : {ipv4_address(239, 1, 2, 3), ipv4_address(224, 0, 0, 251)}) (void)listener.join_group(group, on);
        (void)listener.join_group(ipv6_address::parse("ff15::1"), on);
    }
    std::string fate(const frame& f) {
        auto ends = test::fate(this->host, on, f);
        (void)wire.take();
        datagram d;
        while (listener.receive(d) == errc::ok) {
        }
        return ends;
    }
    /// Lets what is held end.
    void forget() { pass(std::chrono::seconds(90), std::chrono::seconds(1)); }
};

/// Frames of what the examples lack: options, fragments and extension headers that are for this host.
std::vector<ex::example> more_examples() {
    const auto echo = ex::icmpv4(icmp_type::echo_request, 0, icmp_header::make_echo(5, 1), ex::to_bytes("12345678"));
    const auto options = ex::join(ipv4_router_alert{}, be32(0x01010100));
    const auto datagram = ex::udp(ex::six_1, ex::six_2, 7, ex::to_bytes("hello"));
    const auto echo_6 = ex::icmpv6(ex::join(icmp_header{std::uint8_t(icmpv6_type::echo_request), 0, 0, 7}, std::string_view("12345678")),
                                   ex::six_1, ex::six_2);
    const auto hop_by_hop = ex::join(ipv6_router_alert_header{.next = std::uint8_t(ip_protocol::destination_options)},
                                     ipv6_router_alert_header{.next = std::uint8_t(ip_protocol::udp), .kind = 0x1e}, datagram);
    const fragment_header atomic{std::uint8_t(ip_protocol::udp), 0, 0, 77};
    return {
        {"IPv4 with options",
         ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::icmp, echo, ipv4_header::dont_fragment_flag, ex::four_2, options)), ""},
        {"IPv4 first fragment", ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::icmp, echo, ipv4_header::more_fragments_flag)), ""},
        {"ICMPv6 echo request", ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::icmpv6, echo_6)), ""},
        {"extension headers", ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::hop_by_hop, hop_by_hop)), ""},
        {"atomic fragment", ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::fragment, ex::join(atomic, datagram))), ""},
    };
}
std::vector<ex::example> all_examples() {
    auto all = ex::all();
    for (auto& each : more_examples()) all.push_back(std::move(each));
    return all;
}

}  // namespace

TEST_CASE("a frame cut at any byte is dropped as truncated, and counted once") {
    subject s;
    for (const auto& e : all_examples()) {
        CAPTURE(e.name);
        for (std::size_t n = 0; n < e.frame.size(); ++n) {
            CAPTURE(n);
            const auto ends = s.fate(frame(e.frame.begin(), e.frame.begin() + static_cast<std::ptrdiff_t>(n)));
            CHECK_MESSAGE(ends == "truncated", ends);
        }
        s.fate(e.frame);
    }
    s.forget();
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("padding behind a packet is not part of it") {
    subject s;
    for (const auto& e : all_examples()) {
        CAPTURE(e.name);
        subject fresh;
        const auto as_it_is = fresh.fate(e.frame);
        fresh.forget();
        auto padded = e.frame;
        padded.resize(padded.size() + 18, std::byte{0xaa});
        CHECK(fresh.fate(padded) == as_it_is);
    }
}

TEST_CASE("each example ends as it should") {
    const std::vector<std::pair<std::string, std::string>> expected = {{"UDP", "delivered"},
                                                                       {"UDP over IPv6", "delivered"},
                                                                       {"ICMP echo", "delivered"},
                                                                       {"ICMPv6 echo", "no_socket"},
                                                                       {"ICMP port unreachable", "bad_source"},
                                                                       {"packet too big", "bad_source"},
                                                                       {"ARP request", "delivered"},
                                                                       {"ARP reply", "delivered"},
                                                                       {"neighbour solicitation", "delivered"},
                                                                       {"router solicitation", "not_for_us"},
                                                                       {"router advertisement", "unsupported"},
                                                                       {"VLAN", "delivered"},
                                                                       {"IPv4 in IPv4", "no_upper_layer"},
                                                                       {"routing header", "unsupported"},
                                                                       {"TCP SYN", "no_upper_layer"},
                                                                       {"IPv4 with options", "delivered"},
                                                                       {"IPv4 first fragment", "held"},
                                                                       {"ICMPv6 echo request", "delivered"},
                                                                       {"extension headers", "delivered"},
                                                                       {"atomic fragment", "delivered"},
                                                                       {"IPv4 later fragment", "held"},
                                                                       {"IPv6 last fragment", "held"},
                                                                       {"MLDv1 report", "delivered"},
                                                                       {"MLDv2 query", "delivered"},
                                                                       {"MLDv2 report", "not_for_us"}};
    const auto all = all_examples();
    for (const auto& [name, ends] : expected) {
        CAPTURE(name);
        const auto found = std::find_if(all.begin(), all.end(), [&](const auto& e) { return e.name == name; });
        REQUIRE(found != all.end());
        subject s;
        CHECK(s.fate(found->frame) == ends);
    }
}

TEST_CASE("a length that lies is found out") {
    const auto all = all_examples();
    const auto example = [&](std::string_view name) {
        return std::find_if(all.begin(), all.end(), [&](const auto& e) { return e.name == name; })->frame;
    };
    subject s;
    const auto udp_4 = example("UDP"), udp_6 = example("UDP over IPv6"), options = example("IPv4 with options"),
               chain = example("extension headers");
    const auto arp_request = example("ARP request"), solicitation = example("neighbour solicitation");

    // IPv4: the header's size, and the packet's.
    for (unsigned words = 0; words < 16; ++words) {
        CAPTURE(words);
        const auto ends = s.fate(with_ipv4_checksum(with(udp_4, network, static_cast<std::uint8_t>(0x40 | words))));
        if (words < 5)
            CHECK(ends == "malformed");
        else if (words == 5)
            CHECK(ends == "delivered");
        else
            CHECK((ends == "truncated" || ends == "malformed" || ends == "no_upper_layer" || ends == "checksum"));
    }
    for (unsigned length : {0u, 1u, 19u})
        CHECK(s.fate(with_ipv4_checksum(with(udp_4, network + 2, be16(static_cast<std::uint16_t>(length))))) == "malformed");
    const auto whole = static_cast<unsigned>(udp_4.size() - network);
    for (unsigned length : {20u, 27u, whole - 1, whole + 1, 0xffffu})
        CHECK(s.fate(with_ipv4_checksum(with(udp_4, network + 2, be16(static_cast<std::uint16_t>(length))))) == "truncated");
    CHECK(s.fate(with(udp_4, network, std::uint8_t{0x55})) == "malformed");
    // An option that says more than its header holds, and one without a length.
    CHECK(s.fate(with_ipv4_checksum(with(options, over_ipv4 + 1, std::uint8_t{9}))) == "malformed");
    CHECK(s.fate(with_ipv4_checksum(with(options, over_ipv4 + 1, std::uint8_t{0}))) == "malformed");
    // UDP, over both.
    for (unsigned length : {0u, 7u}) {
        CHECK(s.fate(with(udp_4, over_ipv4 + 4, be16(static_cast<std::uint16_t>(length)))) == "malformed");
        CHECK(s.fate(with(udp_6, over_ipv6 + 4, be16(static_cast<std::uint16_t>(length)))) == "malformed");
    }
    for (unsigned length : {14u, 0xffffu}) {
        CHECK(s.fate(with(udp_4, over_ipv4 + 4, be16(static_cast<std::uint16_t>(length)))) == "truncated");
        CHECK(s.fate(with(udp_6, over_ipv6 + 4, be16(static_cast<std::uint16_t>(length)))) == "truncated");
    }
    CHECK(s.fate(with(udp_4, over_ipv4 + 4, be16(8))) == "checksum");
    // IPv6.
    for (unsigned length : {0u, 7u, 12u, 14u, 0xffffu})
        CHECK(s.fate(with(udp_6, network + 4, be16(static_cast<std::uint16_t>(length)))) == "truncated");
    // Extension headers and their options.
    for (unsigned units : {5u, 31u, 255u}) CHECK(s.fate(with(chain, over_ipv6 + 1, static_cast<std::uint8_t>(units))) == "truncated");
    CHECK(s.fate(with(chain, over_ipv6 + 3, std::uint8_t{5})) == "malformed");
    CHECK(s.fate(with(chain, over_ipv6 + 3, std::uint8_t{255})) == "malformed");
    // ARP and neighbour discovery.
    CHECK(s.fate(with(arp_request, network + 4, std::uint8_t{8})) == "malformed");
    CHECK(s.fate(with(arp_request, network + 5, std::uint8_t{16})) == "malformed");
    for (unsigned units : {0u, 2u, 255u}) {
        const auto lie = with(solicitation, over_ipv6 + 24 + 1, static_cast<std::uint8_t>(units));
        const frame message(lie.begin() + over_ipv6, lie.end());
        const auto sound = ex::icmpv6(with(message, 2, be16(0)), ex::six_1, ex::six_2.solicited_node());
        frame f(lie.begin(), lie.begin() + over_ipv6);
        f.insert(f.end(), sound.begin(), sound.end());
        CHECK(s.fate(f) == "malformed");
    }
    s.forget();
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("a frame with any byte altered is counted once") {
    subject s;
    for (const auto& e : all_examples()) {
        CAPTURE(e.name);
        for (std::size_t i = 0; i < e.frame.size(); ++i) {
            CAPTURE(i);
            for (unsigned value : {0u, 1u, 4u, 0x2cu, 0x45u, 0x7fu, 0x80u, 0xffu}) {
                const auto altered = with(e.frame, i, static_cast<std::uint8_t>(value));
                s.fate(altered);
                if (altered[12] == std::byte{8} && altered[13] == std::byte{0} && i >= network && i < over_ipv4)
                    s.fate(with_ipv4_checksum(altered));
            }
        }
    }
    s.forget();
    CHECK(s.host.counters().held() == 0);
}

TEST_CASE("received is delivered, forwarded and dropped, over whatever comes through a router") {
    using router = ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp>>;
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };

    stack<router, memory_link, manual_environment> r;
    auto [x, far_x] = memory_link::make();
    auto [y, far_y] = memory_link::make({.mtu = 1280});
    r.at<ipv6>()->duplicate_address_detection = false;
    const auto on_x = r.attach(std::move(x), mac(2)), on_y = r.attach(std::move(y), mac(3));
    r.add_address(on_x, "198.18.0.2/24");
    r.add_address(on_x, "fd00:6e6b::2/64");
    r.add_address(on_y, "198.18.1.2/24");
    r.add_address(on_y, "fd00:6e6b:0:1::2/64");
    r.at<ipv4>()->forwarding = r.at<ipv6>()->forwarding = true;
    hand one(std::move(far_x)), other(std::move(far_y));
    udp_socket echo(r, {{}, 7});

    const auto examples = all_examples();
    const auto four = [&] { return ipv4_address(198, 18, static_cast<std::uint8_t>(below(3)), static_cast<std::uint8_t>(below(8))); };
    const auto six = [&] { return ipv6_address(0xfd00'6e6b'0000'0000 | below(3), below(8)); };
    const auto random_frame = [&]() -> frame {
        const frame payload(8 * below(200) + below(2));
        switch (below(6)) {
        case 0: return examples[below(examples.size())].frame;
        case 1: {
            const auto to = four();
            return ex::ethernet(ether_type::ipv4,
                                ex::ipv4(ip_protocol::udp, ex::udp(ex::four_1, to, static_cast<std::uint16_t>(7 + below(2)), payload),
                                         below(2) ? 0x4000 : 0, to));
        }
        case 2: {
            const auto to = six();
            return ex::ethernet(ether_type::ipv6,
                                ex::ipv6(ip_protocol::udp, ex::udp(ex::six_1, to, static_cast<std::uint16_t>(7 + below(2)), payload), to,
                                         static_cast<std::uint8_t>(below(3))));
        }
        case 3:
            return ex::ethernet(ether_type::ipv4,
                                ex::ipv4(ip_protocol::udp, payload, static_cast<std::uint16_t>(below(2) << 13 | below(64)), four()));
        case 4: {
            const fragment_header f{17, 0, fragment_header::make_offset_flags(8 * below(64), below(2) != 0),
                                    static_cast<std::uint32_t>(below(4))};
            return ex::ethernet(ether_type::ipv6, ex::ipv6(ip_protocol::fragment, ex::join(f, payload), six()));
        }
        default:
            return ex::ethernet(ether_type::arp, ex::to_bytes(arp_header::make(below(2) ? arp_operation::request : arp_operation::reply,
                                                                               ex::mac_1, four(), ex::mac_2, four())));
        }
    };
    for (int i = 0; i < 20000; ++i) {
        auto f = random_frame();
        if (below(4) == 0 && !f.empty()) f[below(f.size())] = static_cast<std::byte>(random());
        if (below(8) == 0) f.resize(below(f.size() + 1));
        one.send(f);
        r.poll();
        if (below(16) == 0) r.environment_of().advance(std::chrono::milliseconds(below(2000)));
        datagram d;
        while (echo.receive(d) == errc::ok) {
        }
        (void)one.take();
        (void)other.take();
    }
    for (int i = 0; i < 100; ++i) {
        r.environment_of().advance(std::chrono::seconds(1));
        r.poll();
        (void)one.take();
        (void)other.take();
    }
    const auto& c = r.counters();
    CHECK(c.received > 15000);
    CHECK(c.forwarded > 0);
    CHECK(c.delivered > 0);
    CHECK(c[drop_reason::no_neighbour] > 0);
    CHECK(c[drop_reason::fragment_timeout] > 0);
    CHECK(c[drop_reason::hop_limit_exceeded] > 0);
    CHECK(c[drop_reason::too_big] > 0);
    CHECK(c[drop_reason::no_route] > 0);
    CHECK(c.held() == 0);
    CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
}

}  // namespace layers_accounting_tests
