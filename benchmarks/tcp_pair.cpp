#include "tcp_pair.hpp"

#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

namespace netkit_benchmark {
namespace {

using host = netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<>>>, netkit::memory_link>;

class pair_of_hosts final : public tcp_pair {
public:
    explicit pair_of_hosts(netkit::offloads can) {
        auto [near_end, far_end] = netkit::memory_link::make({.mtu = 1500, .capacity = 64, .can = can});
        const auto here = client_.attach(std::move(near_end), netkit::mac_address(2, 0, 0, 0, 0, 1));
        const auto there = server_.attach(std::move(far_end), netkit::mac_address(2, 0, 0, 0, 0, 2));
        add_client_addresses(client_, here);
        server_.add_address(there, "198.18.0.2/16");
    }
    netkit::stack_core& client() override { return client_; }
    netkit::stack_core& server() override { return server_; }

private:
    host client_, server_;
};

void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(what);
}

}  // namespace

std::unique_ptr<tcp_pair> tcp_pair::make(netkit::offloads can) { return std::make_unique<pair_of_hosts>(can); }

void tcp_pair::listen(netkit::tcp_socket& listener, const netkit::tcp_socket_options& options) {
    require(listener.open(server()) == netkit::errc::ok, "the server cannot open a socket");
    listener.set_options(options);
    require(listener.bind({{}, 7}) == netkit::errc::ok && listener.listen(128) == netkit::errc::ok, "the server cannot listen");
}
void tcp_pair::connect(netkit::tcp_socket& from, netkit::tcp_socket& listener, netkit::tcp_socket& accepted, const netkit::tcp_socket_options& options, std::size_t address) {
    require(from.open(client()) == netkit::errc::ok, "the client cannot open a socket");
    from.set_options(options);
    if (address != 0) require(from.bind({client_address(address), 0}) == netkit::errc::ok, "the client cannot bind");
    const auto started = from.connect({netkit::ipv4_address(198, 18, 0, 2), 7});
    require(started == netkit::errc::ok || started == netkit::errc::would_block, "the client cannot connect");
    for (int i = 0; i < 100; ++i) {
        turn();
        if (from.connected() && listener.accept(accepted) == netkit::errc::ok) return;
    }
    require(false, "the handshake does not end");
}

}  // namespace netkit_benchmark
