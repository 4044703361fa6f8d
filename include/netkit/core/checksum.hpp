#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/inline.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

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

/// Words of 64 bits, their carries counted apart: in this form compilers make two instructions a word of it.
struct word_sum {
    std::uint64_t words = 0, carries = 0;

    template <std::size_t Count>
    NETKIT_INLINE void add(const std::byte* p) {
        for (std::size_t i = 0; i < Count; ++i) carries += __builtin_add_overflow(words, load<std::uint64_t>(p + 8 * i), &words);
    }
    NETKIT_INLINE std::uint64_t total() const { return (words & 0xffffffff) + (words >> 32) + carries; }
};

/// Fewer than 128 bytes: as many steps as their number has bits.
NETKIT_HOT std::uint64_t sum_tail(const std::byte* p, std::size_t n, std::uint64_t sum) {
    constexpr bool little = std::endian::native == std::endian::little;
    if (n < 8) [[unlikely]] {
        if (n & 4) sum += load<std::uint32_t>(p), p += 4;
        if (n & 2) sum += load<std::uint16_t>(p), p += 2;
        if (n & 1) sum += little ? std::uint64_t(*p) : std::uint64_t(*p) << 8;
        return sum;
    }
    // The last word may begin among bytes that are summed already: those are shifted out of it.
    const auto summed_twice = ((0 - n) & 7) * 8;
    const auto last = load<std::uint64_t>(p + n - 8);
    word_sum all{little ? last >> summed_twice : last << summed_twice, sum};
    const auto before = n - 1;
    if (before & 64) all.add<8>(p), p += 64;
    if (before & 32) all.add<4>(p), p += 32;
    if (before & 16) all.add<2>(p), p += 16;
    if (before & 8) all.add<1>(p);
    return all.total();
}

/// Four 64-bit lanes, each for two words of 32 bits. Spelt out, since compilers make something slower of a loop over words.
using wide_lanes [[gnu::vector_size(32), gnu::may_alias]] = std::uint64_t;
struct wide_sum {
    // Of each lane the words as they are, their carries lost, and their upper halves alone: what the lower halves add up to is
    // what is missing from the one to make the other.
    wide_lanes words{}, upper{};

    /// The 32 bytes at p; copied to `to` on the way, where that is wanted.
    template <bool Copies>
    NETKIT_INLINE void add(std::byte* to, const std::byte* p) {
        wide_lanes four;
        std::memcpy(&four, p, sizeof four);
        if constexpr (Copies) std::memcpy(to, &four, sizeof four);
        words += four;
        upper += four >> 32;
    }
    NETKIT_INLINE std::uint64_t total() const {
        const wide_lanes lower = words - (upper << 32);
        const wide_lanes folded = (lower & 0xffffffff) + (lower >> 32) + (upper & 0xffffffff) + (upper >> 32);
        return folded[0] + folded[1] + folded[2] + folded[3];
    }
};

/// Copies bytes [copied, n), fewer than 32: rather some of those before them once more than in many small pieces.
NETKIT_HOT void copy_rest(std::byte* to, const std::byte* from, std::size_t n, std::size_t copied) {
    const auto both_ends = [&]<std::size_t Size>(std::integral_constant<std::size_t, Size>) {
        std::memcpy(to + copied, from + copied, Size);
        std::memcpy(to + n - Size, from + n - Size, Size);
    };
    const auto left = n - copied;
    if (left == 0) return;
    if (n >= 32) std::memcpy(to + n - 32, from + n - 32, 32);
    else if (left >= 16) both_ends(std::integral_constant<std::size_t, 16>{});
    else if (left >= 8) both_ends(std::integral_constant<std::size_t, 8>{});
    else if (left >= 4) both_ends(std::integral_constant<std::size_t, 4>{});
    else if (left >= 2) both_ends(std::integral_constant<std::size_t, 2>{});
    else to[copied] = from[copied];
}

/// Adds up n bytes, copying them to `to` on the way where Copies.
template <bool Copies>
NETKIT_INLINE std::uint64_t sum_wide(std::byte* to, const std::byte* p, std::size_t n, std::uint64_t sum) {
    wide_sum lanes;
    std::size_t at = 0;
    const auto target = [&](std::size_t offset) { return Copies ? to + offset : nullptr; };
    for (; at + 128 <= n; at += 128)
        for (std::size_t part = 0; part < 128; part += 32) lanes.add<Copies>(target(at + part), p + at + part);
    for (; at + 32 <= n; at += 32) lanes.add<Copies>(target(at), p + at);
    if constexpr (Copies) copy_rest(to, p, n, at);
    return sum_tail(p + at, n - at, sum + lanes.total());
}

// Where the compiler may not count on wide registers, the processor is asked whether it has them.
#if defined(__x86_64__) && !defined(__AVX2__)
#define NETKIT_ASKS_FOR_WIDE_REGISTERS 1
template <bool Copies>
[[gnu::target("avx2"), gnu::noinline]] std::uint64_t sum_widest(std::byte* to, const std::byte* p, std::size_t n, std::uint64_t sum) {
    return sum_wide<Copies>(to, p, n, sum);
}
#endif
template <bool Copies>
[[gnu::noinline]] std::uint64_t sum_long(std::byte* to, const std::byte* p, std::size_t n, std::uint64_t sum) {
#if defined(NETKIT_ASKS_FOR_WIDE_REGISTERS)
    if (__builtin_cpu_supports("avx2")) return sum_widest<Copies>(to, p, n, sum);
#endif
    return sum_wide<Copies>(to, p, n, sum);
}
}  // namespace detail

/// Adds bytes to a sum. They must start at an even offset of what is summed; see `sum_at`.
NETKIT_INLINE std::uint64_t sum16(std::span<const std::byte> bytes, std::uint64_t sum = 0) {
    if (bytes.size() >= 128) return detail::sum_long<false>(nullptr, bytes.data(), bytes.size(), sum);
    return detail::sum_tail(bytes.data(), bytes.size(), sum);
}

/// Adds up a header's fields, not its bytes: a load wider than the stores just made would stall.
template <wire_format Header>
constexpr std::uint64_t sum16(const Header& h, std::uint64_t sum = 0) {
    if constexpr (requires { h.sum(); }) return sum + h.sum();
    else if constexpr (requires { h.raw(); }) return sum + h.raw();
    else return sum16(std::as_bytes(std::span(&h, 1)), sum);
}

/// What the sum of bytes that were added up by themselves is where they start at an odd offset.
constexpr std::uint64_t sum_moved_by_one(std::uint64_t sum) { return __builtin_bswap16(static_cast<std::uint16_t>(~fold16(sum))); }

/// Adds bytes that start at an odd offset when `odd`.
NETKIT_INLINE std::uint64_t sum_at(bool odd, std::span<const std::byte> bytes, std::uint64_t sum) {
    if (!odd) return sum16(bytes, sum);
    return sum + sum_moved_by_one(sum16(bytes));
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
    return detail::sum_long<true>(to, from, n, sum);
}

}  // namespace netkit
