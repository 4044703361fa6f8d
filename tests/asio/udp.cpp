#include "worlds.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>

namespace asio_udp_tests {

namespace net = boost::asio;
using boost::system::error_code;

namespace {
const auto rethrow = [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
};
struct unknown_option {
    int value = 1;
    int level(const auto&) const { return SOL_SOCKET; }
    int name(const auto&) const { return 12345; }
    const void* data(const auto&) const { return &value; }
    std::size_t size(const auto&) const { return sizeof value; }
};
}  // namespace

TEST_CASE("datagrams there and back, by coroutines") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::socket server(w.server(), {udp::v4(), 0}), client(w.client(), udp::v4());
        std::string heard;
        const auto answer = [&]() -> net::awaitable<void> {
            std::array<char, 2000> bytes;
            typename udp::endpoint from;
            const auto room = net::buffer(bytes);
            const auto n = co_await server.async_receive_from(room, from, net::use_awaitable);
            CHECK(from.address() == w.client_address());
            const auto back = net::buffer(bytes, n);
            co_await server.async_send_to(back, from, net::use_awaitable);
        };
        const auto ask = [&]() -> net::awaitable<void> {
            const typename udp::endpoint to(w.server_address(), server.local_endpoint().port());
            co_await client.async_connect(to, net::use_awaitable);
            CHECK(client.remote_endpoint() == to);
            const std::array<net::const_buffer, 2> parts{net::buffer("ab", 2), net::buffer("cde", 3)};
            co_await client.async_send(parts, net::use_awaitable);
            std::array<char, 2> first;
            std::array<char, 10> rest;
            const std::array<net::mutable_buffer, 2> room{net::buffer(first), net::buffer(rest)};
            const auto n = co_await client.async_receive(room, net::use_awaitable);
            CHECK(n == 5);
            heard = std::string(first.data(), 2) + std::string(rest.data(), 3);
        };
        net::co_spawn(w.server(), answer, rethrow);
        net::co_spawn(w.client(), ask, rethrow);
        w.run();
        CHECK(heard == "abcde");
    });
}

TEST_CASE("blocking datagrams: peek, truncation, empty ones, how much there is") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::socket server(w.server(), {udp::v4(), 0}), client(w.client(), udp::v4());
        const typename udp::endpoint to(w.server_address(), server.local_endpoint().port());
        typename udp::endpoint from;
        std::array<char, 10> room{};
        CHECK(client.send_to(net::buffer("hello", 5), to) == 5);
        server.wait(udp::socket::wait_read);
        CHECK(server.available() == 5);
        CHECK(server.receive_from(net::buffer(room, 2), from, udp::socket::message_peek) == 2);
        CHECK(server.receive_from(net::buffer(room, 3), from) == 3);
        CHECK(std::string(room.data(), 3) == "hel");
        CHECK(client.send_to(net::buffer("", 0), to) == 0);
        CHECK(client.send_to(net::buffer("x", 1), to) == 1);
        CHECK(server.receive_from(net::buffer(room), from) == 0);
        CHECK(server.receive_from(net::buffer(room), from) == 1);
        CHECK(from.port() == client.local_endpoint().port());
        server.non_blocking(true);
        error_code ec;
        CHECK(server.receive_from(net::buffer(room), from, 0, ec) == 0);
        CHECK(ec == net::error::would_block);
    });
}

TEST_CASE("errors of datagram sockets") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::socket first(w.server(), {udp::v4(), 0}), second(w.server(), udp::v4());
        error_code ec;
        std::array<char, 10> room{};
        second.bind({udp::v4(), first.local_endpoint().port()}, ec);
        CHECK(ec == net::error::address_in_use);
        second.bind({net::ip::make_address("198.51.100.1"), 0}, ec);
        CHECK(ec == boost::system::errc::address_not_available);
        second.send(net::buffer("x", 1), 0, ec);
        CHECK((ec == net::error::not_connected || ec == boost::system::errc::destination_address_required));
        second.remote_endpoint(ec);
        CHECK(ec == net::error::not_connected);
        second.open(udp::v4(), ec);
        CHECK(ec == net::error::already_open);
        second.close();
        second.send_to(net::buffer("x", 1), {w.server_address(), 9}, 0, ec);
        CHECK(ec == net::error::bad_descriptor);
        second.receive(net::buffer(room), 0, ec);
        CHECK(ec == net::error::bad_descriptor);
    });
}

