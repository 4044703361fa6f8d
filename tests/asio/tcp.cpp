#include "worlds.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <exception>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio_tcp_tests {

namespace net = boost::asio;
using boost::system::error_code;

namespace {

const auto rethrow = [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
};

template <class World>
using acceptor_of = typename World::tcp::acceptor;
template <class World>
using socket_of = typename World::tcp::socket;

template <class World>
typename World::tcp::endpoint listening(World& w, acceptor_of<World>& a) {
    return {w.server_address(), a.local_endpoint().port()};
}

// Echoes until the peer ends.
template <class Socket>
net::awaitable<void> echo(Socket s) {
    std::array<char, 5000> bytes;
    for (;;) {
        const auto room = net::buffer(bytes);
        error_code ec;
        auto redirected = net::redirect_error(net::use_awaitable, ec);
        const std::size_t n = co_await s.async_read_some(room, redirected);
        if (ec == net::error::eof) co_return;
        REQUIRE_MESSAGE(!ec, ec.message());
        const auto heard = net::buffer(bytes, n);
        co_await net::async_write(s, heard, net::use_awaitable);
    }
}
template <class Acceptor>
net::awaitable<void> echo_server(Acceptor& a, int connections) {
    for (int i = 0; i < connections; ++i) {
        auto s = co_await a.async_accept(net::use_awaitable);
        net::co_spawn(a.get_executor(), echo(std::move(s)), rethrow);
    }
}

}  // namespace

TEST_CASE("callbacks: connect, accept, write, read, end of stream") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        acceptor_of<world> a(w.server(), {world::tcp::v4(), 0});
        socket_of<world> client(w.client()), server(w.server());
        std::string heard(5, '?');
        int done = 0;
        bool inside = true;
        a.async_accept(server, [&](error_code ec) {
            CHECK(!inside);
            REQUIRE_MESSAGE(!ec, ec.message());
            net::async_read(server, net::buffer(heard), [&](error_code read, std::size_t n) {
                CHECK_FALSE(read);
                CHECK(n == 5);
                CHECK(heard == "hello");
                server.async_read_some(net::buffer(heard), [&](error_code end, std::size_t none) {
                    CHECK(end == net::error::eof);
                    CHECK(none == 0);
                    ++done;
                });
            });
        });
        client.async_connect(listening(w, a), [&](error_code ec) {
            CHECK(!inside);
            REQUIRE_MESSAGE(!ec, ec.message());
            CHECK(client.remote_endpoint() == listening(w, a));
            CHECK(client.local_endpoint().port() != 0);
            net::async_write(client, net::buffer("hello", 5), [&](error_code written, std::size_t n) {
                CHECK_FALSE(written);
                CHECK(n == 5);
                client.shutdown(socket_of<world>::shutdown_send);
                ++done;
            });
        });
        inside = false;
        w.run();
        CHECK(done == 2);
        CHECK(server.remote_endpoint() == client.local_endpoint());
    });
}

TEST_CASE("coroutines: many connections at once, more than fits into windows") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        acceptor_of<world> a(w.server(), {world::tcp::v4(), 0});
        int good = 0;
        constexpr int connections = 8;
        net::co_spawn(w.server(), echo_server(a, connections), rethrow);
        const auto client = [&](int which) -> net::awaitable<void> {
            using namespace net::experimental::awaitable_operators;
            std::string sent(300'000, '\0');
            for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(static_cast<int>(i) * 7 + which);
            std::string heard(sent.size(), '?');
            socket_of<world> s(w.client());
            const auto to = listening(w, a);
            co_await s.async_connect(to, net::use_awaitable);
            const auto out = net::buffer(sent);
            const auto in = net::buffer(heard);
            auto both = net::async_write(s, out, net::use_awaitable) && net::async_read(s, in, net::use_awaitable);
            co_await std::move(both);
            CHECK(heard == sent);
            ++good;
        };
        for (int i = 0; i < connections; ++i) net::co_spawn(w.client(), client(i), rethrow);
        w.run();
        CHECK(good == connections);
    });
}

TEST_CASE("futures, with the io_context run by a thread of its own") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        acceptor_of<world> a(w.server(), {world::tcp::v4(), 0});
        socket_of<world> client(w.client());
        auto accepted = a.async_accept(net::use_future);
        auto connected = client.async_connect(listening(w, a), net::use_future);
        std::thread runner([&] { w.io.run(); });
        connected.get();
        auto server = accepted.get();
        runner.join();
        std::array<char, 3> three;
        auto heard = net::async_read(server, net::buffer(three), net::use_future);
        auto sent = net::async_write(client, net::buffer("abc", 3), net::use_future);
        w.io.restart();
        std::thread again([&] { w.io.run(); });
        CHECK(sent.get() == 3);
        CHECK(heard.get() == 3);
        again.join();
        CHECK(std::string(three.data(), 3) == "abc");
    });
}

