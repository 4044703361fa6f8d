#pragma once

#include <cstdint>

namespace netkit {

/// Who has seen to a packet's transport checksum, or who still must (what Linux calls ip_summed).
enum class checksum_state : std::uint8_t {
    unknown,   ///< received: not looked at yet; sent: complete, or none wanted
    partial,   ///< the field holds the pseudo-header's sum; the rest is to be added on the way out
    verified,  ///< right, as the device or a layer says
};

/// What a device does by itself on transmission. Whatever it cannot do is done by the interface.
struct offloads {
    bool checksum = false;      ///< completes partial checksums
    bool scatter = false;       ///< gathers borrowed slices
    bool segmentation = false;  ///< cuts TCP super-segments of up to 64 KiB to gso_size
};

}  // namespace netkit