TEST_CASE("nobody listens: a connected socket is told") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::socket closed(w.server(), {udp::v4(), 0}), client(w.client());
        client.connect({w.server_address(), closed.local_endpoint().port()});
        closed.close();
        client.send(net::buffer("x", 1));
        std::array<char, 10> room{};
        error_code result;
        client.async_receive(net::buffer(room), [&](error_code ec, std::size_t) { result = ec; });
        w.run();
        CHECK(result == net::error::connection_refused);
    });
}

TEST_CASE("options of datagram sockets") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::socket s(w.server(), udp::v4());
        const auto keeps = [&](auto set, auto get) {
            s.set_option(set);
            s.get_option(get);
            CHECK(get.value() == set.value());
        };
        keeps(typename udp::socket::reuse_address(true), typename udp::socket::reuse_address());
        keeps(typename udp::socket::broadcast(true), typename udp::socket::broadcast());
        keeps(net::ip::multicast::hops(3), net::ip::multicast::hops());
        keeps(net::ip::unicast::hops(9), net::ip::unicast::hops());
        s.set_option(net::ip::multicast::enable_loopback(true));
        error_code ec;
        s.set_option(unknown_option(), ec);
        CHECK(ec == net::error::no_protocol_option);
    });
}

TEST_CASE("multicast: joined, heard, left") {
    worlds::linked w;
    using udp = netkit::ip::udp;
    const auto group = net::ip::make_address_v4("239.1.2.3");
    udp::socket member(w.server(), {udp::v4(), 0}), sender(w.client(), udp::v4());
    sender.set_option(net::ip::multicast::outbound_interface(net::ip::make_address_v4("198.18.0.1")));
    member.set_option(net::ip::multicast::join_group(group, net::ip::make_address_v4("198.18.0.2")));
    const udp::endpoint to(group, member.local_endpoint().port());
    std::array<char, 10> room{};
    udp::endpoint from;
    sender.send_to(net::buffer("all", 3), to);
    CHECK(member.receive_from(net::buffer(room), from) == 3);
    CHECK(from.address() == w.client_address());
    member.set_option(net::ip::multicast::leave_group(group, net::ip::make_address_v4("198.18.0.2")));
    sender.send_to(net::buffer("all", 3), to);
    w.run();
    CHECK(member.available() == 0);
    error_code ec;
    member.set_option(net::ip::multicast::join_group(net::ip::make_address_v4("198.18.0.9")), ec);
    CHECK(ec == net::error::invalid_argument);
}

TEST_CASE("a datagram as it came in, with all that came with it") {
    worlds::on_stacks([](auto& w) {
        using udp = netkit::ip::udp;
        udp::socket server(w.server(), {udp::v4(), 0}), client(w.client(), udp::v4());
        client.set_option(net::ip::unicast::hops(17));
        client.send_to(net::buffer("packet", 6), {w.server_address(), server.local_endpoint().port()});
        bool heard = false;
        server.async_receive_packet([&](error_code ec, netkit::datagram d) {
            REQUIRE_FALSE(ec);
            CHECK(d.payload.size() == 6);
            CHECK(d.hop_limit == 17);
            CHECK(d.source.port == client.local_endpoint().port());
            heard = true;
        });
        w.run();
        CHECK(heard);
    });
}

TEST_CASE("an IPv6 socket hears both families, unless told otherwise") {
    worlds::on_stacks([](auto& w) {
        using udp = netkit::ip::udp;
        udp::socket server(w.server(), {udp::v6(), 0}), client(w.client(), udp::v4());
        client.send_to(net::buffer("4", 1), {w.server_address(), server.local_endpoint().port()});
        std::array<char, 10> room{};
        udp::endpoint from;
        CHECK(server.receive_from(net::buffer(room), from) == 1);
        REQUIRE(from.address().is_v6());
        CHECK(from.address().to_v6().is_v4_mapped());
        udp::socket only(w.server(), udp::v6());
        only.set_option(net::ip::v6_only(true));
        only.bind({udp::v6(), 0});
        client.send_to(net::buffer("4", 1), {w.server_address(), only.local_endpoint().port()});
        w.run();
        CHECK(only.available() == 0);
    });
}

}  // namespace asio_udp_tests
