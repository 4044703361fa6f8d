#pragma once

#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// A keyed hash of an address and one more word (an interface, a port), for tables that others may fill.
constexpr std::uint64_t hash_address(const hash_key& key, const ipv4_address& a, std::uint64_t more = 0) {
    return keyed_hash(key, {a.value(), more});
}
constexpr std::uint64_t hash_address(const hash_key& key, const ipv6_address& a, std::uint64_t more = 0) {
    return keyed_hash(key, {a.high(), a.low(), more});
}
constexpr std::uint64_t hash_address(const hash_key& key, const ip_address& a, std::uint64_t more = 0) {
    return a.is_v4() ? hash_address(key, a.v4(), more) : hash_address(key, a.v6(), more);
}

/// One of `Slots` (a power of two) for a small cache in front of a table. Not keyed: who makes addresses collide only makes
/// the cache miss.
template <std::size_t Slots>
constexpr std::size_t cache_slot(const ipv4_address& a) {
    return a.raw() * 0x9e3779b1u >> (32 - std::countr_zero(Slots));
}
template <std::size_t Slots>
constexpr std::size_t cache_slot(const ipv6_address& a) {
    return ((a.high() ^ a.low()) * 0x9e3779b97f4a7c15u) >> (64 - std::countr_zero(Slots));
}

/// The address with all but its first `length` bits cleared.
constexpr ipv4_address network_of(const ipv4_address& a, unsigned length) {
    return ipv4_address(length == 0 ? 0u : a.value() & 0xffffffffu << (32 - length));
}
constexpr ipv6_address network_of(const ipv6_address& a, unsigned length) {
    constexpr std::uint64_t ones = ~std::uint64_t{0};
    if (length == 0) return {};
    if (length <= 64) return {a.high() & ones << (64 - length), 0};
    return {a.high(), a.low() & ones << (128 - length)};
}

/// How many leading bits two addresses share.
constexpr unsigned common_prefix(const ipv4_address& a, const ipv4_address& b) {
    return static_cast<unsigned>(std::countl_zero(a.value() ^ b.value()));
}
constexpr unsigned common_prefix(const ipv6_address& a, const ipv6_address& b) {
    const auto high = static_cast<unsigned>(std::countl_zero(a.high() ^ b.high()));
    return high < 64 ? high : 64 + static_cast<unsigned>(std::countl_zero(a.low() ^ b.low()));
}

/// How far an address reaches, in the values of RFC 4291 section 2.7: 1 interface, 2 link, 5 site, 14 global. For IPv4 as in
/// RFC 6724 section 3.2.
constexpr unsigned scope_of(const ipv4_address& a) {
    if (a.is_loopback() || a.is_link_local()) return 2;
    if (a.is_multicast() && a.value() >> 8 == 0xe00000) return 2;  // 224.0.0.0/24 stays on the link
    return 14;
}
constexpr unsigned scope_of(const ipv6_address& a) {
    if (a.is_multicast()) return a.multicast_scope();
    return a.is_loopback() || a.is_link_local() ? 2 : 14;
}

}  // namespace netkit
