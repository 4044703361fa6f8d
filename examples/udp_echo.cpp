// Sends back each datagram that comes to a UDP port. On `link` a client in this process tries it.
//   udp_echo --device tap:nk0 --address 198.18.0.2/24 --port 7
#include "common/host.hpp"
#include "common/run_program.hpp"

#include <netkit/asio/udp.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <string>

namespace {

namespace asio = boost::asio;
using udp = netkit::ip::udp;
using boost::system::error_code;

asio::awaitable<void> echo(udp::socket& socket) {
    std::array<char, 65536> data{};
    udp::endpoint sender;
    for (;;) {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto n = co_await socket.async_receive_from(asio::buffer(data), sender, token);
        if (error == asio::error::operation_aborted) co_return;
        if (error) continue;  // a peer's ICMP error is no reason to stop
        co_await socket.async_send_to(asio::buffer(data.data(), n), sender, token);
    }
}

asio::awaitable<void> try_it(netkit::stack_executor from, udp::endpoint to, udp::socket& server, int& result) {
    udp::socket socket(from, udp::endpoint(to.protocol(), 0));
    const std::string said = "Hello across the link, in one datagram";
    co_await socket.async_send_to(asio::buffer(said), to, asio::use_awaitable);
    std::string heard(said.size(), ' ');
    udp::endpoint sender;
    auto n = co_await socket.async_receive_from(asio::buffer(heard), sender, asio::use_awaitable);
    std::printf("%s answered %zu bytes: %s\n", sender.address().to_string().c_str(), n, heard.c_str());
    result = heard == said ? 0 : 1;
    server.close();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("A UDP echo server (RFC 862)", "udp_echo");
    example::host_options options;
    std::uint16_t port = 7;
    example::add_host_options(app, options);
    app.add_option("--port", port, "port to listen on")->capture_default_str()->check(example::any_port());
    return example::run_program(app, argc, argv, [&] {
        asio::io_context io;
        example::host host(io, options);
        udp::socket socket(io, udp::endpoint(udp::v6(), port));
        asio::co_spawn(io, echo(socket), asio::detached);
        host.on_end([&] {
            if (host.has_neighbour()) io.stop();
            socket.close();
        });
        int result = 0;
        if (host.has_neighbour()) {
            result = 1;
            const udp::endpoint to(asio::ip::make_address(to_string(host.address())), port);
            asio::co_spawn(io, try_it(host.neighbour_executor(), to, socket, result), [&](std::exception_ptr e) {
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
