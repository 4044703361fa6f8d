#include <netkit/core/random.hpp>
#include <netkit/protocol/routing_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <vector>

namespace protocol_routing_table_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

constexpr interface_id lo = interface_id::loopback, eth{1}, wlan{2}, tun{3}, none = interface_id::none;
constexpr time_point t0{1h};

ipv4_address v4(const char* text) { return ipv4_address::parse(text); }
ipv6_address v6(const char* text) { return ipv6_address::parse(text); }

ipv4_address random_address(random_source& random, ipv4_address*) { return ipv4_address(static_cast<std::uint32_t>(random())); }
ipv6_address random_address(random_source& random, ipv6_address*) {
    const auto high = random();
    return {high, random()};
}

/// What longest prefix match means, one by one.
template <class A>
const route_entry<A>* oracle(const std::vector<route_entry<A>>& routes, const A& to) {
    const route_entry<A>* best = nullptr;
    for (const auto& r : routes)
        if (to.in(r.net, r.length) && (!best || r.length > best->length || (r.length == best->length && r.metric < best->metric))) best = &r;
    return best;
}

}  // namespace

TEST_CASE_TEMPLATE("longest prefix match agrees with a search of all routes", A, ipv4_address, ipv6_address) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        auto random = random_source::from_seed(seed);
        prefix_table<A> table;
        std::vector<route_entry<A>> all;
        for (std::uint32_t i = 0; i < 1000; ++i) {
            // Half of the networks lie in others, so that they nest.
            auto net = random_address(random, static_cast<A*>(nullptr));
            if (!all.empty() && random() % 2 == 0) net = all[random() % all.size()].net;
            const auto length = static_cast<unsigned>(random() % (A::bits + 1));
            all.push_back({.net = network_of(net, length), .length = length, .out = eth, .metric = i});
            table.add(all.back());
        }
        const auto compare = [&] {
            for (int i = 0; i < 3000; ++i) {
                auto to = random_address(random, static_cast<A*>(nullptr));
                if (!all.empty() && i % 2 == 0) to = all[random() % all.size()].net;
                const auto* expected = oracle(all, to);
                const auto* found = table.look_up(to);
                REQUIRE((found == nullptr) == (expected == nullptr));
                if (!found) continue;
                REQUIRE(found->length == expected->length);
                REQUIRE(found->metric == expected->metric);
                REQUIRE(found->net == expected->net);
            }
        };
        compare();
        const auto odd = [](const route_entry<A>& r) { return r.metric % 2 == 1; };
        CHECK(table.remove_if(odd) == 500);
        std::erase_if(all, odd);
        compare();
    }
}

TEST_CASE("ten thousand routes") {
    auto random = random_source::from_seed(7);
    prefix_table<ipv4_address> table;
    table.add({.out = tun});
    for (std::uint32_t i = 0; i < 10000; ++i) table.add({.net = ipv4_address(10u << 24 | i << 8), .length = 24, .out = eth, .metric = i});
    CHECK(table.size() == 10001);
    for (int i = 0; i < 10000; ++i) {
        const auto n = static_cast<std::uint32_t>(random() % 10000);
        REQUIRE(table.look_up(ipv4_address(10u << 24 | n << 8 | 5))->metric == n);
    }
    CHECK(table.look_up(v4("11.0.0.1"))->out == tun);
}

TEST_CASE("the lowest metric wins, and a filter passes to the next best") {
    prefix_table<ipv4_address> table;
    table.add({.net = v4("10.0.0.0"), .length = 8, .out = eth, .metric = 10});
    table.add({.net = v4("10.0.0.0"), .length = 8, .out = wlan, .metric = 5});
    table.add({.net = v4("10.1.0.0"), .length = 16, .out = tun});
    const auto by = [](interface_id on) { return [on](const auto& r) { return r.out == on; }; };
    CHECK(table.look_up(v4("10.0.0.1"))->out == wlan);
    CHECK(table.look_up(v4("10.0.0.1"), by(eth))->metric == 10);
    CHECK(table.look_up(v4("10.1.0.1"))->out == tun);
    CHECK(table.look_up(v4("10.1.0.1"), by(eth))->metric == 10);
    CHECK(table.look_up(v4("10.0.0.1"), by(tun)) == nullptr);
    CHECK(table.look_up(v4("9.255.255.255")) == nullptr);
    CHECK(table.look_up(v4("11.0.0.0")) == nullptr);
    CHECK(prefix_table<ipv4_address>().look_up(v4("1.1.1.1")) == nullptr);
}

