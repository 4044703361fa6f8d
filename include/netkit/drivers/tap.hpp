#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/drivers/kernel_interface.hpp>
#include <netkit/drivers/tun_queue.hpp>

#include <string>

namespace netkit {

using tap_options = tun_options;

/// A TAP device: an Ethernet of two, whose other end is an interface of the kernel's.
class tap : public detail::tun_queue {
public:
    /// Creates the interface, or attaches to it where it exists; in a name such as "nk%d" the kernel fills in a number. The
    /// interface goes when this does, unless it was there before. Throws device_error, which says what right or step is missing.
    static tap open(const std::string& name, const tap_options& options = {}) { return tap(name, options); }

    /// The address of our end: made up at random, and not that of the kernel's end.
    mac_address mac() const { return mac_; }
    /// The address of the kernel's end.
    mac_address host_mac() const { return host_mac_; }

private:
    tap(const std::string& name, const tap_options& options)
        : tun_queue(name, link_type::ethernet, options), host_mac_(kernel_interface(this->name()).mac()), mac_(random_mac(host_mac_)) {}

    mac_address host_mac_;
    mac_address mac_;
};
static_assert(device<tap>);

}  // namespace netkit
