// Two hosts in one process, joined by a wire in memory; an ordinary Asio program runs on them.
#include <netkit/asio/reactor.hpp>
#include <netkit/asio/tcp.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <iostream>
#include <string>

using host = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<>>>;  // a stack is a type
using tcp = netkit::ip::tcp;                                                             // was: boost::asio::ip::tcp

int main(int argc, char**) {
    if (argc > 1) return std::cerr << "quick_start takes no arguments: two hosts in this process, of which one greets the other\n", 2;
    boost::asio::io_context io;
    netkit::reactor<netkit::stack<host, netkit::memory_link>> server{io}, client{io, netkit::not_default};
    auto [left, right] = netkit::memory_link::make();
    server.add_address(server.attach(std::move(left), netkit::mac_address(2, 0, 0, 0, 0, 1)), "198.18.0.1/24");
    client.add_address(client.attach(std::move(right), netkit::mac_address(2, 0, 0, 0, 0, 2)), "198.18.0.2/24");

    // From here on there is only Asio.
    tcp::acceptor acceptor(io, {tcp::v4(), 7777});
    acceptor.async_accept([](boost::system::error_code, tcp::socket peer) {
        boost::asio::write(peer, boost::asio::buffer("hello from the other stack\n", 27));
    });
    tcp::socket socket(client.get_executor());
    std::string line;
    socket.async_connect({boost::asio::ip::make_address("198.18.0.1"), 7777}, [&](boost::system::error_code) {
        boost::asio::async_read_until(socket, boost::asio::dynamic_buffer(line), '\n', [&](boost::system::error_code, std::size_t) { std::cout << line; });
    });
    io.run();
    return line.empty();
}
