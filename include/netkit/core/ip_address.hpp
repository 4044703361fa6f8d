#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/core/ipv6_address.hpp>

#include <compare>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace netkit {

/// An address of one family: what layers of that family are told apart by.
template <class A>
concept ip_number = requires {
    A::bits;
    A::is_v6;
};

/// An address of either family: what sockets speak. The default is `::`, any address of both families.
class ip_address {
public:
    constexpr ip_address() = default;
    constexpr ip_address(const ipv4_address& a) : six_(false), low_(a.raw()) {}
    constexpr ip_address(const ipv6_address& a) : high_(a.high()), low_(a.low()) {}

    /// Reads text of either family; nothing where it is neither.
    static std::optional<ip_address> try_parse(std::string_view text) {
        if (auto four = ipv4_address::try_parse(text)) return ip_address(*four);
        if (auto six = ipv6_address::try_parse(text)) return ip_address(*six);
        return {};
    }
    /// The same; throws std::invalid_argument, naming the text.
    static ip_address parse(std::string_view text) {
        if (auto address = try_parse(text)) return *address;
        throw std::invalid_argument("netkit: '" + std::string(text) + "' is neither an IPv4 nor an IPv6 address");
    }

    constexpr bool is_v4() const { return !six_; }
    constexpr bool is_v6() const { return six_; }
    /// The address as IPv4; only where is_v4().
    constexpr ipv4_address v4() const { return ipv4_address::from_raw(static_cast<std::uint32_t>(low_)); }
    /// The address as IPv6; only where is_v6().
    constexpr ipv6_address v6() const { return {high_, low_}; }
    constexpr bool is_any() const { return (high_ | low_) == 0; }
    constexpr bool is_loopback() const { return six_ ? v6().is_loopback() : v4().is_loopback(); }
    constexpr bool is_multicast() const { return six_ ? v6().is_multicast() : v4().is_multicast(); }
    /// An IPv4 address for ::ffff:a.b.c.d, anything else as it is.
    constexpr ip_address unmapped() const { return six_ && v6().is_mapped() ? ip_address(v6().mapped_v4()) : *this; }
    constexpr bool operator==(const ip_address&) const = default;

    /// Calls f with the address as its own type.
    template <class F>
    NETKIT_INLINE constexpr decltype(auto) visit(F&& f) const {
        if (!six_) return f(v4());
        return f(v6());
    }
    /// Whether a socket bound to this hears what is sent to `target`; `::` hears both families.
    constexpr bool hears(const ip_address& target) const { return is_any() ? six_ || !target.six_ : *this == target; }

    constexpr std::uint64_t hash() const { return (high_ * 0x9e3779b97f4a7c15u) ^ low_ ^ (std::uint64_t(six_) << 63); }

private:
    bool six_ = true;
    std::uint64_t high_ = 0, low_ = 0;
};

inline std::string to_string(const ip_address& address) {
    return address.visit([](const auto& a) { return to_string(a); });
}

/// An address and the length of its network's prefix, "198.18.0.2/24".
struct address_prefix {
    ip_address address;
    unsigned length = 0;

    /// Throws std::invalid_argument, saying which part is wrong.
    static address_prefix parse(std::string_view text) {
        const auto slash = text.find('/');
        if (slash == text.npos) throw std::invalid_argument("netkit: '" + std::string(text) + "' lacks a prefix length (expected ADDRESS/LENGTH, as in 198.18.0.2/24)");
        address_prefix result{ip_address::parse(text.substr(0, slash)), 0};
        const auto digits = text.substr(slash + 1);
        bool good = !digits.empty() && digits.size() <= 3;
        for (char c : digits) {
            good = good && c >= '0' && c <= '9';
            result.length = result.length * 10 + static_cast<unsigned>(c - '0');
        }
        const unsigned most = result.address.is_v6() ? 128 : 32;
        if (!good || result.length > most)
            throw std::invalid_argument("netkit: '" + std::string(text) + "' has a bad prefix length (expected 0 to " + std::to_string(most) + ")");
        return result;
    }
};

inline std::string to_string(const address_prefix& p) { return to_string(p.address) + "/" + std::to_string(p.length); }

}  // namespace netkit

template <>
struct std::hash<netkit::ip_address> {
    std::size_t operator()(const netkit::ip_address& address) const noexcept { return address.hash(); }
};
