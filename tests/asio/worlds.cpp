#include "worlds.hpp"

#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/udp.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

namespace worlds {

using host = netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::udp, netkit::tcp<>>>;
using host_reactor = netkit::reactor<netkit::stack<host, netkit::memory_link>>;

struct stacks::implementation {
    implementation(net::io_context& io, kind k) : of(k) {
        client.emplace(io);
        client_executor.emplace(client->get_executor());
        if (of == kind::loopback) {
            server_executor = client_executor;
            return;
        }
        server.emplace(io, netkit::not_default);
        server_executor.emplace(server->get_executor());
        auto [near, far] = netkit::memory_link::make();
        plug(*client, std::move(near), {2, 0, 0, 0, 0, 1}, "198.18.0.1/24", "fd00:6e6b::1/64");
        plug(*server, std::move(far), {2, 0, 0, 0, 0, 2}, "198.18.0.2/24", "fd00:6e6b::2/64");
    }
    static void plug(host_reactor& to, netkit::memory_link end, netkit::mac_address mac, const char* four, const char* six) {
        const auto id = to.attach(std::move(end), mac);
        to.add_address(id, four);
        to.add_address(id, six);
    }

    const kind of;
    std::optional<host_reactor> client, server;
    std::optional<netkit::stack_executor> client_executor, server_executor;  // valid even once the stacks are gone
};

stacks::stacks(kind k) : hosts_(std::make_unique<implementation>(io, k)) {}
stacks::~stacks() = default;

netkit::stack_executor stacks::client() const { return *hosts_->client_executor; }
netkit::stack_executor stacks::server() const { return *hosts_->server_executor; }
net::ip::address stacks::client_address() const { return net::ip::make_address(hosts_->of == kind::loopback ? "127.0.0.1" : "198.18.0.1"); }
net::ip::address stacks::server_address() const { return net::ip::make_address(hosts_->of == kind::loopback ? "127.0.0.1" : "198.18.0.2"); }
net::ip::address stacks::server_address_v6() const { return net::ip::make_address(hosts_->of == kind::loopback ? "::1" : "fd00:6e6b::2"); }
void stacks::add_host(const char* name, const char* address) { hosts_->client->add_host(name, address); }
void stacks::destroy_server() { (hosts_->of == kind::loopback ? hosts_->client : hosts_->server).reset(); }
void stacks::destroy_all() {
    hosts_->client.reset();
    hosts_->server.reset();
}

}  // namespace worlds

TEST_CASE("run() returns at once where a program has asked for nothing") {
    worlds::loopback alone;
    alone.run();
    worlds::linked two;
    two.run();
    // And again: what the stacks wait for is never counted as work, and never counted off twice.
    two.run();
    two.destroy_all();
    two.run();
}

TEST_CASE("a second default stack of one io_context is refused") {
    boost::asio::io_context io;
    {
        worlds::host_reactor first{io};
        CHECK_THROWS_WITH_AS(worlds::host_reactor{io}, "netkit: this io_context has a default stack already: construct this reactor with netkit::not_default, and its sockets from its get_executor()",
                             std::logic_error);
        worlds::host_reactor second{io, netkit::not_default};
        CHECK(first.get_executor() != second.get_executor());
        CHECK(first.get_executor() == first.get_executor());
    }
    // Once it is gone, its place is free.
    worlds::host_reactor another{io};
}
