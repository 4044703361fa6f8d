#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

#include <memory>

namespace layers_tcp_listening_tests {

using namespace tcp_hosts;
using namespace netkit;

TEST_CASE("the backlog means what it says") {
    two<four_only> hosts;
    tcp_socket listener;
    CHECK(listener.open(hosts.b) == errc::ok);
    CHECK(listener.bind({ip_address{}, 80}) == errc::ok);
    CHECK(listener.listen(3) == errc::ok);
    std::vector<std::unique_ptr<tcp_socket>> clients;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(std::make_unique<tcp_socket>());
        CHECK(clients.back()->open(hosts.a) == errc::ok);
        CHECK(clients.back()->connect(at("198.18.0.2", 80)) == errc::would_block);
        hosts.run();
    }
    int connections = 0;
    for (const auto& c : clients) connections += c->connected();
    CHECK(connections == 3);
    CHECK(hosts.b.counters()[drop_reason::backlog_full] > 0);
    std::vector<std::unique_ptr<tcp_socket>> servers;
    for (int i = 0; i < 60 && servers.size() < 6; ++i) {
        auto s = std::make_unique<tcp_socket>();
        if (listener.accept(*s) == errc::ok) servers.push_back(std::move(s));
        hosts.pass(500ms, 100ms);
    }
    CHECK(servers.size() == 6);
    accounted_for(hosts.b);
}

TEST_CASE("closing a listener resets who waits, and leaves who was accepted") {
    two<four_only> hosts;
    connected c(hosts);
    tcp_socket waiting;
    CHECK(waiting.open(hosts.a) == errc::ok);
    CHECK(waiting.connect(at("198.18.0.2", 80)) == errc::would_block);
    hosts.run();
    CHECK(waiting.connected());
    CHECK(c.listener.close() == errc::ok);
    hosts.run();
    bytes buffer(10);
    CHECK(waiting.receive(std::span<std::byte>(buffer)).error == errc::connection_reset);
    CHECK(c.client.send(std::span<const std::byte>(buffer)).bytes == 10);
    hosts.run();
    CHECK(c.server.receive(std::span<std::byte>(buffer)).bytes == 10);
}

TEST_CASE("a listener closed before the handshake completes") {
    two<four_only> hosts;
    tcp_socket listener, client;
    CHECK(listener.open(hosts.b) == errc::ok);
    CHECK(listener.bind({ip_address{}, 80}) == errc::ok);
    CHECK(listener.listen(3) == errc::ok);
    CHECK(client.open(hosts.a) == errc::ok);
    CHECK(client.connect(at("198.18.0.2", 80)) == errc::would_block);
    for (int i = 0; i < 10 && hosts.b.at<tcp>()->flows.size() == 0; ++i) {
        hosts.a.poll();
        hosts.b.poll();
    }
    CHECK(hosts.b.at<tcp>()->flows.size() == 1);
    CHECK(listener.close() == errc::ok);
    CHECK(hosts.b.at<tcp>()->flows.size() == 0);
    hosts.run();
    hosts.pass(2s);
    CHECK(!client.connected());
}

}  // namespace layers_tcp_listening_tests