TEST_CASE("adding a route again replaces it") {
    prefix_table<ipv4_address> table;
    table.add({.net = v4("10.0.0.7"), .length = 8, .out = eth, .mtu = 1500});
    table.add({.net = v4("10.0.0.8"), .length = 8, .out = eth, .mtu = 1400});
    CHECK(table.size() == 1);
    CHECK(table.look_up(v4("10.2.3.4"))->mtu == 1400);
    CHECK(table.look_up(v4("10.2.3.4"))->net == v4("10.0.0.0"));
}

TEST_CASE("a path names source, next hop and interface") {
    routing_table<ipv4_address> table;
    table.add_address(v4("198.18.0.2"), 24, eth);
    table.add_route({}, 0, eth, v4("198.18.0.1"));
    table.add_address(v4("10.0.0.2"), 8, wlan);

    const auto* near = table.route(v4("198.18.0.9"));
    REQUIRE(near);
    CHECK(near->source == v4("198.18.0.2"));
    CHECK(near->target == v4("198.18.0.9"));
    CHECK(near->hop == v4("198.18.0.9"));
    CHECK(near->out == eth);
    const auto* far = table.route(v4("1.2.3.4"));
    REQUIRE(far);
    CHECK(far->hop == v4("198.18.0.1"));
    CHECK(far->target == v4("1.2.3.4"));
    CHECK(far->source == v4("198.18.0.2"));
    CHECK(table.route(v4("10.9.9.9"))->source == v4("10.0.0.2"));
    const auto* own = table.route(v4("10.0.0.2"));
    REQUIRE(own);
    CHECK(own->out == lo);
    CHECK(own->source == v4("10.0.0.2"));
    CHECK(table.route(v4("127.3.2.1"))->out == lo);
    CHECK(table.look_up(v4("1.2.3.4"))->gateway == v4("198.18.0.1"));
}

TEST_CASE("there is no path without a route, or without an address to speak from") {
    routing_table<ipv4_address> table;
    CHECK(table.route(v4("1.2.3.4")) == nullptr);
    table.add_route(v4("1.0.0.0"), 8, eth);
    CHECK(table.route(v4("1.2.3.4")) == nullptr);
    table.add_address(v4("198.18.0.2"), 32, wlan);  // an interface without an address borrows another's
    REQUIRE(table.route(v4("1.2.3.4")) != nullptr);
    CHECK(table.route(v4("1.2.3.4"))->source == v4("198.18.0.2"));
    CHECK(table.route(v4("2.2.3.4")) == nullptr);
    CHECK(table.remove_route(v4("1.9.9.9"), 8) == 1);
    CHECK(table.route(v4("1.2.3.4")) == nullptr);
}

TEST_CASE("multicast and broadcast need no route, and a scope chooses the interface") {
    routing_table<ipv4_address> table;
    CHECK(table.route(v4("255.255.255.255"), eth)->out == eth);  // before there is an address: how DHCP begins
    CHECK(table.route(v4("255.255.255.255"), eth)->source.is_any());
    CHECK(table.route(v4("224.0.0.251")) == nullptr);
    table.add_address(v4("198.18.0.2"), 24, eth);
    table.add_address(v4("10.0.0.2"), 24, wlan);
    CHECK(table.route(v4("224.0.0.251"))->out == eth);
    CHECK(table.route(v4("224.0.0.251"), wlan)->source == v4("10.0.0.2"));
    CHECK(table.route(v4("255.255.255.255"), wlan)->hop.is_broadcast());
    table.add_route({}, 0, wlan, v4("10.0.0.1"));
    CHECK(table.route(v4("239.1.2.3"))->out == wlan);
    CHECK(table.route(v4("239.1.2.3"))->hop == v4("239.1.2.3"));
}

