#include "worlds.hpp"

#include <netkit/buffer/packet.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <future>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asio_zero_copy_tests {

namespace net = boost::asio;
using boost::system::error_code;
using tcp = netkit::ip::tcp;
using netkit::shared_packet;

namespace {

struct connected {
    tcp::acceptor acceptor;
    tcp::socket client, server;
    explicit connected(worlds::stacks& w) : acceptor(w.server(), {tcp::v4(), 0}), client(w.client()), server(w.server()) {
        acceptor.async_accept(server, [](error_code ec) { REQUIRE_FALSE(ec); });
        client.async_connect({w.server_address(), acceptor.local_endpoint().port()}, [](error_code ec) { REQUIRE_FALSE(ec); });
        w.run();
    }
};

/// Bytes in a packet of the socket's own pool.
shared_packet packet_of(tcp::socket& on, std::string_view text) {
    netkit::packet p(on.native_handle()->stack()->buffers(), 0, text.size());
    REQUIRE(p);
    p.append(std::as_bytes(std::span(text)));
    return std::move(p).share();
}
std::string text_of(const shared_packet& p) { return {reinterpret_cast<const char*>(p.bytes().data()), p.size()}; }
std::string text_of(std::span<const shared_packet> packets) {
    std::string text;
    for (const auto& p : packets) text += text_of(p);
    return text;
}

}  // namespace

TEST_CASE("a packet is sent without a copy, and is given back once it is acknowledged") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        const auto p = packet_of(c.client, "twelve bytes");
        CHECK(p.owners() == 1);
        std::size_t sent = 0;
        c.client.async_send(p, [&](error_code ec, std::size_t n) {
            CHECK_FALSE(ec);
            sent = n;
        });
        CHECK(p.owners() > 1);
        CHECK(sent == 0);
        std::array<shared_packet, 4> got;
        std::size_t packets = 0;
        c.server.async_receive_packets(got, [&](error_code ec, std::size_t n) {
            CHECK_FALSE(ec);
            packets = n;
        });
        w.run();
        CHECK(sent == 12);
        REQUIRE(packets == 1);
        CHECK(text_of(got[0]) == "twelve bytes");
        got = {};
        // The acknowledgement may still be on its way; the answer brings it.
        c.server.send(net::buffer("ok", 2));
        w.run();
        CHECK(p.owners() == 1);
    });
}

TEST_CASE("as many packets as there are, up to those that there is room for") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        std::string text;
        for (int i = 0; i < 40'000; ++i) text += static_cast<char>('a' + i % 26);
        c.client.send(packet_of(c.client, text));
        w.run();
        std::vector<shared_packet> got(64);
        auto n = c.server.receive_packets(std::span(got).first(1));
        CHECK(n == 1);
        while (text_of(std::span(got).first(n)).size() < text.size()) {
            const auto more = c.server.receive_packets(std::span(got).subspan(n));
            REQUIRE(more != 0);
            n += more;
        }
        CHECK(text_of(std::span(got).first(n)) == text);
        error_code ec;
        CHECK(c.server.receive_packets({}, ec) == 0);
        CHECK_FALSE(ec);
        // What came stands before the end.
        c.client.send(net::buffer("last", 4));
        c.client.shutdown(tcp::socket::shutdown_send);
        w.run();
        CHECK(c.server.receive_packets(got, ec) == 1);
        CHECK_FALSE(ec);
        CHECK(text_of(got[0]) == "last");
        CHECK(c.server.receive_packets(got, ec) == 0);
        CHECK(ec == net::error::eof);
        c.server.async_receive_packets(got, [&](error_code e, std::size_t count) {
            ec = e;
            CHECK(count == 0);
        });
        ec = {};
        w.run();
        CHECK(ec == net::error::eof);
    });
}

TEST_CASE("a part of a packet, at most as much as one asks for") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        c.client.send(packet_of(c.client, "abcdef").slice(1, 4));
        std::string first, rest;
        c.server.async_receive_packet(3, [&](error_code ec, shared_packet p) {
            CHECK_FALSE(ec);
            first = text_of(p);
            c.server.async_receive_packet(100, [&](error_code e, shared_packet q) {
                CHECK_FALSE(e);
                rest = text_of(q);
            });
        });
        w.run();
        CHECK(first == "bcd");
        CHECK(rest == "e");
    });
}

TEST_CASE("every kind of token") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        std::array<shared_packet, 4> got;
        // A future.
        auto sent = c.client.async_send(packet_of(c.client, "1"), net::use_future);
        auto received = c.server.async_receive_packets(got, net::use_future);
        w.run();
        CHECK(sent.get() == 1);
        CHECK(received.get() == 1);
        CHECK(text_of(got[0]) == "1");
        // Deferred: nothing happens before it is started.
        auto later = c.client.async_send(packet_of(c.client, "2"), net::deferred);
        auto take_later = c.server.async_receive_packet(10, net::deferred);
        w.run();
        CHECK(c.server.available() == 0);
        std::string text;
        std::move(later)(net::detached);
        std::move(take_later)([&](error_code, shared_packet p) { text = text_of(p); });
        w.run();
        CHECK(text == "2");
        // A coroutine, with and without exceptions.
        const auto converse = [&]() -> net::awaitable<void> {
            auto p = packet_of(c.client, "3");
            const auto n = co_await c.client.async_send(p, net::use_awaitable);
            CHECK(n == 1);
            const auto packets = co_await c.server.async_receive_packets(got, net::use_awaitable);
            CHECK(packets == 1);
            text = text_of(got[0]);
            c.client.close();
            constexpr auto as_tuple = net::as_tuple(net::use_awaitable);
            const auto [error, count] = co_await c.server.async_receive_packets(got, as_tuple);
            CHECK(error == net::error::eof);
            CHECK(count == 0);
        };
        net::co_spawn(w.io, converse, net::detached);
        w.run();
        CHECK(text == "3");
    });
}

TEST_CASE("one operation of several is cancelled") {
    worlds::on_stacks([](auto& w) {
        connected c(w);
        std::array<shared_packet, 4> got, other;
        net::cancellation_signal stop;
        error_code first, second;
        std::size_t packets = 0;
        c.server.async_receive_packets(got, net::bind_cancellation_slot(stop.slot(), [&](error_code ec, std::size_t n) {
            first = ec;
            CHECK(n == 0);
        }));
        c.server.async_receive_packets(other, [&](error_code ec, std::size_t n) {
            second = ec;
            packets = n;
        });
        stop.emit(net::cancellation_type::terminal);
        c.client.send(packet_of(c.client, "for the other"));
        w.run();
        CHECK(first == net::error::operation_aborted);
        CHECK_FALSE(second);
        REQUIRE(packets == 1);
        CHECK(text_of(other[0]) == "for the other");
        CHECK_FALSE(got[0]);

        // A send that waits for room: nothing of it is sent.
        std::vector<char> filling(1 << 20);
        error_code ec;
        c.client.non_blocking(true);
        while (c.client.write_some(net::buffer(filling), ec) != 0) {}
        CHECK(ec == net::error::would_block);
        const auto p = packet_of(c.client, "never sent");
        bool aborted = false;
        c.client.async_send(p, net::bind_cancellation_slot(stop.slot(), [&](error_code e, std::size_t n) { aborted = e == net::error::operation_aborted && n == 0; }));
        stop.emit(net::cancellation_type::terminal);
        c.client.get_executor();
        c.server.close();
        w.run();
        CHECK(aborted);
        CHECK(p.owners() == 1);
    });
}

}  // namespace asio_zero_copy_tests
