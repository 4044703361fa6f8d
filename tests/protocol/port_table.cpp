#include <netkit/core/random.hpp>
#include <netkit/protocol/port_table.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

namespace protocol_port_table_tests {

using namespace netkit;

namespace {

constexpr interface_id eth{1}, wlan{2};

ip_address address(const char* text) { return ip_address::parse(text); }
endpoint at(const char* text, std::uint16_t port, interface_id scope = interface_id::none) { return {address(text), port, scope}; }

}  // namespace

TEST_CASE("the best match wins: connected, then the very address, then any") {
    port_table table;
    const auto target = at("198.18.0.1", 53, eth), peer = at("198.18.0.9", 4000), stranger = at("198.18.0.8", 4000);
    CHECK(table.look_up(target, peer) == nullptr);

    port_binding dual, any, specific, connected;
    for (auto* b : {&dual, &any, &specific, &connected}) b->reuse_address = true;
    REQUIRE(table.bind(dual, at("::", 53), 0) == errc::ok);
    CHECK(table.look_up(target, peer) == &dual);
    REQUIRE(table.bind(any, at("0.0.0.0", 53), 0) == errc::ok);
    CHECK(table.look_up(target, peer) == &any);
    REQUIRE(table.bind(specific, at("198.18.0.1", 53), 0) == errc::ok);
    CHECK(table.look_up(target, peer) == &specific);
    REQUIRE(table.bind(connected, at("0.0.0.0", 53), 0) == errc::ok);
    connected.connect(peer);
    CHECK(table.look_up(target, peer) == &connected);
    CHECK(table.look_up(target, stranger) == &specific);
    CHECK(table.look_up(at("198.18.0.2", 53), stranger) == &any);
    CHECK(table.look_up(at("fd00:6e6b::1", 53), stranger) == &dual);
    CHECK(table.look_up(at("198.18.0.1", 54), peer) == nullptr);
    connected.disconnect();
    specific.unbind();
    CHECK(table.look_up(target, peer) == &connected);  // the latest among equals
}

TEST_CASE("`::` hears IPv4 unless it is for IPv6 only") {
    port_table table;
    port_binding six, four;
    six.v6_only = true;
    REQUIRE(table.bind(six, at("::", 80), 0) == errc::ok);
    CHECK(table.look_up(at("198.18.0.1", 80), {}) == nullptr);
    CHECK(table.look_up(at("fd00:6e6b::1", 80), {}) == &six);
    REQUIRE(table.bind(four, at("0.0.0.0", 80), 0) == errc::ok);
    CHECK(table.look_up(at("198.18.0.1", 80), {}) == &four);
    CHECK(table.look_up(at("fd00:6e6b::1", 80), {}) == &six);
}

TEST_CASE("a binding to an interface hears that one only, and ahead of others") {
    port_table table;
    port_binding everywhere, on_eth;
    everywhere.reuse_address = on_eth.reuse_address = true;
    REQUIRE(table.bind(everywhere, at("0.0.0.0", 80), 0) == errc::ok);
    REQUIRE(table.bind(on_eth, at("0.0.0.0", 80, eth), 0) == errc::ok);
    CHECK(table.look_up(at("198.18.0.1", 80, eth), {}) == &on_eth);
    CHECK(table.look_up(at("198.18.0.1", 80, wlan), {}) == &everywhere);
    everywhere.unbind();
    CHECK(table.look_up(at("198.18.0.1", 80, wlan), {}) == nullptr);
}

TEST_CASE("which endpoints are taken") {
    struct { const char *first, *second; bool first_v6_only, clash; } const pairs[] = {
        {"198.18.0.1", "198.18.0.1", false, true},
        {"198.18.0.1", "198.18.0.2", false, false},
        {"0.0.0.0", "198.18.0.1", false, true},
        {"198.18.0.1", "0.0.0.0", false, true},
        {"0.0.0.0", "0.0.0.0", false, true},
        {"::", "198.18.0.1", false, true},
        {"::", "198.18.0.1", true, false},
        {"::", "0.0.0.0", false, true},
        {"::", "0.0.0.0", true, false},
        {"::", "fd00:6e6b::1", true, true},
        {"0.0.0.0", "fd00:6e6b::1", false, false},
        {"fd00:6e6b::1", "::", false, true},
    };
    for (const auto& p : pairs) {
        CAPTURE(p.first);
        CAPTURE(p.second);
        CAPTURE(p.first_v6_only);
        for (const bool reuse : {false, true}) {
            port_table table;
            port_binding first, second;
            first.v6_only = p.first_v6_only;
            first.reuse_address = second.reuse_address = reuse;
            REQUIRE(table.bind(first, at(p.first, 80), 0) == errc::ok);
            CHECK(table.bind(second, at(p.second, 80), 0) == (p.clash && !reuse ? errc::address_in_use : errc::ok));
            CHECK(second.bound() == (!p.clash || reuse));
        }
        // Both must agree to share.
        port_table table;
        port_binding first, second;
        first.v6_only = p.first_v6_only;
        second.reuse_address = true;
        REQUIRE(table.bind(first, at(p.first, 80), 0) == errc::ok);
        CHECK((table.bind(second, at(p.second, 80), 0) == errc::ok) == !p.clash);
    }
    port_table table;
    port_binding first, second, third;
    REQUIRE(table.bind(first, at("0.0.0.0", 80, eth), 0) == errc::ok);
    CHECK(table.bind(second, at("0.0.0.0", 80, wlan), 0) == errc::ok);
    CHECK(table.bind(third, at("0.0.0.0", 80), 0) == errc::address_in_use);
    CHECK(table.bind(third, at("0.0.0.0", 81), 0) == errc::ok);
    CHECK(table.bind(third, at("0.0.0.0", 82), 0) == errc::invalid_argument);  // it is bound already
}

TEST_CASE("a listener shares its endpoint with sockets that do not listen, and with no other listener") {
    port_table table;
    port_binding listener, connection, rival;
    for (auto* b : {&listener, &connection, &rival}) {
        b->reuse_address = b->exclusive = true;
        b->receives = false;
        REQUIRE(table.bind(*b, at("0.0.0.0", 80), 0) == errc::ok);
    }
    CHECK(table.look_up(at("198.18.0.1", 80), {}) == nullptr);
    CHECK(table.open(listener) == errc::ok);
    CHECK(table.look_up(at("198.18.0.1", 80), {}) == &listener);
    CHECK(table.open(listener) == errc::ok);
    CHECK(table.open(rival) == errc::address_in_use);
    CHECK(table.look_up(at("198.18.0.1", 80), {}) == &listener);
    port_binding late;
    late.reuse_address = late.exclusive = true;
    late.receives = false;
    CHECK(table.bind(late, at("198.18.0.1", 80), 0) == errc::address_in_use);
    listener.unbind();
    CHECK(table.bind(late, at("198.18.0.1", 80), 0) == errc::ok);
    CHECK(table.open(rival) == errc::ok);
    CHECK(table.open(listener) == errc::invalid_argument);
}

TEST_CASE("all who hear a multicast packet are found") {
    port_table table;
    std::vector<std::unique_ptr<port_binding>> all;
    for (const char* where : {"0.0.0.0", "::", "224.0.0.251", "198.18.0.1"}) {
        auto& b = *all.emplace_back(std::make_unique<port_binding>());
        b.reuse_address = true;
        REQUIRE(table.bind(b, at(where, 5353), 0) == errc::ok);
    }
    std::set<port_binding*> heard;
    table.for_each_match(at("224.0.0.251", 5353), at("198.18.0.9", 5353), [&](port_binding& b) { heard.insert(&b); });
    CHECK(heard == std::set<port_binding*>{all[0].get(), all[1].get(), all[2].get()});
}

TEST_CASE("ports are given back, and the table may end before its bindings") {
    std::optional<port_table> table(std::in_place);
    port_binding stays;
    REQUIRE(table->bind(stays, at("::", 80), 0) == errc::ok);
    {
        port_binding goes;
        REQUIRE(table->bind(goes, at("::", 81), 0) == errc::ok);
        CHECK(table->size() == 2);
    }
    CHECK(table->size() == 1);
    CHECK(table->look_up(at("::1", 81), {}) == nullptr);
    table.reset();
    CHECK_FALSE(stays.bound());
    stays.unbind();
}

TEST_CASE("the table grows, and keeps the order of those on one port") {
    port_table table;
    std::vector<std::unique_ptr<port_binding>> all;
    port_binding first, latest;
    first.reuse_address = latest.reuse_address = true;
    REQUIRE(table.bind(first, at("::", 700), 0) == errc::ok);
    REQUIRE(table.bind(latest, at("::", 700), 0) == errc::ok);
    for (std::uint16_t port = 1000; port < 11000; ++port) REQUIRE(table.bind(*all.emplace_back(std::make_unique<port_binding>()), at("::", port), 0) == errc::ok);
    CHECK(table.size() == 10002);
    for (std::uint16_t port = 1000; port < 11000; ++port) REQUIRE(table.look_up(at("198.18.0.1", port), {}) == all[port - 1000u].get());
    CHECK(table.look_up(at("198.18.0.1", 700), {}) == &latest);
    std::size_t seen = 0;
    table.for_each([&](port_binding& b) {
        ++seen;
        b.unbind();
    });
    CHECK(seen == 10002);
    CHECK(table.size() == 0);
}

TEST_CASE("ephemeral ports lie in the range, until every one is taken") {
    port_table table;
    table.start({1, 2});
    table.ephemeral().range(50000, 50099);
    auto random = random_source::from_seed(1);
    std::vector<std::unique_ptr<port_binding>> all;
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 100; ++i) {
        auto& b = *all.emplace_back(std::make_unique<port_binding>());
        b.reuse_address = true;  // sharing is for those who name a port
        REQUIRE(table.bind(b, at("0.0.0.0", 0), random(), at("198.18.0.1", 53)) == errc::ok);
        CHECK(b.local().port >= 50000);
        CHECK(b.local().port <= 50099);
        ports.insert(b.local().port);
    }
    CHECK(ports.size() == 100);
    port_binding more;
    CHECK(table.bind(more, at("0.0.0.0", 0), random()) == errc::no_ports);
    CHECK_FALSE(more.bound());
    all.pop_back();
    CHECK(table.bind(more, at("0.0.0.0", 0), random()) == errc::ok);
    CHECK_THROWS_AS(table.ephemeral().range(0, 10), std::invalid_argument);
    CHECK_THROWS_AS(table.ephemeral().range(11, 10), std::invalid_argument);
}

