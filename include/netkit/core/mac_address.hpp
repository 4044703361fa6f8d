#pragma once

#include <netkit/core/byte_order.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace netkit {

/// A 48-bit link-layer address (IEEE 802). Two scalars: compilers copy six bytes in overlapping halves, which stall.
class mac_address {
public:
    constexpr mac_address() = default;
    constexpr explicit mac_address(std::array<std::uint8_t, 6> b)
        : high_(std::uint32_t(b[0]) << 24 | std::uint32_t(b[1]) << 16 | std::uint32_t(b[2]) << 8 | b[3]),
          low_(static_cast<std::uint16_t>(b[4] << 8 | b[5])) {}
    constexpr mac_address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint8_t e, std::uint8_t f)
        : mac_address(std::array<std::uint8_t, 6>{a, b, c, d, e, f}) {}

    static constexpr mac_address broadcast() { return {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}; }

    /// Reads "02:00:00:00:00:01" (or with '-'). Nothing where the text is anything else.
    static std::optional<mac_address> try_parse(std::string_view text) {
        std::array<std::uint8_t, 6> bytes{};
        if (text.size() != 17) return {};
        auto digit = [](char c) -> int {
            if (c >= '0' && c <= '9') return c - '0';
            if (c >= 'a' && c <= 'f') return c - 'a' + 10;
            if (c >= 'A' && c <= 'F') return c - 'A' + 10;
            return -1;
        };
        for (std::size_t i = 0; i < 6; ++i) {
            const int high = digit(text[3 * i]), low = digit(text[3 * i + 1]);
            if (high < 0 || low < 0) return {};
            if (i < 5 && text[3 * i + 2] != ':' && text[3 * i + 2] != '-') return {};
            bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
        }
        return mac_address(bytes);
    }
    /// The same; throws std::invalid_argument, naming the text.
    static mac_address parse(std::string_view text) {
        if (auto address = try_parse(text)) return *address;
        throw std::invalid_argument("netkit: '" + std::string(text) + "' is not a MAC address (expected six hexadecimal bytes, as in 02:00:00:00:00:01)");
    }

    constexpr bool operator==(const mac_address& other) const { return high_ == other.high_ && low_ == other.low_; }
    /// Multicast or broadcast: the I/G bit.
    constexpr bool is_group() const { return (high_ >> 24 & 1) != 0; }
    constexpr bool is_zero() const { return high_ == 0 && low_ == 0; }
    constexpr std::uint64_t value() const { return std::uint64_t(high_) << 16 | low_; }
    constexpr std::array<std::uint8_t, 6> bytes() const {
        const auto v = value();
        std::array<std::uint8_t, 6> result{};
        for (std::size_t i = 0; i < 6; ++i) result[i] = static_cast<std::uint8_t>(v >> (40 - 8 * i));
        return result;
    }

private:
    be32 high_;
    be16 low_;
};
static_assert(wire_format<mac_address> && sizeof(mac_address) == 6);

inline std::string to_string(const mac_address& address) {
    const auto b = address.bytes();
    char text[18];
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return text;
}

}  // namespace netkit

template <>
struct std::hash<netkit::mac_address> {
    std::size_t operator()(const netkit::mac_address& address) const noexcept { return std::hash<std::uint64_t>{}(address.value()); }
};
