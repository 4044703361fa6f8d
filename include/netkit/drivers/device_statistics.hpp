#pragma once

#include <cstdint>

namespace netkit {

/// What a device of the operating system's has carried since it was opened.
struct device_statistics {
    std::uint64_t received = 0;      ///< frames handed to the stack
    std::uint64_t bad_received = 0;  ///< frames discarded: cut short, or with offload metadata that cannot be true
    std::uint64_t no_buffers = 0;    ///< frames discarded since the stack's pool was exhausted
    std::uint64_t sent = 0;          ///< frames handed to the kernel
    std::uint64_t send_errors = 0;   ///< frames that the kernel refused for good, or for which the interface is gone
    std::uint64_t send_full = 0;     ///< times that the kernel had no room: those frames stay with the stack
};

}  // namespace netkit
