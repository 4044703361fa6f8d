#pragma once

#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>

namespace netkit {

/// Thrown where a device cannot be opened or set up: what failed, why, and what to do about it.
class device_error : public std::runtime_error {
public:
    /// "netkit: cannot open TAP 'nk0': /dev/net/tun: Permission denied; run as root".
    device_error(const std::string& what_failed, int error, const std::string& advice)
        : std::runtime_error("netkit: " + what_failed + ": " + std::strerror(error) + (advice.empty() ? "" : "; " + advice)),
          code_(error, std::generic_category()) {}

    /// The operating system's error.
    const std::error_code& code() const { return code_; }

private:
    std::error_code code_;
};

}  // namespace netkit
