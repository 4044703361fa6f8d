#include "worlds.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <exception>

namespace asio_beast_stream_timeout_tests {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

TEST_CASE("Beast: a timeout of basic_stream fires and closes the socket") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor acceptor(w.server(), {tcp::v4(), 0});
        typename tcp::socket silent(w.server());
        acceptor.async_accept(silent, [](error_code ec) { CHECK_FALSE(ec); });
        error_code result;
        bool open = true;
        const auto client = [&]() -> net::awaitable<void> {
            beast::basic_stream<tcp> s(w.client());
            const typename tcp::endpoint to(w.server_address(), acceptor.local_endpoint().port());
            co_await s.async_connect(to, net::use_awaitable);
            s.expires_after(std::chrono::milliseconds(20));
            std::array<char, 16> bytes;
            const auto room = net::buffer(bytes);
            auto token = net::redirect_error(net::use_awaitable, result);
            co_await s.async_read_some(room, token);
            open = s.socket().is_open();
        };
        net::co_spawn(w.client(), client, [](std::exception_ptr e) {
            if (e) std::rethrow_exception(e);
        });
        w.run();
        CHECK(result == beast::error::timeout);
        CHECK_FALSE(open);
    });
}

}  // namespace asio_beast_stream_timeout_tests
