#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace netkit {

/// An unsigned integer kept in network byte order, aligned to one byte: a struct of these is a wire format.
/// It is one packed scalar and not an array of bytes, so that compilers load and store it whole.
template <std::unsigned_integral T>
class [[gnu::packed]] big {
public:
    constexpr big() = default;
    constexpr big(T value) : raw_(swap(value)) {}
    constexpr operator T() const { return swap(raw_); }

    /// The number as it lies in memory: what checksums add up.
    constexpr T raw() const { return raw_; }
    static constexpr big from_raw(T raw) {
        big result;
        result.raw_ = raw;
        return result;
    }

private:
    static constexpr T swap(T value) {
        if constexpr (std::endian::native == std::endian::big) return value;
        else if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
        else if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
        else return __builtin_bswap64(value);
    }
    T raw_ = 0;
};

using be16 = big<std::uint16_t>;
using be32 = big<std::uint32_t>;
using be64 = big<std::uint64_t>;

/// What may be copied between a struct and the wire.
template <class Header>
concept wire_format = std::is_trivially_copyable_v<Header> && alignof(Header) == 1;

static_assert(wire_format<be16> && wire_format<be32> && wire_format<be64>);

}  // namespace netkit
