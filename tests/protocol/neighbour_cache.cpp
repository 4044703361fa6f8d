#include <netkit/core/random.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/protocol/neighbour_cache.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace protocol_neighbour_cache_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

using cache = neighbour_cache<ipv6_address>;
using action = cache::action;

constexpr interface_id eth{1}, wlan{2};
constexpr mac_address mac_a{2, 0, 0, 0, 0, 0xa}, mac_b{2, 0, 0, 0, 0, 0xb};
constexpr time_point t0{1h};

ipv6_address host(std::uint64_t n) { return {0xfd00'6e6b'0000'0000, n}; }

struct fixture {
    pool home;
    cache neighbours;

    explicit fixture(const neighbour_settings& settings = {}) : neighbours(settings) { neighbours.start({1, 2}, 512); }
    packet numbered(int n) {
        packet p(home, 64);
        p.control<int>(n);
        return p;
    }
    cache::resolution resolve(std::uint64_t n, int number = 0, time_point now = t0) {
        auto p = numbered(number);
        auto result = neighbours.resolve(host(n), eth, p, now);
        CHECK(static_cast<bool>(p) == (result.mac != nullptr));
        return result;
    }
    cache::confirmation answer(std::uint64_t n, time_point now, const mac_address& mac = mac_a, cache::advertisement said = {.solicited = true}) {
        return neighbours.confirm(host(n), eth, &mac, said, now);
    }
    cache::entry& entry(std::uint64_t n) { return const_cast<cache::entry&>(*neighbours.peek(host(n), eth)); }
    neighbour_state state(std::uint64_t n) { return entry(n).state; }
};

std::string numbers(packet_queue q) {
    std::string text;
    while (auto p = q.pop_front()) text += std::to_string(p.control<int>()) + " ";
    return text;
}

}  // namespace

TEST_CASE("an unknown neighbour is asked for, and the packet is held until it answers") {
    fixture f;
    CHECK(f.neighbours.find(host(1), eth, t0) == nullptr);
    auto asked = f.resolve(1, 10);
    CHECK(asked.mac == nullptr);
    CHECK(asked.solicit);
    REQUIRE(asked.arm != nullptr);
    CHECK(asked.arm->deadline == t0 + 1s);
    CHECK(f.neighbours.held() == 1);
    CHECK(f.neighbours.awaits(host(1), eth));

    auto second = f.resolve(1, 11);
    CHECK_FALSE(second.solicit);
    CHECK(second.arm == nullptr);

    auto heard = f.answer(1, t0 + 100ms);
    REQUIRE(heard.known != nullptr);
    CHECK(heard.known->mac == mac_a);
    CHECK(numbers(std::move(heard.held)) == "10 11 ");
    CHECK(f.neighbours.held() == 0);
    CHECK(f.state(1) == neighbour_state::reachable);
    const auto* found = f.neighbours.find(host(1), eth, t0 + 200ms);
    REQUIRE(found != nullptr);
    CHECK(*found == mac_a);
    CHECK(f.neighbours.find(host(1), wlan, t0 + 200ms) == nullptr);
    CHECK(f.neighbours.find(host(2), eth, t0 + 200ms) == nullptr);
}

TEST_CASE("so many packets are held for a neighbour, the oldest giving way") {
    fixture f({.most_held_each = 3});
    for (int i = 0; i < 3; ++i) CHECK(f.resolve(1, i).dropped.empty());
    CHECK(numbers(f.resolve(1, 3).dropped) == "0 ");
    CHECK(numbers(f.resolve(1, 4).dropped) == "1 ");
    CHECK(numbers(f.answer(1, t0).held) == "2 3 4 ");
}

TEST_CASE("so many bytes are held for a neighbour, the oldest giving way") {
    fixture f({.most_held_bytes_each = 1000});
    const auto resolve = [&](int number, std::size_t size) {
        auto p = f.numbered(number);
        p.append(size);
        return numbers(f.neighbours.resolve(host(1), eth, p, t0).dropped);
    };
    CHECK(resolve(0, 300) == "");
    CHECK(resolve(1, 300) == "");
    CHECK(resolve(2, 400) == "");
    CHECK(f.neighbours.held_bytes() == 1000);
    CHECK(resolve(3, 301) == "0 1 ");
    CHECK(resolve(4, 1001) == "2 3 4 ");
    CHECK(f.neighbours.held_bytes() == 0);
    CHECK(resolve(5, 1000) == "");
    CHECK(numbers(f.answer(1, t0).held) == "5 ");
    CHECK(f.neighbours.held_bytes() == 0);
}

TEST_CASE("all fragments of the largest datagram are held") {
    for (const std::size_t mtu : {576u, 1280u, 1500u, 9000u}) {
        CAPTURE(mtu);
        fixture f;
        const auto room = (mtu - 48) & ~std::size_t{7};  // behind headers of IPv6
        for (std::size_t done = 0; done < 65535; done += room) {
            packet p(f.home, 64, mtu);
            p.append(48 + std::min(room, 65535 - done));
            REQUIRE(f.neighbours.resolve(host(1), eth, p, t0).dropped.empty());
        }
    }
}

TEST_CASE("three solicitations a second apart, then the neighbour is unreachable") {
    fixture f;
    f.resolve(1, 10);
    f.resolve(1, 11);
    auto now = t0 + 1s;
    for (int i = 0; i < 2; ++i, now += 1s) {
        const auto again = f.neighbours.expired(f.entry(1), now);
        CHECK(again.what == action::solicit_multicast);
        CHECK(again.address == host(1));
        CHECK(again.deadline == now + 1s);
    }
    auto end = f.neighbours.expired(f.entry(1), now);
    CHECK(end.what == action::unreachable);
    CHECK(end.address == host(1));
    CHECK(end.interface == eth);
    CHECK(numbers(std::move(end.held)) == "10 11 ");
    CHECK(f.neighbours.size() == 0);
    CHECK(f.neighbours.held() == 0);
    CHECK(f.resolve(1).solicit);  // from the beginning
}

TEST_CASE("a reachable neighbour goes stale, is used, and is probed when nothing confirms it") {
    fixture f;  // 512 of 1024: the reachable time is 30 s
    f.resolve(1);
    f.answer(1, t0);
    CHECK(f.neighbours.find(host(1), eth, t0 + 29s) != nullptr);
    const auto old = t0 + 31s;
    CHECK(f.neighbours.find(host(1), eth, old) == nullptr);
    auto used = f.resolve(1, 0, old);
    REQUIRE(used.mac != nullptr);
    CHECK(*used.mac == mac_a);
    CHECK_FALSE(used.solicit);
    REQUIRE(used.arm != nullptr);
    CHECK(f.state(1) == neighbour_state::delay);
    CHECK(used.arm->deadline == old + 5s);
    // Meanwhile it is used without further ado.
    CHECK(f.neighbours.find(host(1), eth, old + 4s) != nullptr);

    SUBCASE("it answers a probe") {
        auto probe = f.neighbours.expired(f.entry(1), old + 5s);
        CHECK(probe.what == action::solicit_unicast);
        CHECK(probe.mac == mac_a);
        CHECK(probe.deadline == old + 6s);
        CHECK(f.state(1) == neighbour_state::probe);
        f.answer(1, old + 5s);
        CHECK(f.state(1) == neighbour_state::reachable);
        CHECK(f.neighbours.expired(f.entry(1), old + 6s).what == action::none);
    }
    SUBCASE("it does not: three probes") {
        for (auto at = old + 5s; at < old + 8s; at += 1s) CHECK(f.neighbours.expired(f.entry(1), at).what == action::solicit_unicast);
        CHECK(f.neighbours.expired(f.entry(1), old + 8s).what == action::unreachable);
        CHECK(f.neighbours.find(host(1), eth, old + 8s) == nullptr);
        CHECK(f.neighbours.size() == 0);
    }
    SUBCASE("an upper layer knows better") {
        f.neighbours.confirm_reachable(host(1), eth, old + 1s);
        CHECK(f.state(1) == neighbour_state::reachable);
        CHECK(f.neighbours.find(host(1), eth, old + 30s) != nullptr);
        f.neighbours.confirm_reachable(host(2), eth, old);
        CHECK(f.neighbours.size() == 1);
    }
}

TEST_CASE("the reachable time lies between half and one and a half of its base") {
    for (std::uint64_t random : {0u, 1u, 511u, 512u, 1023u, 1024u, 99999u}) {
        fixture f;
        f.neighbours.randomise(random);
        f.resolve(1);
        f.answer(1, t0);
        CHECK(f.entry(1).usable_until >= t0 + 15s);
        CHECK(f.entry(1).usable_until <= t0 + 45s);
    }
    fixture f;
    f.neighbours.set_times(10s, 2s, 512);
    CHECK(f.resolve(1).arm->deadline == t0 + 2s);
    f.answer(1, t0);
    CHECK(f.entry(1).usable_until >= t0 + 9s);
    CHECK(f.entry(1).usable_until <= t0 + 11s);
    f.neighbours.set_times(0s, 0s, 512);
    CHECK(f.neighbours.settings().retransmit == 2s);
}

TEST_CASE("advertisements are taken as RFC 4861 section 7.2.5 has it") {
    fixture f;
    SUBCASE("nobody asked and nothing is known: nothing is created") {
        CHECK(f.answer(1, t0).known == nullptr);
        CHECK(f.answer(1, t0, mac_a, {.solicited = false}).known == nullptr);
        f.neighbours.learn_unsolicited(host(1), eth, mac_a);
        CHECK(f.neighbours.size() == 0);
    }
    SUBCASE("incomplete: no link address is of no use") {
        f.resolve(1);
        CHECK(f.neighbours.confirm(host(1), eth, nullptr, {.solicited = true}, t0).held.empty());
        CHECK(f.state(1) == neighbour_state::incomplete);
    }
    SUBCASE("incomplete and unsolicited: stale, and the packets go") {
        f.resolve(1, 7);
        CHECK(numbers(f.answer(1, t0, mac_a, {.solicited = false}).held) == "7 ");
        CHECK(f.state(1) == neighbour_state::stale);
        CHECK(f.neighbours.find(host(1), eth, t0) == nullptr);
        CHECK(*f.resolve(1).mac == mac_a);
    }
    SUBCASE("known") {
        f.resolve(1);
        f.answer(1, t0);
        SUBCASE("another address without override: stale, the address kept") {
            f.answer(1, t0, mac_b, {.solicited = true, .override = false});
            CHECK(f.state(1) == neighbour_state::stale);
            CHECK(f.entry(1).mac == mac_a);
            f.answer(1, t0, mac_b, {.solicited = true, .override = false});
            CHECK(f.state(1) == neighbour_state::stale);
        }
        SUBCASE("another address with override: taken, stale unless solicited") {
            f.answer(1, t0, mac_b, {.solicited = false, .override = true});
            CHECK(f.entry(1).mac == mac_b);
            CHECK(f.state(1) == neighbour_state::stale);
            f.answer(1, t0, mac_a, {.solicited = true, .override = true});
            CHECK(f.entry(1).mac == mac_a);
            CHECK(f.state(1) == neighbour_state::reachable);
        }
        SUBCASE("the same address, unsolicited: nothing changes") {
            f.answer(1, t0 + 20s, mac_a, {.solicited = false});
            CHECK(f.state(1) == neighbour_state::reachable);
            CHECK(f.entry(1).confirmed == t0);
        }
        SUBCASE("without an address, solicited: reachable") {
            f.neighbours.confirm(host(1), eth, nullptr, {.solicited = true}, t0 + 20s);
            CHECK(f.entry(1).confirmed == t0 + 20s);
            CHECK(f.entry(1).mac == mac_a);
        }
        SUBCASE("a router that is none any more") {
            CHECK_FALSE(f.answer(1, t0, mac_a, {.solicited = true, .router = true}).was_router);
            CHECK(f.entry(1).is_router);
            CHECK(f.answer(1, t0, mac_a, {.solicited = true}).was_router);
            CHECK_FALSE(f.entry(1).is_router);
        }
    }
}

TEST_CASE("who asks for us tells who it is") {
    fixture f;
    CHECK(f.neighbours.learn(host(1), eth, mac_a).known != nullptr);
    CHECK(f.state(1) == neighbour_state::stale);
    CHECK(f.entry(1).mac == mac_a);
    f.resolve(2, 5);
    CHECK(numbers(f.neighbours.learn(host(2), eth, mac_b).held) == "5 ");
    CHECK(f.state(2) == neighbour_state::stale);
    f.answer(2, t0, mac_b);
    f.neighbours.learn(host(2), eth, mac_b);
    CHECK(f.state(2) == neighbour_state::reachable);  // it told nothing new
    f.neighbours.learn_unsolicited(host(2), eth, mac_a);
    CHECK(f.entry(2).mac == mac_a);
    CHECK(f.state(2) == neighbour_state::stale);
}

TEST_CASE("the cache is bounded: the least recently used gives way, with what it holds") {
    fixture f({.most_entries = 4});
    for (std::uint64_t n = 1; n <= 4; ++n) f.resolve(n, static_cast<int>(n));
    f.neighbours.find(host(1), eth, t0);  // used again
    CHECK(numbers(f.resolve(5, 5).dropped) == "2 ");
    CHECK(f.neighbours.size() == 4);
    CHECK(f.neighbours.peek(host(2), eth) == nullptr);
    CHECK(f.neighbours.peek(host(1), eth) != nullptr);
    CHECK(numbers(f.neighbours.learn(host(6), eth, mac_a).dropped) == "3 ");
    CHECK(f.neighbours.held() == 3);
}

TEST_CASE("what people entered never gives way, ages or is overwritten") {
    fixture f({.most_entries = 3});
    for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(f.neighbours.add_permanent(host(n), eth, mac_a).known != nullptr);
    CHECK(f.neighbours.add_permanent(host(4), eth, mac_a).known == nullptr);
    CHECK(numbers(f.resolve(5, 5).dropped) == "5 ");
    CHECK(f.neighbours.learn(host(5), eth, mac_b).known == nullptr);
    CHECK(f.neighbours.size() == 3);
    f.answer(1, t0, mac_b);
    f.neighbours.learn_unsolicited(host(1), eth, mac_b);
    f.neighbours.confirm_reachable(host(1), eth, t0);
    CHECK(f.neighbours.expired(f.entry(1), t0).what == action::none);
    CHECK(*f.neighbours.find(host(1), eth, t0 + 1000h) == mac_a);
    f.neighbours.remove(host(1), eth);
    CHECK(f.resolve(5).solicit);
    f.neighbours.remove(eth);
    CHECK(f.neighbours.size() == 0);
}

TEST_CASE("a permanent entry releases what waited for it") {
    fixture f;
    f.resolve(1, 8);
    CHECK(numbers(f.neighbours.add_permanent(host(1), eth, mac_a).held) == "8 ");
    CHECK(*f.neighbours.find(host(1), eth, t0) == mac_a);
}

TEST_CASE("packets held in all are bounded") {
    fixture f({.most_held = 5});
    for (std::uint64_t n = 1; n <= 5; ++n) CHECK(f.resolve(n, static_cast<int>(n)).dropped.empty());
    CHECK(numbers(f.resolve(6, 6).dropped) == "6 ");
    CHECK(numbers(f.resolve(1, 7).dropped) == "1 ");  // its own oldest gives way
    CHECK(f.neighbours.held() == 5);
}

TEST_CASE("bytes held in all are bounded") {
    fixture f({.most_held_bytes = 1000});
    const auto resolve = [&](std::uint64_t n, int number, std::size_t size) {
        auto p = f.numbered(number);
        p.append(size);
        return numbers(f.neighbours.resolve(host(n), eth, p, t0).dropped);
    };
    for (int n = 1; n <= 4; ++n) CHECK(resolve(static_cast<std::uint64_t>(n), n, 250) == "");
    CHECK(resolve(5, 5, 1) == "5 ");
    CHECK(resolve(1, 6, 250) == "1 ");
    CHECK(f.neighbours.held_bytes() == 1000);
}

TEST_CASE("neighbours with many packets leave room for others") {
    fixture f({.most_held = 100});
    for (std::uint64_t n = 1; n <= 4; ++n)
        for (int i = 0; i < 40; ++i) f.resolve(n);
    const auto before = f.neighbours.held();
    CHECK(before < 60);
    for (std::uint64_t n = 5; n <= 10; ++n) CHECK(f.resolve(n).dropped.empty());
    CHECK(f.neighbours.held() == before + 6);
}

TEST_CASE("a flood of addresses stays within bounds and leaves permanent entries be") {
    fixture f;
    f.neighbours.add_permanent(host(0), eth, mac_a);
    std::size_t given = 0, dropped = 0;
    for (std::uint64_t n = 1; n <= 20000; ++n, ++given) dropped += f.resolve(n).dropped.size();
    CHECK(f.neighbours.size() == 1024);
    CHECK(f.neighbours.held() <= f.neighbours.settings().most_held);
    CHECK(given == dropped + f.neighbours.held());
    CHECK(f.home.in_use() == f.neighbours.held());
    CHECK(*f.neighbours.find(host(0), eth, t0) == mac_a);
}

TEST_CASE("a neighbour that is spoken to all the time survives a flood") {
    fixture f({.most_entries = 32});
    f.resolve(0);
    f.answer(0, t0);
    for (std::uint64_t n = 1; n <= 5000; ++n) {
        f.resolve(n);
        if (n % 10 == 0) REQUIRE(f.neighbours.find(host(0), eth, t0) != nullptr);
    }
    CHECK(f.neighbours.size() == 32);
    fixture none({.most_entries = 0});
    CHECK(numbers(none.resolve(1, 4).dropped) == "4 ");
}

TEST_CASE("entries stay in place, and are armed and disarmed with their state") {
    fixture f;
    timers all;
    const auto arm = [&](cache::entry* e) { all.arm(*e, e->deadline, [](void*, timer&) {}); };
    auto* first = f.resolve(1).arm;
    arm(first);
    for (std::uint64_t n = 2; n < 500; ++n) f.resolve(n);
    CHECK(&f.entry(1) == first);
    CHECK(first->armed());
    f.answer(1, t0);
    CHECK_FALSE(first->armed());
    arm(f.resolve(1, 0, t0 + 100s).arm);
    f.neighbours.confirm_reachable(host(1), eth, t0 + 101s);
    CHECK(all.size() == 0);
    arm(f.resolve(1, 0, t0 + 200s).arm);
    f.neighbours.remove(host(1), eth);
    CHECK(all.size() == 0);
    CHECK(f.neighbours.find(host(1), eth, t0) == nullptr);
}

TEST_CASE("another hash key changes nothing but the hash") {
    fixture f;
    f.resolve(1, 3);
    f.neighbours.start({99, 98}, 0);
    CHECK(numbers(f.answer(1, t0).held) == "3 ");
}

TEST_CASE("ARP uses the same machine") {
    neighbour_cache<ipv4_address> arp;
    arp.start({1, 2}, 3);
    pool home;
    packet p(home, 64);
    const ipv4_address target{198, 18, 0, 1};
    CHECK(arp.resolve(target, eth, p, t0).solicit);
    CHECK(arp.confirm(target, eth, &mac_a, {.solicited = arp.awaits(target, eth)}, t0).held.size() == 1);
    CHECK(*arp.find(target, eth, t0) == mac_a);
    CHECK_FALSE(arp.awaits(target, eth));
}

TEST_CASE("no packet is lost or kept twice, whatever happens") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        auto random = random_source::from_seed(seed);
        fixture f({.most_entries = 8, .most_held_each = 5, .most_held_bytes_each = 400, .most_held = 24, .most_held_bytes = 1500});
        std::size_t given = 0, back = 0;
        auto now = t0;
        for (int step = 0; step < 3000; ++step) {
            now += std::chrono::milliseconds(random() % 2000);
            const auto n = random() % 12;
            const auto mac = random() % 2 ? mac_a : mac_b;
            switch (random() % 8) {
            case 0: case 1: case 2: {
                auto p = f.numbered(step);
                p.append(random() % 200);
                ++given;
                if (f.neighbours.find(host(n), eth, now)) {
                    ++back;
                    break;
                }
                auto result = f.neighbours.resolve(host(n), eth, p, now);
                if (p) ++back;
                back += result.dropped.size();
                break;
            }
            case 3: back += f.answer(n, now, mac, {.solicited = random() % 2 != 0, .override = random() % 2 != 0}).held.size(); break;
            case 4: {
                auto heard = f.neighbours.learn(host(n), eth, mac);
                back += heard.held.size() + heard.dropped.size();
                break;
            }
            case 5: back += f.neighbours.learn_unsolicited(host(n), eth, mac).held.size(); break;
            case 6:
                if (f.neighbours.peek(host(n), eth)) back += f.neighbours.expired(f.entry(n), now).held.size();
                break;
            case 7:
                if (random() % 4 == 0) back += f.neighbours.remove(host(n), eth).size();
                else f.neighbours.confirm_reachable(host(n), eth, now);
                break;
            }
            std::size_t held = 0, held_bytes = 0;
            f.neighbours.for_each([&](const cache::entry& e) {
                held += e.held.size();
                held_bytes += e.held.bytes();
                CHECK(e.held.size() <= 5);
                CHECK(e.held.bytes() <= 400);
                CHECK((e.held.empty() || e.state == neighbour_state::incomplete));
            });
            REQUIRE(held == f.neighbours.held());
            REQUIRE(held_bytes == f.neighbours.held_bytes());
            REQUIRE(held_bytes <= 1500);
            REQUIRE(given == back + held);
            REQUIRE(f.home.in_use() == held);
            REQUIRE(f.neighbours.size() <= 8);
        }
    }
}

}  // namespace protocol_neighbour_cache_tests
