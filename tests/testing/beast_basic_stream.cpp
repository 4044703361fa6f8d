#include "asio_worlds.hpp"

#include <netkit/asio/tcp.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/rate_policy.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <string>

namespace testing_beast_basic_stream_tests {

using namespace simulated_programs;
namespace beast = boost::beast;
using boost::system::error_code;
using tcp = netkit::ip::tcp;
using stream = beast::basic_stream<tcp, simulation_executor>;

TEST_CASE("Beast: timeouts of basic_stream are on the simulation's time") {
    two_hosts w;
    tcp::acceptor acceptor(w.server(), {tcp::v4(), 7});
    tcp::socket silent(w.server());
    acceptor.async_accept(silent, [](error_code ec) { CHECK_FALSE(ec); });
    error_code result, nothing_read = beast::error::timeout;
    bool open = true;
    const auto client = [&]() -> net::awaitable<void> {
        stream s(w.client());
        s.expires_after(30s);
        const tcp::endpoint to(w.server_address(), 7);
        co_await s.async_connect(to, net::use_awaitable);
        std::array<char, 16> bytes;
        const auto none = net::buffer(bytes, 0);
        auto no_error = net::redirect_error(net::use_awaitable, nothing_read);
        co_await s.async_read_some(none, no_error);
        const auto room = net::buffer(bytes);
        auto token = net::redirect_error(net::use_awaitable, result);
        co_await s.async_read_some(room, token);
        open = s.socket().is_open();
    };
    net::co_spawn(w.client(), client, rethrow);
    const auto began = std::chrono::steady_clock::now();
    CHECK(w.programs.run());
    CHECK(std::chrono::steady_clock::now() - began < 30s);
    CHECK(w.elapsed() == 30s);
    CHECK(result == beast::error::timeout);
    CHECK_FALSE(nothing_read);
    CHECK_FALSE(open);
}

TEST_CASE("Beast: a connection attempt that times out") {
    two_hosts w;
    w.line().cut();
    error_code result;
    stream s(w.client());
    s.expires_after(10s);
    const tcp::endpoint to(w.server_address(), 7);
    s.async_connect(to, [&](error_code ec) { result = ec; });
    // Before the neighbour is given up on, if it takes that long; then the stream's own time.
    CHECK(w.programs.run());
    CHECK(result);
    CHECK(w.elapsed() <= 10s);
}

TEST_CASE("Beast: rate limits are on the simulation's time") {
    two_hosts w;
    using limited = beast::basic_stream<tcp, simulation_executor, beast::simple_rate_policy>;
    tcp::acceptor acceptor(w.server(), {tcp::v4(), 7});
    tcp::socket peer(w.server());
    acceptor.async_accept(peer, [](error_code ec) { CHECK_FALSE(ec); });
    netkit::duration took{};
    const std::string bytes(10'000, 'x');
    const auto client = [&]() -> net::awaitable<void> {
        limited s(w.client());
        s.rate_policy().write_limit(1000);
        const tcp::endpoint to(w.server_address(), 7);
        co_await s.async_connect(to, net::use_awaitable);
        const auto out = net::buffer(bytes);
        co_await net::async_write(s, out, net::use_awaitable);
        took = w.elapsed();
    };
    net::co_spawn(w.client(), client, rethrow);
    w.programs.run_for(1min);
    CHECK(took >= 8s);
    CHECK(took < 12s);
}

}  // namespace testing_beast_basic_stream_tests
