#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/observe.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vlan.hpp>

#include <tests/compose/hosts.hpp>

namespace layers_observe_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

// One observer at every place: below the root, between link and network, between network and transport, around control layers.
template <class Layer>
using seen = observe<packet_counter, Layer>;
using transport = seen<udp>;
using control = seen<icmp>;
using network = seen<ipv4<control, transport>>;
using resolution = seen<arp>;
using host = seen<ethernet<resolution, network>>;
using plain = ethernet<arp, ipv4<icmp, udp>>;

// Seen or not, nothing is added to a packet, and sockets and searches see through.
static_assert(decltype(std::declval<stack<host, memory_link>&>().at<udp>())::headroom() == 8 + 20 + 14);
static_assert(sizeof(decltype(std::declval<stack<host, memory_link>&>().at<udp>())) == sizeof(void*));

// Remembers the first byte of the last packet each way, and on which interface it was.
struct last_seen {
    std::byte up{}, down{};
    interface_id on = interface_id::none;
    void received(context auto here, const packet& p) {
        up = p.head()[0];
        on = p.interface();
        CHECK(here.interface(on).up);
    }
    void sent(context auto, const packet& p) { down = p.head()[0]; }
};

}  // namespace

TEST_CASE("observers stand between any two layers and change nothing") {
    stack<host, memory_link, manual_environment> a;
    stack<plain, memory_link, manual_environment> b;
    auto [x, y] = memory_link::make();
    a.add_address(a.attach(std::move(x), mac(1)), "198.18.0.1/24");
    b.add_address(b.attach(std::move(y), mac(2)), "198.18.0.2/24");
    settle(a, b);
    const auto arps_before = a.at<resolution>()->observer;
    const auto frames_before = a.at<host>()->observer;

    CHECK(answers_ping(a.at<icmp>(), a, b, "198.18.0.2"));
    const auto arps = a.at<resolution>()->observer;
    CHECK(arps.down.packets - arps_before.down.packets == 1);  // the question; what waited for the answer is not ARP's
    CHECK(arps.up.packets - arps_before.up.packets == 1);
    CHECK(arps.up.bytes - arps_before.up.bytes >= 28);
    CHECK(a.at<control>()->observer.down.packets == 1);
    CHECK(a.at<control>()->observer.up.packets == 1);
    CHECK(a.at<control>()->observer.down.bytes == 8 + 16);
    CHECK(a.at<network>()->observer.down.packets == 1);
    CHECK(a.at<network>()->observer.down.bytes == 20 + 8 + 16);
    const auto frames = a.at<host>()->observer;
    CHECK(frames.down.packets - frames_before.down.packets == 2);
    CHECK(frames.up.packets - frames_before.up.packets == 2);

    udp_socket from(a, {}), to(b, {{}, 7}), back(a, {{}, 8});
    CHECK(from.send(bytes("hello"), {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
    settle(a, b);
    datagram d;
    CHECK(to.receive(d) == errc::ok);
    CHECK(to.send(bytes("hello yourself"), {d.source.address, 8}) == errc::ok);
    settle(a, b);
    CHECK(back.receive(d) == errc::ok);
    CHECK(a.at<transport>()->observer.down.bytes == 8 + 5);
    CHECK(a.at<transport>()->observer.up.bytes == 8 + 14);
    check_accounts(a);
    check_accounts(b);
}

TEST_CASE("errors find their transport, and refusals their way out, through observers") {
    stack<host, memory_link, manual_environment> a, b;
    auto [x, y] = memory_link::make();
    a.add_address(a.attach(std::move(x), mac(1)), "198.18.0.1/24");
    b.add_address(b.attach(std::move(y), mac(2)), "198.18.0.2/24");
    udp_socket s(a, {});
    CHECK(s.connect({ip_address::parse("198.18.0.2"), 9}) == errc::ok);
    CHECK(s.send(bytes("anyone?")) == errc::ok);
    settle(a, b);
    datagram d;
    CHECK(s.receive(d) == errc::connection_refused);
    CHECK(b.counters()[drop_reason::no_socket] == 1);

    // A neighbour that does not answer is told to the socket as well.
    CHECK(s.connect({ip_address::parse("198.18.0.3"), 9}) == errc::ok);
    CHECK(s.send(bytes("anyone?")) == errc::ok);
    pass_time(a, b, std::chrono::seconds(10), std::chrono::milliseconds(250));
    CHECK(s.receive(d) == errc::host_unreachable);
}

TEST_CASE("an observer of one's own, around a VLAN") {
    using tagged = vlan<42, arp, ipv4<icmp>>;
    using watched = observe<last_seen, tagged>;
    two_hosts<ethernet<watched>> net;
    for (auto* s : {&net.a, &net.b}) {
        auto here = s->at<tagged>();
        s->add_address(here->add(here, s == &net.a ? net.at_a : net.at_b), s == &net.a ? "198.18.0.1/24" : "198.18.0.2/24");
        here->priority = 7;
    }
    CHECK(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.0.2"));
    CHECK(net.a.at<watched>()->observer.on == net.at_a);
    CHECK(net.a.at<watched>()->observer.up == std::byte{7 << 5});    // from below the VLAN the tag shows
    CHECK(net.a.at<watched>()->observer.down == std::byte{7 << 5});
}

}  // namespace layers_observe_tests
