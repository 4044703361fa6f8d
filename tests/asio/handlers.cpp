#include "worlds.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <functional>
#include <optional>
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

TEST_CASE("strands of any_io_executor: bound to handlers, of accepted sockets, of sockets themselves") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        using strand = net::strand<net::any_io_executor>;
        using socket = net::basic_stream_socket<tcp, strand>;
        const strand order(w.server()), other(w.client());
        net::basic_socket_acceptor<tcp, strand> a(order, {tcp::v4(), 0});
        socket client(other);
        std::optional<socket> server;
        a.async_accept(order, [&](error_code ec, socket s) {
            REQUIRE_FALSE(ec);
            CHECK(order.running_in_this_thread());
            server.emplace(std::move(s));
        });
        client.async_connect({w.server_address(), a.local_endpoint().port()}, [&](error_code ec) {
            REQUIRE_FALSE(ec);
            CHECK(other.running_in_this_thread());
        });
        w.run();
        REQUIRE(server);
        char byte = 0;
        bool heard = false;
        const auto bound = net::make_strand(server->get_executor());
        server->async_read_some(net::buffer(&byte, 1), net::bind_executor(bound, [&](error_code ec, std::size_t) {
            heard = !ec;
            CHECK(bound.running_in_this_thread());
        }));
        client.async_write_some(net::buffer("x", 1), [&](error_code ec, std::size_t) { CHECK_FALSE(ec); });
        w.run();
        CHECK(heard);
    });
}

TEST_CASE("run() goes on while an operation is pending whose handler is another context's") {
    worlds::in_each([](auto& w) {
        using udp = typename std::remove_reference_t<decltype(w)>::udp;
        typename udp::socket server(w.server(), {udp::v4(), 0}), client(w.client(), udp::v4());
        net::io_context elsewhere;
        char byte = 0;
        bool heard = false;
        server.async_receive(net::buffer(&byte, 1), net::bind_executor(net::any_io_executor(elsewhere.get_executor()), [&](error_code ec, std::size_t) { heard = !ec; }));
        w.io.poll();
        CHECK_FALSE(w.io.stopped());
        client.send_to(net::buffer("x", 1), {w.server_address(), server.local_endpoint().port()});
        w.run();
        CHECK_FALSE(heard);
        elsewhere.run();
        CHECK(heard);
    });
}

}  // namespace asio_handlers_tests