TEST_CASE("the last path is remembered until something changes") {
    routing_table<ipv4_address> table;
    table.add_address(v4("198.18.0.2"), 24, eth);
    const auto before = table.generation();
    const auto* first = table.route(v4("198.18.0.9"));
    CHECK(table.route(v4("198.18.0.9")) == first);
    CHECK(table.generation() == before);
    table.add_route(v4("198.18.0.8"), 30, wlan, v4("198.18.0.1"));
    CHECK(table.generation() != before);
    CHECK(table.route(v4("198.18.0.9"))->out == wlan);
    table.remove_interface(wlan);
    CHECK(table.route(v4("198.18.0.9"))->out == eth);
    CHECK(table.route(v4("198.18.0.9"), tun) == nullptr);
    CHECK(table.route(v4("198.18.0.9"))->out == eth);
    table.remove_address(v4("198.18.0.2"), eth);
    CHECK(table.route(v4("198.18.0.9")) == nullptr);
}

TEST_CASE("an address brings its network's route and takes it along, unless another needs it") {
    routing_table<ipv4_address> table;
    table.add_address(v4("198.18.0.2"), 24, eth);
    table.add_address(v4("198.18.0.3"), 24, eth);
    CHECK(table.routes().size() == 1);
    CHECK(table.remove_address(v4("198.18.0.2"), eth));
    CHECK_FALSE(table.remove_address(v4("198.18.0.2"), eth));
    CHECK(table.look_up(v4("198.18.0.9")) != nullptr);
    CHECK(table.remove_address(v4("198.18.0.3"), eth));
    CHECK(table.look_up(v4("198.18.0.9")) == nullptr);
    table.add_address(v4("198.18.0.4"), 32, eth);
    CHECK(table.routes().size() == 0);
    CHECK(table.is_local(v4("198.18.0.4")));
}

TEST_CASE("bad configuration is refused with a message") {
    routing_table<ipv4_address> table;
    CHECK_THROWS_AS(table.add_address(v4("224.0.0.1"), 24, eth), std::invalid_argument);
    CHECK_THROWS_AS(table.add_address(v4("0.0.0.0"), 24, eth), std::invalid_argument);
    CHECK_THROWS_AS(table.add_address(v4("255.255.255.255"), 24, eth), std::invalid_argument);
    CHECK_THROWS_AS(table.add_address(v4("10.0.0.1"), 33, eth), std::invalid_argument);
    CHECK_THROWS_AS(table.add_address(v4("10.0.0.1"), 8, none), std::invalid_argument);
    CHECK_THROWS_AS(table.add_route(v4("10.0.0.0"), 33, eth), std::invalid_argument);
    CHECK_THROWS_WITH(table.add_route(v4("10.0.0.0"), 8, none), "netkit: no route to '10.0.0.0/8': it needs a prefix length up to 32 and an attached interface");
    CHECK(table.remove_route(v4("10.0.0.0"), 99) == 0);
    CHECK(table.addresses().all().empty());
}

TEST_CASE("which addresses are ours, and which are broadcasts") {
    routing_table<ipv4_address> table;
    table.add_address(v4("198.18.0.2"), 24, eth);
    table.add_address(v4("10.0.0.2"), 31, wlan);
    CHECK(table.is_local(v4("198.18.0.2")));
    CHECK(table.is_local(v4("127.0.0.1")));
    CHECK(table.is_local(v4("127.255.0.9")));
    CHECK_FALSE(table.is_local(v4("198.18.0.3")));
    CHECK_FALSE(table.is_local(v4("198.18.0.255")));
    CHECK(table.is_local_broadcast(v4("198.18.0.255"), eth));
    CHECK_FALSE(table.is_local_broadcast(v4("198.18.0.255"), wlan));
    CHECK_FALSE(table.is_local_broadcast(v4("10.0.0.3"), wlan));  // RFC 3021: a link of two has none
    CHECK(table.is_local_broadcast(v4("255.255.255.255"), tun));
    CHECK_FALSE(table.is_local_broadcast(v4("198.18.0.254"), eth));
}

TEST_CASE("tentative and duplicate addresses neither receive nor are spoken from") {
    routing_table<ipv6_address> table;
    const auto own = v6("fd00:6e6b::2"), peer = v6("fd00:6e6b::9");
    table.add_address(own, 64, eth, address_state::tentative);
    CHECK_FALSE(table.is_local(own));
    CHECK(table.route(peer) == nullptr);
    CHECK(table.set_state(own, eth, address_state::preferred));
    CHECK(table.is_local(own));
    CHECK(table.route(peer)->source == own);
    CHECK(table.set_state(own, eth, address_state::duplicate));
    CHECK_FALSE(table.is_local(own));
    CHECK(table.route(peer) == nullptr);
    CHECK_FALSE(table.set_state(peer, eth, address_state::preferred));
    CHECK(table.is_local(v6("::1")));
}

