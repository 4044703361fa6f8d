#include "host.hpp"

#include "counters.hpp"

#include <netkit/asio/reactor.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/device_spec.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/igmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/mld.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/udp.hpp>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

namespace example {

namespace {

using network = netkit::dual<netkit::ipv4<netkit::icmp, netkit::igmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp, netkit::mld>>, netkit::udp, netkit::tcp<>>;
using stack = netkit::stack<netkit::ethernet<netkit::arp, network>, netkit::capture<netkit::any_device>>;
using reactor = netkit::reactor<stack>;

netkit::mac_address made_up_mac() {
    std::random_device random;
    auto byte = [&] { return static_cast<std::uint8_t>(random()); };
    return {0x02, 0x6e, 0x6b, byte(), byte(), byte()};
}

void add_addresses(reactor& to, netkit::interface_id on, const std::vector<netkit::address_prefix>& addresses) {
    for (const auto& a : addresses) to.add_address(on, a);
}

}  // namespace

struct host::implementation {
    boost::asio::io_context& io;
    reactor own;
    std::optional<reactor> neighbour;
    netkit::interface_id interface{};
    std::vector<netkit::address_prefix> addresses, neighbour_addresses;
    boost::asio::signal_set signals;
    boost::asio::steady_timer look_again;
    std::function<void()> stop;

    explicit implementation(boost::asio::io_context& context) : io(context), own(context), signals(context), look_again(context) {}

    netkit::capture<netkit::any_device>& device() { return own.stack().device_of(interface); }
    /// Nobody tells when a file has been read.
    void watch_file() {
        const auto* file = device().inner().get<netkit::pcapng_device>();
        if (!file) return;
        look_again.expires_after(std::chrono::milliseconds(10));
        look_again.async_wait([this, over = file->finished()](boost::system::error_code error) {
            if (error) return;
            if (over) end();
            else watch_file();
        });
    }
    void cancel() {
        signals.cancel();
        look_again.cancel();
    }
    void end() {
        cancel();
        stop();
    }
};

host::host(boost::asio::io_context& io, const host_options& options) : implementation_(std::make_unique<implementation>(io)) {
    auto& me = *implementation_;
    const auto spec = netkit::device_spec::parse(options.device);
    const bool linked = spec.what == netkit::device_spec::kind::link;
    auto texts = options.addresses;
    if (texts.empty() && linked) texts = {"198.18.0.2/24", "fd00:6e6b::2/64"};
    me.addresses = parse_addresses(texts, spec);
    const auto mac = options.mac.empty() ? made_up_mac() : parse_mac(options.mac);
    std::optional<netkit::ip_address> gateway;
    if (!options.gateway.empty()) gateway = parse_gateway(options.gateway, me.addresses);
    check_capture(options.capture, spec);
    if (linked)
        for (const auto& a : me.addresses) me.neighbour_addresses.push_back(neighbour_of(a, me.addresses));

    // Nobody else is on a link in memory, or in a file: addresses need not be checked for a second before they are used.
    me.own.at<netkit::ipv6>()->duplicate_address_detection = !linked && spec.what != netkit::device_spec::kind::pcap;
    netkit::memory_link far_end;
    netkit::capture<netkit::any_device> device(spec.open(linked ? &far_end : nullptr), options.capture, {.name = netkit::to_string(spec)});
    me.interface = me.own.attach(std::move(device), mac, netkit::to_string(spec));
    add_addresses(me.own, me.interface, me.addresses);
    if (gateway) me.own.add_gateway(*gateway, me.interface);
    me.own.on_device_gone([name = netkit::to_string(spec)](netkit::interface_id) { throw std::runtime_error("the device " + name + " is gone"); });

    if (linked) {
        me.neighbour.emplace(io, netkit::not_default);
        me.neighbour->at<netkit::ipv6>()->duplicate_address_detection = false;
        const auto on = me.neighbour->attach(netkit::capture<netkit::any_device>(std::move(far_end)), made_up_mac(), "neighbour");
        add_addresses(*me.neighbour, on, me.neighbour_addresses);
    }
}
host::~host() = default;

netkit::stack_executor host::executor() { return implementation_->own.get_executor(); }
netkit::ip_address host::address() const { return implementation_->addresses.empty() ? netkit::ip_address() : implementation_->addresses.front().address; }
bool host::is_checking_addresses() const {
    const auto& all = implementation_->own.at<netkit::ipv6>()->table.addresses().all();
    return std::any_of(all.begin(), all.end(), [](const auto& each) { return each.state == netkit::address_state::tentative; });
}
bool host::has_neighbour() const { return implementation_->neighbour.has_value(); }
netkit::stack_executor host::neighbour_executor() { return implementation_->neighbour->get_executor(); }
netkit::ip_address host::neighbour_address() const { return implementation_->neighbour_addresses.front().address; }

void host::on_end(std::function<void()> stop) {
    auto& me = *implementation_;
    me.stop = std::move(stop);
    me.signals.add(SIGINT);
    me.signals.add(SIGTERM);
    me.signals.async_wait([&me](boost::system::error_code error, int) {
        if (!error) me.end();
    });
    me.watch_file();
}
void host::ended() { implementation_->cancel(); }
void host::finish_capture() {
    if (const auto& file = implementation_->device().writer()) file->finish();
}

std::unique_ptr<netkit::echo_socket> host::open_echo(bool v6) {
    if (v6) return std::make_unique<netkit::echo_socket>(implementation_->own.at<netkit::icmpv6>());
    return std::make_unique<netkit::echo_socket>(implementation_->own.at<netkit::icmp>());
}
std::string host::report() { return describe_counters(implementation_->own.stack()); }

}  // namespace example
