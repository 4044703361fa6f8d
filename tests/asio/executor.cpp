#include "worlds.hpp"

#include <netkit/asio/executor.hpp>
#include <netkit/asio/stack_lookup.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <type_traits>

namespace asio_executor_tests {

namespace net = boost::asio;
namespace execution = net::execution;
using netkit::stack_executor;

static_assert(execution::is_executor<stack_executor>::value);
static_assert(std::is_convertible_v<stack_executor, net::any_io_executor>);
static_assert(sizeof(stack_executor) <= 3 * sizeof(void*), "more would make any_io_executor allocate");

TEST_CASE("a stack's executor has the properties of its io_context's") {
    worlds::loopback w;
    const auto e = w.client();
    CHECK(&net::query(e, execution::context) == &w.io);
    CHECK(net::query(e, execution::blocking) == execution::blocking.possibly);
    const auto never = net::require(e, execution::blocking.never);
    CHECK(net::query(never, execution::blocking) == execution::blocking.never);
    const auto continues = net::prefer(e, execution::relationship.continuation);
    CHECK(net::query(continues, execution::relationship) == execution::relationship.continuation);
    {
        const auto counted = net::prefer(e, execution::outstanding_work.tracked);
        static_assert(std::is_same_v<decltype(counted), const stack_executor>);
        CHECK(net::query(counted, execution::outstanding_work) == execution::outstanding_work.tracked);
    }
    CHECK(net::query(e, execution::outstanding_work) == execution::outstanding_work.untracked);
    CHECK(e == w.client());
    CHECK(never != e);
    int ran = 0;
    net::require(e, execution::allocator(std::allocator<void>())).execute([&] { ++ran; });
    w.run();
    CHECK(ran == 1);
}

TEST_CASE("work guards and tracked executors keep run() from returning, and let it go") {
    worlds::loopback w;
    {
        auto guard = net::make_work_guard(w.client());
        net::any_io_executor erased = w.client();
        auto counted = net::prefer(erased, execution::outstanding_work.tracked);
        guard.reset();
        w.io.poll();
        CHECK_FALSE(w.io.stopped());
        auto moved = std::move(counted);
        w.io.poll();
        CHECK_FALSE(w.io.stopped());
    }
    w.io.poll();
    CHECK(w.io.stopped());
}

TEST_CASE("sockets find their stack through whatever holds its executor") {
    worlds::linked w;
    const auto* client = &w.client().stack();
    const auto* server = &w.server().stack();
    REQUIRE(client != server);
    // The default one is the client's.
    CHECK(netkit::stack_of(w.io.get_executor()) == client);
    CHECK(netkit::stack_of(net::any_io_executor(w.io.get_executor())) == client);
    CHECK(netkit::stack_of(net::make_strand(w.io)) == client);

    const net::any_io_executor erased = w.server();
    CHECK(netkit::stack_of(w.server()) == server);
    CHECK(netkit::stack_of(erased) == server);
    CHECK(netkit::stack_of(net::make_strand(w.server())) == server);
    CHECK(netkit::stack_of(net::make_strand(erased)) == server);
    CHECK(netkit::stack_of(net::any_io_executor(net::make_strand(w.server()))) == server);
    CHECK(netkit::stack_of(net::any_io_executor(net::make_strand(erased))) == server);
    CHECK(netkit::stack_of(net::make_strand(net::make_strand(w.server()))) == server);
    CHECK(netkit::stack_of(net::prefer(erased, execution::outstanding_work.tracked)) == server);
    using token = net::use_awaitable_t<stack_executor>;
    CHECK(netkit::stack_of(token::executor_with_default<stack_executor>(w.server())) == server);
    CHECK(netkit::stack_of(token::executor_with_default<net::any_io_executor>(erased)) == server);
}

TEST_CASE("sockets whose executor is a strand of a stack's") {
    worlds::linked w;
    using strand = net::strand<stack_executor>;
    net::basic_datagram_socket<netkit::ip::udp, strand> a(strand(w.client()), {netkit::ip::udp::v4(), 0}), b(strand(w.server()), {netkit::ip::udp::v4(), 0});
    bool heard = false;
    char byte = 0;
    b.async_receive(net::buffer(&byte, 1), [&](boost::system::error_code ec, std::size_t) {
        heard = !ec;
        CHECK(b.get_executor().running_in_this_thread());
    });
    a.send_to(net::buffer("x", 1), {w.server_address(), b.local_endpoint().port()});
    w.run();
    CHECK(heard);
}

TEST_CASE("post, dispatch, bind_executor, co_spawn") {
    worlds::loopback w;
    std::string order;
    const auto e = w.client();
    net::post(e, [&] {
        order += 'a';
        net::dispatch(e, [&] { order += 'b'; });
        net::post(e, [&] { order += 'd'; });
        order += 'c';
    });
    net::dispatch(net::bind_executor(e, [&] { order += 'e'; }));
    CHECK(order.empty());
    const auto coroutine = [&]() -> net::awaitable<void> {
        const auto mine = co_await net::this_coro::executor;
        CHECK(netkit::stack_of(mine) == &e.stack());
        order += 'f';
    };
    net::co_spawn(e, coroutine, net::detached);
    w.run();
    CHECK(order == "abcefd");
}

TEST_CASE("an io_context without a stack: sockets say what is missing") {
    net::io_context io;
    netkit::ip::tcp::socket s(io);
    boost::system::error_code ec;
    s.open(netkit::ip::tcp::v4(), ec);
    CHECK(ec == netkit::socket_error::no_stack);
    CHECK(ec == boost::system::errc::network_down);
    CHECK_THROWS_WITH(s.open(netkit::ip::tcp::v4()), "open: netkit: this io_context has no stack: construct a netkit::reactor first [netkit.socket:1]");
    boost::system::error_code told;
    s.async_connect({net::ip::address_v4::loopback(), 1}, [&](boost::system::error_code e) { told = e; });
    CHECK_FALSE(told);
    io.run();
    CHECK(told == netkit::socket_error::no_stack);
}

}  // namespace asio_executor_tests
