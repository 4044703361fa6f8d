#include "worlds.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace asio_cancellation_tests {

namespace net = boost::asio;
using boost::system::error_code;

namespace {

template <class World>
struct connected {
    using socket = typename World::tcp::socket;
    std::optional<socket> client, server;
    std::array<char, 64> room{};
    explicit connected(World& w) {
        client.emplace(w.client());
        server.emplace(w.server());
        typename World::tcp::acceptor a(w.server(), {World::tcp::v4(), 0});
        a.async_accept(*server, [](error_code ec) { REQUIRE_FALSE(ec); });
        client->async_connect({w.server_address(), a.local_endpoint().port()}, [](error_code ec) { REQUIRE_FALSE(ec); });
        w.run();
    }
};

// What a handler was called with, and how often.
struct outcome {
    error_code error;
    int calls = 0;
    auto handler() {
        return [this](error_code ec, auto&&...) {
            error = ec;
            ++calls;
        };
    }
};

}  // namespace

TEST_CASE("one operation of several is cancelled by its slot") {
    worlds::in_each([](auto& w) {
        connected c(w);
        net::cancellation_signal signal;
        outcome cancelled, other;
        c.client->async_read_some(net::buffer(c.room), net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
        c.client->async_read_some(net::buffer(c.room), other.handler());
        signal.emit(net::cancellation_type::total);
        CHECK(cancelled.calls == 0);
        signal.emit(net::cancellation_type::total);
        c.server->async_write_some(net::buffer("1", 1), net::detached);
        w.run();
        CHECK(cancelled.error == net::error::operation_aborted);
        CHECK(cancelled.calls == 1);
        CHECK_FALSE(other.error);
        CHECK(other.calls == 1);
        signal.emit(net::cancellation_type::all);  // too late, and harmless
        w.run();
        CHECK(cancelled.calls == 1);
    });
}

TEST_CASE("a signal after the operation is done but before its handler ran changes nothing") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        net::cancellation_signal signal;
        outcome written;
        c.client->async_write_some(net::buffer("1", 1), net::bind_cancellation_slot(signal.slot(), written.handler()));
        signal.emit(net::cancellation_type::all);
        w.run();
        CHECK_FALSE(written.error);
        CHECK(written.calls == 1);
    });
}

TEST_CASE("a signal may go before the operation whose slot it had") {
    worlds::in_each([](auto& w) {
        connected c(w);
        outcome read;
        alignas(net::cancellation_signal) std::array<std::byte, sizeof(net::cancellation_signal)> place;
        auto* signal = new (place.data()) net::cancellation_signal;
        c.client->async_read_some(net::buffer(c.room), net::bind_cancellation_slot(signal->slot(), read.handler()));
        w.io.poll();
        std::destroy_at(signal);
        place.fill(std::byte{0xa5});  // whoever takes this for a signal still does not come far
        c.server->async_write_some(net::buffer("1", 1), net::detached);
        w.run();
        CHECK_FALSE(read.error);
        CHECK(read.calls == 1);
        for (const auto b : place) CHECK(b == std::byte{0xa5});
    });
}

TEST_CASE("a slot may be taken by another operation while the first one is pending") {
    worlds::in_each([](auto& w) {
        connected c(w);
        net::cancellation_signal signal;
        outcome first, second;
        c.client->async_read_some(net::buffer(c.room), net::bind_cancellation_slot(signal.slot(), first.handler()));
        c.server->async_read_some(net::buffer(c.room), net::bind_cancellation_slot(signal.slot(), second.handler()));
        c.server->async_write_some(net::buffer("1", 1), net::detached);
        w.io.restart();
        while (first.calls == 0) w.io.run_one_for(std::chrono::seconds(1));
        CHECK_FALSE(first.error);
        signal.emit(net::cancellation_type::total);
        w.run();
        CHECK(second.error == net::error::operation_aborted);
        CHECK(first.calls + second.calls == 2);
    });
}

