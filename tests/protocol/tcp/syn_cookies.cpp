#include <doctest/doctest.h>

#include <netkit/core/ip_address.hpp>
#include <netkit/protocol/tcp/syn_cookies.hpp>

#include <algorithm>
#include <chrono>
#include <random>

namespace protocol_tcp_syn_cookies_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

const tcp_flow_key flow = tcp_flow_key::of(ipv4_address(198, 18, 0, 2), 80, ipv4_address(198, 18, 0, 1), 4000);
constexpr time_point noon{12h};

tcp_syn_cookies made() {
    tcp_syn_cookies cookies;
    cookies.start({0x0123456789abcdef, 0xfedcba9876543210});
    return cookies;
}

}  // namespace

TEST_CASE("a cookie gives back the MSS, or the next one below") {
    const auto cookies = made();
    const sequence_number peers(123456);
    for (std::uint32_t mss = 0; mss <= 65535; mss += mss < 2000 ? 1 : 97) {
        const auto kept = cookies.read(flow, peers, cookies.make(flow, peers, static_cast<std::uint16_t>(mss), noon), noon);
        std::uint16_t expected = tcp_syn_cookies::sizes[0];
        for (const auto size : tcp_syn_cookies::sizes)
            if (size <= mss) expected = size;
        REQUIRE(kept == expected);
    }
    CHECK(std::is_sorted(tcp_syn_cookies::sizes.begin(), tcp_syn_cookies::sizes.end()));
}

TEST_CASE("a cookie is good for 64 seconds, and for no more than 128") {
    const auto cookies = made();
    const sequence_number peers(99);
    for (const auto begin : {0s, 12'345s, 12'799s, 86'400s * 400}) {
        const time_point sent{begin};
        const auto cookie = cookies.make(flow, peers, 1460, sent);
        CHECK(cookies.read(flow, peers, cookie, sent + 64s) == 1460);
        CHECK(cookies.read(flow, peers, cookie, sent + 128s) == 0);
        // Where the clock's five bits come round, the hash knows the difference.
        CHECK(cookies.read(flow, peers, cookie, sent + 64s * 32) == 0);
        CHECK(cookies.read(flow, peers, cookie, sent + 64s * 64) == 0);
    }
}

TEST_CASE("a cookie is good for one flow, one SYN and one key") {
    const auto cookies = made();
    const sequence_number peers(1'000'000);
    const auto cookie = cookies.make(flow, peers, 1460, noon);
    auto other = flow;
    ++other.remote_port;
    CHECK(cookies.read(other, peers, cookie, noon) == 0);
    other = flow;
    ++other.local_port;
    CHECK(cookies.read(other, peers, cookie, noon) == 0);
    other = flow;
    ++other.remote_low;
    CHECK(cookies.read(other, peers, cookie, noon) == 0);
    CHECK(cookies.read(flow, peers + 1u, cookie, noon) == 0);
    CHECK(cookies.read(flow, peers - 1u, cookie, noon) == 0);
    tcp_syn_cookies stranger;
    stranger.start({1, 2});
    CHECK(stranger.read(flow, peers, cookie, noon) == 0);
}

TEST_CASE("guesses fail, near a cookie and anywhere") {
    const auto cookies = made();
    const sequence_number peers(77);
    const auto cookie = cookies.make(flow, peers, 1460, noon);
    std::size_t right = 0;
    for (std::uint32_t i = 1; i <= 100'000; ++i) right += cookies.read(flow, peers, cookie + i, noon) != 0;
    std::mt19937 random(7);
    for (int i = 0; i < 100'000; ++i) right += cookies.read(flow, peers, sequence_number(static_cast<std::uint32_t>(random())), noon) != 0;
    CHECK(right == 0);
}

TEST_CASE("timestamps keep what was agreed, and are never ahead of the clock") {
    for (std::uint32_t clock : {0u, 1u, 63u, 64u, 1'000'000u, 0x7fffffffu, 0xffffffffu})
        for (std::uint8_t scale = 0; scale <= 15; ++scale)
            for (int bits = 0; bits < 4; ++bits) {
                tcp_parsed_options agreed;
                agreed.has_window_scale = scale != 15;
                agreed.window_scale = scale;
                agreed.sack_permitted = (bits & 1) != 0;
                const auto sent = tcp_syn_cookies::timestamp(clock, agreed, (bits & 2) != 0);
                REQUIRE(clock - sent < 64);
                tcp_parsed_options kept;
                bool marking = false;
                tcp_syn_cookies::read_echo(sent, kept, marking);
                REQUIRE(kept.has_window_scale == agreed.has_window_scale);
                if (kept.has_window_scale) REQUIRE(kept.window_scale == scale);
                REQUIRE(kept.sack_permitted == agreed.sack_permitted);
                REQUIRE(marking == ((bits & 2) != 0));
            }
}

}  // namespace protocol_tcp_syn_cookies_tests
