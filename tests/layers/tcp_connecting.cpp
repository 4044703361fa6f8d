#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

#include <span>

namespace layers_tcp_connecting_tests {

using namespace tcp_hosts;
using namespace netkit;

TEST_CASE("what cannot be: refused, without a way, without TCP, of the other family, out of order") {
    two<four_only> hosts;
    tcp_socket s;
    CHECK(s.connect(at("198.18.0.2", 1)) == errc::bad_descriptor);
    CHECK(s.receive(std::span<std::byte>{}).error == errc::bad_descriptor);
    CHECK(s.close() == errc::bad_descriptor);
    CHECK(s.open(hosts.a) == errc::ok);
    CHECK(s.open(hosts.a) == errc::already_connected);
    bytes buffer(10);
    CHECK(s.receive(std::span<std::byte>(buffer)).error == errc::not_connected);
    CHECK(s.send(std::span<const std::byte>(buffer)).error == errc::not_connected);
    CHECK(s.shutdown(true, true) == errc::not_connected);
    CHECK(s.connect(at("10.0.0.1", 1)) == errc::no_route);
    CHECK(s.connect(at("fd00:6e6b::2", 1)) == errc::no_route);
    CHECK(s.connect(at("198.18.0.2", 0)) == errc::invalid_argument);
    CHECK(s.connect(at("198.18.255.255", 9)) == errc::network_unreachable);
    CHECK(s.connect(at("224.0.0.1", 9)) == errc::network_unreachable);
    CHECK(s.connect(at("198.18.0.2", 9)) == errc::would_block);
    CHECK(s.connect(at("198.18.0.2", 9)) == errc::already_started);
    CHECK(s.connecting());
    hosts.run();
    CHECK(!s.connected());
    CHECK(s.readable());
    CHECK(s.take_error() == errc::connection_refused);
    CHECK(s.take_error() == errc::ok);
    CHECK(hosts.b.counters()[drop_reason::no_socket] == 1);
    // Another attempt with the same socket.
    CHECK(s.connect(at("198.18.0.2", 9)) == errc::would_block);
    hosts.run();
    CHECK(s.take_error() == errc::connection_refused);

    stack<ethernet<arp, ipv4<icmp, udp>>, memory_link, manual_environment> without;
    tcp_socket none;
    CHECK(none.open(without) == errc::not_supported);
    accounted_for(hosts.a);
    accounted_for(hosts.b);
}

TEST_CASE("a host that is not there is unreachable, in the end") {
    two<four_only> hosts;
    tcp_socket s;
    CHECK(s.open(hosts.a) == errc::ok);
    CHECK(s.connect(at("198.18.0.77", 9)) == errc::would_block);
    hosts.pass(10s, 500ms);
    CHECK(s.take_error() == errc::host_unreachable);
}

TEST_CASE("what routers say of a target ends an attempt only where trying again is in vain") {
    two<four_only> hosts;
    // The target says nothing: it has another address.
    hosts.b.add_address(hosts.on_b, "198.18.0.3/16");
    struct {
        be16 source, target;
        be32 sequence;
    } quoted{};
    auto here = hosts.a.at<tcp>();
    path<ipv4_address> way;
    way.source = {198, 18, 0, 1};
    way.target = {198, 18, 0, 2};
    for (const auto error : {network_error::network_unreachable, network_error::host_unreachable, network_error::hop_limit_exceeded, network_error::port_unreachable,
                             network_error::protocol_unreachable, network_error::administratively_prohibited}) {
        CAPTURE(static_cast<int>(error));
        tcp_socket s;
        REQUIRE(s.open(hosts.a) == errc::ok);
        REQUIRE(s.connect(at("198.18.0.2", 9)) == errc::would_block);
        std::uint32_t sequence = 0;
        here->flows.for_each([&](tcp_flow& f) {
            const auto& e = static_cast<const tcp<reno>::entry&>(f);
            if (e.key.local_port == s.local().port) sequence = e.initial_send.value();
        });
        quoted.source = s.local().port;
        quoted.target = 9;
        quoted.sequence = sequence + 1;
        here->network_failed(here, std::as_bytes(std::span(&quoted, 1)), way, error, 0);
        CHECK(s.connecting());
        quoted.sequence = sequence;
        here->network_failed(here, std::as_bytes(std::span(&quoted, 1)), way, error, 0);
        const bool hard = error == network_error::port_unreachable || error == network_error::protocol_unreachable || error == network_error::administratively_prohibited;
        CHECK(s.connecting() == !hard);
        CHECK((s.take_error() == errc::ok) == !hard);
    }
}

TEST_CASE("local ports: taken, chosen, shared") {
    two<four_only> hosts;
    tcp_socket first, second, third, fourth;
    CHECK(first.open(hosts.a) == errc::ok);
    CHECK(second.open(hosts.a) == errc::ok);
    CHECK(third.open(hosts.a) == errc::ok);
    CHECK(fourth.open(hosts.a) == errc::ok);
    CHECK(first.bind(at("0.0.0.0", 80)) == errc::ok);
    CHECK(first.bind(at("0.0.0.0", 81)) == errc::invalid_argument);
    CHECK(second.bind(at("198.18.0.1", 80)) == errc::address_in_use);
    CHECK(second.bind(at("198.18.0.9", 80)) == errc::address_not_available);
    CHECK(second.bind({ip_address{}, 0}) == errc::ok);
    CHECK(second.local().port >= 49152);
    CHECK(third.listen(5) == errc::ok);
    CHECK(third.local().port >= 49152);
    CHECK(third.local().port != second.local().port);
    CHECK(first.close() == errc::ok);
    CHECK(fourth.bind(at("198.18.0.1", 80)) == errc::ok);

    // Both say that they share, until one listens.
    tcp_socket x, y;
    tcp_socket_options o;
    o.reuse_address = true;
    x.set_options(o);
    y.set_options(o);
    CHECK(x.open(hosts.a) == errc::ok);
    CHECK(y.open(hosts.a) == errc::ok);
    CHECK(x.bind({ip_address{}, 90}) == errc::ok);
    CHECK(y.bind({ip_address{}, 90}) == errc::ok);
    CHECK(x.listen(1) == errc::ok);
    CHECK(y.listen(1) == errc::address_in_use);
}

}  // namespace layers_tcp_connecting_tests
