#include "host_options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace example {

namespace {

/// Why no host can have this address; empty where one can.
std::string why_no_host(const netkit::address_prefix& p) {
    if (p.address.is_any()) return "it stands for no address";
    if (p.address.is_loopback()) return "it never leaves a host";
    if (p.address.is_multicast()) return "it is a group of hosts";
    if (p.length == 0) return "with /0 no address would be anywhere else";
    if (p.address.is_v6()) return p.address.v6().is_mapped() ? "it stands for an IPv4 address" : "";
    const auto four = p.address.v4();
    if (four.is_reserved() || !four.is_unicast()) return "it is reserved";
    const auto host_bits = 0xffffffffu >> (p.length % 32);
    const auto in_network = "with /" + std::to_string(p.length) + " it is the network";
    if (p.length <= 30 && (four.value() & host_bits) == 0) return in_network + " itself";
    if (p.length <= 30 && (four.value() & host_bits) == host_bits) return in_network + "'s broadcast address";
    return "";
}
bool is_in(const netkit::ip_address& address, const netkit::address_prefix& net) {
    if (address.is_v6() != net.address.is_v6()) return false;
    return address.is_v6() ? address.v6().in(net.address.v6(), net.length) : address.v4().in(net.address.v4(), net.length);
}

}  // namespace

void add_host_options(CLI::App& app, host_options& options) {
    app.add_option("--device", options.device, std::string(netkit::device_spec::forms) + " (link: a second host in this process)")->capture_default_str();
    add_address_option(app, "--address", options.addresses, "this host, as in 198.18.0.2/24 or fd00:6e6b::2/64");
    app.add_option("--gateway", options.gateway, "address of the router to everywhere else");
    app.add_option("--mac", options.mac, "link address, as in 02:00:00:00:00:01; made up where absent");
    app.add_option("--capture", options.capture, "pcapng file to write every frame to");
}
void add_address_option(CLI::App& app, const std::string& name, std::vector<std::string>& addresses, const std::string& whose) {
    app.add_option(name, addresses, "ADDRESS/PREFIX of " + whose + "; repeatable")->allow_extra_args(false);
}

std::vector<netkit::address_prefix> parse_addresses(const std::vector<std::string>& texts, const netkit::device_spec& device) {
    std::vector<netkit::address_prefix> result;
    for (const auto& text : texts) {
        const auto& p = result.emplace_back(netkit::address_prefix::parse(text));
        if (const auto why = why_no_host(p); !why.empty()) throw std::invalid_argument("no host can have the address " + text + ": " + why);
        const unsigned longest = p.address.is_v6() ? 126 : 30;
        if (device.what == netkit::device_spec::kind::link && p.length > longest)
            throw std::invalid_argument("the network of " + text + " has no room for the neighbour on a link (expected /" +
                                        std::to_string(longest) + " or shorter)");
    }
    return result;
}
netkit::ip_address parse_gateway(const std::string& text, const std::vector<netkit::address_prefix>& ours) {
    const auto gateway = netkit::ip_address::parse(text);
    const auto fail = [&](const std::string& why) { throw std::invalid_argument("the gateway cannot be " + text + ": " + why); };
    const bool link_local = gateway.is_v6() && gateway.v6().is_link_local();
    const auto net = std::ranges::find_if(ours, [&](const auto& each) { return is_in(gateway, each); });
    const auto why = why_no_host({gateway, net != ours.end() ? net->length : gateway.is_v6() ? 128u : 32u});
    if (!why.empty()) fail(why);
    if (std::ranges::any_of(ours, [&](const auto& each) { return each.address == gateway; })) fail("this host has that address itself");
    if (net == ours.end() && !link_local) fail("it is in the network of no --address, where alone a gateway can be reached");
    return gateway;
}
netkit::mac_address parse_mac(const std::string& text) {
    const auto mac = netkit::mac_address::parse(text);
    if (mac.is_zero() || mac.is_group())
        throw std::invalid_argument("no host can have the link address " + text + (mac.is_zero() ? ": it stands for none" : ": it is a group of hosts"));
    return mac;
}
void check_capture(const std::string& path, const netkit::device_spec& device) {
    std::error_code not_there;
    if (device.what == netkit::device_spec::kind::pcap && std::filesystem::equivalent(path, device.name, not_there))
        throw std::invalid_argument("--capture " + path + " would overwrite the file that --device reads");
}

netkit::address_prefix neighbour_of(const netkit::address_prefix& ours, const std::vector<netkit::address_prefix>& taken) {
    const auto host_bits = std::min(16u, (ours.address.is_v6() ? 128 : 32) - ours.length);
    const std::uint64_t mask = (1u << host_bits) - 1;
    for (std::uint64_t host = 1; host < mask; ++host) {
        const auto& a = ours.address;
        const auto address = a.is_v6() ? netkit::ip_address(netkit::ipv6_address(a.v6().high(), (a.v6().low() & ~mask) | host))
                                       : netkit::ip_address(netkit::ipv4_address(static_cast<std::uint32_t>((a.v4().value() & ~mask) | host)));
        if (std::ranges::none_of(taken, [&](const auto& each) { return each.address == address; })) return {address, ours.length};
    }
    throw std::invalid_argument("the network of " + to_string(ours) + " has no room for a neighbour");
}

}  // namespace example
