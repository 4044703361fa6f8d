#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

#include <memory>
#include <thread>

namespace layers_tcp_sockets_tests {

using namespace tcp_hosts;
using namespace netkit;

namespace {

/// A connected pair of sockets: `client` on a, `server` on b.
template <class Host>
struct connected {
    tcp_socket listener, client, server;
    explicit connected(two<Host>& hosts, std::string_view target = "198.18.0.2", const tcp_socket_options& options = {}) {
        listener.set_options(options);
        client.set_options(options);
        REQUIRE(listener.open(hosts.b) == errc::ok);
        REQUIRE(listener.bind({ip_address{}, 80}) == errc::ok);
        REQUIRE(listener.listen(16) == errc::ok);
        REQUIRE(client.open(hosts.a) == errc::ok);
        REQUIRE(client.connect(at(target, 80)) == errc::would_block);
        hosts.run();
        REQUIRE(client.connected());
        REQUIRE(listener.acceptable());
        REQUIRE(listener.accept(server) == errc::ok);
        CHECK(server.connected());
    }
};

}  // namespace

TEST_CASE("a stream through two stacks, and the end of it") {
    two<four_only> hosts;
    {
        connected c(hosts);
        CHECK(c.client.remote() == at("198.18.0.2", 80));
        CHECK(c.server.local() == at("198.18.0.2", 80));
        CHECK(c.server.remote() == c.client.local());
        const auto data = pattern(300'000);
        CHECK(transfer(c.client, c.server, data, [&] { hosts.run(1); }) == data);
        CHECK(transfer(c.server, c.client, data, [&] { hosts.run(1); }) == data);
        CHECK(c.client.info().retransmitted == 0);
        CHECK(c.client.info().bytes_sent == 300'000);
        CHECK(c.server.info().bytes_received == 300'000);
    }
    hosts.run();
    CHECK(hosts.b.at<tcp>()->flows.size() + hosts.a.at<tcp>()->flows.size() == 1);
    hosts.pass(61s, 1s);
    CHECK(hosts.a.at<tcp>()->flows.size() == 0);
    CHECK(hosts.a.buffers().in_use() == 0);
    CHECK(hosts.b.buffers().in_use() == 0);
    accounted_for(hosts.a);
    accounted_for(hosts.b);
}

TEST_CASE("one port space over both families") {
    two<both> hosts;
    connected four(hosts);
    tcp_socket six, server;
    CHECK(six.open(hosts.a) == errc::ok);
    CHECK(six.connect(at("fd00:6e6b::2", 80)) == errc::would_block);
    hosts.run();
    CHECK(six.connected());
    REQUIRE(four.listener.accept(server) == errc::ok);
    CHECK(server.remote().address.is_v6());
    const auto data = pattern(100'000);
    CHECK(transfer(six, server, data, [&] { hosts.run(1); }) == data);
    CHECK(transfer(four.client, four.server, data, [&] { hosts.run(1); }) == data);
    CHECK(six.info().send_mss == 1500 - 60 - 12);
    CHECK(four.client.info().send_mss == 1500 - 40 - 12);

    tcp_socket only;
    tcp_socket_options o;
    o.v6_only = true;
    only.set_options(o);
    CHECK(only.open(hosts.b) == errc::ok);
    CHECK(only.bind({ip_address{}, 81}) == errc::ok);
    CHECK(only.listen(1) == errc::ok);
    tcp_socket refused;
    CHECK(refused.open(hosts.a) == errc::ok);
    CHECK(refused.connect(at("198.18.0.2", 81)) == errc::would_block);
    hosts.run();
    CHECK(refused.take_error() == errc::connection_refused);
    accounted_for(hosts.a);
    accounted_for(hosts.b);
}

TEST_CASE("without a link layer, and from a host to itself") {
    two<no_link_layer> hosts({.link = link_type::ip});
    connected c(hosts);
    const auto data = pattern(50'000);
    CHECK(transfer(c.client, c.server, data, [&] { hosts.run(1); }) == data);

    tcp_socket listener, client, server;
    CHECK(listener.open(hosts.a) == errc::ok);
    CHECK(listener.bind(at("127.0.0.1", 99)) == errc::ok);
    CHECK(listener.listen(1) == errc::ok);
    CHECK(client.open(hosts.a) == errc::ok);
    CHECK(client.connect(at("127.0.0.1", 99)) == errc::would_block);
    hosts.run();
    REQUIRE(listener.accept(server) == errc::ok);
    const auto much = pattern(1'000'000);
    CHECK(transfer(client, server, much, [&] { hosts.run(1); }) == much);
    accounted_for(hosts.a);
}

TEST_CASE("super-segments, partial sums and slices where the link takes them") {
    two<four_only> hosts({.can = {.checksum = true, .scatter = true, .segmentation = true}});
    connected c(hosts);
    const auto data = pattern(3'000'000);
    CHECK(transfer(c.client, c.server, data, [&] { hosts.run(1); }) == data);
    CHECK(c.client.info().segments_sent < 300);
    CHECK(c.client.info().retransmitted == 0);
}

TEST_CASE("small frames only") {
    two<four_only> hosts({.mtu = 256});
    connected c(hosts);
    CHECK(c.client.info().send_mss == 256 - 40 - 12);
    const auto data = pattern(30'000);
    CHECK(transfer(c.client, c.server, data, [&] { hosts.run(1); }) == data);
}

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
    hosts.pass(200s, 500ms);
    const auto error = s.take_error();
    CHECK((error == errc::host_unreachable || error == errc::timed_out));
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

TEST_CASE("handlers are called after the batch: connected, acceptable, readable, writable, failed") {
    two<four_only> hosts;
    struct count {
        int ready = 0;
        static void add(void* c) { ++static_cast<count*>(c)->ready; }
    } of_listener, of_client, of_server;
    tcp_socket listener, client, server;
    listener.on_ready(&count::add, &of_listener);
    client.on_ready(&count::add, &of_client);
    server.on_ready(&count::add, &of_server);
    CHECK(listener.open(hosts.b) == errc::ok);
    CHECK(listener.bind({ip_address{}, 80}) == errc::ok);
    CHECK(listener.listen(3) == errc::ok);
    CHECK(client.open(hosts.a) == errc::ok);
    CHECK(client.connect(at("198.18.0.2", 80)) == errc::would_block);
    CHECK(of_client.ready == 0);
    hosts.run();
    CHECK(of_client.ready == 1);
    CHECK(of_listener.ready == 1);
    REQUIRE(listener.accept(server) == errc::ok);
    const auto much = pattern(2'000'000);
    std::size_t written = client.send(std::span<const std::byte>(much)).bytes;
    CHECK(written == client.options().first_send_buffer);
    CHECK(client.send(std::span<const std::byte>(much)).error == errc::would_block);
    CHECK(!client.writable());
    of_client.ready = 0;
    hosts.run();
    CHECK(of_client.ready >= 1);
    CHECK(client.writable());
    CHECK(of_server.ready >= 1);
    of_client.ready = 0;
    CHECK(server.abort() == errc::ok);
    hosts.run();
    CHECK(of_client.ready >= 1);
    CHECK(client.readiness().readable);
}

TEST_CASE("zero-copy: shares in, shares out") {
    two<four_only> hosts({.can = {.checksum = true, .scatter = true}});
    connected c(hosts);
    packet p(hosts.a.buffers(), 0, 1000);
    const auto data = pattern(1000);
    p.append(data);
    auto share = std::move(p).share();
    CHECK(c.client.send(share).bytes == 1000);
    hosts.run();
    CHECK(c.server.available() == 1000);
    shared_packet got;
    CHECK(c.server.receive(got, 10'000).bytes == 1000);
    CHECK(std::equal(got.bytes().begin(), got.bytes().end(), data.begin()));
    hosts.pass(100ms);
    CHECK(share.owners() == 1);
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

TEST_CASE("a call from another thread fails loudly") {
    two<four_only> hosts;
    connected c(hosts);
    bool thrown = false;
    std::thread([&] {
        try {
            bytes buffer(1);
            (void)c.client.send(std::span<const std::byte>(buffer));
        } catch (const wrong_thread&) {
            thrown = true;
        }
    }).join();
    CHECK(thrown);
}

TEST_CASE("ten thousand connections, each answered") {
    two<four_only> hosts;
    tcp_socket listener;
    CHECK(listener.open(hosts.b) == errc::ok);
    CHECK(listener.bind({ip_address{}, 80}) == errc::ok);
    CHECK(listener.listen(100) == errc::ok);
    struct one {
        tcp_socket client, server;
    };
    std::vector<std::unique_ptr<one>> all;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        all.push_back(std::make_unique<one>());
        REQUIRE(all.back()->client.open(hosts.a) == errc::ok);
        REQUIRE(all.back()->client.connect(at("198.18.0.2", 80)) == errc::would_block);
        hosts.run(3);
        REQUIRE(listener.accept(all.back()->server) == errc::ok);
    }
    CHECK(hosts.b.at<tcp>()->flows.size() == 10'000);
    for (auto& each : all) {
        bytes question = pattern(64, 1), answer(64);
        REQUIRE(each->client.send(std::span<const std::byte>(question)).bytes == 64);
        hosts.run(1);
        REQUIRE(each->server.receive(std::span<std::byte>(answer)).bytes == 64);
        REQUIRE(each->server.send(std::span<const std::byte>(answer)).bytes == 64);
        hosts.run(1);
        REQUIRE(each->client.receive(std::span<std::byte>(answer)).bytes == 64);
        REQUIRE(answer == question);
    }
    hosts.pass(3s, 100ms);
    MESSAGE("bytes a connection, one side, without the socket: " << (hosts.b.at<tcp>()->connections.memory() + hosts.b.at<tcp>()->flows.memory()) / 10'000);
    for (; !all.empty(); all.pop_back()) hosts.run(2);
    hosts.pass(70s, 1s);
    CHECK(hosts.a.at<tcp>()->flows.size() == 0);
    CHECK(hosts.b.at<tcp>()->flows.size() == 0);
    accounted_for(hosts.a);
    accounted_for(hosts.b);
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

}  // namespace layers_tcp_sockets_tests
