#include "worlds.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>

// Handlers of operations that are done are handlers of the io_context like any other: counted, stopped, nested and thrown out of one by one.
namespace asio_running_tests {

namespace net = boost::asio;
using boost::system::error_code;

namespace {

template <class World>
struct connected {
    using socket = typename World::tcp::socket;
    socket client, server;
    std::array<char, 64> room{};
    explicit connected(World& w) : client(w.client()), server(w.server()) {
        typename World::tcp::acceptor a(w.server(), {World::tcp::v4(), 0});
        a.async_accept(server, [](error_code ec) { REQUIRE_FALSE(ec); });
        client.async_connect({w.server_address(), a.local_endpoint().port()}, [](error_code ec) { REQUIRE_FALSE(ec); });
        w.run();
        w.io.restart();
    }
    // Done at once; its handler can run from now on.
    template <class Handler>
    void write(Handler&& handler) {
        client.async_write_some(net::buffer("x", 1), std::forward<Handler>(handler));
    }
};

}  // namespace

TEST_CASE("after stop() no other handler runs, until the next run()") {
    worlds::in_each([](auto& w) {
        connected c(w);
        int ran = 0;
        for (int i = 0; i < 4; ++i) c.write([&](error_code, std::size_t) {
                if (++ran == 2) w.io.stop();
            });
        w.io.run();
        CHECK(ran == 2);
        w.run();
        CHECK(ran == 4);
    });
}

TEST_CASE("poll_one() and run_one() run one handler") {
    worlds::in_each([](auto& w) {
        connected c(w);
        int ran = 0;
        const auto count = [&](error_code, std::size_t) { ++ran; };
        for (int i = 0; i < 4; ++i) c.write(count);
        for (int before = 0; ran < 2; before = ran) {
            w.io.poll_one();
            REQUIRE(ran <= before + 1);
        }
        for (int before = ran; ran < 4; before = ran) {
            w.io.run_one_for(std::chrono::seconds(1));
            REQUIRE(ran <= before + 1);
        }
    });
}

TEST_CASE("poll() and run_one() in a handler run the next ones") {
    worlds::in_each([](auto& w) {
        connected c(w);
        int ran = 0;
        bool waited = false, polled = false;
        c.write([&](error_code, std::size_t) {
            const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
            while (ran == 0 && std::chrono::steady_clock::now() < end) w.io.run_one_for(std::chrono::seconds(1));
            waited = ran == 1;
            for (int i = 0; i < 10; ++i) w.io.poll();
            polled = ran == 3;
        });
        for (int i = 0; i < 3; ++i) c.write([&](error_code, std::size_t) { ++ran; });
        w.run();
        CHECK(waited);
        CHECK(polled);
    });
}

TEST_CASE("exceptions leave run() one at a time and as they are; what is left runs next") {
    worlds::in_each([](auto& w) {
        connected c(w);
        int ran = 0;
        c.write([&](error_code, std::size_t) { throw std::range_error("first"); });
        c.write([&](error_code, std::size_t) { throw std::domain_error("second"); });
        c.write([&](error_code, std::size_t) { ++ran; });
        CHECK_THROWS_AS(w.io.run(), std::range_error);
        CHECK(ran == 0);
        CHECK_THROWS_AS(w.io.run(), std::domain_error);
        w.run();
        CHECK(ran == 1);
    });
}

}  // namespace asio_running_tests
