#include <netkit/core/sequence_number.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>

namespace core_sequence_number_tests {

using netkit::sequence_number;

TEST_CASE("sequence numbers wrap round") {
    sequence_number n(0xfffffffe);
    n += 3;
    CHECK(n == sequence_number(1));
    CHECK(++n == sequence_number(2));
    CHECK(sequence_number(1) - sequence_number(0xffffffff) == 2u);
    CHECK(sequence_number(0) - 1 == sequence_number(0xffffffff));
}

TEST_CASE("order is by distance, so that it holds across the wrap") {
    for (const std::uint32_t start : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xfffffff0u, 0xffffffffu}) {
        CAPTURE(start);
        const sequence_number a(start);
        for (const std::uint32_t ahead : {1u, 2u, 1000u, 0x7fffffffu}) {
            CAPTURE(ahead);
            const auto b = a + ahead;
            CHECK(a < b);
            CHECK(a <= b);
            CHECK(b > a);
            CHECK(b >= a);
            CHECK_FALSE(b < a);
            CHECK_FALSE(b <= a);
            CHECK(max(a, b) == b);
            CHECK(max(b, a) == b);
            CHECK(min(a, b) == a);
            CHECK(min(b, a) == a);
        }
        CHECK_FALSE(a < a);
        CHECK(a <= a);
        CHECK(a >= a);
    }
}

TEST_CASE("windows hold their first number and not their end") {
    const sequence_number first(0xfffffff0);
    CHECK(first.in(first, 32));
    CHECK((first + 31).in(first, 32));
    CHECK_FALSE((first + 32).in(first, 32));
    CHECK_FALSE((first - 1).in(first, 32));
    CHECK_FALSE(first.in(first, 0));
}

}  // namespace core_sequence_number_tests
