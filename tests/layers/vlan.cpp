#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vlan.hpp>

#include <tests/compose/hosts.hpp>

#include <cstring>
#include <stdexcept>

namespace layers_vlan_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

using inside = ipv4<icmp, udp>;
using first = vlan<42, arp, inside>;
using second = vlan<43, arp, inside>;
using plain = ipv4<udp, icmp>;
using host = ethernet<first, second, arp, plain>;
using stack_type = stack<host, memory_link, manual_environment>;

// The tag is part of the room that is kept in front.
static_assert(decltype(std::declval<stack_type&>().at<first, udp>())::headroom() == 8 + 20 + 4 + 14);
static_assert(decltype(std::declval<stack_type&>().at<first, arp>())::headroom() == 28 + 4 + 14);

template <class Vlan>
interface_id tag(auto& s, interface_id outside) {
    auto here = s.template at<Vlan>();
    return here->add(here, outside);
}

void put(stack_core& s, auto& target, interface_id on, std::span<const std::byte> frame) {
    packet p(s.buffers(), 64, frame.size());
    p.append(frame);
    target.input(std::move(p), on);
}

}  // namespace

TEST_CASE("several VLANs and untagged traffic share one interface") {
    two_hosts<host> net;
    for (auto* s : {&net.a, &net.b}) {
        const bool is_a = s == &net.a;
        const auto outside = is_a ? net.at_a : net.at_b;
        const auto x = tag<first>(*s, outside), y = tag<second>(*s, outside);
        CHECK(s->interface(x).name == "if1.42");
        CHECK(s->interface(x).mtu == 1500);
        CHECK(s->interface(x).mac == s->interface(outside).mac);
        s->add_address(x, is_a ? "198.18.42.1/24" : "198.18.42.2/24");
        s->add_address(y, is_a ? "198.18.43.1/24" : "198.18.43.2/24");
        s->add_address(outside, is_a ? "198.18.0.1/24" : "198.18.0.2/24");
        // Each address went to the layer that stands on its interface.
        const auto where = is_a ? ipv4_address(198, 18, 42, 1) : ipv4_address(198, 18, 42, 2);
        CHECK(s->template at<first, inside>()->is_local(where));
        CHECK(!s->template at<second, inside>()->is_local(where));
    }
    CHECK(answers_ping(net.a.at<first, icmp>(), net.a, net.b, "198.18.42.2"));
    CHECK(answers_ping(net.a.at<second, icmp>(), net.a, net.b, "198.18.43.2"));
    CHECK(carries_udp(net.a.at<first, udp>(), net.b.at<first, udp>(), "198.18.42.2"));
    CHECK(carries_udp(net.b.at<second, udp>(), net.a.at<second, udp>(), "198.18.43.1", 5000));

    // Nothing leaks between them: the other VLAN's addresses are unknown here.
    udp_socket s(net.a.at<first, udp>(), {});
    CHECK(s.send(bytes("x"), {ip_address::parse("198.18.43.2"), 7}) == errc::no_route);

    const auto& traffic = net.b.interface(interface_id{2});
    CHECK(traffic.received.packets > 0);
    CHECK(traffic.sent.packets > 0);
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("untagged traffic goes its own way beside VLANs") {
    two_hosts<host> net;
    tag<first>(net.a, net.at_a);
    tag<first>(net.b, net.at_b);
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    udp_socket sender(net.a.at<plain, udp>(), {}), receiver(net.b.at<plain, udp>(), {{}, 7});
    CHECK(sender.send(bytes("untagged"), {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
    net.settle();
    datagram d;
    CHECK(receiver.receive(d) == errc::ok);
    CHECK(net.b.interface(interface_id{2}).received.packets == 0);
    check_accounts(net.b);
}

TEST_CASE("tagged frames that nobody here wants are dropped and counted") {
    two_hosts<host> net;
    auto frame = [&](std::uint16_t id, std::size_t size) {
        std::vector<std::byte> f(64);
        const ethernet_header h{mac(2), mac(1), static_cast<std::uint16_t>(ether_type::vlan)};
        const auto tagged = vlan_tag::make(id, ether_type::ipv4);
        std::memcpy(f.data(), &h, sizeof h);
        std::memcpy(f.data() + sizeof h, &tagged, sizeof tagged);
        f.resize(size);
        return f;
    };
    auto dropped = [&](drop_reason why, const std::vector<std::byte>& f) {
        const auto before = net.b.counters()[why];
        put(net.b, net.b, net.at_b, f);
        return net.b.counters()[why] == before + 1;
    };
    CHECK(dropped(drop_reason::no_upper_layer, frame(99, 64)));
    CHECK(dropped(drop_reason::not_for_us, frame(42, 64)));  // no interface was made of it on this link
    tag<first>(net.b, net.at_b);
    CHECK(dropped(drop_reason::malformed, frame(42, 64)));  // all zeros is no IPv4 header
    for (std::size_t cut = 0; cut < 14 + 4; ++cut) {
        CAPTURE(cut);
        CHECK(dropped(drop_reason::truncated, frame(42, cut)));
    }
    net.b.interface(interface_id{2}).up = false;
    CHECK(dropped(drop_reason::interface_down, frame(42, 64)));
    check_accounts(net.b);
}

TEST_CASE("a VLAN in a VLAN is two tags") {
    using inner = vlan<7, arp, ipv4<icmp, udp>>;
    using outer = vlan<42, inner, arp, ipv4<icmp>>;
    using provider = ethernet<outer, arp, ipv4<icmp>>;
    two_hosts<provider> net;
    for (auto* s : {&net.a, &net.b}) {
        const auto customer = tag<inner>(*s, tag<outer>(*s, s == &net.a ? net.at_a : net.at_b));
        CHECK(s->interface(customer).name == "if1.42.7");
        s->add_address(customer, s == &net.a ? "198.18.7.1/24" : "198.18.7.2/24");
    }
    static_assert(decltype(net.a.at<inner, udp>())::headroom() == 8 + 20 + 4 + 4 + 14);
    CHECK(answers_ping(net.a.at<inner, icmp>(), net.a, net.b, "198.18.7.2"));
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.7.2", 1472));
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("what is sent carries the priority that was set, and the VLAN's interface can be down") {
    using tagged_only = ethernet<vlan<42, arp, ipv4<udp>>>;
    auto [x, y] = memory_link::make();
    stack<tagged_only, memory_link, manual_environment> s;
    const auto outside = s.attach(std::move(x), mac(1));
    auto tagged = s.at<vlan<42, arp, ipv4<udp>>>();
    const auto in = tagged->add(tagged, outside, "blue");
    CHECK(s.interface(in).name == "blue");
    s.add_address(in, "198.18.42.1/24");
    tagged->priority = 5;
    pool other;
    packet frame;
    while (y.receive(buffer_source{other, 0}, std::span(&frame, 1)) != 0) frame.reset();
    udp_socket sender(s, {});
    CHECK(sender.send(bytes("x"), {ip_address::parse("198.18.42.9"), 7}) == errc::ok);  // asks for its neighbour
    REQUIRE(y.receive(buffer_source{other, 0}, std::span(&frame, 1)) == 1);
    frame.pull(sizeof(ethernet_header));
    const auto* seen = frame.pull<vlan_tag>();
    REQUIRE(seen);
    CHECK(seen->id() == 42);
    CHECK(seen->priority() == 5);
    CHECK(seen->protocol() == ether_type::arp);

    s.interface(in).up = false;
    const auto before = s.interface(outside).sent.packets;
    (void)sender.send(bytes("x"), {ip_address::parse("198.18.42.10"), 7});
    CHECK(s.interface(outside).sent.packets == before);
    CHECK(s.counters().send_failed[static_cast<std::size_t>(drop_reason::interface_down)] >= 1);
}

TEST_CASE("a VLAN is made once of an Ethernet, and of nothing else") {
    two_hosts<host> net;
    tag<first>(net.a, net.at_a);
    CHECK_THROWS_WITH_AS(tag<first>(net.a, net.at_a), "netkit: interface 'if1' has VLAN 42 already", std::invalid_argument);
    CHECK_THROWS_AS(tag<first>(net.a, interface_id::loopback), std::invalid_argument);
}

}  // namespace layers_vlan_tests
