#pragma once

#include "http_connections.hpp"
#include "http_site.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

namespace example {

inline constexpr std::chrono::seconds http_idle_timeout(30);
inline constexpr std::size_t http_block_size = 64 * 1024;

/// Whether what went wrong is the request's fault, and not the connection's.
inline bool is_bad_request(const boost::system::error_code& error) {
    namespace http = boost::beast::http;
    return error.category() == http::make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream && error != http::error::partial_message;
}

/// Answers the requests of one connection until the peer or the server has had enough. Stream is a beast::basic_stream, or
/// what stands on one; whoever calls closes it.
template <class Stream>
boost::asio::awaitable<void> serve_http(Stream& stream, const http_site& site, http_connections::entry& entry) {
    namespace asio = boost::asio;
    namespace http = boost::beast::http;

    auto& line = boost::beast::get_lowest_layer(stream);
    boost::beast::flat_buffer unread;
    std::vector<char> block(http_block_size);
    for (bool more = true; more && !entry.stopping();) {
        boost::system::error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        http::request_parser<http::empty_body> parser;
        line.expires_after(http_idle_timeout);
        entry.busy = false;
        co_await http::async_read_header(stream, unread, parser, token);
        entry.busy = true;
        if (error && !is_bad_request(error)) co_return;

        // After a request with a body, or one that is none, nobody knows where the next one starts.
        more = !error && parser.is_done() && parser.keep_alive() && !entry.stopping();
        const auto refusal = error == http::error::header_limit ? http::status::request_header_fields_too_large : http::status::bad_request;
        auto answer = error ? http_site::refuse(refusal, false) : site.answer(parser.get(), more);
        entry.count(answer);

        // The head and the first block leave together.
        auto size = answer.read(block);
        const std::array<asio::const_buffer, 2> first{asio::buffer(answer.head), asio::buffer(block.data(), size)};
        line.expires_after(http_idle_timeout);
        co_await asio::async_write(stream, first, token);
        while (!error && answer.left != 0) {
            size = answer.read(block);
            if (size == 0) co_return;  // the file is not what it was: no more can be promised
            const asio::const_buffer next(block.data(), size);
            line.expires_after(http_idle_timeout);
            co_await asio::async_write(stream, next, token);
        }
        if (error) co_return;
    }
}

}  // namespace example
