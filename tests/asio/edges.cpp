#include "worlds.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

// Calls that programs rarely make, and that answer on a stack what Asio's own sockets answer.
namespace asio_edges_tests {

namespace net = boost::asio;
using boost::system::error_code;

namespace {

template <class World>
struct connected {
    using socket = typename World::tcp::socket;
    std::optional<socket> client, server;
    std::array<char, 64> room{};
    explicit connected(World& w) {
        client.emplace(w.client());
        typename World::tcp::acceptor a(w.server(), {World::tcp::v4(), 0});
        client->connect({w.server_address(), a.local_endpoint().port()});
        server.emplace(a.accept());
    }
};
template <class World>
typename World::tcp::endpoint closed_port(World& w) {
    typename World::tcp::acceptor a(w.server(), {World::tcp::v4(), 0});
    return {w.server_address(), a.local_endpoint().port()};
}

// Nothing read and written in every way: each time a success.
template <class World, class Socket>
void check_nothing(World& w, Socket& s) {
    error_code ec = net::error::fault;
    CHECK(s.read_some(net::mutable_buffer(), ec) == 0);
    CHECK_FALSE(ec);
    ec = net::error::fault;
    CHECK(s.write_some(std::array<net::const_buffer, 2>(), ec) == 0);
    CHECK_FALSE(ec);
    int succeeded = 0;
    const auto count = [&](error_code e, std::size_t n) { succeeded += !e && n == 0; };
    s.async_read_some(net::mutable_buffer(), count);
    s.async_write_some(net::const_buffer(), count);
    w.run();
    CHECK(succeeded == 2);
}

}  // namespace

TEST_CASE("reading and writing nothing succeeds, whatever has become of the stream") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::socket unconnected(w.client(), tcp::v4());
        check_nothing(w, unconnected);
        connected ended(w);
        ended.client->shutdown(net::socket_base::shutdown_send);
        check_nothing(w, *ended.client);
        error_code ec;
        ended.server->read_some(net::buffer(ended.room), ec);
        CHECK(ec == net::error::eof);
        check_nothing(w, *ended.server);
        connected reset(w);
        reset.server->set_option(net::socket_base::linger(true, 0));
        reset.server->close();
        reset.client->wait(net::socket_base::wait_read);
        check_nothing(w, *reset.client);
        typename tcp::socket closed(w.client());
        closed.read_some(net::mutable_buffer(), ec);
        CHECK(ec == net::error::bad_descriptor);
    });
}

TEST_CASE("a blocking connect waits even where the socket is non-blocking") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        typename tcp::socket s(w.client(), tcp::v4()), refused(w.client(), tcp::v4());
        s.non_blocking(true);
        error_code ec;
        s.connect({w.server_address(), a.local_endpoint().port()}, ec);
        CHECK_FALSE(ec);
        CHECK(s.non_blocking());
        refused.non_blocking(true);
        refused.connect(closed_port(w), ec);
        CHECK(ec == net::error::connection_refused);
    });
}

TEST_CASE("two accepts into one socket: the second fails and takes no connection") {
    worlds::on_stacks([](auto& w) {
        using tcp = netkit::ip::tcp;
        tcp::acceptor a(w.server(), {tcp::v4(), 0});
        tcp::socket into(w.server()), first(w.client()), second(w.client());
        error_code one = net::error::fault, two, three;
        a.async_accept(into, [&](error_code ec) { one = ec; });
        a.async_accept(into, [&](error_code ec) { two = ec; });
        first.connect({w.server_address(), a.local_endpoint().port()});
        second.connect({w.server_address(), a.local_endpoint().port()});
        a.async_accept(into, [&](error_code ec) { three = ec; });
        w.run();
        CHECK_FALSE(one);
        CHECK(two == net::error::already_open);
        CHECK(three == net::error::already_open);
        CHECK(into.remote_endpoint() == first.local_endpoint());
        const auto next = a.accept();
        CHECK(next.remote_endpoint() == second.local_endpoint());
    });
}

TEST_CASE("a socket that is opened while a connection for it is under way keeps what it has") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        typename tcp::socket into(w.server()), client(w.client());
        error_code accepted;
        a.async_accept(into, [&](error_code ec) { accepted = ec; });
        w.io.poll();
        into.open(tcp::v4());
        client.connect({w.server_address(), a.local_endpoint().port()});
        w.run();
        CHECK(accepted == net::error::already_open);
        error_code ec;
        into.remote_endpoint(ec);
        CHECK(ec == net::error::not_connected);
    });
}

