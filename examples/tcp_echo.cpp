// Sends back what it receives on a TCP port, a coroutine for each connection. On `link` a client in this process tries it.
//   tcp_echo --device tap:nk0 --address 198.18.0.2/24 --port 7
#include "common/host.hpp"
#include "common/run_program.hpp"

#include <netkit/asio/tcp.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <string>

namespace {

namespace asio = boost::asio;
using tcp = netkit::ip::tcp;
using boost::system::error_code;

asio::awaitable<void> echo(tcp::socket socket) {
    std::array<char, 16384> data{};
    for (;;) {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto n = co_await socket.async_read_some(asio::buffer(data), token);
        if (error) co_return;
        co_await asio::async_write(socket, asio::buffer(data.data(), n), token);
        if (error) co_return;
    }
}

asio::awaitable<void> serve(tcp::acceptor& acceptor) {
    for (;;) {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto socket = co_await acceptor.async_accept(token);
        if (error) co_return;
        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
    }
}

asio::awaitable<void> try_it(netkit::stack_executor from, tcp::endpoint to, tcp::acceptor& acceptor, int& result) {
    tcp::socket socket(from);
    co_await socket.async_connect(to, asio::use_awaitable);
    const std::string said = "Hello across the link, from one stack to another";
    co_await asio::async_write(socket, asio::buffer(said), asio::use_awaitable);
    std::string heard(said.size(), ' ');
    co_await asio::async_read(socket, asio::buffer(heard), asio::use_awaitable);
    std::printf("sent and received: %s\n", heard.c_str());
    result = heard == said ? 0 : 1;
    socket.close();
    acceptor.close();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("A TCP echo server (RFC 862)", "tcp_echo");
    example::host_options options;
    std::uint16_t port = 7;
    example::add_host_options(app, options);
    app.add_option("--port", port, "port to listen on")->capture_default_str()->check(example::any_port());
    return example::run_program(app, argc, argv, [&] {
        asio::io_context io;
        example::host host(io, options);
        tcp::acceptor acceptor(io, {tcp::v6(), port});
        asio::co_spawn(io, serve(acceptor), asio::detached);
        host.on_end([&] {
            if (host.has_neighbour()) io.stop();
            acceptor.close();
        });
        int result = 0;
        if (host.has_neighbour()) {
            result = 1;
            const tcp::endpoint to(asio::ip::make_address(to_string(host.address())), port);
            asio::co_spawn(io, try_it(host.neighbour_executor(), to, acceptor, result), [&](std::exception_ptr e) {
                host.ended();
                example::rethrow(e);
            });
        } else {
            std::printf("echoing on port %u\n", port);
            std::fflush(stdout);
        }
        io.run();
        host.finish_capture();
        return result;
    });
}