TEST_CASE("ephemeral ports cannot be foretold without the key") {
    const auto sequence = [](std::uint64_t key, std::uint64_t seed, const endpoint& remote) {
        ephemeral_ports ports;
        ports.start({key, 1});
        auto random = random_source::from_seed(seed);
        std::vector<std::uint16_t> all;
        for (int i = 0; i < 2000; ++i) all.push_back(ports.choose(address("198.18.0.2"), remote, random(), [](std::uint16_t) { return true; }));
        return all;
    };
    const auto peer = at("198.18.0.1", 80), other = at("198.18.0.1", 81);
    CHECK(sequence(1, 1, peer) == sequence(1, 1, peer));
    const auto mine = sequence(1, 1, peer);
    CHECK(mine[0] != sequence(2, 1, peer)[0]);
    CHECK(mine[0] != sequence(1, 1, other)[0]);
    // The distance from one to the next differs, and all of the range is used.
    std::set<int> steps;
    std::set<std::uint16_t> used(mine.begin(), mine.end());
    for (std::size_t i = 1; i < mine.size(); ++i) {
        CHECK(mine[i] >= ephemeral_ports::default_first);
        steps.insert((mine[i] - mine[i - 1] + 16384) % 16384);
    }
    CHECK(steps.size() == 64);
    CHECK(used.size() > 1000);
    CHECK(*used.rbegin() - *used.begin() > 16000);
}

TEST_CASE("where the peer is not known, one ephemeral port says nothing about the next") {
    ephemeral_ports ports;
    ports.start({1, 1});
    auto random = random_source::from_seed(1);
    const auto choose = [&] { return ports.choose(address("0.0.0.0"), {}, random(), [](std::uint16_t) { return true; }); };
    std::set<int> steps;
    auto last = choose();
    for (int i = 0; i < 2000; ++i) {
        const auto port = choose();
        CHECK(port >= ephemeral_ports::default_first);
        steps.insert((port - last + 16384) % 16384);
        last = port;
    }
    CHECK(steps.size() > 1500);
}

}  // namespace protocol_port_table_tests
