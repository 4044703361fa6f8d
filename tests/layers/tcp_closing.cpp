#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

#include <memory>

namespace layers_tcp_closing_tests {

using namespace tcp_hosts;
using namespace netkit;

TEST_CASE("abort, linger and unread bytes reset; the peer is told") {
    for (int how = 0; how < 3; ++how) {
        CAPTURE(how);
        two<four_only> hosts;
        connected c(hosts);
        bytes buffer(10);
        if (how == 0) CHECK(c.client.abort() == errc::ok);
        if (how == 1) {
            tcp_socket_options o;
            o.linger = true;
            c.client.set_options(o);
            CHECK(c.client.close() == errc::ok);
        }
        if (how == 2) {
            CHECK(c.server.send(std::span<const std::byte>(buffer)).bytes == 10);
            hosts.run();
            CHECK(c.client.available() == 10);
            CHECK(c.client.close() == errc::ok);
        }
        hosts.run();
        CHECK(c.server.receive(std::span<std::byte>(buffer)).error == errc::connection_reset);
        CHECK(c.server.take_error() == errc::connection_reset);
        CHECK(hosts.a.at<tcp>()->connections.in_use() == 0);
    }
}

TEST_CASE("half-close: the other direction goes on") {
    two<four_only> hosts;
    connected c(hosts);
    bytes buffer(10);
    CHECK(c.client.shutdown(false, true) == errc::ok);
    hosts.run();
    CHECK(c.server.receive(std::span<std::byte>(buffer)).error == errc::end_of_stream);
    CHECK(c.client.send(std::span<const std::byte>(buffer)).error == errc::shut_down);
    CHECK(c.server.send(std::span<const std::byte>(buffer)).bytes == 10);
    hosts.run();
    CHECK(c.client.receive(std::span<std::byte>(buffer)).bytes == 10);
}

TEST_CASE("a socket that outlives its stack says so, and is told once") {
    auto hosts = std::make_unique<two<four_only>>();
    int detached = 0;
    {
        connected c(*hosts);
        tcp_socket waiting;
        CHECK(waiting.open(hosts->a) == errc::ok);
        CHECK(waiting.connect(at("198.18.0.2", 80)) == errc::would_block);
        hosts->run();
        c.client.on_detached([](void* n) { ++*static_cast<int*>(n); }, &detached);
        bytes buffer(100'000);
        CHECK(c.client.send(std::span<const std::byte>(buffer)).bytes == buffer.size());
        hosts.reset();
        CHECK(detached == 1);
        CHECK(!c.client.is_open());
        CHECK(c.client.send(std::span<const std::byte>(buffer)).error == errc::bad_descriptor);
        CHECK(c.listener.close() == errc::bad_descriptor);
        CHECK(c.server.take_error() == errc::bad_descriptor);
    }
    CHECK(detached == 1);
}

TEST_CASE("a socket that is told of its stack's end may take others along") {
    auto hosts = std::make_unique<two<four_only>>();
    connected c(*hosts);
    struct pair_of_sockets {
        tcp_socket first;
        std::unique_ptr<tcp_socket> second;
    } sockets;
    const auto drop_second = [](void* s) { static_cast<pair_of_sockets*>(s)->second.reset(); };
    CHECK(sockets.first.open(hosts->a) == errc::ok);
    sockets.first.on_detached(drop_second, &sockets);
    sockets.second = std::make_unique<tcp_socket>();
    CHECK(sockets.second->open(hosts->a) == errc::ok);
    CHECK(sockets.second->connect(at("198.18.0.2", 80)) == errc::would_block);
    hosts->run();
    CHECK(sockets.second->connected());
    hosts.reset();
    CHECK(!sockets.first.is_open());
    CHECK(!sockets.second);
}

TEST_CASE("sockets may come and go in any order, with everything pending") {
    for (int order = 0; order < 6; ++order) {
        two<four_only> hosts;
        auto c = std::make_unique<connected<four_only>>(hosts);
        bytes buffer(50'000);
        CHECK(c->client.send(std::span<const std::byte>(buffer)).bytes == buffer.size());
        if (order % 2) hosts.a.poll();
        if (order % 3 == 0) CHECK(c->listener.close() == errc::ok);
        if (order % 3 == 1) CHECK(c->server.close() == errc::ok);
        if (order >= 3) hosts.run();
        c.reset();
        hosts.run();
        hosts.pass(200s, 5s);
        CHECK(hosts.a.at<tcp>()->connections.in_use() == 0);
        CHECK(hosts.b.at<tcp>()->connections.in_use() == 0);
        CHECK(hosts.a.buffers().in_use() == 0);
        CHECK(hosts.b.buffers().in_use() == 0);
    }
}

TEST_CASE("connections in TIME-WAIT are bounded, and their ports come round again") {
    two<four_only> hosts;
    hosts.a.at<tcp>()->most_time_waits = 100;
    tcp_socket listener;
    CHECK(listener.open(hosts.b) == errc::ok);
    CHECK(listener.bind({ip_address{}, 80}) == errc::ok);
    CHECK(listener.listen(100) == errc::ok);
    for (int i = 0; i < 1000; ++i) {
        tcp_socket client, server;
        REQUIRE(client.open(hosts.a) == errc::ok);
        REQUIRE(client.connect(at("198.18.0.2", 80)) == errc::would_block);
        hosts.run(3);
        REQUIRE(listener.accept(server) == errc::ok);
        REQUIRE(client.close() == errc::ok);
        hosts.run(2);
        REQUIRE(server.close() == errc::ok);
        hosts.run(2);
    }
    CHECK(hosts.a.at<tcp>()->time_waits.size() == 100);
    CHECK(hosts.a.at<tcp>()->connections.in_use() == 0);
    hosts.pass(61s, 1s);
    CHECK(hosts.a.at<tcp>()->time_waits.size() == 0);
}

}  // namespace layers_tcp_closing_tests