TEST_CASE("source addresses by the rules of RFC 6724") {
    routing_table<ipv6_address> table;
    table.add_address(v6("fe80::1"), 64, eth);
    table.add_address(v6("2001:db8:1::1"), 64, eth);
    table.add_address(v6("2001:db8:2::1"), 64, eth);
    const auto from = [&](const char* target, interface_id out = eth) { return to_string(table.source_for(v6(target), out)); };

    SUBCASE("rule 1: the target itself") { CHECK(from("2001:db8:2::1") == "2001:db8:2::1"); }
    SUBCASE("rule 2: a fitting scope") {
        CHECK(from("fe80::9") == "fe80::1");
        CHECK(from("ff02::1") == "fe80::1");
        CHECK(from("2001:db8:9::9") != "fe80::1");
        CHECK(from("ff0e::1") != "fe80::1");
    }
    SUBCASE("rule 3: not a deprecated one") {
        table.set_state(v6("2001:db8:2::1"), eth, address_state::deprecated);
        CHECK(from("2001:db8:2::9") == "2001:db8:1::1");
        table.set_state(v6("2001:db8:1::1"), eth, address_state::deprecated);
        CHECK(from("2001:db8:2::9") == "2001:db8:2::1");
    }
    SUBCASE("rule 5: one of the interface it leaves by") {
        table.add_address(v6("2001:db8:3::1"), 64, wlan);
        CHECK(from("2001:db8:3::9", eth) != "2001:db8:3::1");
        CHECK(from("2001:db8:1::9", wlan) == "2001:db8:3::1");
    }
    SUBCASE("rule 6: unique local addresses go together") {
        table.add_address(v6("fd00:6e6b::1"), 64, eth);
        CHECK(from("fdff::9") == "fd00:6e6b::1");
        CHECK(from("2001:db8:ffff::9") != "fd00:6e6b::1");
    }
    SUBCASE("rule 8: the longest matching prefix") {
        CHECK(from("2001:db8:2::9") == "2001:db8:2::1");
        CHECK(from("2001:db8:1::9") == "2001:db8:1::1");
    }
    SUBCASE("what stays on a link is spoken to from that link only") {
        CHECK(from("fe80::9", wlan) == "::");
        CHECK(table.route(v6("fe80::9"), wlan) == nullptr);
    }
    SUBCASE("an unspecified address is better than a wrong one, for multicast") {
        const auto* way = table.route(v6("ff02::1"), wlan);
        REQUIRE(way);
        CHECK(way->source.is_any());
    }
}

TEST_CASE("link-local targets are told apart by their scope") {
    routing_table<ipv6_address> table;
    table.add_address(v6("fe80::1"), 64, eth);
    table.add_address(v6("fe80::2"), 64, wlan);
    CHECK(table.route(v6("fe80::9"), eth)->source == v6("fe80::1"));
    CHECK(table.route(v6("fe80::9"), wlan)->source == v6("fe80::2"));
    CHECK(table.route(v6("fe80::9"), wlan)->out == wlan);
    CHECK(table.route(v6("fe80::9"), tun) == nullptr);
}

TEST_CASE("lifetimes deprecate and then remove an address") {
    routing_table<ipv6_address> table;
    table.add_address({.address = v6("2001:db8::1"), .length = 64, .on = eth, .preferred_until = t0 + 10s, .valid_until = t0 + 20s});
    table.add_address(v6("fe80::1"), 64, eth);
    CHECK(table.next_expiry() == t0 + 10s);
    table.expire(t0 + 9s);
    CHECK(table.addresses().find(v6("2001:db8::1"))->state == address_state::preferred);
    table.expire(t0 + 10s);
    CHECK(table.addresses().find(v6("2001:db8::1"))->state == address_state::deprecated);
    CHECK(table.is_local(v6("2001:db8::1")));
    CHECK(table.next_expiry() == t0 + 20s);
    std::vector<ipv6_address> removed;
    table.expire(t0 + 20s, [&](const auto& gone) { removed.push_back(gone.address); });
    CHECK(removed == std::vector{v6("2001:db8::1")});
    CHECK_FALSE(table.is_local(v6("2001:db8::1")));
    CHECK(table.look_up(v6("2001:db8::9")) == nullptr);
    CHECK_FALSE(table.next_expiry().has_value());
}

