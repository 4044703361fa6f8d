#include <netkit/core/ipv4_address.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

namespace core_ipv4_address_tests {

using namespace netkit;

TEST_CASE("IPv4 addresses lie in network order, print and parse") {
    const ipv4_address address(198, 18, 0, 2);
    CHECK(std::bit_cast<std::array<std::uint8_t, 4>>(address) == std::array<std::uint8_t, 4>{198, 18, 0, 2});
    CHECK(address.value() == 0xc6120002u);
    CHECK(ipv4_address(0xc6120002u) == address);
    CHECK(ipv4_address::from_raw(address.raw()) == address);
    CHECK(to_string(address) == "198.18.0.2");
    CHECK(ipv4_address::parse("198.18.0.2") == address);
    CHECK(ipv4_address::parse("255.255.255.255") == ipv4_address::broadcast());
    CHECK(ipv4_address::parse("0.0.0.0") == ipv4_address::any());
}

TEST_CASE("text that is no IPv4 address is refused, and named") {
    for (const std::string_view text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/24", "0x7f.0.0.1", "1.2..4",
                                        "localhost", "::1", "127.1", "16909060"}) {
        CAPTURE(text);
        CHECK_FALSE(ipv4_address::try_parse(text));
    }
    CHECK_THROWS_WITH_AS((void)ipv4_address::parse("1.2.3.256"), doctest::Contains("'1.2.3.256' is not an IPv4 address"), std::invalid_argument);
}

TEST_CASE("text with a zero byte inside is not read up to it") {
    CHECK_FALSE(ipv4_address::try_parse(std::string_view("1.2.3.4\0.5", 10)));
}

TEST_CASE("IPv4 prefixes compare exactly their length, from 0 to 32") {
    const ipv4_address net(0b10101010'01010101'10101010'01010101u);
    for (unsigned length = 0; length <= 32; ++length) {
        CAPTURE(length);
        CHECK(net.in(net, length));
        if (length > 0) CHECK_FALSE(ipv4_address(net.value() ^ (1u << (32 - length))).in(net, length));  // the last bit inside
        if (length < 32) CHECK(ipv4_address(net.value() ^ (1u << (31 - length))).in(net, length));       // the first outside
    }
    CHECK(ipv4_address(1, 2, 3, 4).in(ipv4_address(200, 0, 0, 0), 0));
}

TEST_CASE("IPv4 broadcast addresses of every prefix length") {
    const auto address = ipv4_address::parse("198.18.5.130");
    CHECK(to_string(address.broadcast_of(32)) == "198.18.5.130");
    CHECK(to_string(address.broadcast_of(31)) == "198.18.5.131");
    CHECK(to_string(address.broadcast_of(24)) == "198.18.5.255");
    CHECK(to_string(address.broadcast_of(15)) == "198.19.255.255");
    CHECK(address.broadcast_of(0).is_broadcast());
}

TEST_CASE("kinds of IPv4 addresses, at their edges") {
    const auto parse = [](std::string_view text) { return ipv4_address::parse(text); };
    CHECK(parse("127.0.0.0").is_loopback());
    CHECK(parse("127.255.255.255").is_loopback());
    CHECK_FALSE(parse("126.255.255.255").is_loopback());
    CHECK_FALSE(parse("128.0.0.0").is_loopback());
    CHECK(parse("224.0.0.0").is_multicast());
    CHECK(parse("239.255.255.255").is_multicast());
    CHECK_FALSE(parse("223.255.255.255").is_multicast());
    CHECK_FALSE(parse("240.0.0.0").is_multicast());
    CHECK(parse("169.254.1.1").is_link_local());
    CHECK_FALSE(parse("169.253.1.1").is_link_local());
    CHECK(parse("240.0.0.1").is_reserved());
    CHECK(parse("255.255.255.254").is_reserved());
    CHECK_FALSE(parse("255.255.255.255").is_reserved());
    CHECK(parse("0.0.0.1").is_reserved());
    CHECK_FALSE(parse("0.0.0.0").is_reserved());
    CHECK_FALSE(parse("1.0.0.0").is_reserved());
}

TEST_CASE("IPv4 multicast groups map to 23 bits of link address (RFC 1112 section 6.4)") {
    CHECK(to_string(ipv4_address(224, 0, 0, 1).multicast_mac()) == "01:00:5e:00:00:01");
    CHECK(to_string(ipv4_address(239, 255, 255, 250).multicast_mac()) == "01:00:5e:7f:ff:fa");
    CHECK(ipv4_address(224, 129, 2, 3).multicast_mac() == ipv4_address(239, 1, 2, 3).multicast_mac());
}

TEST_CASE("IPv4 addresses are ordered as numbers") {
    CHECK(ipv4_address(1, 2, 3, 4) < ipv4_address(4, 3, 2, 1));
    CHECK(ipv4_address(10, 0, 0, 255) < ipv4_address(10, 0, 1, 0));
}

}  // namespace core_ipv4_address_tests
