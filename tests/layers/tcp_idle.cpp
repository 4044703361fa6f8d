#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

/// What a connection that does nothing keeps.
namespace layers_tcp_idle_tests {

using namespace tcp_hosts;
using namespace netkit;

static_assert(sizeof(tcp<>::entry) <= 480);
static_assert(sizeof(tcp<reno>::entry) <= 448);
static_assert(tcp_slab<tcp<>::entry>::per_block >= 34);

namespace {

template <class Host>
void check_idle(Host& host) {
    CHECK(host.buffers().cells_in_use() == 0);
    CHECK(host.buffers().in_use() == 0);
}

}  // namespace

TEST_CASE("connections that do nothing hold nothing of the pool, before and after they did something") {
    two<both> hosts;
    connected c(hosts);
    hosts.pass(1s);
    check_idle(hosts.a);
    check_idle(hosts.b);
    const auto data = pattern(100'000);
    bytes got, buffer(50'000);
    for (std::size_t written = 0; got.size() < data.size(); hosts.run(1)) {
        written += c.client.send(std::span<const std::byte>(data).subspan(written)).bytes;
        const auto r = c.server.receive(std::span<std::byte>(buffer));
        got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
    }
    CHECK(got == data);
    CHECK(c.server.send(std::span<const std::byte>(data).first(10)).bytes == 10);
    CHECK(hosts.b.buffers().cells_in_use() == 1);
    hosts.pass(1s);
    CHECK(c.client.receive(std::span<std::byte>(buffer)).bytes == 10);
    check_idle(hosts.a);
    check_idle(hosts.b);
    CHECK(c.client.shutdown(false, true) == errc::ok);
    hosts.pass(1s);
    check_idle(hosts.a);
    check_idle(hosts.b);
    CHECK(c.client.connected());
    CHECK(c.server.receive(std::span<std::byte>(buffer)).error == errc::end_of_stream);
}

TEST_CASE("connections share their options, and each keeps its own when they change") {
    two<both> hosts;
    tcp_socket_options o;
    o.no_delay = true;
    connected c(hosts, "198.18.0.2", o);
    tcp_socket second, other;
    second.set_options(o);
    CHECK(second.open(hosts.a) == errc::ok);
    CHECK(second.connect(at("198.18.0.2", 80)) == errc::would_block);
    hosts.run();
    REQUIRE(c.listener.accept(other) == errc::ok);
    CHECK(c.server.options() == o);
    o.no_delay = false;
    o.receive_buffer = 5000;
    c.listener.set_options(o);
    c.client.set_options(o);
    CHECK(c.client.info().receive_buffer == 5000);
    CHECK(second.info().receive_buffer != 5000);
    tcp_socket third, accepted;
    CHECK(third.open(hosts.a) == errc::ok);
    CHECK(third.connect(at("198.18.0.2", 80)) == errc::would_block);
    hosts.run();
    REQUIRE(c.listener.accept(accepted) == errc::ok);
    CHECK(accepted.options() == o);
    CHECK(accepted.info().receive_buffer == 5000);
    CHECK(other.options().no_delay);
    CHECK(other.info().receive_buffer != 5000);
}

TEST_CASE("a router that has nothing in common with us, nor with the peer, is found for each segment") {
    two<both> hosts;
    hosts.b.add_address(hosts.on_b, "fd00:7777::5/64");
    hosts.b.add_address(hosts.on_b, "fd00:9999::2/64");
    hosts.a.add_route({ip_address::parse("fd00:9999::"), 64}, ip_address(ipv6_address{}), hosts.on_a);
    hosts.a.add_route({ip_address::parse("fd00:7777::"), 64}, ip_address::parse("fd00:9999::2"), hosts.on_a);
    hosts.pass(5s);
    connected c(hosts, "fd00:7777::5");
    const auto data = pattern(100'000);
    CHECK(transfer(c.client, c.server, data, [&] { hosts.run(1); }) == data);
}

}  // namespace layers_tcp_idle_tests
