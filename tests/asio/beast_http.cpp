#include "worlds.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <exception>
#include <string>
#include <utility>

namespace asio_beast_http_tests {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

const auto rethrow = [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
};

// Answers requests on one connection until the client ends it.
template <class Stream>
net::awaitable<void> serve(Stream s) {
    beast::flat_buffer buffer;
    for (;;) {
        http::request<http::string_body> request;
        error_code ec;
        auto token = net::redirect_error(net::use_awaitable, ec);
        co_await http::async_read(s, buffer, request, token);
        if (ec == http::error::end_of_stream) co_return;
        REQUIRE_MESSAGE(!ec, ec.message());
        http::response<http::string_body> response{http::status::ok, request.version()};
        response.keep_alive(request.keep_alive());
        response.body() = std::string(request.target()) + ":" + request.body();
        response.prepare_payload();
        co_await http::async_write(s, response, net::use_awaitable);
    }
}

}  // namespace

TEST_CASE("Beast: an HTTP server and a client on one connection kept alive") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        typename tcp::acceptor acceptor(w.server(), {tcp::v4(), 0});
        int answered = 0;
        const auto server = [&]() -> net::awaitable<void> {
            auto socket = co_await acceptor.async_accept(net::use_awaitable);
            auto work = serve(beast::basic_stream<tcp>(std::move(socket)));
            co_await std::move(work);
        };
        const auto client = [&]() -> net::awaitable<void> {
            beast::basic_stream<tcp> s(w.client());
            s.expires_after(std::chrono::seconds(50));
            const typename tcp::endpoint to(w.server_address(), acceptor.local_endpoint().port());
            co_await s.async_connect(to, net::use_awaitable);
            beast::flat_buffer buffer;
            for (std::size_t i = 0; i < 20; ++i) {
                http::request<http::string_body> request{http::verb::post, "/" + std::to_string(i), 11};
                request.set(http::field::host, "test");
                request.body() = std::string(i * 5000, 'b');
                request.prepare_payload();
                co_await http::async_write(s, request, net::use_awaitable);
                http::response<http::string_body> response;
                co_await http::async_read(s, buffer, response, net::use_awaitable);
                CHECK(response.result() == http::status::ok);
                CHECK(response.body() == "/" + std::to_string(i) + ":" + request.body());
                ++answered;
            }
            s.socket().shutdown(tcp::socket::shutdown_send);
        };
        net::co_spawn(w.server(), server, rethrow);
        net::co_spawn(w.client(), client, rethrow);
        w.run();
        CHECK(answered == 20);
    });
}

}  // namespace asio_beast_http_tests
