#include "worlds.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/strand.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace asio_handlers_tests {

namespace net = boost::asio;
using boost::system::error_code;

TEST_CASE("a handler that is given as an lvalue is copied: it can be given again") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        using socket = typename tcp::socket;
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        socket into(w.server()), into_too(w.server());
        typename tcp::endpoint from;
        int calls = 0;
        const auto executor = w.server();
        const std::function<void(error_code)> counts = [&](error_code) { ++calls; };
        auto accepted = counts;
        std::function<void(error_code, socket)> got = [&](error_code ec, socket) { counts(ec); };
        a.async_accept(into, accepted);
        a.async_accept(into_too, from, accepted);
        a.async_accept(got);
        a.async_accept(from, got);
        std::function<void(error_code, net::basic_stream_socket<tcp, std::remove_cv_t<decltype(executor)>>)> got_there = [&](error_code ec, auto) { counts(ec); };
        a.async_accept(executor, got_there);
        a.async_accept(executor, from, got_there);
        std::function<void(error_code, net::basic_stream_socket<tcp, net::io_context::executor_type>)> got_in = [&](error_code ec, auto) { counts(ec); };
        a.async_accept(w.io, got_in);
        a.async_accept(w.io, from, got_in);
        a.async_wait(net::socket_base::wait_read, accepted);
        a.cancel();
        w.run();
        CHECK(calls == 9);
        for (const bool still : {bool(accepted), bool(got), bool(got_there), bool(got_in)}) CHECK(still);
    });
}

}  // namespace asio_handlers_tests
