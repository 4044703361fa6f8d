#include <netkit/core/endpoint.hpp>
#include <netkit/core/ip_address.hpp>

#include <doctest/doctest.h>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>

namespace core_ip_address_tests {

using namespace netkit;

TEST_CASE("addresses of either family parse to their family and print as they were") {
    for (const std::string text : {"198.18.0.2", "0.0.0.0", "fd00:6e6b::2", "::", "::ffff:1.2.3.4"}) {
        CAPTURE(text);
        const auto address = ip_address::parse(text);
        CHECK(to_string(address) == text);
        CHECK(address.is_v6() == (text.find(':') != text.npos));
        CHECK(address.is_v4() != address.is_v6());
    }
    CHECK(ip_address::parse("198.18.0.2").v4() == ipv4_address(198, 18, 0, 2));
    CHECK(ip_address::parse("fd00::2").v6() == ipv6_address(0xfd00'0000'0000'0000, 2));
    CHECK_THROWS_WITH_AS((void)ip_address::parse("example.org"), doctest::Contains("'example.org' is neither"), std::invalid_argument);
}

TEST_CASE("the same bits in two families are two addresses") {
    CHECK_FALSE(ip_address(ipv4_address::any()) == ip_address(ipv6_address::any()));
    const std::unordered_set<ip_address> both{ipv4_address::any(), ipv6_address::any()};
    CHECK(both.size() == 2);
}

TEST_CASE("mapped addresses are unmapped, others left alone") {
    CHECK(ip_address::parse("::ffff:1.2.3.4").unmapped() == ip_address::parse("1.2.3.4"));
    CHECK(ip_address::parse("::1").unmapped() == ip_address::parse("::1"));
    CHECK(ip_address::parse("1.2.3.4").unmapped() == ip_address::parse("1.2.3.4"));
}

TEST_CASE("which bound addresses hear which targets") {
    const ip_address any6, any4 = ipv4_address::any();
    const auto four = ip_address::parse("198.18.0.2"), six = ip_address::parse("fd00::2");
    CHECK(any6.hears(four));
    CHECK(any6.hears(six));
    CHECK(any4.hears(four));
    CHECK_FALSE(any4.hears(six));
    CHECK(four.hears(four));
    CHECK_FALSE(four.hears(ip_address::parse("198.18.0.3")));
    CHECK_FALSE(four.hears(six));
}

TEST_CASE("a visit is with the address in its own type") {
    const auto bits = [](const auto& a) { return std::remove_cvref_t<decltype(a)>::bits; };
    CHECK(ip_address::parse("1.2.3.4").visit(bits) == 32);
    CHECK(ip_address::parse("::1").visit(bits) == 128);
}

TEST_CASE("prefixes parse, at their edges") {
    const auto prefix = address_prefix::parse("198.18.0.2/24");
    CHECK(prefix.address == ip_address::parse("198.18.0.2"));
    CHECK(prefix.length == 24);
    CHECK(to_string(prefix) == "198.18.0.2/24");
    CHECK(address_prefix::parse("0.0.0.0/0").length == 0);
    CHECK(address_prefix::parse("1.2.3.4/32").length == 32);
    CHECK(address_prefix::parse("::/0").length == 0);
    CHECK(address_prefix::parse("fd00::1/128").length == 128);
}

TEST_CASE("text that is no prefix is refused, saying which part is wrong") {
    CHECK_THROWS_WITH_AS((void)address_prefix::parse("198.18.0.2"), doctest::Contains("lacks a prefix length"), std::invalid_argument);
    CHECK_THROWS_WITH_AS((void)address_prefix::parse("198.18.0/24"), doctest::Contains("'198.18.0' is neither"), std::invalid_argument);
    CHECK_THROWS_WITH_AS((void)address_prefix::parse("198.18.0.2/33"), doctest::Contains("expected 0 to 32"), std::invalid_argument);
    CHECK_THROWS_WITH_AS((void)address_prefix::parse("fd00::1/129"), doctest::Contains("expected 0 to 128"), std::invalid_argument);
    for (const std::string_view text : {"1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/+8", "1.2.3.4/ 8", "1.2.3.4/8 ", "1.2.3.4/2x", "1.2.3.4/8/8", "1.2.3.4/0008",
                                        "1.2.3.4/4294967304", "/24"}) {
        CAPTURE(text);
        CHECK_THROWS_AS((void)address_prefix::parse(text), std::invalid_argument);
    }
}

TEST_CASE("endpoints print so that ports stand apart, and compare without their scope") {
    CHECK(to_string(endpoint{ip_address::parse("198.18.0.1"), 80}) == "198.18.0.1:80");
    CHECK(to_string(endpoint{ip_address::parse("fd00:6e6b::1"), 443}) == "[fd00:6e6b::1]:443");
    const endpoint a{ip_address::parse("fe80::1"), 80, interface_id{1}}, b{ip_address::parse("fe80::1"), 80, interface_id{2}};
    CHECK(a == b);
    CHECK(std::hash<endpoint>{}(a) == std::hash<endpoint>{}(b));
    CHECK_FALSE(a == endpoint{a.address, 81});
    CHECK_FALSE(a == endpoint{ip_address::parse("fe80::2"), 80});
}

}  // namespace core_ip_address_tests
