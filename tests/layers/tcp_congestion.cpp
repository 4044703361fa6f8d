#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>

#include <span>

namespace layers_tcp_congestion_tests {

using namespace tcp_hosts;
using namespace netkit;

using several = stack<ethernet<arp, ipv4<icmp, tcp<cubic, reno>>>, memory_link, manual_environment>;

TEST_CASE("the congestion control is chosen by its name, before a connection and during it") {
    two<several> hosts;
    tcp_socket listener, client, server;
    CHECK(client.choose_congestion_control("reno") == errc::bad_descriptor);
    REQUIRE(listener.open(hosts.b) == errc::ok);
    REQUIRE(listener.bind({ip_address{}, 80}) == errc::ok);
    REQUIRE(listener.listen(16) == errc::ok);
    CHECK(listener.choose_congestion_control("reno") == errc::ok);
    REQUIRE(client.open(hosts.a) == errc::ok);
    CHECK(client.choose_congestion_control("vegas") == errc::invalid_argument);
    CHECK(client.choose_congestion_control("") == errc::invalid_argument);
    REQUIRE(client.connect(at("198.18.0.2", 80)) == errc::would_block);
    hosts.run();
    REQUIRE(listener.accept(server) == errc::ok);
    CHECK(client.info().congestion_control == "cubic");
    CHECK(server.info().congestion_control == "reno");

    const auto data = pattern(200'000);
    std::size_t written = client.send(std::span<const std::byte>(data)).bytes;
    hosts.run(1);
    const auto before = client.info().congestion_window;
    CHECK(client.choose_congestion_control("vegas") == errc::invalid_argument);
    CHECK(client.info().congestion_control == "cubic");
    CHECK(client.choose_congestion_control("reno") == errc::ok);
    CHECK(client.info().congestion_control == "reno");
    CHECK(client.info().congestion_window <= before);
    // Choosing what is in use changes nothing.
    hosts.run(3);
    const auto window = client.info().congestion_window;
    CHECK(client.choose_congestion_control("reno") == errc::ok);
    CHECK(client.info().congestion_window == window);

    bytes got, buffer(20'000);
    for (int i = 0; i < 1000 && got.size() < data.size(); ++i) {
        if (written < data.size()) written += client.send(std::span<const std::byte>(data).subspan(written)).bytes;
        hosts.pass(1ms, 1ms);
        const auto r = server.receive(std::span<std::byte>(buffer));
        got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
    }
    CHECK(got == data);
}

TEST_CASE("where one is compiled in, there is only that") {
    two<four_only> hosts;
    connected c(hosts);
    CHECK(c.client.info().congestion_control == "reno");
    CHECK(c.client.choose_congestion_control("reno") == errc::ok);
    CHECK(c.client.choose_congestion_control("cubic") == errc::invalid_argument);
    CHECK(c.client.info().congestion_control == "reno");
}

TEST_CASE("a choice made before the connection holds for it") {
    two<several> hosts;
    tcp_socket listener, client;
    REQUIRE(listener.open(hosts.b) == errc::ok);
    REQUIRE(listener.bind({ip_address{}, 80}) == errc::ok);
    REQUIRE(listener.listen(16) == errc::ok);
    REQUIRE(client.open(hosts.a) == errc::ok);
    CHECK(client.choose_congestion_control("reno") == errc::ok);
    REQUIRE(client.connect(at("198.18.0.2", 80)) == errc::would_block);
    hosts.run();
    CHECK(client.connected());
    CHECK(client.info().congestion_control == "reno");
}

}  // namespace layers_tcp_congestion_tests
