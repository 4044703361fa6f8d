#include "worlds.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <array>
#include <future>
#include <optional>
#include <thread>

namespace asio_threads_tests {

namespace net = boost::asio;
using boost::system::error_code;
using udp = netkit::ip::udp;

TEST_CASE("a socket used from a thread that is not its stack's throws") {
    worlds::loopback w;
    udp::socket s(w.client(), {udp::v4(), 0});
    auto guard = net::make_work_guard(w.io);
    std::promise<void> running;
    std::thread runner([&] { w.io.run(); });
    net::post(w.io, [&] { running.set_value(); });
    running.get_future().wait();
    std::array<char, 4> room{};
    CHECK_THROWS_AS(s.local_endpoint(), netkit::wrong_thread);
    CHECK_THROWS_AS(s.send_to(net::buffer("1", 1), {w.server_address(), 9}), netkit::wrong_thread);
    CHECK_THROWS_AS(s.async_receive(net::buffer(room), [](error_code, std::size_t) {}), netkit::wrong_thread);
    CHECK_THROWS_AS(udp::socket(w.client(), udp::v4()), netkit::wrong_thread);
    // From the executor it may be used.
    std::promise<unsigned short> port;
    net::post(w.client(), [&] { port.set_value(s.local_endpoint().port()); });
    CHECK(port.get_future().get() != 0);
    guard.reset();
    runner.join();
    // Now that nobody runs the io_context, everybody may.
    CHECK(s.local_endpoint().port() != 0);
    s.close();
}

TEST_CASE("sockets and stacks made by one thread, run by another, destroyed by a third") {
    std::optional<worlds::linked> w;
    std::optional<udp::socket> client, server;
    w.emplace();
    client.emplace(w->client(), udp::v4());
    server.emplace(w->server(), udp::endpoint(udp::v4(), 0));
    std::array<char, 4> room{};
    bool heard = false;
    server->async_receive(net::buffer(room), [&](error_code ec, std::size_t) {
        heard = !ec;
        client->close();
    });
    client->send_to(net::buffer("1", 1), {w->server_address(), server->local_endpoint().port()});
    std::thread([&] { w->io.run(); }).join();
    CHECK(heard);
    std::thread([&] {
        server.reset();
        client.reset();
        w.reset();
    }).join();
}

}  // namespace asio_threads_tests
