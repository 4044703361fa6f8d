// Serves the files of a folder over HTTP/1.1, a coroutine for each connection: Boost.Beast on netkit::ip::tcp.
//   web_server --device tap:nk0 --address 198.18.0.2/24 --root /srv/www --port 80
//   web_server --root /srv/www          a neighbour in this process fetches "/" and shows what it got
// --tls CERTIFICATE KEY makes it HTTPS. It stops on SIGINT and SIGTERM, and says what it did.
#include "common/host.hpp"
#include "common/http_connections.hpp"
#include "common/http_serve.hpp"
#include "common/http_site.hpp"
#include "common/run_program.hpp"

#include <netkit/asio/tcp.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/system_error.hpp>
#ifdef NETKIT_HAS_OPENSSL
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#endif

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <list>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = netkit::ip::tcp;
using stream = beast::basic_stream<tcp>;
#ifdef NETKIT_HAS_OPENSSL
namespace ssl = boost::asio::ssl;
using tls_stream = ssl::stream<stream>;
#endif

constexpr std::chrono::seconds handshake_timeout(10), close_timeout(2), stop_timeout(5);

/// What the connections of a server have in common.
struct server {
    example::http_site site;
    example::http_connections connections;
#ifdef NETKIT_HAS_OPENSSL
    ssl::context* tls = nullptr;  // null: without
#endif
};

/// Says goodbye, and lets the peer have what was sent before the connection goes: closing it with unread data would reset it.
asio::awaitable<void> finish(stream& line) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    line.socket().shutdown(tcp::socket::shutdown_send, error);
    line.expires_after(close_timeout);
    std::array<char, 4096> ignored{};
    const auto into = asio::buffer(ignored);
    for (int reads = 0; !error && reads < 64; ++reads) co_await line.async_read_some(into, token);
    line.close();
}

asio::awaitable<void> serve_plain(tcp::socket socket, server& all) {
    stream line(std::move(socket));
    example::http_connections::entry entry(all.connections, [&line] { line.cancel(); });
    co_await example::serve_http(line, all.site, entry);
    entry.busy = true;
    co_await finish(line);
}

#ifdef NETKIT_HAS_OPENSSL
asio::awaitable<void> serve_tls(tcp::socket socket, server& all) {
    tls_stream secured(stream(std::move(socket)), *all.tls);
    auto& line = secured.next_layer();
    example::http_connections::entry entry(all.connections, [&line] { line.cancel(); });
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    line.expires_after(handshake_timeout);
    co_await secured.async_handshake(ssl::stream_base::server, token);
    if (error) co_return;
    co_await example::serve_http(secured, all.site, entry);
    entry.busy = true;
    line.expires_after(close_timeout);
    co_await secured.async_shutdown(token);
    co_await finish(line);
}
#endif

asio::awaitable<void> serve_all(tcp::acceptor& acceptor, server& all) {
    for (;;) {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto socket = co_await acceptor.async_accept(token);
        if (!acceptor.is_open()) co_return;
        if (error) continue;
        socket.set_option(tcp::no_delay(true), error);
#ifdef NETKIT_HAS_OPENSSL
        if (all.tls) {
            asio::co_spawn(acceptor.get_executor(), serve_tls(std::move(socket), all), asio::detached);
            continue;
        }
#endif
        asio::co_spawn(acceptor.get_executor(), serve_plain(std::move(socket), all), asio::detached);
    }
}

/// Fetches "/" and shows the head of the answer.
template <class Stream>
asio::awaitable<void> fetch(Stream& from, std::string host, bool& well) {
    http::request<http::empty_body> request(http::verb::get, "/", 11);
    request.set(http::field::host, host);
    request.set(http::field::user_agent, "netkit");
    request.keep_alive(false);
    std::printf("GET / from %s\n\n", host.c_str());
    beast::get_lowest_layer(from).expires_after(handshake_timeout);
    co_await http::async_write(from, request, asio::use_awaitable);
    beast::flat_buffer unread;
    http::response<http::string_body> response;
    co_await http::async_read(from, unread, response, asio::use_awaitable);
    std::ostringstream head;
    head << response.base();
    std::printf("%s(%zu bytes of content)\n\n", head.str().c_str(), response.body().size());
    well = response.result() == http::status::ok;
}

