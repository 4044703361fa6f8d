#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace netkit {

/// A secret of 128 bits.
struct hash_key {
    std::uint64_t k0 = 0, k1 = 0;
};

/// SipHash-2-4 (Aumasson and Bernstein, 2012) over 64-bit words: a pseudo-random function, so that who does not know
/// the key can predict neither initial sequence numbers (RFC 6528), nor ports (RFC 6056), nor which bucket a flow falls in.
constexpr std::uint64_t keyed_hash(const hash_key& key, std::initializer_list<std::uint64_t> words) {
    std::uint64_t v0 = key.k0 ^ 0x736f6d6570736575, v1 = key.k1 ^ 0x646f72616e646f6d;
    std::uint64_t v2 = key.k0 ^ 0x6c7967656e657261, v3 = key.k1 ^ 0x7465646279746573;
    auto round = [&] {
        v0 += v1; v1 = std::rotl(v1, 13); v1 ^= v0; v0 = std::rotl(v0, 32);
        v2 += v3; v3 = std::rotl(v3, 16); v3 ^= v2;
        v0 += v3; v3 = std::rotl(v3, 21); v3 ^= v0;
        v2 += v1; v1 = std::rotl(v1, 17); v1 ^= v2; v2 = std::rotl(v2, 32);
    };
    auto absorb = [&](std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    };
    for (auto word : words) absorb(word);
    absorb(std::uint64_t(words.size() * 8) << 56);
    v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace netkit
