#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/layers/by_hand.hpp>

#include <memory>
#include <set>
#include <stdexcept>
#include <thread>

namespace layers_udp_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using host = ethernet<arp, ipv4<icmp, udp>>;
constexpr ipv4_address at_a(198, 18, 0, 1), at_b(198, 18, 0, 2), group(239, 1, 2, 3);

struct pair : two_hosts<host> {
    pair() {
        a.add_address(this->at_a, "198.18.0.1/24");
        b.add_address(this->at_b, "198.18.0.2/24");
        settle();
    }
    void send(udp_socket& from, std::string_view text, const endpoint& to) {
        CHECK(from.send(bytes(text), to) == errc::ok);
        settle();
    }
    ~pair() {
        check_accounts(a);
        check_accounts(b);
    }
};
std::string text(udp_socket& s) {
    datagram d;
    const auto got = s.receive(d);
    if (got != errc::ok) return "(" + std::string(to_string(got)) + ")";
    std::string result(d.payload.size(), ' ');
    d.payload.copy_to(std::as_writable_bytes(std::span(result)));
    return result;
}
const std::string nothing = "(operation would block)";

}  // namespace

TEST_CASE("a datagram comes with where it is from, and where it went") {
    pair net;
    udp_socket receiver(net.b, {{}, 7}), sender(net.a, {at_a, 4000});
    net.send(sender, "hello", {at_b, 7});
    CHECK(receiver.readable());
    CHECK(receiver.available() == 5);
    datagram d;
    REQUIRE(receiver.receive(d) == errc::ok);
    CHECK(d.source == endpoint{at_a, 4000});
    CHECK(d.target == ip_address(at_b));
    CHECK(d.hop_limit == 64);
    CHECK(!receiver.readable());
    CHECK(receiver.receive(d) == errc::would_block);
    net.send(sender, "", {at_b, 7});  // none of its bytes is no reason not to arrive
    CHECK(text(receiver) == "");
}

TEST_CASE("the socket that fits best hears a datagram") {
    pair net;
    udp_socket sender(net.a, {at_a, 4000}), stranger(net.a, {at_a, 4001});
    udp_socket any, address, peer;
    for (auto* s : {&any, &address, &peer}) {
        s->reuse_address = true;
        REQUIRE(s->open(net.b) == errc::ok);
    }
    REQUIRE(any.bind({{}, 7}) == errc::ok);
    REQUIRE(address.bind({at_b, 7}) == errc::ok);
    net.send(sender, "to the address", {at_b, 7});
    CHECK(text(address) == "to the address");
    REQUIRE(peer.bind({at_b, 7}) == errc::ok);
    REQUIRE(peer.connect({at_a, 4000}) == errc::ok);
    net.send(sender, "to the peer", {at_b, 7});
    CHECK(text(peer) == "to the peer");
    net.send(stranger, "from another", {at_b, 7});
    CHECK(text(peer) == nothing);
    CHECK(text(address) == "from another");
    address.close();
    peer.close();
    net.send(sender, "to any", {at_b, 7});
    CHECK(text(any) == "to any");
}

TEST_CASE("a connected socket hears its peer only, and speaks to it by default") {
    pair net;
    udp_socket server(net.b, {{}, 7}), client(net.a, {});
    CHECK(client.send(bytes("x")) == errc::not_connected);
    CHECK(client.connect({at_b, 0}) == errc::invalid_argument);
    CHECK(client.connect({ip_address::parse("192.0.2.1"), 7}) == errc::no_route);
    REQUIRE(client.connect({at_b, 7}) == errc::ok);
    CHECK(client.local_endpoint().address == ip_address(at_a));
    CHECK(client.local_endpoint().port != 0);
    CHECK(client.send(bytes("question")) == errc::ok);
    net.settle();
    CHECK(text(server) == "question");
    udp_socket other(net.b, {{}, 8});
    net.send(other, "from another port", client.local_endpoint());
    CHECK(text(client) == nothing);
    net.send(server, "answer", client.local_endpoint());
    CHECK(text(client) == "answer");
    client.disconnect();
    net.send(other, "from another port", {at_a, client.local().port});
    CHECK(text(client) == "from another port");
}

TEST_CASE("where nobody listens the sender is told, once, if it is connected") {
    pair net;
    udp_socket client(net.a, {}), free(net.a, {});
    REQUIRE(client.connect({at_b, 9}) == errc::ok);
    CHECK(client.send(bytes("x")) == errc::ok);
    net.send(free, "x", {at_b, 9});
    datagram d;
    CHECK(client.readable());
    CHECK(client.receive(d) == errc::connection_refused);
    CHECK(client.receive(d) == errc::would_block);
    CHECK(free.receive(d) == errc::would_block);
    CHECK(net.b.counters()[drop_reason::no_socket] == 2);
}

