#include "network.hpp"

#include "common/counters.hpp"

#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/core/random.hpp>
#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/impaired.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/observe.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/udp.hpp>

#include <sstream>
#include <utility>

namespace demo {

namespace {

using netkit::arp, netkit::dual, netkit::ethernet, netkit::icmp, netkit::icmpv6, netkit::ipv4, netkit::ipv6, netkit::ndp, netkit::observe, netkit::tcp, netkit::udp;

// An observer below each layer that is to be watched: it shows what passes and changes nothing.
using watched_tcp = observe<viewpoint<netkit::tcp_header>, tcp<>>;
template <class Network>
using watched_network = observe<viewpoint<netkit::ipv4_header>, Network>;
template <class Link>
using watched_link = observe<viewpoint<netkit::ethernet_header>, Link>;

using client_network = watched_network<ipv4<icmp, udp, watched_tcp>>;
using client_link = watched_link<ethernet<arp, client_network>>;
using server_network = watched_network<dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp, watched_tcp>>;
using server_link = watched_link<ethernet<arp, server_network>>;

constexpr const char* compositions =
    "  client   198.18.0.1   ethernet<arp, ipv4<icmp, udp, tcp<>>>\n"
    "  server   198.18.0.2   ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp, tcp<>>>\n";

/// The system's clock, and chance that repeats itself.
class seeded_environment {
public:
    explicit seeded_environment(std::uint64_t seed) : random_(netkit::random_source::from_seed(seed)) {}
    netkit::time_point now() const { return system_.now(); }
    std::uint64_t random() { return random_(); }

private:
    netkit::system_environment system_;
    netkit::random_source random_;
};

using line = netkit::impaired<netkit::memory_link>;
using device = netkit::capture<line>;
template <class Root>
using host = netkit::reactor<netkit::stack<Root, device, seeded_environment>>;

}  // namespace

struct network::implementation {
    line_options options;
    host<client_link> client;
    host<server_link> server;
    netkit::interface_id client_interface{}, server_interface{};
    journey request;

    implementation(boost::asio::io_context& io, const line_options& chosen)
        : options(chosen), client(io, netkit::not_default, seeded_environment(chosen.seed)), server(io, netkit::not_default, seeded_environment(chosen.seed + 1)) {}

    line::statistics statistics_of(auto& host, netkit::interface_id on) { return host.stack().device_of(on).inner().counters(); }
};

network::network(boost::asio::io_context& io, const line_options& options) : implementation_(std::make_unique<implementation>(io, options)) {
    auto& me = *implementation_;
    auto [left, right] = netkit::memory_link::make();
    const netkit::impairments how{.rate = options.rate, .delay = options.delay, .loss = options.loss};
    // At one end only: who reads a capture of both finds each frame twice, and takes the second for a retransmission.
    device at_client(line(std::move(left), how, options.seed), options.capture, {.name = "client"});
    device at_server(line(std::move(right), how, options.seed + 1));
    me.client_interface = me.client.attach(std::move(at_client), netkit::mac_address(2, 0x6e, 0x6b, 0, 0, 1), "eth0");
    me.server_interface = me.server.attach(std::move(at_server), netkit::mac_address(2, 0x6e, 0x6b, 0, 0, 2), "eth0");
    me.client.add_address(me.client_interface, "198.18.0.1/24");
    me.server.add_address(me.server_interface, "198.18.0.2/24");

    me.client.at<watched_tcp>()->observer.from_us = &me.request;
    me.client.at<client_network>()->observer.from_us = &me.request;
    me.client.at<client_link>()->observer.from_us = &me.request;
    me.server.at<watched_tcp>()->observer.to_us = &me.request;
    me.server.at<server_network>()->observer.to_us = &me.request;
    me.server.at<server_link>()->observer.to_us = &me.request;
}
network::~network() = default;

netkit::stack_executor network::client() { return implementation_->client.get_executor(); }
netkit::stack_executor network::server() { return implementation_->server.get_executor(); }
netkit::ip_address network::server_address() const { return netkit::ip_address::parse("198.18.0.2"); }
void network::finish_capture() {
    auto& me = *implementation_;
    if (const auto& file = me.client.stack().device_of(me.client_interface).writer()) file->finish();
}
const journey& network::request() const { return implementation_->request; }

std::string network::describe() const {
    const auto& o = implementation_->options;
    std::ostringstream out;
    out << compositions << "  between them: a link in memory, each way " << static_cast<double>(o.delay.count()) / 1000 << " ms of delay, " << o.loss * 100 << " % loss";
    if (o.rate != 0) out << ", " << static_cast<double>(o.rate) / 1e6 << " Mbit/s";
    out << " (seed " << o.seed << ")\n";
    return std::move(out).str();
}

std::string network::report() {
    auto& me = *implementation_;
    const auto& to_client = me.statistics_of(me.client, me.client_interface);
    const auto& to_server = me.statistics_of(me.server, me.server_interface);
    std::ostringstream out;
    out << "client\n" << example::describe_counters(me.client.stack()) << "server\n" << example::describe_counters(me.server.stack());
    out << "line\n  to the client: " << to_client.passed << " frames passed, " << to_client.lost << " lost; to the server: " << to_server.passed << " passed, " << to_server.lost << " lost";
    if (to_client.overflowed + to_server.overflowed != 0) out << "; " << to_client.overflowed + to_server.overflowed << " more than its queues hold";
    out << "\n";
    return std::move(out).str();
}

}  // namespace demo
