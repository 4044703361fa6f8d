#include <netkit/protocol/admitted_pairs.hpp>

#include <doctest/doctest.h>

namespace protocol_admitted_pairs_tests {

using namespace netkit;

TEST_CASE("a pair is let in again from the same place only, and until addresses change") {
    admitted_pairs<ipv4_address> pairs;
    const ipv4_address peer(198, 18, 0, 2), other(198, 18, 0, 3), ours(198, 18, 0, 1), also_ours(198, 18, 1, 1);
    constexpr interface_id eth{1}, wlan{2};
    CHECK_FALSE(pairs.has(peer, ours, eth, 1));
    CHECK_FALSE(pairs.has(ipv4_address(), ipv4_address(), interface_id::none, 1));
    pairs.add(peer, ours, eth, 1);
    CHECK(pairs.has(peer, ours, eth, 1));
    CHECK_FALSE(pairs.has(other, ours, eth, 1));
    CHECK_FALSE(pairs.has(peer, also_ours, eth, 1));
    CHECK_FALSE(pairs.has(peer, ours, wlan, 1));
    CHECK_FALSE(pairs.has(peer, ours, eth, 2));
}

TEST_CASE("pairs that share a place push each other out and are never confused") {
    admitted_pairs<ipv6_address> pairs;
    const auto ours = ipv6_address::parse("fd00:6e6b::1");
    for (std::uint64_t i = 2; i < 200; ++i) {
        const ipv6_address peer(ours.high(), i);
        CHECK_FALSE(pairs.has(peer, ours, interface_id(1), 1));
        pairs.add(peer, ours, interface_id(1), 1);
        CHECK(pairs.has(peer, ours, interface_id(1), 1));
    }
}

}  // namespace protocol_admitted_pairs_tests
