#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/core/mac_address.hpp>

#include <arpa/inet.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace netkit {

/// An IPv6 address, as it lies on the wire (RFC 4291). Its scope, where it has one, is kept beside it.
class ipv6_address {
public:
    static constexpr unsigned bits = 128;
    static constexpr bool is_v6 = true;

    constexpr ipv6_address() = default;
    constexpr ipv6_address(std::uint64_t high, std::uint64_t low) : high_(high), low_(low) {}
    constexpr explicit ipv6_address(const std::array<std::uint8_t, 16>& b) {
        std::uint64_t high = 0, low = 0;
        for (std::size_t i = 0; i < 8; ++i) high = high << 8 | b[i], low = low << 8 | b[i + 8];
        high_ = high;
        low_ = low;
    }
    static constexpr ipv6_address any() { return {}; }
    static constexpr ipv6_address loopback() { return {0, 1}; }
    static constexpr ipv6_address all_nodes() { return {0xff02'0000'0000'0000, 1}; }
    static constexpr ipv6_address all_routers() { return {0xff02'0000'0000'0000, 2}; }
    /// ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2.
    static constexpr ipv6_address mapped(const ipv4_address& v4) { return {0, 0xffff'0000'0000u | v4.value()}; }
    /// fe80::/64 with the modified EUI-64 of a MAC address, RFC 4291 appendix A.
    static constexpr ipv6_address link_local(const mac_address& mac) {
        const auto v = mac.value();
        return {0xfe80'0000'0000'0000, ((v >> 24) << 40 | 0xfffe'00'0000 | (v & 0xff'ffff)) ^ 0x0200'0000'0000'0000};
    }

    /// Reads RFC 4291 text without a scope; nothing where the text is anything else.
    static std::optional<ipv6_address> try_parse(std::string_view text) {
        std::array<std::uint8_t, 16> b{};
        if (text.find('\0') != text.npos) return {};  // inet_pton would read only up to it
        if (::inet_pton(AF_INET6, std::string(text).c_str(), b.data()) != 1) return {};
        return ipv6_address(b);
    }
    /// The same; throws std::invalid_argument, naming the text.
    static ipv6_address parse(std::string_view text) {
        if (auto address = try_parse(text)) return *address;
        throw std::invalid_argument("netkit: '" + std::string(text) + "' is not an IPv6 address (expected text as in fd00:6e6b::2)");
    }

    constexpr std::uint64_t high() const { return high_; }
    constexpr std::uint64_t low() const { return low_; }
    constexpr bool operator==(const ipv6_address& o) const { return high_.raw() == o.high_.raw() && low_.raw() == o.low_.raw(); }
    constexpr std::strong_ordering operator<=>(const ipv6_address& o) const {
        if (high() != o.high()) return high() <=> o.high();
        return low() <=> o.low();
    }
    constexpr std::array<std::uint8_t, 16> bytes() const {
        std::array<std::uint8_t, 16> result{};
        for (std::size_t i = 0; i < 8; ++i) {
            result[i] = static_cast<std::uint8_t>(high() >> (56 - 8 * i));
            result[i + 8] = static_cast<std::uint8_t>(low() >> (56 - 8 * i));
        }
        return result;
    }

    /// Whether the first `length` bits (0 to 128) are those of `net`.
    constexpr bool in(const ipv6_address& net, unsigned length) const {
        if (length == 0) return true;
        if (length <= 64) return (high() ^ net.high()) >> (64 - length) == 0;
        return high() == net.high() && (low() ^ net.low()) >> (128 - length) == 0;
    }
    constexpr bool is_any() const { return high_.raw() == 0 && low_.raw() == 0; }
    constexpr bool is_loopback() const { return *this == loopback(); }
    constexpr bool is_unicast() const { return !is_multicast(); }
    constexpr bool is_multicast() const { return high() >> 56 == 0xff; }
    constexpr bool is_broadcast() const { return false; }
    constexpr bool is_link_local() const { return high() >> 54 == 0xfe80 >> 6; }
    constexpr bool is_unique_local() const { return high() >> 57 == 0xfc >> 1; }
    constexpr bool is_mapped() const { return high() == 0 && low() >> 32 == 0xffff; }
    constexpr bool is_reserved() const { return false; }
    constexpr ipv4_address mapped_v4() const { return ipv4_address(static_cast<std::uint32_t>(low())); }
    /// The scope field of a multicast address (RFC 4291 section 2.7): 1 interface, 2 link, 5 site, 14 global.
    constexpr unsigned multicast_scope() const { return static_cast<unsigned>(high() >> 48 & 0xf); }
    /// ff02::1:ffXX:XXXX, RFC 4291 section 2.7.1.
    constexpr ipv6_address solicited_node() const { return {0xff02'0000'0000'0000, 0x1'ff00'0000 | (low() & 0xff'ffff)}; }
    constexpr bool is_solicited_node() const { return high() == 0xff02'0000'0000'0000 && low() >> 24 == 0x1'ff; }
    /// RFC 2464 section 7.
    constexpr mac_address multicast_mac() const {
        const auto v = low();
        return {0x33, 0x33, static_cast<std::uint8_t>(v >> 24), static_cast<std::uint8_t>(v >> 16), static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)};
    }
    constexpr std::uint64_t sum() const {
        constexpr std::uint64_t half = 0xffffffff;
        return (high_.raw() & half) + (high_.raw() >> 32) + (low_.raw() & half) + (low_.raw() >> 32);
    }

private:
    be64 high_, low_;
};
static_assert(wire_format<ipv6_address> && sizeof(ipv6_address) == 16);

inline std::string to_string(const ipv6_address& address) {
    char text[INET6_ADDRSTRLEN];
    const auto b = address.bytes();
    return ::inet_ntop(AF_INET6, b.data(), text, sizeof text);
}

}  // namespace netkit

template <>
struct std::hash<netkit::ipv6_address> {
    std::size_t operator()(const netkit::ipv6_address& a) const noexcept { return std::hash<std::uint64_t>{}(a.high() * 0x9e3779b97f4a7c15 ^ a.low()); }
};
