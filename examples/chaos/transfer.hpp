#pragma once

#include "common/run_program.hpp"
#include "common/sha256.hpp"

#include <netkit/asio/executor.hpp>
#include <netkit/asio/tcp.hpp>
#include <netkit/core/random.hpp>
#include <netkit/testing/waitable_timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace example {

namespace asio = boost::asio;
using tcp = netkit::ip::tcp;
using endpoint = tcp::endpoint;
inline constexpr std::uint16_t port = 7777;

/// Sends back to each client what comes from it, until it has no more.
inline asio::awaitable<void> return_to(tcp::socket peer) {
    std::vector<std::byte> room(65536);
    for (;;) {
        boost::system::error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        const auto in = asio::buffer(room);
        const auto size = co_await peer.async_read_some(in, token);
        if (error) break;
        const auto out = asio::buffer(room.data(), size);
        co_await asio::async_write(peer, out, asio::use_awaitable);
    }
    peer.shutdown(tcp::socket::shutdown_send);
}
inline asio::awaitable<void> return_all(asio::any_io_executor on) {
    tcp::acceptor acceptor(on, {tcp::v4(), port});
    for (;;) {
        auto peer = co_await acceptor.async_accept(asio::use_awaitable);
        auto session = return_to(std::move(peer));
        asio::co_spawn(on, std::move(session), rethrow);
    }
}

/// Sends bytes of chance, gets them back, and compares sums.
class transfer {
public:
    transfer(const netkit::simulation_executor& client, netkit::random_source chance, std::size_t size) : retry_(client), chance_(chance), size_(size) {}

    asio::awaitable<void> go(endpoint server) {
        using namespace asio::experimental::awaitable_operators;
        tcp::socket socket(retry_.get_executor());
        for (;;) {
            boost::system::error_code error;
            auto token = asio::redirect_error(asio::use_awaitable, error);
            co_await socket.async_connect(server, token);
            if (!error) break;
            socket.close();
            retry_.expires_after(std::chrono::seconds(1));
            co_await retry_.async_wait(asio::use_awaitable);
        }
        co_await (send(socket) && receive(socket));
    }
    /// Once it has gone through.
    bool intact() { return received_ == size_ && sent_sum_ == received_sum_; }

private:
    asio::awaitable<void> send(tcp::socket& to) {
        sha256 sum;
        std::vector<std::uint64_t> block(2048);
        for (std::size_t left = size_; left != 0;) {
            for (auto& each : block) each = chance_();
            const auto bytes = std::as_bytes(std::span(block)).first(std::min(left, block.size() * sizeof block[0]));
            sum.update(bytes);
            const auto out = asio::buffer(bytes.data(), bytes.size());
            co_await asio::async_write(to, out, asio::use_awaitable);
            left -= bytes.size();
        }
        sent_sum_ = sum.finish();
        to.shutdown(tcp::socket::shutdown_send);
    }
    asio::awaitable<void> receive(tcp::socket& from) {
        sha256 sum;
        std::vector<std::byte> room(65536);
        for (;;) {
            boost::system::error_code error;
            auto token = asio::redirect_error(asio::use_awaitable, error);
            const auto in = asio::buffer(room);
            const auto size = co_await from.async_read_some(in, token);
            if (error == asio::error::eof) break;
            if (error) throw boost::system::system_error(error, "a client's read");
            sum.update(std::span(room).first(size));
            received_ += size;
        }
        received_sum_ = sum.finish();
    }

    netkit::testing::steady_timer<> retry_;
    netkit::random_source chance_;
    std::size_t size_, received_ = 0;
    std::string sent_sum_, received_sum_;
};

}  // namespace example
