#include "worlds.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <string>
#include <utility>

namespace asio_beast_websocket_tests {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

namespace {
const auto rethrow = [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
};
}  // namespace

TEST_CASE("Beast: websocket handshake, messages both ways, close") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor acceptor(w.server(), {tcp::v4(), 0});
        int good = 0;
        const auto server = [&]() -> net::awaitable<void> {
            auto socket = co_await acceptor.async_accept(net::use_awaitable);
            websocket::stream<beast::basic_stream<tcp>> ws(std::move(socket));
            co_await ws.async_accept(net::use_awaitable);
            for (;;) {
                beast::flat_buffer message;
                error_code ec;
                auto token = net::redirect_error(net::use_awaitable, ec);
                co_await ws.async_read(message, token);
                if (ec == websocket::error::closed) break;
                REQUIRE_MESSAGE(!ec, ec.message());
                const auto bytes = message.data();
                co_await ws.async_write(bytes, net::use_awaitable);
            }
            ++good;
        };
        const auto client = [&]() -> net::awaitable<void> {
            typename tcp::socket socket(w.client());
            const typename tcp::endpoint to(w.server_address(), acceptor.local_endpoint().port());
            co_await socket.async_connect(to, net::use_awaitable);
            websocket::stream<beast::basic_stream<tcp>> ws(std::move(socket));
            co_await ws.async_handshake("test", "/", net::use_awaitable);
            for (const std::string& text : {std::string("hello"), std::string(100'000, 'w')}) {
                const auto bytes = net::buffer(text);
                co_await ws.async_write(bytes, net::use_awaitable);
                beast::flat_buffer message;
                co_await ws.async_read(message, net::use_awaitable);
                CHECK(beast::buffers_to_string(message.data()) == text);
            }
            co_await ws.async_close(websocket::close_code::normal, net::use_awaitable);
            CHECK_FALSE(ws.is_open());
            ++good;
        };
        net::co_spawn(w.server(), server, rethrow);
        net::co_spawn(w.client(), client, rethrow);
        w.run();
        CHECK(good == 2);
    });
}

// Without basic_stream between, the close waits on the socket itself: async_wait and non-blocking reads must be real.
TEST_CASE("Beast: websocket on a bare socket closes") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor acceptor(w.server(), {tcp::v4(), 0});
        int good = 0;
        const auto server = [&]() -> net::awaitable<void> {
            auto socket = co_await acceptor.async_accept(net::use_awaitable);
            websocket::stream<typename tcp::socket> ws(std::move(socket));
            co_await ws.async_accept(net::use_awaitable);
            co_await ws.async_close(websocket::close_code::going_away, net::use_awaitable);
            ++good;
        };
        const auto client = [&]() -> net::awaitable<void> {
            typename tcp::socket socket(w.client());
            const typename tcp::endpoint to(w.server_address(), acceptor.local_endpoint().port());
            co_await socket.async_connect(to, net::use_awaitable);
            websocket::stream<typename tcp::socket> ws(std::move(socket));
            co_await ws.async_handshake("test", "/", net::use_awaitable);
            beast::flat_buffer message;
            error_code ec;
            auto token = net::redirect_error(net::use_awaitable, ec);
            co_await ws.async_read(message, token);
            CHECK(ec == websocket::error::closed);
            CHECK(ws.reason().code == websocket::close_code::going_away);
            ++good;
        };
        net::co_spawn(w.server(), server, rethrow);
        net::co_spawn(w.client(), client, rethrow);
        w.run();
        CHECK(good == 2);
    });
}

}  // namespace asio_beast_websocket_tests
