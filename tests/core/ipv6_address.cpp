#include <netkit/core/ipv6_address.hpp>

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

namespace core_ipv6_address_tests {

using namespace netkit;

TEST_CASE("IPv6 addresses lie in network order, print and parse") {
    const ipv6_address address(0xfd00'6e6b'0000'0000, 0x2);
    const auto bytes = std::bit_cast<std::array<std::uint8_t, 16>>(address);
    CHECK(bytes == std::array<std::uint8_t, 16>{0xfd, 0x00, 0x6e, 0x6b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
    CHECK(address.bytes() == bytes);
    CHECK(ipv6_address(bytes) == address);
    CHECK(to_string(address) == "fd00:6e6b::2");
    CHECK(ipv6_address::parse("fd00:6e6b::2") == address);
    CHECK(ipv6_address::parse("FD00:6E6B:0:0:0:0:0:2") == address);
    CHECK(ipv6_address::parse("::") == ipv6_address::any());
    CHECK(ipv6_address::parse("::1") == ipv6_address::loopback());
    CHECK(ipv6_address::parse("ff02::1") == ipv6_address::all_nodes());
    CHECK(ipv6_address::parse("ff02::2") == ipv6_address::all_routers());
}

TEST_CASE("text that is no IPv6 address is refused, and named") {
    for (const std::string_view text : {"", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "fe80::1%eth0", "::1/64", "[::1]", "1.2.3.4",
                                        "::1.2.3.256", " ::1"}) {
        CAPTURE(text);
        CHECK_FALSE(ipv6_address::try_parse(text));
    }
    CHECK_THROWS_WITH_AS((void)ipv6_address::parse("1::2::3"), doctest::Contains("'1::2::3' is not an IPv6 address"), std::invalid_argument);
}

TEST_CASE("text with a zero byte inside is not read up to it") {
    CHECK_FALSE(ipv6_address::try_parse(std::string_view("fd00::1\0:2", 10)));
}

TEST_CASE("IPv6 prefixes compare exactly their length, from 0 to 128") {
    const ipv6_address net(0xaaaa'5555'aaaa'5555, 0x5555'aaaa'5555'aaaa);
    const auto flip = [&](unsigned bit) {  // the bit-th from the left
        return bit < 64 ? ipv6_address(net.high() ^ (std::uint64_t(1) << (63 - bit)), net.low())
                        : ipv6_address(net.high(), net.low() ^ (std::uint64_t(1) << (127 - bit)));
    };
    for (unsigned length = 0; length <= 128; ++length) {
        CAPTURE(length);
        CHECK(net.in(net, length));
        if (length > 0) CHECK_FALSE(flip(length - 1).in(net, length));
        if (length < 128) CHECK(flip(length).in(net, length));
    }
}

TEST_CASE("kinds of IPv6 addresses, at their edges") {
    const auto parse = [](std::string_view text) { return ipv6_address::parse(text); };
    CHECK(parse("fe80::1").is_link_local());
    CHECK(parse("febf::1").is_link_local());
    CHECK_FALSE(parse("fec0::1").is_link_local());
    CHECK(parse("fc00::1").is_unique_local());
    CHECK(parse("fdff::1").is_unique_local());
    CHECK_FALSE(parse("fe00::1").is_unique_local());
    CHECK(parse("ff00::").is_multicast());
    CHECK_FALSE(parse("feff::").is_multicast());
    CHECK(parse("ff02::1").multicast_scope() == 2);
    CHECK(parse("ff0e::1").multicast_scope() == 14);
    CHECK(parse("::1").is_loopback());
    CHECK_FALSE(parse("::2").is_loopback());
    CHECK(parse("::").is_any());
    CHECK_FALSE(parse("1::").is_any());
}

TEST_CASE("IPv4-mapped addresses (RFC 4291 section 2.5.5.2)") {
    const auto mapped = ipv6_address::mapped(ipv4_address(198, 18, 0, 1));
    CHECK(to_string(mapped) == "::ffff:198.18.0.1");
    CHECK(mapped.is_mapped());
    CHECK(mapped.mapped_v4() == ipv4_address(198, 18, 0, 1));
    CHECK_FALSE(ipv6_address::parse("::198.18.0.1").is_mapped());
    CHECK_FALSE(ipv6_address::parse("1::ffff:198.18.0.1").is_mapped());
}

TEST_CASE("link-local addresses from link addresses (RFC 4291 appendix A)") {
    CHECK(to_string(ipv6_address::link_local(mac_address::parse("34:56:78:9a:bc:de"))) == "fe80::3656:78ff:fe9a:bcde");
    CHECK(to_string(ipv6_address::link_local(mac_address::parse("02:00:00:00:00:01"))) == "fe80::ff:fe00:1");
}

TEST_CASE("solicited-node groups, and link addresses of groups") {
    // The example of RFC 4291 section 2.7.1.
    const auto solicited = ipv6_address::parse("4037::1:800:200e:8c6c").solicited_node();
    CHECK(to_string(solicited) == "ff02::1:ff0e:8c6c");
    CHECK(solicited.is_solicited_node());
    CHECK_FALSE(ipv6_address::parse("ff02::1:fe0e:8c6c").is_solicited_node());
    CHECK_FALSE(ipv6_address::all_nodes().is_solicited_node());
    CHECK(to_string(solicited.multicast_mac()) == "33:33:ff:0e:8c:6c");
    CHECK(to_string(ipv6_address::all_nodes().multicast_mac()) == "33:33:00:00:00:01");
}

TEST_CASE("IPv6 addresses are ordered as numbers of 128 bits") {
    CHECK(ipv6_address::parse("::ffff:ffff:ffff:ffff") < ipv6_address::parse("0:0:0:1::"));
    CHECK(ipv6_address::parse("1::1") < ipv6_address::parse("1::2"));
}

}  // namespace core_ipv6_address_tests
