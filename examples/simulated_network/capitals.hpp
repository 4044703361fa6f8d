#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>

namespace example {

namespace asio = boost::asio;

/// A service that answers each line with the same line in capitals, and a client that does not give up at once. An ordinary
/// Asio program, written for any protocol and any executor: it knows nothing of this library, nor that it is tested.
template <class Protocol, class Executor>
class capitals {
    template <class T>
    using awaitable = asio::awaitable<T, Executor>;
    static constexpr asio::use_awaitable_t<Executor> token{};
    static constexpr std::size_t longest_line = 256;

public:
    using endpoint = typename Protocol::endpoint;
    using socket = asio::basic_stream_socket<Protocol, Executor>;
    using acceptor = asio::basic_socket_acceptor<Protocol, Executor>;
    using timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

    static awaitable<void> serve(acceptor on) {
        for (;;) {
            auto peer = co_await on.async_accept(token);
            auto session = talk(socket(std::move(peer)));
            asio::co_spawn(on.get_executor(), std::move(session), asio::detached);
        }
    }

    struct answer {
        std::string text;  ///< empty where there was none
        int attempts = 0;
    };
    /// Asks until there is an answer, over a new connection each time, and waits for each no longer than `patience`.
    static awaitable<answer> ask(endpoint server, std::string line, std::chrono::steady_clock::duration patience, int attempts) {
        using namespace asio::experimental::awaitable_operators;
        timer deadline(co_await asio::this_coro::executor);
        answer result;
        while (result.text.empty() && result.attempts < attempts) {
            ++result.attempts;
            deadline.expires_after(patience);
            auto first = co_await (ask_once(server, line) || deadline.async_wait(token));
            if (auto* text = std::get_if<std::string>(&first)) result.text = std::move(*text);
        }
        co_return result;
    }

private:
    static awaitable<void> talk(socket peer) {
        std::string line;
        for (;;) {
            auto buffer = asio::dynamic_buffer(line, longest_line);
            const auto size = co_await asio::async_read_until(peer, buffer, '\n', token);
            for (auto& c : line) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            const auto out = asio::buffer(line.data(), size);
            co_await asio::async_write(peer, out, token);
            line.erase(0, size);
        }
    }
    static awaitable<std::string> ask_once(endpoint server, std::string line) {
        socket connection(co_await asio::this_coro::executor);
        co_await connection.async_connect(server, token);
        line += '\n';
        const auto out = asio::buffer(line);
        co_await asio::async_write(connection, out, token);
        std::string heard;
        auto in = asio::dynamic_buffer(heard, longest_line);
        const auto size = co_await asio::async_read_until(connection, in, '\n', token);
        heard.resize(size - 1);
        co_return heard;
    }
};

}  // namespace example
