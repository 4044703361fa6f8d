#pragma once

#include <cstdint>
#include <string>

namespace netkit {

/// A number as "0x88b5", with leading zeros up to `digits`.
inline std::string hexadecimal(std::uint64_t number, unsigned digits = 1) {
    std::string text;
    for (; number != 0 || text.size() < digits; number >>= 4) text.insert(text.begin(), "0123456789abcdef"[number & 15]);
    return "0x" + text;
}

}  // namespace netkit
