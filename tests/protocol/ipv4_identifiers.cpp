#include <netkit/protocol/ipv4_identifiers.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <set>

namespace protocol_ipv4_identifiers_tests {

using namespace netkit;

namespace {
constexpr ipv4_address here{198, 18, 0, 2};
ipv4_address host(unsigned n) { return ipv4_address(198u << 24 | 18u << 16 | n); }
}  // namespace

TEST_CASE("of one pair all 65536 are used before one comes again") {
    ipv4_identifiers ids;
    ids.start(1);
    std::set<std::uint16_t> seen;
    const auto first = ids.next(here, host(1), ip_protocol::udp);
    for (int i = 1; i < 0x10000; ++i) seen.insert(ids.next(here, host(1), ip_protocol::udp));
    CHECK(seen.size() == 0xffff);
    CHECK(!seen.contains(first));
    CHECK(ids.next(here, host(1), ip_protocol::udp) == first);
}

TEST_CASE("who knows those of one pair knows neither those of another nor how many there were") {
    ipv4_identifiers ids;
    ids.start(1);
    std::set<std::uint16_t> firsts;
    for (unsigned n = 0; n < 1000; ++n) firsts.insert(ids.next(here, host(n), ip_protocol::udp));
    CHECK(firsts.size() > 950);  // as chance has it
    // What is sent to one host moves the counters of few others.
    ipv4_identifiers quiet, busy;
    quiet.start(1);
    busy.start(1);
    for (int i = 0; i < 100; ++i) busy.next(here, host(1), ip_protocol::udp);
    int moved = 0;
    for (unsigned n = 2; n < 1000; ++n) moved += quiet.next(here, host(n), ip_protocol::udp) != busy.next(here, host(n), ip_protocol::udp);
    CHECK(moved < 10);
}

TEST_CASE("another key, source or protocol is another beginning") {
    const auto first = [](std::uint64_t secret, ipv4_address source, ip_protocol protocol) {
        ipv4_identifiers ids;
        ids.start(secret);
        return ids.next(source, host(1), protocol);
    };
    const auto one = first(1, here, ip_protocol::udp);
    CHECK(first(1, here, ip_protocol::udp) == one);
    CHECK(first(2, here, ip_protocol::udp) != one);
    CHECK(first(1, host(3), ip_protocol::udp) != one);
    CHECK(first(1, here, ip_protocol::icmp) != one);
}

}  // namespace protocol_ipv4_identifiers_tests
