// Passes IPv4 and IPv6 packets between two devices. On `link` a host stands at either side, and one pings the other.
//   router --device tap:nk0 --address 198.18.0.254/24 --device2 tap:nk1 --address2 198.18.1.254/24
#include "common/counters.hpp"
#include "common/host_options.hpp"
#include "common/run_program.hpp"

#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/device_spec.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// A router needs no transport: nothing of UDP or TCP is compiled in.
using network = netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>>;
using device = netkit::capture<netkit::any_device>;
using router = netkit::reactor<netkit::stack<netkit::ethernet<netkit::arp, network>, device>>;
using host = netkit::reactor<netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>, device>>;

/// One side: a device and the router's addresses on it.
struct side {
    std::string device = "link";
    std::vector<std::string> addresses;
};

/// A host at the far end of a link, with the router as its gateway.
class end_host {
public:
    end_host(boost::asio::io_context& io, netkit::memory_link link, const std::vector<netkit::address_prefix>& routers, netkit::mac_address mac) : net_(io, netkit::not_default) {
        const auto eth = net_.attach(device(std::move(link)), mac, "eth0");
        const auto gateway = std::ranges::find_if(routers, [](const auto& each) { return each.address.is_v4(); });
        if (gateway == routers.end()) throw std::invalid_argument("the hosts on links speak IPv4 alone: the router needs an IPv4 address on either side");
        const auto ours = example::neighbour_of(*gateway, routers);
        address_ = ours.address;
        net_.add_address(eth, ours);
        net_.add_gateway(gateway->address, eth);
    }
    const netkit::ip_address& address() const { return address_; }
    auto icmp() { return net_.at<netkit::icmp>(); }

private:
    host net_;
    netkit::ip_address address_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Routes IPv4 and IPv6 between two devices", "router");
    side one, two;
    std::string capture;
    const std::string forms(netkit::device_spec::forms);
    app.add_option("--device", one.device, forms)->capture_default_str();
    example::add_address_option(app, "--address", one.addresses, "the router there");
    app.add_option("--device2", two.device, forms)->capture_default_str();
    example::add_address_option(app, "--address2", two.addresses, "the router there");
    app.add_option("--capture", capture, "pcapng file to write the frames of both sides to");
    return example::run_program(app, argc, argv, [&] {
        boost::asio::io_context io;
        router net{io};
        net.at<netkit::ipv4>()->forwarding = true;
        net.at<netkit::ipv6>()->forwarding = true;
        for (auto* each : {&one, &two}) example::check_capture(capture, netkit::device_spec::parse(each->device));
        const auto writer = capture.empty() ? nullptr : std::make_shared<netkit::capture_writer>(capture);

        std::array<netkit::memory_link, 2> far_ends;
        std::array<std::vector<netkit::address_prefix>, 2> addresses;
        std::uint8_t number = 0;
        for (auto* each : {&one, &two}) {
            const auto spec = netkit::device_spec::parse(each->device);
            const bool linked = spec.what == netkit::device_spec::kind::link;
            if (linked && each->addresses.empty()) each->addresses = {"198.18." + std::to_string(number) + ".254/24"};
            addresses[number] = example::parse_addresses(each->addresses, spec);
            device opened(spec.open(&far_ends[number]), writer, {.name = netkit::to_string(spec)});
            const auto mac = netkit::mac_address(2, 0x6e, 0x6b, 0, 1, static_cast<std::uint8_t>(number + 1));
            const auto on = net.attach(std::move(opened), mac, linked ? "link" + std::to_string(number + 1) : netkit::to_string(spec));
            for (const auto& a : addresses[number]) net.add_address(on, a);
            ++number;
        }
        net.on_device_gone([&](netkit::interface_id gone) { throw std::runtime_error("the device " + net.stack().interface(gone).name + " is gone"); });

        boost::asio::signal_set signals(io, SIGINT, SIGTERM);
        signals.async_wait([&](boost::system::error_code, int) { io.stop(); });
        if (one.device != "link" || two.device != "link") {
            std::printf("routing between %s and %s\n", one.device.c_str(), two.device.c_str());
            std::fflush(stdout);
            io.run();
            std::printf("%s", example::describe_counters(net.stack()).c_str());
            if (writer) writer->finish();
            return 0;
        }

        end_host left(io, std::move(far_ends[0]), addresses[0], netkit::mac_address(2, 0x6e, 0x6b, 0, 2, 1));
        end_host right(io, std::move(far_ends[1]), addresses[1], netkit::mac_address(2, 0x6e, 0x6b, 0, 2, 2));
        netkit::echo_socket ping(left.icmp());
        const std::array<std::byte, 56> payload{};
        boost::asio::steady_timer timer(io);
        const auto between = " between " + to_string(left.address()) + " and " + to_string(right.address());
        if (ping.send(right.address(), 1, payload) != netkit::errc::ok) throw std::runtime_error("no ping could be sent" + between);
        timer.expires_after(std::chrono::milliseconds(300));
        timer.async_wait([&](boost::system::error_code) { io.stop(); });
        io.run();
        if (writer) writer->finish();
        netkit::echo_reply reply;
        if (ping.receive(reply) != netkit::errc::ok || !reply.is_reply || reply.hop_limit != 63)
            throw std::runtime_error("no ping went through the router" + between + ": the router's two addresses must be in different networks");
        std::printf("%s answered %s through the router, with %u hops left of 64\n%s", to_string(reply.source).c_str(), to_string(left.address()).c_str(), reply.hop_limit, example::describe_counters(net.stack()).c_str());
        return 0;
    });
}
