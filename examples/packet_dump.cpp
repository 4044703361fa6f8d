// Prints a line for each frame that a device receives, and for what this host answers, as tcpdump would.
//   packet_dump --device packet:eth0          listens
//   packet_dump --device pcap:demo.pcapng     reads a capture
//   packet_dump                               two hosts in this process ping each other
#include "common/host_options.hpp"
#include "common/run_program.hpp"

#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/device_spec.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/observe.hpp>
#include <netkit/wire/print.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

/// Prints whatever passes: placed below Ethernet, that is every frame.
class printer {
public:
    std::size_t printed = 0;
    std::size_t most = 0;  // 0: no end
    void (*done)(void*) = nullptr;
    void* context = nullptr;

    void received(netkit::context auto here, const netkit::packet& p) { print(here, p, '<'); }
    void sent(netkit::context auto here, const netkit::packet& p) { print(here, p, '>'); }

private:
    void print(netkit::context auto here, const netkit::packet& p, char direction) {
        if (most != 0 && printed == most) return;
        std::vector<std::byte> bytes(p.size());
        p.copy_to(bytes);
        const auto since = std::chrono::duration<double>(here.now() - start_.value_or(here.now())).count();
        if (!start_) start_ = here.now();
        const bool bare = here.interface(p.interface()).link == netkit::link_type::ip;
        std::printf("%9.6f %c %s\n", since, direction, (bare ? netkit::describe_ip(bytes) : netkit::describe(bytes)).c_str());
        if (++printed == most && done) done(context);
    }
    std::optional<netkit::time_point> start_;
};

using host = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>;
using device = netkit::capture<netkit::any_device>;
using dumping = netkit::reactor<netkit::stack<netkit::observe<printer, host>, device>>;
using quiet = netkit::reactor<netkit::stack<host, device>>;

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Prints the packets of a device", "packet_dump");
    example::host_options options;
    std::size_t count = 0;
    example::add_host_options(app, options);
    app.add_option("-c,--count", count, "stop after this many")->check(example::not_negative());
    return example::run_program(app, argc, argv, [&] {
        boost::asio::io_context io;
        const auto spec = netkit::device_spec::parse(options.device);
        const bool linked = spec.what == netkit::device_spec::kind::link;
        if (linked && options.addresses.empty()) options.addresses = {"198.18.0.2/24"};

        const auto addresses = example::parse_addresses(options.addresses, spec);
        const auto mac = options.mac.empty() ? netkit::mac_address(2, 0x6e, 0x6b, 0, 0, 2) : example::parse_mac(options.mac);
        example::check_capture(options.capture, spec);

        dumping net{io};
        netkit::memory_link far_end;
        device opened(spec.open(linked ? &far_end : nullptr), options.capture);
        const auto writer = opened.writer();
        const auto eth = net.attach(std::move(opened), mac, netkit::to_string(spec));
        for (const auto& a : addresses) net.add_address(eth, a);
        if (!options.gateway.empty()) net.add_gateway(example::parse_gateway(options.gateway, addresses), eth);
        net.on_device_gone([&](netkit::interface_id) { throw std::runtime_error("the device " + options.device + " is gone"); });

        auto& shown = net.stack().root().observer;
        shown.most = count;
        shown.context = &io;
        shown.done = [](void* to_stop) { static_cast<boost::asio::io_context*>(to_stop)->stop(); };

        std::optional<quiet> neighbour;
        std::optional<netkit::echo_socket> ping;
        boost::asio::steady_timer timer(io);
        boost::asio::signal_set signals(io, SIGINT, SIGTERM);
        signals.async_wait([&](boost::system::error_code, int) { io.stop(); });
        if (linked) {
            neighbour.emplace(io, netkit::not_default);
            const auto on = neighbour->attach(device(std::move(far_end)), netkit::mac_address(2, 0x6e, 0x6b, 0, 0, 1), "neighbour");
            neighbour->add_address(on, example::neighbour_of(addresses.front(), addresses));
            ping.emplace(neighbour->at<netkit::icmp>());
            const std::array<std::byte, 32> payload{};
            (void)ping->send(addresses.front().address, 1, payload);
            timer.expires_after(std::chrono::milliseconds(200));
            timer.async_wait([&](boost::system::error_code) { io.stop(); });
        }
        if (spec.what == netkit::device_spec::kind::pcap) {
            // A file is not waited for: it is read as fast as the stack takes it.
            while (net.stack().poll() != 0 && (count == 0 || shown.printed < count)) {
            }
        } else {
            io.run();
        }
        if (writer) writer->finish();
        return linked && shown.printed == 0 ? 1 : 0;
    });
}
