#pragma once

#include <cstdint>

namespace netkit {

/// A number modulo 2^32, compared by distance (RFC 9293 section 3.4): a < b where b is less than 2^31 ahead of a.
class sequence_number {
public:
    constexpr sequence_number() = default;
    constexpr explicit sequence_number(std::uint32_t value) : value_(value) {}
    constexpr std::uint32_t value() const { return value_; }

    constexpr sequence_number operator+(std::uint32_t n) const { return sequence_number(value_ + n); }
    constexpr sequence_number operator-(std::uint32_t n) const { return sequence_number(value_ - n); }
    /// The distance forward from `from`, modulo 2^32.
    constexpr std::uint32_t operator-(sequence_number from) const { return value_ - from.value_; }
    constexpr sequence_number& operator+=(std::uint32_t n) { value_ += n; return *this; }
    constexpr sequence_number& operator++() { ++value_; return *this; }

    constexpr bool operator==(const sequence_number&) const = default;
    constexpr bool operator<(sequence_number o) const { return static_cast<std::int32_t>(value_ - o.value_) < 0; }
    constexpr bool operator<=(sequence_number o) const { return static_cast<std::int32_t>(value_ - o.value_) <= 0; }
    constexpr bool operator>(sequence_number o) const { return o < *this; }
    constexpr bool operator>=(sequence_number o) const { return o <= *this; }

    /// Whether this lies in [first, first + length).
    constexpr bool in(sequence_number first, std::uint32_t length) const { return value_ - first.value_ < length; }

private:
    std::uint32_t value_ = 0;
};

constexpr sequence_number max(sequence_number a, sequence_number b) { return a < b ? b : a; }
constexpr sequence_number min(sequence_number a, sequence_number b) { return a < b ? a : b; }

}  // namespace netkit
