#include "worlds.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <array>
#include <string>

namespace asio_blocking_tests {

namespace net = boost::asio;
using boost::system::error_code;

TEST_CASE("blocking calls: connect, accept, write, read, peek, wait, end of stream") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        typename tcp::socket client(w.client());
        client.connect({w.server_address(), a.local_endpoint().port()});
        typename tcp::endpoint from;
        auto server = a.accept(from);
        CHECK(from == client.local_endpoint());
        CHECK(net::write(client, net::buffer("hello", 5)) == 5);
        server.wait(tcp::socket::wait_read);
        std::array<char, 8> room{};
        CHECK(server.receive(net::buffer(room), tcp::socket::message_peek) == 5);
        CHECK(server.available() == 5);
        CHECK(net::read(server, net::buffer(room, 5)) == 5);
        CHECK(std::string(room.data(), 5) == "hello");
        server.shutdown(tcp::socket::shutdown_send);
        error_code ec;
        CHECK(client.read_some(net::buffer(room), ec) == 0);
        CHECK(ec == net::error::eof);
        CHECK(client.send(net::buffer("x", 1)) == 1);
        CHECK(server.read_some(net::buffer(room)) == 1);
    });
}

TEST_CASE("a blocking connect to a closed port is refused") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        const typename tcp::endpoint to(w.server_address(), a.local_endpoint().port());
        a.close();
        typename tcp::socket client(w.client());
        error_code ec;
        client.connect(to, ec);
        CHECK(ec == net::error::connection_refused);
    });
}

TEST_CASE("non-blocking sockets answer would_block") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        a.non_blocking(true);
        error_code ec;
        auto none = a.accept(ec);
        CHECK(ec == net::error::would_block);
        CHECK_FALSE(none.is_open());
        a.non_blocking(false);
        typename tcp::socket client(w.client());
        client.connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        server.non_blocking(true);
        CHECK(server.non_blocking());
        std::array<char, 8> room{};
        CHECK(server.read_some(net::buffer(room), ec) == 0);
        CHECK(ec == net::error::would_block);
        // Until the buffers of both sides are full.
        const std::string much(1 << 20, 'm');
        client.non_blocking(true);
        std::size_t sent = 0;
        for (ec = {}; !ec; sent += client.write_some(net::buffer(much), ec)) REQUIRE(sent < (std::size_t(1) << 30));
        CHECK(ec == net::error::would_block);
        CHECK(sent > 0);
    });
}

TEST_CASE("a blocking call that nothing could ever finish returns would_block") {
    worlds::loopback w;
    using udp = netkit::ip::udp;
    udp::socket s(w.client(), {udp::v4(), 0});
    std::array<char, 8> room{};
    error_code ec;
    s.receive(net::buffer(room), 0, ec);
    CHECK(ec == net::error::would_block);
}

TEST_CASE("a blocking call posts the completions of others") {
    worlds::on_stacks([](auto& w) {
        using udp = netkit::ip::udp;
        udp::socket first(w.server(), {udp::v4(), 0}), second(w.server(), {udp::v4(), 0}), client(w.client(), udp::v4());
        std::array<char, 8> one{}, two{};
        bool completed = false;
        first.async_receive(net::buffer(one), [&](error_code ec, std::size_t n) { completed = !ec && n == 1; });
        client.send_to(net::buffer("1", 1), {w.server_address(), first.local_endpoint().port()});
        client.send_to(net::buffer("22", 2), {w.server_address(), second.local_endpoint().port()});
        CHECK(second.receive(net::buffer(two)) == 2);
        CHECK_FALSE(completed);
        w.run();
        CHECK(completed);
    });
}

}  // namespace asio_blocking_tests
