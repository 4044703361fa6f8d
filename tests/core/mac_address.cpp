#include <netkit/core/mac_address.hpp>

#include <doctest/doctest.h>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>

namespace core_mac_address_tests {

using namespace netkit;

TEST_CASE("MAC addresses print and parse") {
    const mac_address address(0x02, 0x00, 0x5e, 0xab, 0xcd, 0xef);
    CHECK(to_string(address) == "02:00:5e:ab:cd:ef");
    CHECK(mac_address::parse("02:00:5e:ab:cd:ef") == address);
    CHECK(mac_address::parse("02:00:5E:AB:CD:EF") == address);
    CHECK(mac_address::parse("02-00-5e-ab-cd-ef") == address);
    CHECK(mac_address(address.bytes()) == address);
    CHECK(address.value() == 0x02005eabcdefu);
}

TEST_CASE("text that is no MAC address is refused, and named") {
    for (const std::string_view text : {"", "02:00:5e:ab:cd", "02:00:5e:ab:cd:ef:00", "02:00:5e:ab:cd:eg", "02.00.5e.ab.cd.ef", "2:0:5e:ab:cd:ef",
                                        "02:00:5e:ab:cd:e", " 02:00:5e:ab:cd:e", "02005eabcdef     ", "+2:00:5e:ab:cd:ef"}) {
        CAPTURE(text);
        CHECK_FALSE(mac_address::try_parse(text));
    }
    try {
        (void)mac_address::parse("nonsense");
        FAIL("accepted");
    } catch (const std::invalid_argument& error) {
        const std::string message = error.what();
        CHECK(message.find("netkit: 'nonsense'") == 0);
        CHECK(message.find("02:00:00:00:00:01") != message.npos);
    }
}

TEST_CASE("group addresses are known by their first bit on the wire") {
    CHECK(mac_address::broadcast().is_group());
    CHECK(mac_address(0x01, 0x00, 0x5e, 0, 0, 1).is_group());
    CHECK(mac_address(0x33, 0x33, 0, 0, 0, 1).is_group());
    CHECK_FALSE(mac_address(0x02, 0xff, 0xff, 0xff, 0xff, 0xff).is_group());
    CHECK(mac_address().is_zero());
    CHECK_FALSE(mac_address(0, 0, 0, 0, 0, 1).is_zero());
    CHECK_FALSE(mac_address(1, 0, 0, 0, 0, 0).is_zero());
}

TEST_CASE("MAC addresses differ in any byte, and hash by value") {
    const mac_address base(0x02, 0, 0, 0, 0, 0);
    std::unordered_set<mac_address> seen{base};
    for (std::size_t i = 0; i < 6; ++i) {
        auto bytes = base.bytes();
        bytes[i] ^= 0x40;
        const mac_address other(bytes);
        CHECK_FALSE(other == base);
        CHECK(seen.insert(other).second);
    }
    CHECK(seen.count(mac_address::parse("02:00:00:00:00:00")) == 1);
}

}  // namespace core_mac_address_tests
