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

#include <algorithm>
#include <optional>
#include <random>

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

/// The host number that the neighbour takes in a network: 1, or 2 where that is ours.
netkit::address_prefix neighbour_of(const netkit::address_prefix& ours) {
    if (ours.address.is_v4()) {
        const auto network_part = ours.length == 0 ? 0u : ours.address.v4().value() & ~(0xffffffffu >> (ours.length - (ours.length == 32)));
        netkit::ipv4_address first(network_part | 1);
        return {first == ours.address.v4() ? netkit::ipv4_address(network_part | 2) : first, ours.length};
    }
    const auto six = ours.address.v6();
    netkit::ipv6_address first(six.high(), (six.low() & ~std::uint64_t{0xffff}) | 1);
    return {first == six ? netkit::ipv6_address(six.high(), first.low() + 1) : first, ours.length};
}

void add_addresses(reactor& to, netkit::interface_id on, const std::vector<netkit::address_prefix>& addresses) {
    for (const auto& a : addresses) to.add_address(on, a);
}
netkit::ip_address first_of(const std::vector<netkit::address_prefix>& addresses, bool v6) {
    for (const auto& a : addresses)
        if (a.address.is_v6() == v6) return a.address;
    return v6 ? netkit::ip_address(netkit::ipv6_address()) : netkit::ip_address(netkit::ipv4_address());
}

}  // namespace

struct host::implementation {
    boost::asio::io_context& io;
    reactor own;
    std::optional<reactor> neighbour;
    netkit::interface_id interface{};
    std::vector<netkit::address_prefix> addresses, neighbour_addresses;

    explicit implementation(boost::asio::io_context& context) : io(context), own(context) {}
};

host::host(boost::asio::io_context& io, const host_options& options) : implementation_(std::make_unique<implementation>(io)) {
    auto& me = *implementation_;
    const auto spec = netkit::device_spec::parse(options.device);
    const bool linked = spec.what == netkit::device_spec::kind::link;
    auto texts = options.addresses;
    if (texts.empty() && linked) texts = {"198.18.0.2/24", "fd00:6e6b::2/64"};
    for (const auto& text : texts) me.addresses.push_back(netkit::address_prefix::parse(text));
    const auto mac = options.mac.empty() ? made_up_mac() : netkit::mac_address::parse(options.mac);

    // Nobody else is on a link in memory: its addresses need not be checked for a second before they are used.
    me.own.at<netkit::ipv6>()->duplicate_address_detection = !linked;
    netkit::memory_link far_end;
    netkit::capture<netkit::any_device> device(spec.open(linked ? &far_end : nullptr), options.capture, {.name = netkit::to_string(spec)});
    me.interface = me.own.attach(std::move(device), mac, "eth0");
    add_addresses(me.own, me.interface, me.addresses);
    if (!options.gateway.empty()) me.own.add_gateway(options.gateway, me.interface);

    if (linked) {
        me.neighbour.emplace(io, netkit::not_default);
        me.neighbour->at<netkit::ipv6>()->duplicate_address_detection = false;
        const auto on = me.neighbour->attach(netkit::capture<netkit::any_device>(std::move(far_end)), made_up_mac(), "eth0");
        for (const auto& a : me.addresses) me.neighbour_addresses.push_back(neighbour_of(a));
        add_addresses(*me.neighbour, on, me.neighbour_addresses);
    }
}
host::~host() = default;

netkit::stack_executor host::executor() { return implementation_->own.get_executor(); }
netkit::ip_address host::address(bool v6) const { return first_of(implementation_->addresses, v6); }
bool host::is_checking_addresses() const {
    const auto& all = implementation_->own.at<netkit::ipv6>()->table.addresses().all();
    return std::any_of(all.begin(), all.end(), [](const auto& each) { return each.state == netkit::address_state::tentative; });
}
bool host::has_neighbour() const { return implementation_->neighbour.has_value(); }
netkit::stack_executor host::neighbour_executor() { return implementation_->neighbour->get_executor(); }
netkit::ip_address host::neighbour_address(bool v6) const { return first_of(implementation_->neighbour_addresses, v6); }

std::unique_ptr<netkit::echo_socket> host::open_echo(bool v6) {
    if (v6) return std::make_unique<netkit::echo_socket>(implementation_->own.at<netkit::icmpv6>());
    return std::make_unique<netkit::echo_socket>(implementation_->own.at<netkit::icmp>());
}
std::string host::report() { return describe_counters(implementation_->own.stack()); }

}  // namespace example
