#include "host_options.hpp"

#include <netkit/drivers/device_spec.hpp>

#include <CLI/CLI.hpp>

namespace example {

void add_host_options(CLI::App& app, host_options& options) {
    app.add_option("--device", options.device, std::string(netkit::device_spec::forms) + " (link: a second host in this process)")->capture_default_str();
    app.add_option("--address", options.addresses, "ADDRESS/PREFIX of this host, as in 198.18.0.2/24 or fd00:6e6b::2/64; repeatable");
    app.add_option("--gateway", options.gateway, "address of the router to everywhere else");
    app.add_option("--mac", options.mac, "link address, as in 02:00:00:00:00:01; made up where absent");
    app.add_option("--capture", options.capture, "pcapng file to write every frame to");
}

}  // namespace example
