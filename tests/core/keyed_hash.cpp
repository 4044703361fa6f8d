#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/random.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <set>

namespace core_keyed_hash_tests {

using namespace netkit;

namespace {
// The key and messages of the reference implementation's vectors: bytes 00 01 02 ..., read as little-endian words.
constexpr hash_key reference_key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
}  // namespace

TEST_CASE("SipHash-2-4 has the values of its reference implementation") {
    CHECK(keyed_hash(reference_key, {}) == 0x726fdb47dd0e0e31);
    CHECK(keyed_hash(reference_key, {0x0706050403020100}) == 0x93f5f5799a932462);
    CHECK(keyed_hash(reference_key, {0x0706050403020100, 0x0f0e0d0c0b0a0908}) == 0x3f2acc7f57c29bdb);
}

TEST_CASE("a hash changes with every bit of key and message") {
    const auto base = keyed_hash(reference_key, {1, 2});
    std::set<std::uint64_t> seen{base};
    for (unsigned bit = 0; bit < 64; ++bit) {
        const auto flip = std::uint64_t(1) << bit;
        seen.insert(keyed_hash({reference_key.k0 ^ flip, reference_key.k1}, {1, 2}));
        seen.insert(keyed_hash({reference_key.k0, reference_key.k1 ^ flip}, {1, 2}));
        seen.insert(keyed_hash(reference_key, {1 ^ flip, 2}));
        seen.insert(keyed_hash(reference_key, {1, 2 ^ flip}));
    }
    CHECK(seen.size() == 1 + 4 * 64);
    CHECK(keyed_hash(reference_key, {1}) != keyed_hash(reference_key, {1, 0}));
}

TEST_CASE("a seed gives the same numbers each time, and another seed others") {
    auto one = random_source::from_seed(1), again = random_source::from_seed(1), two = random_source::from_seed(2);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto number = one();
        CHECK(number == again());
        seen.insert(number);
        seen.insert(two());
    }
    CHECK(seen.size() == 2000);
}

TEST_CASE("entropy differs from source to source") {
    auto one = random_source::from_entropy(), two = random_source::from_entropy();
    CHECK(one() != two());
}

}  // namespace core_keyed_hash_tests
