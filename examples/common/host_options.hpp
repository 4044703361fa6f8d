#pragma once

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

}  // namespace example
