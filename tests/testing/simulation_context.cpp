#include "asio_worlds.hpp"

#include <netkit/asio/tcp.hpp>
#include <netkit/asio/udp.hpp>
#include <netkit/testing/capture.hpp>
#include <netkit/testing/waitable_timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace testing_simulation_context_tests {

using namespace simulated_programs;
using boost::system::error_code;
using netkit::testing::steady_timer;
using tcp = netkit::ip::tcp;
using udp = netkit::ip::udp;

namespace {

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t x = 1;
    for (auto& b : bytes) {
        x = x * 1664525 + 1013904223;
        b = static_cast<char>(x >> 24);
    }
    return bytes;
}

// Sends back all it hears on one connection after another.
net::awaitable<void> echo(tcp::acceptor acceptor) {
    for (;;) {
        auto peer = co_await acceptor.async_accept(net::use_awaitable);
        std::array<char, 4096> room;
        for (;;) {
            error_code ec;
            auto token = net::redirect_error(net::use_awaitable, ec);
            const auto in = net::buffer(room);
            const auto n = co_await peer.async_read_some(in, token);
            if (ec) break;
            const auto out = net::buffer(room.data(), n);
            co_await net::async_write(peer, out, token);
            if (ec) break;
        }
    }
}
net::awaitable<void> send_all(tcp::socket& to, const std::string& bytes) {
    const auto out = net::buffer(bytes);
    co_await net::async_write(to, out, net::use_awaitable);
    to.shutdown(tcp::socket::shutdown_send);
}
// What came back of what was sent.
net::awaitable<void> ask(tcp::endpoint server, std::string bytes, std::string& answer) {
    tcp::socket socket(co_await net::this_coro::executor);
    co_await socket.async_connect(server, net::use_awaitable);
    net::co_spawn(socket.get_executor(), send_all(socket, bytes), rethrow);
    answer.resize(bytes.size());
    const auto in = net::buffer(answer);
    co_await net::async_read(socket, in, net::use_awaitable);
}

