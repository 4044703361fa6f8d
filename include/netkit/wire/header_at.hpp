#pragma once

#include <netkit/core/byte_order.hpp>

#include <cstddef>
#include <span>

namespace netkit {

/// The header that lies `offset` bytes into `bytes`, in place; null where the bytes end before it does.
template <wire_format Header>
const Header* header_at(std::span<const std::byte> bytes, std::size_t offset = 0) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(Header)) return nullptr;
    return reinterpret_cast<const Header*>(bytes.data() + offset);
}

/// The bytes from `offset` on; none where there are not as many.
inline std::span<const std::byte> bytes_from(std::span<const std::byte> bytes, std::size_t offset) {
    return offset < bytes.size() ? bytes.subspan(offset) : std::span<const std::byte>{};
}

}  // namespace netkit
