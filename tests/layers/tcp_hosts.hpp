#pragma once

#include <doctest/doctest.h>

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
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/layers/udp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tcp_hosts {

using namespace std::chrono_literals;
using bytes = std::vector<std::byte>;

using four_only = netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp, netkit::tcp<netkit::reno>>>, netkit::memory_link, netkit::manual_environment>;
using both = netkit::stack<netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::udp, netkit::tcp<>>>, netkit::memory_link,
                           netkit::manual_environment>;
using no_link_layer = netkit::stack<netkit::ipv4<netkit::icmp, netkit::tcp<>>, netkit::memory_link, netkit::manual_environment>;

inline netkit::endpoint at(std::string_view address, std::uint16_t port) { return {netkit::ip_address::parse(address), port}; }

inline bytes pattern(std::size_t n, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    bytes result(n);
    for (auto& b : result) b = static_cast<std::byte>(random());
    return result;
}

/// Two hosts on a wire: 198.18.0.1 and .2, fd00:6e6b::1 and ::2.
template <class Host>
struct two {
    Host a{netkit::manual_environment(1)}, b{netkit::manual_environment(2)};
    netkit::interface_id on_a{}, on_b{};

    explicit two(netkit::memory_link_options options = {}) {
        auto [x, y] = netkit::memory_link::make(options);
        on_a = a.attach(std::move(x), netkit::mac_address{2, 0, 0, 0, 0, 1});
        on_b = b.attach(std::move(y), netkit::mac_address{2, 0, 0, 0, 0, 2});
        a.add_address(on_a, "198.18.0.1/16");
        b.add_address(on_b, "198.18.0.2/16");
        if constexpr (std::same_as<Host, both>) {
            a.add_address(on_a, "fd00:6e6b::1/64");
            b.add_address(on_b, "fd00:6e6b::2/64");
            pass(5s);
        }
    }
    /// Lets frames go back and forth.
    void run(int rounds = 20) {
        for (int i = 0; i < rounds; ++i) {
            a.poll();
            b.poll();
        }
    }
    void pass(netkit::duration by, netkit::duration step = 10ms) {
        for (netkit::duration done{}; done < by; done += step) {
            a.environment_of().advance(step);
            b.environment_of().advance(step);
            run(3);
        }
    }
};

template <class Host>
void accounted_for(Host& host) {
    const auto& c = host.counters();
    CHECK(c.held() == 0);
    CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
}

/// A connected pair of sockets: `client` on a, `server` on b.
template <class Host>
struct connected {
    netkit::tcp_socket listener, client, server;
    explicit connected(two<Host>& hosts, std::string_view target = "198.18.0.2", const netkit::tcp_socket_options& options = {}) {
        listener.set_options(options);
        client.set_options(options);
        REQUIRE(listener.open(hosts.b) == netkit::errc::ok);
        REQUIRE(listener.bind({netkit::ip_address{}, 80}) == netkit::errc::ok);
        REQUIRE(listener.listen(16) == netkit::errc::ok);
        REQUIRE(client.open(hosts.a) == netkit::errc::ok);
        REQUIRE(client.connect(at(target, 80)) == netkit::errc::would_block);
        hosts.run();
        REQUIRE(client.connected());
        REQUIRE(listener.acceptable());
        REQUIRE(listener.accept(server) == netkit::errc::ok);
        CHECK(server.connected());
    }
};

/// Moves data from one socket to the other, which reads to the end; what came.
template <class Run>
bytes transfer(netkit::tcp_socket& from, netkit::tcp_socket& to, const bytes& data, Run&& run, int rounds = 100'000) {
    std::size_t written = 0;
    bytes got, buffer(20'000);
    bool finished = false;
    for (int i = 0; i < rounds; ++i) {
        if (written < data.size()) written += from.send(std::span<const std::byte>(data).subspan(written)).bytes;
        else if (!std::exchange(finished, true)) (void)from.shutdown(false, true);
        run();
        for (;;) {
            const auto r = to.receive(std::span<std::byte>(buffer));
            got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
            if (r.error == netkit::errc::end_of_stream) return got;
            if (r.bytes == 0) break;
        }
    }
    return got;
}

}  // namespace tcp_hosts
