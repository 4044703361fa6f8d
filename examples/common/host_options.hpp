#pragma once

#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/drivers/device_spec.hpp>

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace example {

/// What every program takes from its command line about the host that it is.
struct host_options {
    std::string device = "link";
    std::vector<std::string> addresses;
    std::string gateway;
    std::string mac;
    std::string capture;
};

/// Adds --device, --address, --gateway, --mac and --capture.
void add_host_options(CLI::App& app, host_options& options);
/// Adds an option for ADDRESS/PREFIX, one each time that it is given.
void add_address_option(CLI::App& app, const std::string& name, std::vector<std::string>& addresses, const std::string& whose);

// What was given, as a host can use it. Each throws std::invalid_argument, naming what was given and what is wrong with it.

/// On a link there must be room for the neighbour.
std::vector<netkit::address_prefix> parse_addresses(const std::vector<std::string>& texts, const netkit::device_spec& device);
/// Must be a neighbour of one of the host's addresses.
netkit::ip_address parse_gateway(const std::string& text, const std::vector<netkit::address_prefix>& ours);
netkit::mac_address parse_mac(const std::string& text);
/// A capture must not overwrite the file that is played back.
void check_capture(const std::string& path, const netkit::device_spec& device);

/// The first address in the network of `ours` that none of `taken` has: a neighbour's.
netkit::address_prefix neighbour_of(const netkit::address_prefix& ours, const std::vector<netkit::address_prefix>& taken);

}  // namespace example