TEST_CASE("ports: taken, shared, free ones, and addresses that are not ours") {
    pair net;
    udp_socket first(net.b, {{}, 7}), second;
    REQUIRE(second.open(net.b) == errc::ok);
    CHECK(second.bind({at_b, 7}) == errc::address_in_use);
    CHECK(second.bind({at_a, 8}) == errc::address_not_available);
    CHECK(second.bind({ip_address::parse("fd00::1"), 8}) == errc::address_not_available);
    CHECK(second.bind({{}, 8}) == errc::ok);
    CHECK(second.bind({{}, 9}) == errc::invalid_argument);
    CHECK_THROWS_WITH_AS(udp_socket(net.b, {{}, 7}), "netkit: cannot bind UDP to [::]:7: address in use", std::runtime_error);

    std::set<std::uint16_t> ports;
    std::vector<std::unique_ptr<udp_socket>> many;
    for (int i = 0; i < 200; ++i) {
        many.push_back(std::make_unique<udp_socket>(net.b, endpoint{}));
        ports.insert(many.back()->local().port);
    }
    CHECK(ports.size() == 200);
    CHECK(*ports.begin() >= 1024);
    first.close();
    udp_socket again(net.b, {{}, 7});  // free once more
}

TEST_CASE("hop limit, traffic class, and the leave to broadcast") {
    pair net;
    udp_socket receiver(net.b, {{}, 7}), sender(net.a, {});
    sender.options.hop_limit = 9;
    sender.options.traffic_class = 0xb8;
    net.send(sender, "x", {at_b, 7});
    datagram d;
    REQUIRE(receiver.receive(d) == errc::ok);
    CHECK(d.hop_limit == 9);
    CHECK(d.traffic_class == 0xb8);
    for (const auto to : {ipv4_address::broadcast(), ipv4_address(198, 18, 0, 255)}) {
        sender.options.broadcast = false;
        CHECK(sender.send(bytes("to all"), {to, 7}) == errc::access_denied);
        sender.options.broadcast = true;
        net.send(sender, "to all", {to, 7});
        CHECK(text(receiver) == "to all");
    }
}

TEST_CASE("every socket that may gets what is sent to many; the frame counts once") {
    pair net;
    udp_socket one, other, elsewhere(net.b, {{}, 8}), sender(net.a, {});
    for (auto* s : {&one, &other}) {
        s->reuse_address = true;
        REQUIRE(s->open(net.b) == errc::ok);
        REQUIRE(s->bind({{}, 7}) == errc::ok);
        REQUIRE(s->join_group(group, net.at_b) == errc::ok);
        CHECK(s->join_group(group, net.at_b) == errc::address_in_use);
    }
    const auto before = net.b.counters().delivered;
    net.send(sender, "to the group", {group, 7});
    CHECK(text(one) == "to the group");
    CHECK(text(other) == "to the group");
    CHECK(text(elsewhere) == nothing);
    CHECK(net.b.counters().delivered == before + 1);
    CHECK(one.leave_group(group, net.at_b) == errc::ok);
    CHECK(one.leave_group(group, net.at_b) == errc::address_not_available);
    CHECK(one.join_group(at_a, net.at_b) == errc::invalid_argument);
    CHECK(net.b.at<ipv4>()->groups.has(group, net.at_b));
    other.close();
    CHECK(!net.b.at<ipv4>()->groups.has(group, net.at_b));
    net.send(sender, "to the group", {group, 7});
    CHECK(text(one) == nothing);
}

TEST_CASE("a receiver slower than the sender loses what is more, and recovers") {
    pair net;
    udp_socket receiver(net.b, {{}, 7}), sender(net.a, {});
    receiver.options.receive_buffer = 10000;
    const std::vector<std::byte> kilobyte(1000);
    for (int i = 0; i < 40; ++i) {
        CHECK(sender.send(kilobyte, {at_b, 7}) == errc::ok);
        net.settle();
    }
    const auto lost = net.b.counters()[drop_reason::socket_buffer_full];
    CHECK(lost > 30);
    std::size_t got = 0;
    datagram d;
    while (receiver.receive(d) == errc::ok) ++got;
    CHECK(got + lost == 40);
    net.send(sender, "again", {at_b, 7});
    CHECK(text(receiver) == "again");
}

TEST_CASE("what cannot be sent says why") {
    pair net;
    udp_socket sender(net.a, {});
    CHECK(sender.send(std::vector<std::byte>(65508), {at_b, 7}) == errc::message_too_big);
    CHECK(sender.send(std::vector<std::byte>(70000), {at_b, 7}) == errc::message_too_big);
    CHECK(sender.send(bytes("x"), {ip_address::parse("192.0.2.1"), 7}) == errc::no_route);
    CHECK(sender.send(bytes("x"), {ip_address::parse("fd00::1"), 7}) == errc::no_route);
    sender.options.dont_fragment = true;
    CHECK(sender.send(std::vector<std::byte>(1473), {at_b, 7}) == errc::message_too_big);
    CHECK(sender.send(std::vector<std::byte>(1472), {at_b, 7}) == errc::ok);
    net.a.interface(net.at_a).up = false;
    CHECK(net.a.at<arp>()->cache.peek(at_b, net.at_a));
    net.settle();
    CHECK(sender.send(bytes("x"), {at_b, 7}) == errc::interface_down);
    udp_socket closed;
    CHECK(closed.send(bytes("x"), {at_b, 7}) == errc::bad_descriptor);
    CHECK(closed.bind({{}, 7}) == errc::bad_descriptor);
}

