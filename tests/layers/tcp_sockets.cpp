#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

#include <memory>
#include <thread>

namespace layers_tcp_sockets_tests {

using namespace tcp_hosts;
using namespace netkit;

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

TEST_CASE("segments so small that two of them are copied") {
    for (const offloads can : {offloads{}, offloads{.scatter = true}, offloads{.checksum = true, .scatter = true, .segmentation = true}})
        for (const std::uint16_t segment : {std::uint16_t(88), std::uint16_t(130)})
            for (const std::size_t size : {std::size_t{30000}, std::size_t{2} * segment - 20}) {
                CAPTURE(can.scatter);
                CAPTURE(segment);
                CAPTURE(size);
                two<four_only> hosts({.can = can});
                connected c(hosts);
                auto options = c.client.options();
                options.maximum_segment = segment;
                options.no_delay = true;
                c.client.set_options(options);
                CHECK(c.client.info().send_mss <= segment);
                const auto data = pattern(size);
                CHECK(transfer(c.client, c.server, data, [&] { hosts.run(1); }) == data);
                CHECK(c.client.info().retransmitted == 0);
                for (const auto failed : hosts.a.counters().send_failed) CHECK(failed == 0);
            }
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

}  // namespace layers_tcp_sockets_tests
