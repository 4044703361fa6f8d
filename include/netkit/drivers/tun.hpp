#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/drivers/tun_queue.hpp>

#include <string>

namespace netkit {

/// A TUN device: IP packets of both families, with no link header, to and from an interface of the kernel's.
class tun : public detail::tun_queue {
public:
    /// Creates the interface, or attaches to it where it exists; in a name such as "nk%d" the kernel fills in a number. The
    /// interface goes when this does, unless it was there before. Throws device_error, which says what right or step is missing.
    static tun open(const std::string& name, const tun_options& options = {}) { return tun(name, options); }

private:
    tun(const std::string& name, const tun_options& options) : tun_queue(name, link_type::ip, options) {}
};
static_assert(device<tun>);

}  // namespace netkit