asio::awaitable<void> try_it(netkit::stack_executor neighbour, tcp::endpoint to, std::string certificate, bool& well) {
    stream line(neighbour);
    line.expires_after(handshake_timeout);
    co_await line.async_connect(to, asio::use_awaitable);
    const auto host = to.address().to_string();
#ifdef NETKIT_HAS_OPENSSL
    if (!certificate.empty()) {
        ssl::context trust(ssl::context::tls_client);
        trust.load_verify_file(certificate);
        ssl::stream<stream&> secured(line, trust);
        secured.set_verify_mode(ssl::verify_peer);
        co_await secured.async_handshake(ssl::stream_base::client, asio::use_awaitable);
        co_await fetch(secured, host, well);
        co_return;
    }
#endif
    (void)certificate;
    co_await fetch(line, host, well);
}

#ifdef NETKIT_HAS_OPENSSL
void use_certificate(ssl::context& context, const std::string& certificate, const std::string& key) {
    error_code error;
    context.use_certificate_chain_file(certificate, error);
    if (error) throw std::runtime_error("cannot use the certificate " + certificate + ": " + error.message());
    context.use_private_key_file(key, ssl::context::pem, error);
    if (error) throw std::runtime_error("cannot use the private key " + key + ": " + error.message());
}
#endif

tcp::acceptor listen(asio::io_context& io, std::uint16_t port) {
    try {
        return {io, tcp::endpoint(tcp::v6(), port)};  // of both families
    } catch (const boost::system::system_error& e) {
        throw std::runtime_error("cannot listen on port " + std::to_string(port) + ": " + e.code().message());
    }
}

void say_what_was_done(const server& all, example::host& host) {
    const auto& c = all.connections;
    std::printf("%llu connections, %llu answers, %llu bytes of files\n%s", static_cast<unsigned long long>(c.accepted()), static_cast<unsigned long long>(c.answered()),
                static_cast<unsigned long long>(c.file_bytes()), host.report().c_str());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Serves files over HTTP", "web_server");
    example::host_options options;
    std::string root = ".";
    std::vector<std::uint16_t> ports;
    std::vector<std::string> tls;
    example::add_host_options(app, options);
    app.add_option("--root", root, "folder of the files")->capture_default_str();
    app.add_option("--port", ports, "port to listen on; repeatable (80, or 443 with --tls)")->allow_extra_args(false)->check(example::any_port());
    app.add_option("--tls", tls, "certificate chain and private key, PEM files: HTTPS instead of HTTP")->expected(2);
    return example::run_program(app, argc, argv, [&] {
        server all{example::http_site(root), {}};  // outlives the connections, which may end with the io_context
        asio::io_context io;
        if (ports.empty()) ports.push_back(tls.empty() ? 80 : 443);
#ifdef NETKIT_HAS_OPENSSL
        ssl::context tls_context(ssl::context::tls_server);
        if (!tls.empty()) {
            use_certificate(tls_context, tls[0], tls[1]);
            all.tls = &tls_context;
        }
#else
        if (!tls.empty()) throw std::invalid_argument("built without OpenSSL: there is no --tls");
#endif
        example::host host(io, options);
        std::list<tcp::acceptor> acceptors;
        for (const auto port : ports) acceptors.push_back(listen(io, port));
        for (auto& acceptor : acceptors) asio::co_spawn(io, serve_all(acceptor, all), asio::detached);

        asio::steady_timer patience(io);
        const auto stop = [&] {
            host.ended();
            for (auto& acceptor : acceptors) acceptor.close();
            patience.expires_after(stop_timeout);
            patience.async_wait([&](error_code error) {
                if (!error) all.connections.cancel_all();
            });
            all.connections.stop([&] { patience.cancel(); });
        };
        host.on_end(stop);

        if (host.has_neighbour()) {
            const tcp::endpoint to(asio::ip::make_address(to_string(host.address())), ports.front());
            bool well = false;
            std::exception_ptr failure;
            const auto done = [&](std::exception_ptr e) {
                failure = e;
                stop();
            };
            asio::co_spawn(io, try_it(host.neighbour_executor(), to, tls.empty() ? std::string() : tls[0], well), done);
            io.run();
            if (failure) std::rethrow_exception(failure);
            say_what_was_done(all, host);
            host.finish_capture();
            return well ? 0 : 1;
        }
        std::string where;
        for (const auto port : ports) where += " " + std::to_string(port);
        std::printf("serving %s on port%s\n", root.c_str(), where.c_str());
        std::fflush(stdout);
        io.run();
        say_what_was_done(all, host);
        host.finish_capture();
        return 0;
    });
}
