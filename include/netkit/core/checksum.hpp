#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/inline.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace netkit {

/// The Internet checksum (RFC 1071), added up in the machine's own byte order, which the sum does not care about
/// (section 2B), in a 64-bit accumulator that is folded once at the end. An accumulator may take 2^32 additions.

/// Sixteen bits in the machine's order: zero for data whose checksum is right.
constexpr std::uint16_t fold16(std::uint64_t sum) {
    // A number added to itself with its halves exchanged has in its upper half their sum, the carry of the lower half included:
    // what "end-around" means.
    const auto half = static_cast<std::uint32_t>((sum + std::rotr(sum, 32)) >> 32);
    return static_cast<std::uint16_t>(~(half + std::rotr(half, 16)) >> 16);
}
constexpr be16 checksum_of(std::uint64_t sum) { return be16::from_raw(fold16(sum)); }

namespace detail {
template <class Word>
NETKIT_INLINE std::uint64_t load(const std::byte* at) {
    Word word;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"  // g++ 12 warns of loads that a test of the size has ruled out
#endif
    std::memcpy(&word, at, sizeof word);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
    return word;
}

/// Adds up Count words of 64 bits, with each carry added back in: it would be lost otherwise.
template <std::size_t Count>
NETKIT_INLINE std::uint64_t sum_words(const std::byte* p, std::uint64_t words) {
    for (std::size_t i = 0; i < Count; ++i) {
        const auto word = load<std::uint64_t>(p + 8 * i);
        words += word;
        words += words < word;
    }
    return words;
}

/// Fewer than 128 bytes: as many steps as their number has bits.
NETKIT_INLINE std::uint64_t sum_tail(const std::byte* p, std::size_t n, std::uint64_t sum) {
    std::uint64_t words = 0;
    if (n >= 64) words = sum_words<8>(p, words), p += 64, n -= 64;
    if (n >= 32) words = sum_words<4>(p, words), p += 32, n -= 32;
    if (n >= 16) words = sum_words<2>(p, words), p += 16, n -= 16;
    if (n >= 8) words = sum_words<1>(p, words), p += 8, n -= 8;
    if (n & 4) sum += load<std::uint32_t>(p), p += 4;
    if (n & 2) sum += load<std::uint16_t>(p), p += 2;
    if (n & 1) sum += std::endian::native == std::endian::little ? std::uint64_t(*p) : std::uint64_t(*p) << 8;
    return sum + (words & 0xffffffff) + (words >> 32);
}

/// Four 64-bit lanes, each for two words of 32 bits: one addition of wide registers for 16 bytes where the machine has them.
/// Spelt out, since compilers make something slower of a loop over words.
using wide_lanes [[gnu::vector_size(32), gnu::may_alias]] = std::uint64_t;
struct wide_sum {
    wide_lanes low{}, high{};

    /// The 32 bytes at p.
    NETKIT_INLINE void add(const std::byte* p) {
        wide_lanes words;
        std::memcpy(&words, p, sizeof words);
        low += words & 0xffffffff;
        high += words >> 32;
    }
    std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (int i = 0; i < 4; ++i) sum += (low[i] & 0xffffffff) + (low[i] >> 32) + (high[i] & 0xffffffff) + (high[i] >> 32);
        return sum;
    }
};

[[gnu::noinline]] inline std::uint64_t sum_long(const std::byte* p, std::size_t n, std::uint64_t sum) {
    wide_sum lanes;
    for (; n >= 64; n -= 64, p += 64) {
        lanes.add(p);
        lanes.add(p + 32);
    }
    return sum_tail(p, n, sum + lanes.total());
}
}  // namespace detail

/// Adds bytes to a sum. They must start at an even offset of what is summed; see `sum_at`.
NETKIT_INLINE std::uint64_t sum16(std::span<const std::byte> bytes, std::uint64_t sum = 0) {
    if (bytes.size() >= 128) return detail::sum_long(bytes.data(), bytes.size(), sum);
    return detail::sum_tail(bytes.data(), bytes.size(), sum);
}

/// Adds up a header's fields, not its bytes: a load wider than the stores just made would stall.
template <wire_format Header>
constexpr std::uint64_t sum16(const Header& h, std::uint64_t sum = 0) {
    if constexpr (requires { h.sum(); }) return sum + h.sum();
    else if constexpr (requires { h.raw(); }) return sum + h.raw();
    else return sum16(std::as_bytes(std::span(&h, 1)), sum);
}

/// Adds bytes that start at an odd offset when `odd`.
NETKIT_INLINE std::uint64_t sum_at(bool odd, std::span<const std::byte> bytes, std::uint64_t sum) {
    if (!odd) return sum16(bytes, sum);
    const auto part = static_cast<std::uint16_t>(~fold16(sum16(bytes)));
    return sum + __builtin_bswap16(part);
}

/// Two neighbouring bytes as the sum sees them.
constexpr std::uint64_t sum_pair(std::uint8_t first, std::uint8_t second) {
    return std::endian::native == std::endian::little ? first | std::uint64_t(second) << 8 : std::uint64_t(first) << 8 | second;
}

/// The checksum after one 16-bit word of its data changed from `before` to `after` (RFC 1624, equation 3).
constexpr be16 checksum_updated(be16 checksum, be16 before, be16 after) {
    const std::uint64_t sum = std::uint64_t(static_cast<std::uint16_t>(~checksum.raw())) + static_cast<std::uint16_t>(~before.raw()) + after.raw();
    return be16::from_raw(fold16(sum));
}

/// Copies n bytes and adds them up in one pass: what is read once need not be read twice.
inline std::uint64_t copy_and_sum(std::byte* to, const std::byte* from, std::size_t n, std::uint64_t sum = 0) {
    detail::wide_sum lanes;
    for (; n >= 32; n -= 32, from += 32, to += 32) {
        std::memcpy(to, from, 32);
        lanes.add(from);
    }
    sum += lanes.total();
    if (n) std::memcpy(to, from, n);
    return detail::sum_tail(from, n, sum);
}

}  // namespace netkit
