#include "worlds.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>

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

TEST_CASE("cancel, close and release do nothing on a thread that is not the stack's; a slot's signal neither") {
    worlds::loopback w;
    udp::socket s(w.client(), {udp::v4(), 0});
    std::array<char, 4> room{};
    net::cancellation_signal signal;
    bool heard = false;
    s.async_receive(net::buffer(room), net::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t) { heard = !ec; }));
    std::promise<void> running;
    std::thread runner([&] { w.io.run(); });
    net::post(w.io, [&] { running.set_value(); });
    running.get_future().wait();
    CHECK_THROWS_AS(s.cancel(), netkit::wrong_thread);
    CHECK_THROWS_AS(s.close(), netkit::wrong_thread);
    CHECK_THROWS_AS(s.release(), netkit::wrong_thread);
    CHECK_THROWS_AS(signal.emit(net::cancellation_type::all), netkit::wrong_thread);
    net::post(w.client(), [&] { s.send_to(net::buffer("1", 1), {w.server_address(), s.local_endpoint().port()}); });
    runner.join();
    CHECK(heard);
}

TEST_CASE("a socket is destroyed by its io_context where its last owner is on another thread") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        net::thread_pool pool(1);
        typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
        auto client = std::make_shared<typename tcp::socket>(w.client());
        client->connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        std::array<char, 4> room{};
        error_code told, aborted;
        bool sent = false;
        server.async_read_some(net::buffer(room), [&](error_code ec, std::size_t) {
            sent = !ec;
            server.async_read_some(net::buffer(room), [&](error_code end, std::size_t) { told = end; });
        });
        client->async_wait(net::socket_base::wait_error, [&](error_code ec) { aborted = ec; });
        client->async_write_some(net::buffer("1", 1), net::bind_executor(pool, [client](error_code, std::size_t) {}));
        client.reset();
        w.run();
        pool.join();
        w.run();
        CHECK(sent);
        CHECK(aborted == net::error::operation_aborted);
        CHECK(told == net::error::eof);
    });
}

TEST_CASE("an io_context that ends destroys what another thread left to it") {
    worlds::loopback w;
    auto guard = net::make_work_guard(w.io);
    auto s = std::make_unique<udp::socket>(w.client(), udp::endpoint(udp::v4(), 0));
    std::thread([&] { s.reset(); }).join();  // nobody runs the io_context, but somebody may at any time
}

TEST_CASE("two threads in run() of one io_context are told so") {
    worlds::loopback w;
    udp::socket s(w.client(), {udp::v4(), 0});
    const udp::endpoint self(w.server_address(), s.local_endpoint().port());
    std::promise<void> inside, leave;
    s.async_send_to(net::buffer("1", 1), self, [&](error_code, std::size_t) {
        inside.set_value();
        leave.get_future().wait();
    });
    int after = 0;
    s.async_send_to(net::buffer("1", 1), self, [&](error_code, std::size_t) { ++after; });
    std::thread first([&] { w.io.run(); });
    inside.get_future().wait();
    CHECK_THROWS_WITH_AS(w.io.run(), "netkit: run the io_context of a stack by one thread at a time: two are in run() of this one", std::logic_error);
    CHECK(after == 0);
    leave.set_value();
    first.join();
    CHECK(after == 1);
    CHECK(s.available() == 1);
}

}  // namespace asio_threads_tests
