#include <netkit/core/byte_order.hpp>

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <cstring>

namespace core_byte_order_tests {

using namespace netkit;

namespace {
template <class Big>
auto bytes_of(Big number) {
    return std::bit_cast<std::array<std::uint8_t, sizeof(Big)>>(number);
}

struct mixed {
    std::uint8_t kind;
    be16 length;
    be32 identifier;
    be64 stamp;
};
}  // namespace

static_assert(sizeof(mixed) == 15 && alignof(mixed) == 1, "big integers leave no gaps");
static_assert(offsetof(mixed, identifier) == 3);
static_assert(wire_format<mixed>);
static_assert(!wire_format<std::uint32_t>, "an aligned integer may not lie at any address of a frame");

TEST_CASE("big integers lie most significant byte first") {
    CHECK(bytes_of(be16(0x0102)) == std::array<std::uint8_t, 2>{1, 2});
    CHECK(bytes_of(be32(0x01020304)) == std::array<std::uint8_t, 4>{1, 2, 3, 4});
    CHECK(bytes_of(be64(0x0102030405060708)) == std::array<std::uint8_t, 8>{1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("big integers read back what was stored") {
    for (const std::uint64_t value : {std::uint64_t(0), std::uint64_t(1), std::uint64_t(0x80), std::uint64_t(0xff00), ~std::uint64_t(0)}) {
        CAPTURE(value);
        CHECK(be16(static_cast<std::uint16_t>(value)) == static_cast<std::uint16_t>(value));
        CHECK(be32(static_cast<std::uint32_t>(value)) == static_cast<std::uint32_t>(value));
        CHECK(be64(value) == value);
    }
    CHECK(be32() == 0u);
}

TEST_CASE("raw numbers are the memory as it is, and survive the way back") {
    const auto raw = std::bit_cast<std::uint32_t>(std::array<std::uint8_t, 4>{0xde, 0xad, 0xbe, 0xef});
    CHECK(be32::from_raw(raw) == 0xdeadbeefu);
    CHECK(be32(0xdeadbeef).raw() == raw);
}

TEST_CASE("big integers are usable in constant expressions") {
    constexpr be16 port = 80;
    static_assert(port == 80);
    static_assert(be64::from_raw(be64(0x0123456789abcdef).raw()) == 0x0123456789abcdef);
    CHECK(bytes_of(port)[1] == 80);
}

TEST_CASE("a struct of big integers may lie at an odd address") {
    std::array<std::byte, 1 + sizeof(mixed)> frame{};
    const mixed written{7, 0x1234, 0xcafef00d, 0x1122334455667788};
    std::memcpy(frame.data() + 1, &written, sizeof written);
    CHECK(frame[2] == std::byte{0x12});
    CHECK(frame[4] == std::byte{0xca});
    CHECK(frame[8] == std::byte{0x11});
    const auto& read = *reinterpret_cast<const mixed*>(frame.data() + 1);
    CHECK(read.length == 0x1234);
    CHECK(read.identifier == 0xcafef00du);
    CHECK(read.stamp == 0x1122334455667788u);
}

}  // namespace core_byte_order_tests
