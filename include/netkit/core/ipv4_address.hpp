#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/mac_address.hpp>

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace netkit {

/// An IPv4 address, as it lies on the wire.
class ipv4_address {
public:
    static constexpr unsigned bits = 32;
    static constexpr bool is_v6 = false;

    constexpr ipv4_address() = default;
    constexpr explicit ipv4_address(std::uint32_t value) : value_(value) {}
    constexpr ipv4_address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
        : value_(std::uint32_t(a) << 24 | std::uint32_t(b) << 16 | std::uint32_t(c) << 8 | d) {}
    static constexpr ipv4_address from_raw(std::uint32_t raw) {
        ipv4_address result;
        result.value_ = be32::from_raw(raw);
        return result;
    }
    static constexpr ipv4_address any() { return {}; }
    static constexpr ipv4_address loopback() { return {127, 0, 0, 1}; }
    static constexpr ipv4_address broadcast() { return {255, 255, 255, 255}; }

    /// Reads dotted-decimal text; nothing where the text is anything else.
    static std::optional<ipv4_address> try_parse(std::string_view text) {
        if (text.find('\0') != text.npos) return {};  // inet_pton would read only up to it
        std::uint32_t raw = 0;
        if (::inet_pton(AF_INET, std::string(text).c_str(), &raw) != 1) return {};
        return from_raw(raw);
    }
    /// The same; throws std::invalid_argument, naming the text.
    static ipv4_address parse(std::string_view text) {
        if (auto address = try_parse(text)) return *address;
        throw std::invalid_argument("netkit: '" + std::string(text) + "' is not an IPv4 address (expected four decimal numbers, as in 198.18.0.2)");
    }

    constexpr std::uint32_t value() const { return value_; }
    constexpr std::uint32_t raw() const { return value_.raw(); }
    constexpr bool operator==(const ipv4_address& other) const { return raw() == other.raw(); }
    constexpr auto operator<=>(const ipv4_address& other) const { return value() <=> other.value(); }

    /// Whether the first `length` bits (0 to 32) are those of `net`.
    constexpr bool in(const ipv4_address& net, unsigned length) const { return length == 0 || ((value() ^ net.value()) >> (32 - length)) == 0; }
    constexpr bool is_any() const { return raw() == 0; }
    constexpr bool is_loopback() const { return value() >> 24 == 127; }
    /// In 0.0.0.0 to 223.255.255.255, so neither multicast nor broadcast.
    constexpr bool is_unicast() const { return value() >> 24 < 224; }
    constexpr bool is_multicast() const { return value() >> 28 == 0xe; }
    constexpr bool is_broadcast() const { return value() == 0xffffffff; }
    constexpr bool is_link_local() const { return value() >> 16 == 0xa9fe; }
    /// 240.0.0.0/4 but for the limited broadcast, and 0.0.0.0/8: never a source or target of traffic (RFC 1122 section 3.2.1.3).
    constexpr bool is_reserved() const { return (value() >> 28 == 0xf && !is_broadcast()) || (value() >> 24 == 0 && !is_any()); }
    /// The address in which all host bits are one.
    constexpr ipv4_address broadcast_of(unsigned length) const { return ipv4_address(value() | (length >= 32 ? 0u : 0xffffffffu >> length)); }
    /// RFC 1112 section 6.4.
    constexpr mac_address multicast_mac() const {
        const auto v = value();
        return {0x01, 0x00, 0x5e, static_cast<std::uint8_t>(v >> 16 & 0x7f), static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)};
    }
    constexpr std::uint64_t sum() const { return value_.raw(); }

private:
    be32 value_;
};
static_assert(wire_format<ipv4_address> && sizeof(ipv4_address) == 4);

inline std::string to_string(const ipv4_address& address) {
    char text[INET_ADDRSTRLEN];
    const auto raw = address.raw();
    return ::inet_ntop(AF_INET, &raw, text, sizeof text);
}

}  // namespace netkit

template <>
struct std::hash<netkit::ipv4_address> {
    std::size_t operator()(const netkit::ipv4_address& address) const noexcept { return std::hash<std::uint32_t>{}(address.raw()); }
};
