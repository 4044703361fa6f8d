#include <netkit/core/checksum.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <cstring>
#include <random>
#include <span>
#include <vector>

namespace core_checksum_tests {

using namespace netkit;

namespace {

/// RFC 1071 as written: sixteen bits at a time, most significant byte first, odd data padded with a zero.
std::uint16_t reference(std::span<const std::byte> bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        const auto high = std::to_integer<std::uint32_t>(bytes[i]);
        const auto low = i + 1 < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i + 1]) : 0u;
        sum += high << 8 | low;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(~sum);
}

std::uint16_t checksum(std::span<const std::byte> bytes) { return checksum_of(sum16(bytes)); }

std::vector<std::byte> random_bytes(std::size_t n, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> bytes(n);
    for (auto& b : bytes) b = static_cast<std::byte>(random());
    return bytes;
}

constexpr std::uint32_t seed = 0x6e6b;

}  // namespace

TEST_CASE("the example of RFC 1071 section 3") {
    const std::array<std::uint8_t, 8> data{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    CHECK(checksum(std::as_bytes(std::span(data))) == static_cast<std::uint16_t>(~0xddf2u));
}

TEST_CASE("an IPv4 header whose checksum is in place comes out as zero") {
    const std::array<std::uint8_t, 20> header{0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    CHECK(fold16(sum16(std::as_bytes(std::span(header)))) == 0);
    auto damaged = header;
    damaged[8] = 0x3f;
    CHECK(fold16(sum16(std::as_bytes(std::span(damaged)))) != 0);
}

TEST_CASE("checksums are the reference's for every length at every alignment") {
    CAPTURE(seed);
    const auto bytes = random_bytes(700, seed);
    const std::span all(bytes);
    for (std::size_t offset = 0; offset < 33; ++offset)
        for (std::size_t length = 0; length <= 600; ++length) {
            const auto part = all.subspan(offset, length);
            if (checksum(part) != reference(part)) FAIL("offset " << offset << ", length " << length);
        }
    CHECK(checksum({}) == 0xffff);
}

TEST_CASE("carries are not lost: data of ones, and a whole 64 KiB") {
    for (const std::size_t length : {1u, 2u, 31u, 32u, 127u, 128u, 129u, 1480u, 65535u}) {
        CAPTURE(length);
        const std::vector<std::byte> ones(length, std::byte{0xff});
        CHECK(checksum(ones) == reference(ones));
        const auto bytes = random_bytes(length, seed);
        CHECK(checksum(bytes) == reference(bytes));
    }
}

TEST_CASE("folding takes accumulators up to the last") {
    CHECK(fold16(0) == 0xffff);
    CHECK(fold16(0xffff) == 0);
    CHECK(fold16(0x10000) == 0xfffe);
    CHECK(fold16(~std::uint64_t(0)) == 0);
    CHECK(fold16(0xffff'ffff'0000'0001) == static_cast<std::uint16_t>(~1u));
}

TEST_CASE("a sum in two parts is the sum of the whole, cut anywhere") {
    CAPTURE(seed);
    const auto bytes = random_bytes(301, seed + 1);
    const std::span all(bytes);
    const auto whole = checksum(all);
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        const auto sum = sum_at(cut % 2 != 0, all.subspan(cut), sum16(all.first(cut)));
        if (checksum_of(sum) != whole) FAIL("cut at " << cut);
    }
}

TEST_CASE("copying while summing copies all, no more, and sums the same") {
    CAPTURE(seed);
    const auto from = random_bytes(700, seed + 2);
    for (std::size_t offset = 0; offset < 9; ++offset)
        for (std::size_t length = 0; length <= 300; ++length) {
            std::vector<std::byte> to(length + 1, std::byte{0xa5});
            const auto sum = copy_and_sum(to.data(), from.data() + offset, length);
            const bool same = std::memcmp(to.data(), from.data() + offset, length) == 0;
            if (!same || to[length] != std::byte{0xa5} || checksum_of(sum) != reference(std::span(from).subspan(offset, length)))
                FAIL("offset " << offset << ", length " << length);
        }
    CHECK(fold16(copy_and_sum(nullptr, nullptr, 0, 0x1234)) == static_cast<std::uint16_t>(~0x1234u));
}

TEST_CASE("with wide registers and without, sums are the same") {
    CAPTURE(seed);
    const auto bytes = random_bytes(1600, seed + 4);
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const auto asked = detail::sum_long<false>(nullptr, bytes.data(), length, 0);
        const auto plain = detail::sum_wide<false>(nullptr, bytes.data(), length, 0);
        if (fold16(asked) != fold16(plain)) FAIL("length " << length);
    }
}

TEST_CASE("sums start from what they are given") {
    const auto bytes = random_bytes(200, seed + 3);
    const std::span all(bytes);
    for (const std::size_t cut : {std::size_t(20), std::size_t(128), std::size_t(198)})
        CHECK(checksum_of(sum16(all.subspan(cut), sum16(all.first(cut)))) == reference(all));
}

TEST_CASE("two neighbouring bytes sum as they lie in data") {
    const std::array<std::byte, 2> pair{std::byte{0x12}, std::byte{0x34}};
    CHECK(sum_pair(0x12, 0x34) == sum16(pair));
    CHECK(checksum_of(sum_pair(0, 17)) == static_cast<std::uint16_t>(~17u));
}

TEST_CASE("headers sum by their fields") {
    const be16 word = 0x1234;
    CHECK(checksum_of(sum16(word)) == static_cast<std::uint16_t>(~0x1234u));
    struct two {
        be16 a, b;
    };
    CHECK(checksum_of(sum16(two{0x1111, 0x2222})) == static_cast<std::uint16_t>(~0x3333u));
}

TEST_CASE("updating a checksum is summing anew (RFC 1624)") {
    CAPTURE(seed);
    std::mt19937 random(seed + 4);
    auto bytes = random_bytes(20, seed + 5);
    for (int i = 0; i < 20000; ++i) {
        const be16 before_sum = checksum(bytes);
        const std::size_t at = 2 * (random() % 10);
        be16 before, after = static_cast<std::uint16_t>(random());
        std::memcpy(&before, bytes.data() + at, 2);
        std::memcpy(bytes.data() + at, &after, 2);
        const be16 updated = checksum_updated(before_sum, before, after), anew = checksum(bytes);
        if (updated != anew) FAIL("word " << at << ": " << updated << " instead of " << anew);
    }
}

TEST_CASE("the case in which RFC 1141 was wrong (RFC 1624 section 4)") {
    CHECK(checksum_updated(0xdd2f, 0x5555, 0x3285) == 0x0000);
}

}  // namespace core_checksum_tests
