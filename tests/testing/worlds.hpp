#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/udp_socket.hpp>
#include <netkit/testing/connect.hpp>
#include <netkit/testing/host.hpp>
#include <netkit/testing/link.hpp>
#include <netkit/testing/simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simulated {

using namespace std::chrono_literals;

using udp_host = netkit::testing::host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp>>>;

inline netkit::endpoint at(std::string_view address, std::uint16_t port) { return {netkit::ip_address::parse(address), port}; }

/// A link without hosts: frames with a number are put in at one end and looked at where they come out.
struct bare_link {
    netkit::testing::simulation net;
    netkit::pool buffers;
    netkit::testing::link link;
    netkit::testing::link_end near, far;
    struct seen {
        std::uint32_t number;
        netkit::time_point when;
        std::size_t size;
    };
    std::vector<seen> arrived;

    explicit bare_link(const netkit::impairments& how = {}, std::uint64_t seed = 1, const netkit::testing::link_options& options = {})
        : net(seed), link(net, "wire", how, options), near(link.first()), far(link.second()) {
        far.on_ready([](void* self) { static_cast<bare_link*>(self)->look(); }, this);
    }
    bare_link(const bare_link&) = delete;

    netkit::testing::link_direction& forward() { return link.forward(); }
    netkit::packet frame(std::uint32_t number, std::size_t size = 1000) {
        netkit::packet p(buffers, 0, size);
        const auto bytes = p.append(size);
        std::fill(bytes.begin(), bytes.end(), std::byte{0});
        std::memcpy(bytes.data() + 14, &number, sizeof number);
        return p;
    }
    void send(std::uint32_t number, std::size_t size = 1000) {
        auto p = frame(number, size);
        REQUIRE(near.transmit(std::span(&p, 1)) == 1);
    }
    void send_many(std::uint32_t count, std::size_t size = 1000) {
        for (std::uint32_t i = 0; i < count; ++i) send(i, size);
    }
    /// One every so often.
    void send_spaced(std::uint32_t count, netkit::duration apart, std::size_t size = 1000) {
        for (std::uint32_t i = 0; i < count; ++i) {
            send(i, size);
            net.run_for(apart);
        }
    }
    std::vector<std::uint32_t> numbers() const {
        std::vector<std::uint32_t> result;
        for (const auto& each : arrived) result.push_back(each.number);
        return result;
    }

private:
    // It would be told off for calling the link from within, had it not been looked for: nothing is sent from here.
    void look() {
        netkit::packet p;
        while (far.receive({buffers}, std::span(&p, 1)) == 1) {
            std::uint32_t number;
            std::memcpy(&number, p.head().data() + 14, sizeof number);
            arrived.push_back({number, net.now(), p.size()});
        }
    }
};
inline std::vector<std::uint32_t> numbers_to(std::uint32_t n) {
    std::vector<std::uint32_t> result(n);
    std::iota(result.begin(), result.end(), 0u);
    return result;
}

}  // namespace simulated