TEST_CASE("path MTUs shrink paths, within the floor, for ten minutes") {
    routing_table<ipv6_address> table;
    table.start({1, 2});
    table.add_address(v6("2001:db8::2"), 64, eth);
    table.add_route({.out = eth, .gateway = v6("2001:db8::1"), .mtu = 1500});
    const auto far = v6("2001:db8:5::5");
    CHECK(table.route(far)->mtu == 1500);
    const auto before = table.generation();
    CHECK(table.learn_path_mtu(far, 1400, t0));
    CHECK(table.generation() != before);
    CHECK(table.route(far)->mtu == 1400);
    CHECK(table.route(v6("2001:db8:5::6"))->mtu == 1500);
    CHECK_FALSE(table.learn_path_mtu(far, 1450, t0));  // never raised
    CHECK_FALSE(table.learn_path_mtu(far, 1279, t0));  // RFC 8201 section 4
    CHECK_FALSE(table.learn_path_mtu(far, 0, t0));
    CHECK(table.path_mtu(far) == 1400);
    CHECK(table.learn_path_mtu(far, 1280, t0 + 1min));
    CHECK(table.next_expiry() == t0 + 11min);
    table.expire(t0 + 10min);
    CHECK(table.route(far)->mtu == 1280);
    table.expire(t0 + 11min);
    CHECK(table.route(far)->mtu == 1500);
}

TEST_CASE("the path MTU cache is bounded, and IPv4 never goes below 552") {
    path_mtu_cache<ipv4_address> cache(100);
    cache.start({1, 2});
    for (std::uint32_t i = 0; i < 10000; ++i) CHECK(cache.learn(ipv4_address(i + 1), 1000, t0 + std::chrono::seconds(i)));
    CHECK(cache.size() == 100);
    CHECK(cache.find(ipv4_address(1)) == 0);
    CHECK(cache.find(ipv4_address(10000)) == 1000);
    CHECK(cache.learn(v4("1.1.1.1"), 1, t0));
    CHECK(cache.find(v4("1.1.1.1")) == 552);
    CHECK_FALSE(cache.learn(v4("1.1.1.2"), 0, t0));
    path_mtu_cache<ipv4_address> off(0);
    CHECK_FALSE(off.learn(v4("1.1.1.1"), 1000, t0));
}

TEST_CASE("common sizes below what old routers do not name") {
    CHECK(plateau_below(9000) == 8166);
    CHECK(plateau_below(1500) == 1492);
    CHECK(plateau_below(1492) == 1006);
    CHECK(plateau_below(1006) == 552);
    CHECK(plateau_below(300) == 552);
}

TEST_CASE("helpers over address bits agree with counting one by one") {
    const std::uint64_t seed = 3;
    CAPTURE(seed);
    auto random = random_source::from_seed(seed);
    for (int i = 0; i < 2000; ++i) {
        const auto a = random_address(random, static_cast<ipv6_address*>(nullptr));
        const auto shared = static_cast<unsigned>(random() % 128);
        // The first `shared` bits of a, then the opposite of its next one.
        const auto b = shared < 64 ? ipv6_address(a.high() ^ std::uint64_t{1} << (63 - shared), random()) : ipv6_address(a.high(), a.low() ^ std::uint64_t{1} << (127 - shared));
        REQUIRE(common_prefix(a, b) == shared);
        REQUIRE(b.in(a, shared));
        REQUIRE_FALSE(b.in(a, shared + 1));
        REQUIRE(network_of(a, shared) == network_of(b, shared));
        REQUIRE_FALSE(network_of(a, shared + 1) == network_of(b, shared + 1));
    }
    CHECK(common_prefix(v6("::1"), v6("::1")) == 128);
    CHECK(common_prefix(v4("1.2.3.4"), v4("1.2.3.4")) == 32);
    CHECK(common_prefix(v4("1.2.3.4"), v4("1.2.3.5")) == 31);
    CHECK(network_of(v4("1.2.3.4"), 0) == v4("0.0.0.0"));
    CHECK(network_of(v4("1.2.3.4"), 32) == v4("1.2.3.4"));
}

}  // namespace protocol_routing_table_tests