TEST_CASE("the handler is called once after a batch") {
    pair net;
    udp_socket receiver(net.b, {{}, 7}), sender(net.a, {});
    net.send(sender, "first", {at_b, 7});  // the neighbour is known from now on
    (void)text(receiver);
    int calls = 0;
    receiver.on_ready([](void* n) { ++*static_cast<int*>(n); }, &calls);
    for (int i = 0; i < 5; ++i) CHECK(sender.send(bytes("x"), {at_b, 7}) == errc::ok);
    net.settle();
    CHECK(calls == 1);
    for (int i = 0; i < 5; ++i) CHECK(text(receiver) == "x");
}

TEST_CASE("a socket outlives its stack") {
    auto net = std::make_unique<pair>();
    udp_socket s(net->b, {{}, 7});
    bool told = false;
    s.on_detached([](void* flag) { *static_cast<bool*>(flag) = true; }, &told);
    net.reset();
    CHECK(told);
    datagram d;
    CHECK(!s.is_open());
    CHECK(s.receive(d) == errc::bad_descriptor);
    CHECK(s.send(bytes("x"), {at_b, 7}) == errc::bad_descriptor);
    CHECK(s.join_group(group) == errc::bad_descriptor);
}

TEST_CASE("a socket that is told of its stack's end may take others along") {
    auto net = std::make_unique<pair>();
    struct pair_of_sockets {
        udp_socket first;
        std::unique_ptr<udp_socket> second;
    } sockets;
    CHECK(sockets.first.open(net->b) == errc::ok);
    sockets.first.on_detached([](void* s) { static_cast<pair_of_sockets*>(s)->second.reset(); }, &sockets);
    sockets.second = std::make_unique<udp_socket>(net->b, endpoint{{}, 7});
    CHECK(sockets.second->join_group(group) == errc::ok);
    net.reset();
    CHECK(!sockets.first.is_open());
    CHECK(!sockets.second);
}

TEST_CASE("a socket is used from its stack's thread only") {
    pair net;
    udp_socket s(net.b, {{}, 7});
    bool thrown = false;
    std::thread([&] {
        try {
            (void)s.send(bytes("x"), {at_a, 7});
        } catch (const wrong_thread&) {
            thrown = true;
        }
    }).join();
    CHECK(thrown);
}

TEST_CASE("checksums: none, wrong, and trusted on a link that never leaves memory") {
    host_by_hand<host> s;
    s.add_address("198.18.0.2/24");
    udp_socket receiver(s.host, {{}, 7});
    const auto f = ex::ethernet(ether_type::ipv4, ex::ipv4(ip_protocol::udp, ex::udp(ex::four_1, ex::four_2, 7, ex::to_bytes("hello"))));
    CHECK(fate(s.host, s.on, f) == "delivered");
    CHECK(fate(s.host, s.on, with(f, over_ipv4 + 6, be16(0))) == "delivered");  // the sender made none
    CHECK(fate(s.host, s.on, with(f, over_ipv4 + 6, be16(1))) == "checksum");
    CHECK(fate(s.host, s.on, with(f, over_ipv4 + 8, 'j')) == "checksum");

    two_hosts<host> net({.can = {.checksum = true, .scatter = true}});
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.0.2"));
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.0.2", 5000));
}

TEST_CASE("a path becomes narrower by what is said of large datagrams that were sent lately, and of nothing else") {
    pair net;
    udp_socket any(net.a, {{}, 4000}), connected(net.a, {{}, 4001});
    REQUIRE(connected.connect({at_b, 7}) == errc::ok);
    auto here = net.a.at<udp>();
    const auto known = [&] { return net.a.at<ipv4>()->table.path_mtu(at_b); };
    const auto tell = [&](std::uint16_t from, std::uint16_t to, std::uint32_t mtu) {
        path<ipv4_address> way;
        way.source = at_a;
        way.target = at_b;
        const udp_header quoted{from, to, 1008, {}};
        here->network_failed(here, std::as_bytes(std::span(&quoted, 1)), way, network_error::packet_too_big, mtu);
        return known();
    };
    CHECK(tell(4000, 7, 1000) == 0);
    net.send(any, "small", {at_b, 7});
    CHECK(tell(4000, 7, 1000) == 0);
    CHECK(any.send(std::vector<std::byte>(1000), {at_b, 7}) == errc::ok);
    CHECK(tell(4000, 8, 1000) == 0);
    CHECK(tell(4000, 7, 1000) == 1000);
    CHECK(tell(4001, 8, 900) == 1000);
    CHECK(tell(4001, 7, 900) == 900);
    // Others since then: it is forgotten.
    for (std::uint16_t port = 100; port < 100 + recent_targets::most; ++port) CHECK(any.send(std::vector<std::byte>(1000), {at_b, port}) == errc::ok);
    CHECK(tell(4000, 7, 800) == 900);
    net.settle();
}

}  // namespace layers_udp_tests
