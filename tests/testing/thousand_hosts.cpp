#include <netkit/layers/echo_sockets.hpp>
#include <netkit/layers/ethernet_switch.hpp>

#include <tests/testing/worlds.hpp>

#include <deque>

namespace testing_thousand_hosts_tests {

using namespace simulated;
using netkit::testing::connect;
using netkit::testing::simulation;

namespace {

using network_switch = netkit::testing::host<netkit::ethernet_switch>;

constexpr std::size_t switches = 32, hosts_at_each = 32;

std::string address(std::size_t number, std::size_t last_byte) { return "198.18." + std::to_string(number) + "." + std::to_string(last_byte); }

/// A router, switches around it, and hosts at each of those.
struct campus {
    simulation net{11};
    udp_host router{net, "router"};
    std::deque<network_switch> floors;
    std::deque<udp_host> hosts;

    campus() {
        router->at<netkit::ipv4>()->forwarding = true;
        for (std::size_t s = 0; s < switches; ++s) add_floor(s);
    }
    std::string address_of(std::size_t host) const { return address(host / hosts_at_each, 1 + host % hosts_at_each); }

private:
    void add_floor(std::size_t s) {
        auto& floor = floors.emplace_back(net, "switch " + std::to_string(s));
        connect(router, address(s, 254) + "/24", floor, "", {.rate = 10'000'000'000, .delay = 20us});
        for (std::size_t i = 0; i < hosts_at_each; ++i) {
            auto& host = hosts.emplace_back(net, "host " + std::to_string(hosts.size()));
            const auto wire = connect(host, address_of(hosts.size() - 1) + "/24", floor, "", {.rate = 1'000'000'000, .delay = 5us});
            host->add_gateway(address(s, 254), wire.at_first);
        }
    }
};

}  // namespace

TEST_CASE("a thousand hosts on switches around a router each ping another") {
    campus world;
    auto& net = world.net;
    const auto n = world.hosts.size();
    CHECK(n == 1024);
    net.run_for(100ms);  // addresses are announced

    const std::vector<std::byte> text(56, std::byte{0x42});
    std::deque<netkit::echo_socket> pings;
    for (std::size_t i = 0; i < n; ++i) {
        auto& ping = pings.emplace_back(world.hosts[i]->at<netkit::icmp>());
        // Some in the same network, most behind the router; no two the same.
        REQUIRE(ping.send(netkit::ip_address::parse(world.address_of((i * 5 + 3) % n)), 1, text) == netkit::errc::ok);
    }
    const auto start = net.now();
    net.run_for(1s);
    std::size_t answered = 0;
    for (auto& ping : pings) {
        netkit::echo_reply reply;
        answered += ping.receive(reply) == netkit::errc::ok && reply.is_reply && reply.payload.size() == text.size() ? 1 : 0;
    }
    CHECK(answered == n);
    CHECK(net.now() - start == 1s);
    for (auto& host : world.hosts) {
        const auto& c = host->counters();
        REQUIRE(c.received == c.delivered + c.forwarded + c.dropped_in_all());
    }
    // Its switch has seen each host and the router; frames went where they belonged.
    for (auto& floor : world.floors) REQUIRE(floor->at<netkit::ethernet_switch>()->stations.size() == hosts_at_each + 1);
}

}  // namespace testing_thousand_hosts_tests
