#pragma once

#include <cstdint>

namespace netkit {

/// Which interface of a stack: an index given by `stack::attach`, never used again for another one.
/// Zero is the loopback that every stack has.
enum class interface_id : std::uint16_t { loopback = 0, none = 0xffff };

}  // namespace netkit
