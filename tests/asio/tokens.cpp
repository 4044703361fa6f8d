#include "worlds.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/prepend.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <thread>
#include <tuple>
#include <utility>

namespace asio_tokens_tests {

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
    }
    auto in() { return net::buffer(room); }
    static auto out(std::size_t n) { return net::buffer("0123456789", n); }
};

// Counts what it has not got back.
template <class T>
struct counting_allocator {
    using value_type = T;
    int* live;
    explicit counting_allocator(int* l) : live(l) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& o) : live(o.live) {}
    T* allocate(std::size_t n) {
        ++*live;
        return static_cast<T*>(::operator new(n * sizeof(T)));
    }
    void deallocate(T* p, std::size_t) {
        --*live;
        ::operator delete(p);
    }
    bool operator==(const counting_allocator&) const = default;
};

}  // namespace

TEST_CASE("nothing completes inside its initiation, whatever the result") {
    worlds::in_each([](auto& w) {
        connected c(w);
        int done = 0;
        c.server.async_write_some(c.out(5), [&](error_code ec, std::size_t n) { done += !ec && n == 5; });
        CHECK(done == 0);
        c.client.async_read_some(c.in(), [&](error_code ec, std::size_t n) { done += !ec && n == 5; });
        CHECK(done == 0);
        c.client.async_read_some(net::mutable_buffer(c.room.data(), 0), [&](error_code ec, std::size_t n) { done += !ec && n == 0; });
        CHECK(done == 0);
        w.run();
        CHECK(done == 3);
        c.client.close();
        c.client.async_read_some(c.in(), [&](error_code ec, std::size_t) { done += ec == net::error::bad_descriptor; });
        CHECK(done == 3);
        w.run();
        CHECK(done == 4);
    });
}

TEST_CASE("deferred starts nothing before it is called") {
    worlds::in_each([](auto& w) {
        connected c(w);
        auto later = c.server.async_write_some(c.out(2), net::deferred);
        w.run();
        CHECK(c.client.available() == 0);
        std::size_t sent = 0;
        std::move(later)([&](error_code ec, std::size_t n) { sent = ec ? 99 : n; });
        c.client.async_read_some(c.in(), net::detached);
        w.run();
        CHECK(sent == 2);
    });
}

TEST_CASE("as_tuple, redirect_error, append, prepend, consign, any_completion_handler") {
    worlds::in_each([](auto& w) {
        connected c(w);
        int good = 0;
        const auto reader = [&]() -> net::awaitable<void> {
            const auto room = c.in();
            auto first = co_await c.client.async_read_some(room, net::as_tuple(net::use_awaitable));
            CHECK_FALSE(std::get<0>(first));
            CHECK(std::get<1>(first) != 0);
            error_code ec;
            auto token = net::redirect_error(net::use_awaitable, ec);
            const auto nothing = net::mutable_buffer(c.room.data(), 0);
            co_await c.client.async_read_some(nothing, token);
            CHECK_FALSE(ec);
            ++good;
        };
        net::co_spawn(w.client(), reader, [](std::exception_ptr e) {
            if (e) std::rethrow_exception(e);
        });
        c.server.async_write_some(c.out(1), net::append([&](error_code, std::size_t, int extra) { good += extra == 7; }, 7));
        c.server.async_write_some(c.out(1), net::prepend([&](int extra, error_code, std::size_t) { good += extra == 8; }, 8));
        auto kept = std::make_shared<int>(1);
        std::weak_ptr<int> watched = kept;
        c.server.async_write_some(c.out(1), net::consign([&](error_code, std::size_t) { good += !watched.expired(); }, std::move(kept)));
        net::any_completion_handler<void(error_code, std::size_t)> erased = [&](error_code ec, std::size_t) { good += !ec; };
        c.server.async_write_some(c.out(1), std::move(erased));
        w.run();
        CHECK(good == 5);
        CHECK(watched.expired());
    });
}

TEST_CASE("default tokens") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        using awaitable_socket = net::use_awaitable_t<>::as_default_on_t<typename tcp::socket>;
        connected c(w);
        std::size_t heard = 0;
        const auto reader = [&](awaitable_socket s) -> net::awaitable<void> {
            const auto room = c.in();
            heard = co_await s.async_read_some(room);
        };
        net::co_spawn(w.client(), reader(awaitable_socket(std::move(c.client))), net::detached);
        c.server.async_write_some(c.out(4), net::detached);
        w.run();
        CHECK(heard == 4);
    });
}

TEST_CASE("handlers run on their associated executor, whose context is kept busy") {
    worlds::in_each([](auto& w) {
        connected c(w);
        net::thread_pool pool(1);
        std::thread::id where;
        c.client.async_read_some(c.in(), net::bind_executor(pool, [&](error_code, std::size_t) { where = std::this_thread::get_id(); }));
        c.server.async_write_some(c.out(1), net::detached);
        w.run();
        pool.join();
        CHECK(where != std::thread::id());
        CHECK(where != std::this_thread::get_id());
    });
}

TEST_CASE("sockets on strands") {
    worlds::in_each([](auto& w) {
        using tcp = typename std::remove_reference_t<decltype(w)>::tcp;
        auto strand = net::make_strand(w.server());
        typename tcp::acceptor a(strand, {tcp::v4(), 0});
        typename tcp::socket client(net::make_strand(w.client()));
        bool accepted = false;
        a.async_accept([&](error_code ec, typename tcp::socket) {
            accepted = !ec;
            CHECK(strand.running_in_this_thread());
        });
        client.async_connect({w.server_address(), a.local_endpoint().port()}, [](error_code ec) { CHECK_FALSE(ec); });
        w.run();
        CHECK(accepted);
    });
}

TEST_CASE("the associated allocator is used, and all of it given back before the handler runs") {
    worlds::in_each([](auto& w) {
        connected c(w);
        int live = 0, most = 0;
        bool done = false;
        c.client.async_read_some(c.in(), net::bind_allocator(counting_allocator<void>(&live), [&](error_code, std::size_t) {
                                     CHECK(live == 0);
                                     done = true;
                                 }));
        most = live;
        CHECK(most >= 1);
        c.server.async_write_some(c.out(1), net::detached);
        w.run();
        CHECK(done);
        CHECK(live == 0);
    });
}

TEST_CASE("pending operations are work, on the socket's context and on the handler's") {
    worlds::in_each([](auto& w) {
        connected c(w);
        auto heard = c.client.async_read_some(c.in(), net::use_future);
        w.io.restart();
        CHECK(w.io.poll() <= 2);
        CHECK_FALSE(w.io.stopped());
        c.server.async_write_some(c.out(3), net::detached);
        w.run();
        CHECK(heard.get() == 3);
    });
}

}  // namespace asio_tokens_tests
