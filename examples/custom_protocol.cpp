// A protocol of one's own on an EtherType of one's own: two hosts greet each other, with no IP anywhere.
#include "common/run_program.hpp"

#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/ethernet.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdio>
#include <utility>

// ---- the protocol: derive from leaf (nothing stands on it), state three facts and write two functions ----
struct beacon_header {
    netkit::be16 number;
    netkit::be32 uptime;  // milliseconds
};

struct beacon : netkit::leaf {
    static constexpr auto key = netkit::ether_type::local_experimental_1;
    static constexpr std::size_t header_size = sizeof(beacon_header);
    using sends_to = netkit::mac_address;

    std::uint16_t heard = 0;

    void receive(netkit::context auto here, netkit::packet p, const netkit::link_from& from) {
        const auto* h = p.pull<beacon_header>();
        if (!h) return here.drop(std::move(p), netkit::drop_reason::truncated);
        std::printf("%s: beacon %u of %s, up for %u ms\n", here.interface(p.interface()).name.c_str(), unsigned(h->number), to_string(from.source).c_str(), unsigned(h->uptime));
        ++heard;
        here.deliver(p);
    }
    netkit::errc announce(netkit::context auto here, netkit::interface_id on, std::uint16_t number, std::uint32_t uptime) {
        auto p = here.allocate();
        if (!p) return netkit::errc::no_buffers;
        p.interface(on);
        p.push(beacon_header{number, uptime});
        return here.down(std::move(p), netkit::mac_address::broadcast());
    }
};
// ---- that is all: it stands on Ethernet like any other layer ----

int run() {
    using host = netkit::reactor<netkit::stack<netkit::ethernet<beacon>, netkit::memory_link>>;
    boost::asio::io_context io;
    host a{io}, b{io, netkit::not_default};
    auto [left, right] = netkit::memory_link::make();
    const auto on_a = a.attach(std::move(left), netkit::mac_address(2, 0, 0, 0, 0, 0xa), "a");
    const auto on_b = b.attach(std::move(right), netkit::mac_address(2, 0, 0, 0, 0, 0xb), "b");

    boost::asio::steady_timer timer(io);
    const auto start = std::chrono::steady_clock::now();
    std::uint16_t number = 0;
    auto tick = [&](auto&& again) -> void {
        const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
        auto from_a = a.at<beacon>();
        auto from_b = b.at<beacon>();
        (void)from_a->announce(from_a, on_a, ++number, static_cast<std::uint32_t>(up));
        (void)from_b->announce(from_b, on_b, number, static_cast<std::uint32_t>(up));
        timer.expires_after(std::chrono::milliseconds(20));
        timer.async_wait([&, again](boost::system::error_code) {
            if (number < 3) again(again);
        });
    };
    tick(tick);
    io.run();
    return a.at<beacon>()->heard == 3 && b.at<beacon>()->heard == 3 ? 0 : 1;
}

int main(int argc, char** argv) {
    CLI::App app("Two hosts in this process greet each other by a protocol of their own", "custom_protocol");
    return example::run_program(app, argc, argv, run);
}