struct temporary_file {
    std::string path = "/tmp/netkit-" + std::to_string(::getpid()) + "-simulation.pcapng";
    ~temporary_file() { std::remove(path.c_str()); }
    std::string read() const {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
};

// One exchange over a bad line: what was captured, what the handlers saw and when.
struct record {
    std::string capture, answer;
    netkit::duration took{};
    std::uint64_t lost = 0;
    bool operator==(const record&) const = default;
};
record exchange(std::uint64_t seed) {
    record r;
    temporary_file file;
    {
        two_hosts w({.rate = 10'000'000, .delay = 20ms, .jitter = 3ms, .loss = 0.05, .duplicate = 0.01, .reorder = 0.01}, seed);
        w.line().capture(netkit::testing::make_capture(w.simulation, file.path), "line");
        net::co_spawn(w.server(), echo(tcp::acceptor(w.server(), {tcp::v4(), 7})), net::detached);
        net::co_spawn(w.client(), ask({w.server_address(), 7}, pattern(200'000), r.answer), [&](std::exception_ptr e) {
            rethrow(e);
            r.took = w.elapsed();
        });
        w.programs.run_for(10min);
        r.lost = w.line().forward().counters().lost + w.line().backward().counters().lost;
    }
    r.capture = file.read();
    return r;
}

}  // namespace

TEST_CASE("client and server coroutines on two hosts, over a line that loses frames") {
    const auto one = exchange(1);
    CHECK(one.answer == pattern(200'000));
    CHECK(one.lost > 0);
    CHECK(one.took > 320ms);  // the line alone takes that long, there and back
    CHECK(one.took < 10min);
    CHECK(one.capture.size() > 400'000);
}

TEST_CASE("one seed, one run, byte for byte; another seed, another run") {
    const auto one = exchange(5), again = exchange(5), other = exchange(6);
    CHECK(one.took == again.took);
    CHECK((one.capture == again.capture));
    CHECK((one == again));
    CHECK((one.capture != other.capture));
    CHECK((one.answer == other.answer));
}

TEST_CASE("run() returns true where all has ended, and false where something waits for ever") {
    two_hosts w;
    CHECK(w.programs.run());
    std::string answer;
    bool accepted = false;
    {
        tcp::acceptor acceptor(w.server(), {tcp::v4(), 7});
        acceptor.async_accept([&](error_code, tcp::socket) { accepted = true; });
        CHECK_FALSE(w.programs.run());
        net::co_spawn(w.client(), ask({w.server_address(), 7}, "hello", answer), net::detached);
        const auto before = w.elapsed();
        CHECK(w.programs.run_until([&] { return accepted; }, 1s));
        CHECK(w.elapsed() - before < 10ms);
    }
    CHECK(w.programs.run());
}

TEST_CASE("run_for lets time pass to the nanosecond, whether anything happens or not") {
    two_hosts w;
    w.programs.run_for(3s);
    CHECK(w.elapsed() == 3s);
    int ticks = 0;
    steady_timer<> t(w.client());
    const auto tick = [&](auto& self) -> void {
        t.expires_after(1s);
        t.async_wait([&](error_code ec) {
            if (ec) return;
            ++ticks;
            self(self);
        });
    };
    tick(tick);
    w.programs.run_for(10s);
    CHECK(ticks == 10);
    w.programs.run_until(netkit::testing::simulation::beginning + 15500ms);
    CHECK(ticks == 12);
    CHECK(w.elapsed() == 15500ms);
    CHECK_FALSE(w.programs.run_until([&] { return ticks == 20; }, 1s));
    CHECK(w.programs.run_until([&] { return ticks == 20; }, 1h));
    CHECK(w.elapsed() == 23s);
    CHECK(w.programs.now() == t.expiry() - 1s);
}

TEST_CASE("poll() lets no time pass, stop() ends a run, and an exception leaves the rest for the next") {
    two_hosts w;
    int called = 0;
    steady_timer<> t(w.client(), 1s);
    t.async_wait([&](error_code) { ++called; });
    net::post(w.server(), [&] { ++called; });
    w.programs.poll();
    CHECK(called == 1);
    CHECK(w.elapsed() == 0s);

    net::post(w.server(), [&] { w.programs.stop(); });
    net::post(w.server(), [&] { ++called; });
    w.programs.run_for(1h);
    CHECK(called == 1);
    CHECK(w.elapsed() == 0s);

    net::post(w.server(), [] { throw std::runtime_error("from a handler"); });
    CHECK_THROWS_WITH(w.programs.run(), "from a handler");
    CHECK(w.programs.run());
    CHECK(called == 3);
    CHECK(w.elapsed() == 1s);
}

TEST_CASE("a read that a timer ends") {
    using namespace net::experimental::awaitable_operators;
    two_hosts w;
    tcp::acceptor acceptor(w.server(), {tcp::v4(), 7});
    std::optional<tcp::socket> silent;
    acceptor.async_accept([&](error_code, tcp::socket s) { silent.emplace(std::move(s)); });
    std::size_t which = 9;
    const auto client = [&]() -> net::awaitable<void, simulation_executor> {
        const auto ex = co_await net::this_coro::executor;
        const net::use_awaitable_t<simulation_executor> token;
        tcp::socket socket(ex);
        const tcp::endpoint to(w.server_address(), 7);
        co_await socket.async_connect(to, token);
        std::array<char, 16> room;
        const auto in = net::buffer(room);
        steady_timer<> timer(ex, 30s);
        auto first = co_await (socket.async_read_some(in, token) || timer.async_wait(token));
        which = first.index();
    };
    net::co_spawn(w.client(), client, rethrow);
    CHECK(w.programs.run());
    CHECK(which == 1);
    CHECK(w.elapsed() > 30s);
    CHECK(w.elapsed() < 31s);
}

TEST_CASE("nobody answers: a connection attempt ends as it does on a real network, but at once") {
    two_hosts w;
    error_code failed;
    tcp::socket to_nobody(w.client());
    SUBCASE("no neighbour") {
        to_nobody.async_connect({net::ip::make_address("198.18.0.77"), 7}, [&](error_code ec) { failed = ec; });
        CHECK(w.programs.run());
        CHECK(failed == net::error::host_unreachable);
        CHECK(w.elapsed() > 1s);
    }
    SUBCASE("a line that was cut") {
        w.line().cut();
        to_nobody.async_connect({w.server_address(), 7}, [&](error_code ec) { failed = ec; });
        CHECK(w.programs.run());
        CHECK(failed);
    }
    SUBCASE("no listener") {
        to_nobody.async_connect({w.server_address(), 7}, [&](error_code ec) { failed = ec; });
        CHECK(w.programs.run());
        CHECK(failed == net::error::connection_refused);
        CHECK(w.elapsed() < 10ms);
    }
}

TEST_CASE("names, datagrams, and calls that block") {
    two_hosts w;
    w.programs.add_host("server.example", "198.18.0.2");
    udp::socket server(w.server(), {udp::v4(), 9}), client(w.client());
    udp::resolver resolver(w.client());
    const auto found = resolver.resolve(udp::v4(), "server.example", "9");
    net::connect(client, found);
    client.send(net::buffer("ping", 4));
    std::array<char, 16> room;
    udp::endpoint from;
    CHECK(server.receive_from(net::buffer(room), from) == 4);
    CHECK(w.elapsed() >= 1ms);
    CHECK(from.address() == net::ip::make_address("198.18.0.1"));

    tcp::acceptor acceptor(w.server(), {tcp::v4(), 7});
    tcp::socket s(w.client());
    s.connect({w.server_address(), 7});
    auto peer = acceptor.accept();
    net::write(s, net::buffer("hello", 5));
    CHECK(net::read(peer, net::buffer(room, 5)) == 5);
    // Nothing will ever come: an answer instead of a hang.
    error_code ec;
    client.receive(net::buffer(room), 0, ec);
    CHECK(ec == net::error::would_block);
}

TEST_CASE("cancellation of sockets' operations, and hosts that go") {
    two_hosts w;
    std::vector<error_code> ended;
    const auto note = [&](error_code ec, auto&&...) { ended.push_back(ec); };
    tcp::acceptor acceptor(w.server(), {tcp::v4(), 7});
    udp::socket datagrams(w.client(), {udp::v4(), 9});
    std::array<char, 16> room;
    acceptor.async_accept(note);
    datagrams.async_receive(net::buffer(room), note);
    w.programs.run_for(1s);
    CHECK(ended.empty());
    datagrams.cancel();
    w.programs.poll();
    CHECK(ended == std::vector<error_code>{net::error::operation_aborted});
    w.remove_server();
    CHECK(w.programs.run());
    CHECK(ended.size() == 2);
    CHECK(ended.back() == net::error::bad_descriptor);
    tcp::socket late(w.programs.get_executor());
    error_code ec;
    late.open(tcp::v4(), ec);
    CHECK(ec == net::error::bad_descriptor);
}

TEST_CASE("a line that is cut for a while delays, and loses nothing") {
    two_hosts w({.rate = 1'000'000, .delay = 10ms});
    const auto bytes = pattern(100'000);
    std::string answer;
    net::co_spawn(w.server(), echo(tcp::acceptor(w.server(), {tcp::v4(), 7})), net::detached);
    bool done = false;
    net::co_spawn(w.client(), ask({w.server_address(), 7}, bytes, answer), [&](std::exception_ptr e) {
        rethrow(e);
        done = true;
    });
    w.programs.run_for(500ms);
    CHECK_FALSE(done);
    w.line().cut();
    w.programs.run_for(5s);
    CHECK_FALSE(done);
    w.line().mend();
    CHECK(w.programs.run_until([&] { return done; }, 5min));
    CHECK((answer == bytes));
}

}  // namespace testing_simulation_context_tests