TEST_CASE("cancel() ends all operations of the socket, and no other's") {
    worlds::in_each([](auto& w) {
        connected c(w);
        outcome read, read_too, wait, accept, other;
        typename std::remove_reference_t<decltype(w)>::tcp::acceptor a(w.server(), {std::remove_reference_t<decltype(w)>::tcp::v4(), 0});
        c.client->async_read_some(net::buffer(c.room), read.handler());
        c.client->async_read_some(net::buffer(c.room), read_too.handler());
        c.client->async_wait(net::socket_base::wait_error, wait.handler());
        a.async_accept(accept.handler());
        c.server->async_read_some(net::buffer(c.room), other.handler());
        c.client->cancel();
        a.cancel();
        CHECK(read.calls + read_too.calls + wait.calls + accept.calls == 0);
        c.client->async_write_some(net::buffer("2", 1), net::detached);
        w.run();
        for (const auto* o : {&read, &read_too, &wait, &accept}) {
            CHECK(o->error == net::error::operation_aborted);
            CHECK(o->calls == 1);
        }
        CHECK_FALSE(other.error);
    });
}

TEST_CASE("close and destruction cancel") {
    worlds::in_each([](auto& w) {
        connected c(w);
        outcome closed, destroyed;
        c.client->async_read_some(net::buffer(c.room), closed.handler());
        c.server->async_read_some(net::buffer(c.room), destroyed.handler());
        c.client->close();
        CHECK_FALSE(c.client->is_open());
        c.server.reset();
        w.run();
        CHECK(closed.error == net::error::operation_aborted);
        CHECK(destroyed.error == net::error::operation_aborted);
        CHECK(closed.calls + destroyed.calls == 2);
    });
}

TEST_CASE("a moved socket takes its operations along") {
    worlds::in_each([](auto& w) {
        connected c(w);
        outcome read;
        c.client->async_read_some(net::buffer(c.room), read.handler());
        auto moved = std::move(*c.client);
        CHECK_FALSE(c.client->is_open());
        CHECK(moved.is_open());
        c.client.reset();
        c.server->async_write_some(net::buffer("1", 1), net::detached);
        w.run();
        CHECK_FALSE(read.error);
        CHECK(read.calls == 1);
    });
}

TEST_CASE("an io_context that ends destroys what is pending and calls nothing") {
    worlds::in_each([](auto& world) {
        using world_type = std::remove_reference_t<decltype(world)>;
        auto alive = std::make_shared<int>(0);
        const std::weak_ptr<int> watched = alive;
        bool called = false;
        {
            std::conditional_t<world_type::is_kernel, worlds::kernel, worlds::linked> w;
            using tcp = typename world_type::tcp;
            typename tcp::acceptor a(w.server(), {tcp::v4(), 0});
            a.async_accept([held = std::move(alive), &called](error_code, auto) { called = true; });
            w.io.poll();
            CHECK_FALSE(watched.expired());
        }
        CHECK(watched.expired());
        CHECK_FALSE(called);
    });
}

TEST_CASE("a stack that ends completes what is pending with bad_descriptor, and its sockets answer that from then on") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        outcome read, accept, after;
        netkit::ip::tcp::acceptor a(w.server(), {netkit::ip::tcp::v4(), 0});
        c.server->async_read_some(net::buffer(c.room), read.handler());
        a.async_accept(accept.handler());
        w.destroy_server();
        CHECK(read.calls + accept.calls == 0);
        c.server->async_read_some(net::buffer(c.room), after.handler());
        w.run();
        CHECK(read.error == net::error::bad_descriptor);
        CHECK(accept.error == net::error::bad_descriptor);
        CHECK(after.error == net::error::bad_descriptor);
        CHECK(read.calls + accept.calls + after.calls == 3);
        error_code ec;
        c.server->write_some(net::buffer("1", 1), ec);
        CHECK(ec == net::error::bad_descriptor);
        c.server->local_endpoint(ec);
        CHECK(ec == net::error::bad_descriptor);
        c.server->close(ec);
        netkit::ip::tcp::socket another(w.server());
        another.open(netkit::ip::tcp::v4(), ec);
        CHECK(ec == net::error::bad_descriptor);
    });
}

}  // namespace asio_cancellation_tests