TEST_CASE("null_buffers wait, and take nothing") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        connected c(w);
        int ready = 0;
        const auto count = [&](error_code ec, std::size_t n) { ready += !ec && n == 0; };
        typename udp::socket receiver(w.server(), {udp::v4(), 0}), sender(w.client(), udp::v4());
        typename udp::endpoint from;
        c.client->async_read_some(net::null_buffers(), count);
        receiver.async_receive_from(net::null_buffers(), from, count);
        w.io.poll();
        CHECK(ready == 0);
        c.client->async_write_some(net::null_buffers(), count);
        c.server->write_some(net::buffer("123", 3));
        sender.send_to(net::buffer("1234", 4), {w.server_address(), receiver.local_endpoint().port()});
        w.run();
        CHECK(ready == 3);
        CHECK(c.client->available() == 3);
        CHECK(receiver.available() == 4);
        CHECK(receiver.receive(net::null_buffers()) == 0);
        CHECK(receiver.available() == 4);
    });
}

TEST_CASE("v6_only is fixed by bind, and keeps IPv4 out in both directions") {
    worlds::on_stacks([](auto& w) {
        using tcp = netkit::ip::tcp;
        using udp = netkit::ip::udp;
        error_code ec;
        tcp::socket bound(w.client(), {tcp::v6(), 0});
        udp::socket u(w.client(), {udp::v6(), 0});
        bound.set_option(net::ip::v6_only(true), ec);
        CHECK(ec == net::error::invalid_argument);
        u.set_option(net::ip::v6_only(true), ec);
        CHECK(ec == net::error::invalid_argument);
        const auto mapped = net::ip::make_address_v6(net::ip::v4_mapped, w.server_address().to_v4());
        tcp::socket s(w.client(), tcp::v6());
        s.set_option(net::ip::v6_only(true));
        s.connect({mapped, 9}, ec);
        CHECK(ec == net::error::network_unreachable);
        s.bind({mapped, 0}, ec);
        CHECK(ec == net::error::invalid_argument);
        udp::socket t(w.client(), udp::v6());
        t.set_option(net::ip::v6_only(true));
        t.send_to(net::buffer("1", 1), {mapped, 9}, 0, ec);
        CHECK(ec == net::error::network_unreachable);
        t.connect({mapped, 9}, ec);
        CHECK(ec == net::error::network_unreachable);
        t.bind({mapped, 0}, ec);
        CHECK(ec == net::error::invalid_argument);
    });
}

TEST_CASE("what a peer reports about a datagram is told by the next send") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::endpoint nobody;
        {
            typename udp::socket s(w.server(), {udp::v4(), 0});
            nobody = {w.server_address(), s.local_endpoint().port()};
        }
        typename udp::socket s(w.client());
        s.connect(nobody);
        s.send(net::buffer("1", 1));
        s.wait(net::socket_base::wait_error);
        error_code ec;
        s.send(net::buffer("2", 1), 0, ec);
        CHECK(ec == net::error::connection_refused);
        s.non_blocking(true);
        std::array<char, 4> room{};
        s.receive(net::buffer(room), 0, ec);
        CHECK(ec == net::error::would_block);
    });
}

TEST_CASE("datagrams to port 0, to the unspecified address, with no hops left") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::socket s(w.server(), {udp::v4(), 0});
        error_code ec;
        s.send_to(net::buffer("1", 1), {w.server_address(), 0}, 0, ec);
        CHECK(ec == net::error::invalid_argument);
        const typename udp::endpoint self(net::ip::address_v4::any(), s.local_endpoint().port());
        s.send_to(net::buffer("22", 2), self);
        std::array<char, 4> room{};
        CHECK(s.receive(net::buffer(room)) == 2);
        s.connect(self);
        CHECK(s.remote_endpoint().address() == net::ip::address_v4::loopback());
        s.set_option(net::ip::unicast::hops(0), ec);
        CHECK(ec == net::error::invalid_argument);
    });
}

TEST_CASE("a resolver that is asked for nothing finds nothing") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::resolver r(w.client());
        error_code ec;
        r.resolve("", "", ec);
        CHECK(ec == net::error::host_not_found);
    });
}

TEST_CASE("a socket that is destroyed does not linger: its peer reads to the end") {
    worlds::in_each([](auto& w) {
        connected c(w);
        c.client->set_option(net::socket_base::linger(true, 0));
        c.client->write_some(net::buffer("123", 3));
        c.client.reset();
        error_code ec;
        std::string got;
        while (!ec) got.append(c.room.data(), c.server->read_some(net::buffer(c.room), ec));
        CHECK(got == "123");
        CHECK(ec == net::error::eof);
        connected closed(w);
        closed.client->set_option(net::socket_base::linger(true, 0));
        closed.client->close();
        closed.server->read_some(net::buffer(c.room), ec);
        CHECK(ec == net::error::connection_reset);
    });
}

}  // namespace asio_edges_tests