TEST_CASE("read_until finds the delimiter") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        acceptor_of<world> a(w.server(), {world::tcp::v4(), 0});
        std::string line;
        const auto server = [&]() -> net::awaitable<void> {
            auto s = co_await a.async_accept(net::use_awaitable);
            std::string text;
            auto buffer = net::dynamic_buffer(text);
            const auto n = co_await net::async_read_until(s, buffer, "\r\n", net::use_awaitable);
            line = text.substr(0, n);
        };
        const auto client = [&]() -> net::awaitable<void> {
            socket_of<world> s(w.client());
            const auto to = listening(w, a);
            co_await s.async_connect(to, net::use_awaitable);
            const std::string text = "one line\r\nand more";
            const auto bytes = net::buffer(text);
            co_await net::async_write(s, bytes, net::use_awaitable);
        };
        net::co_spawn(w.server(), server, rethrow);
        net::co_spawn(w.client(), client, rethrow);
        w.run();
        CHECK(line == "one line\r\n");
    });
}

TEST_CASE("connecting to a range: the second endpoint answers") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        acceptor_of<world> a(w.server(), {world::tcp::v4(), 0});
        // A port that was free a moment ago and is closed.
        acceptor_of<world> closed(w.server(), {world::tcp::v4(), 0});
        const std::vector<typename world::tcp::endpoint> candidates{listening(w, closed), listening(w, a)};
        closed.close();
        bool connected = false;
        socket_of<world> s(w.client());
        net::async_connect(s, candidates, [&](error_code ec, typename world::tcp::endpoint at) {
            CHECK_MESSAGE(!ec, ec.message());
            CHECK(at == candidates[1]);
            connected = true;
        });
        w.run();
        CHECK(connected);
    });
}

TEST_CASE("a connection to a closed port is refused") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        acceptor_of<world> closed(w.server(), {world::tcp::v4(), 0});
        const auto to = listening(w, closed);
        closed.close();
        socket_of<world> s(w.client());
        error_code result;
        s.async_connect(to, [&](error_code ec) { result = ec; });
        w.run();
        CHECK(result == net::error::connection_refused);
    });
}

TEST_CASE("a read that loses against a timer") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        using namespace net::experimental::awaitable_operators;
        acceptor_of<world> a(w.server(), {world::tcp::v4(), 0});
        std::size_t winner = 99;
        const auto client = [&]() -> net::awaitable<void> {
            socket_of<world> s(w.client());
            const auto to = listening(w, a);
            co_await s.async_connect(to, net::use_awaitable);
            net::steady_timer timer(co_await net::this_coro::executor, std::chrono::milliseconds(5));
            std::array<char, 8> bytes;
            const auto room = net::buffer(bytes);
            auto race = s.async_read_some(room, net::use_awaitable) || timer.async_wait(net::use_awaitable);
            const auto result = co_await std::move(race);
            winner = result.index();
        };
        net::co_spawn(w.client(), client, rethrow);
        w.run();
        CHECK(winner == 1);
    });
}

TEST_CASE("accept in all its forms") {
    worlds::in_each([](auto& w) {
        using world = std::remove_reference_t<decltype(w)>;
        using endpoint = typename world::tcp::endpoint;
        acceptor_of<world> a(w.server(), {world::tcp::v4(), 0});
        std::vector<socket_of<world>> clients;
        for (int i = 0; i < 8; ++i) {
            clients.emplace_back(w.client());
            clients.back().async_connect(listening(w, a), [](error_code ec) { CHECK_FALSE(ec); });
        }
        int done = 0;
        socket_of<world> into(w.server()), into_too(w.server());
        endpoint e1, e2, e3, e4;
        const auto counted = [&](error_code ec, auto s) {
            CHECK_MESSAGE(!ec, ec.message());
            CHECK(s.is_open());
            ++done;
        };
        a.async_accept(into, [&](error_code ec) { done += !ec; });
        a.async_accept(into_too, e1, [&](error_code ec) { done += !ec && e1.port() != 0; });
        a.async_accept(counted);
        a.async_accept(e2, counted);
        a.async_accept(w.server(), counted);
        a.async_accept(w.server(), e3, counted);
        a.async_accept(w.io, counted);
        a.async_accept(w.io, e4, counted);
        w.run();
        CHECK(done == 8);
        CHECK(e2.address() == w.client_address());
        CHECK(e3.port() != 0);
        CHECK(e4.port() != 0);
    });
}

}  // namespace asio_tcp_tests
