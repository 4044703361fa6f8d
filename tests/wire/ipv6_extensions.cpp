#include <netkit/wire/ipv6_extension_walker.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <tests/wire/example_frames.hpp>

namespace wire_ipv6_extensions_tests {

namespace {

using namespace wire_examples;
using walk = ipv6_extension_walker::result;

constexpr auto number(ip_protocol protocol) { return std::uint8_t(protocol); }

/// An options header of `size` bytes (a multiple of 8), all Pad1.
bytes options_header(ip_protocol next, std::size_t size) {
    bytes result(size);
    result[0] = std::byte(number(next));
    result[1] = static_cast<std::byte>(size / 8 - 1);
    return result;
}

struct step {
    walk result;
    ip_protocol kind;
    std::size_t offset;
    friend bool operator==(const step&, const step&) = default;
};

/// Walks to the end, checking at each step that nothing lies outside the payload and that the walk goes forward.
std::vector<step> walk_all(ip_protocol next, std::span<const std::byte> payload) {
    const auto copy = std::make_unique<std::byte[]>(payload.size());
    std::copy(payload.begin(), payload.end(), copy.get());
    const std::span<const std::byte> bytes(copy.get(), payload.size());
    ipv6_extension_walker walker(number(next), bytes);
    std::vector<step> steps;
    for (;;) {
        const auto before = walker.end();
        const auto result = walker.step();
        if (result != walk::extension) {
            steps.push_back({result, walker.next(), walker.end()});
            CHECK(walker.step() == result);
            return steps;
        }
        REQUIRE(steps.size() < ipv6_extension_walker::most_headers);
        CHECK(walker.offset() == before);
        CHECK(walker.end() == walker.offset() + walker.bytes().size());
        CHECK(walker.end() > before);
        CHECK(walker.rest().size() == bytes.size() + sizeof(ipv6_header) - walker.end());
        CHECK(walker.bytes().data() == bytes.data() + walker.offset() - sizeof(ipv6_header));
        CHECK(walker.next_field() == walker.offset());
        steps.push_back({result, walker.kind(), walker.offset()});
    }
}

TEST_CASE("no extension at all") {
    CHECK(walk_all(ip_protocol::tcp, {}) == std::vector<step>{{walk::upper_layer, ip_protocol::tcp, 40}});
    CHECK(walk_all(ip_protocol::no_next_header, {}) == std::vector<step>{{walk::upper_layer, ip_protocol::no_next_header, 40}});
    ipv6_extension_walker walker(number(ip_protocol{200}), {});
    CHECK(walker.step() == walk::upper_layer);
    CHECK(walker.next_field() == 6);  // where Parameter Problem points
}

TEST_CASE("the recommended order") {
    const auto payload = join(options_header(ip_protocol::destination_options, 8), options_header(ip_protocol::routing, 24),
                              routing_header{number(ip_protocol::fragment), 0, 4, 0}, be32(0),
                              fragment_header{number(ip_protocol::udp), 0, 1, 5}, std::string_view("datagram"));
    CHECK(walk_all(ip_protocol::hop_by_hop, payload) == std::vector<step>{{walk::extension, ip_protocol::hop_by_hop, 40},
                                                                          {walk::extension, ip_protocol::destination_options, 48},
                                                                          {walk::extension, ip_protocol::routing, 72},
                                                                          {walk::extension, ip_protocol::fragment, 80},
                                                                          {walk::upper_layer, ip_protocol::udp, 88}});
}

TEST_CASE("a later fragment's bytes are no headers, whatever they look like") {
    const auto payload = join(fragment_header{number(ip_protocol::destination_options), 0, fragment_header::make_offset_flags(8, true), 5},
                              options_header(ip_protocol::tcp, 8));
    CHECK(walk_all(ip_protocol::fragment, payload) ==
          std::vector<step>{{walk::extension, ip_protocol::fragment, 40}, {walk::later_fragment, ip_protocol::destination_options, 48}});
}

TEST_CASE("the reserved byte of a fragment header is no length") {
    const auto payload = join(fragment_header{number(ip_protocol::udp), 255, 0, 5}, std::string_view("datagram"));
    CHECK(walk_all(ip_protocol::fragment, payload).back() == step{walk::upper_layer, ip_protocol::udp, 48});
}

TEST_CASE("hop-by-hop options stand first") {
    const auto payload = join(options_header(ip_protocol::hop_by_hop, 8), options_header(ip_protocol::tcp, 8));
    CHECK(walk_all(ip_protocol::destination_options, payload).back() == step{walk::misplaced, ip_protocol::hop_by_hop, 48});
    CHECK(walk_all(ip_protocol::hop_by_hop, payload).back() == step{walk::misplaced, ip_protocol::hop_by_hop, 48});
}

TEST_CASE("lengths beyond the packet") {
    for (const unsigned length : {1u, 2u, 31u, 127u, 128u, 255u}) {
        CAPTURE(length);
        auto payload = options_header(ip_protocol::udp, 8);
        payload[1] = static_cast<std::byte>(length);
        for (const auto kind : {ip_protocol::hop_by_hop, ip_protocol::destination_options, ip_protocol::routing})
            CHECK(walk_all(kind, payload) == std::vector<step>{{walk::truncated, kind, 40}});
    }
    const auto longest = options_header(ip_protocol::udp, 2048);
    CHECK(walk_all(ip_protocol::destination_options, longest).back() == step{walk::upper_layer, ip_protocol::udp, 40 + 2048});
}

TEST_CASE("an endless chain ends") {
    bytes payload;
    for (int i = 0; i < 1000; ++i) payload = join(payload, options_header(ip_protocol::destination_options, 8));
    const auto steps = walk_all(ip_protocol::destination_options, payload);
    CHECK(steps.size() == ipv6_extension_walker::most_headers + 1);
    CHECK(steps.back() == step{walk::too_many, ip_protocol::destination_options, 40 + 8 * ipv6_extension_walker::most_headers});
}

TEST_CASE("as many headers as are allowed may end with an upper layer") {
    bytes payload;
    for (unsigned i = 1; i < ipv6_extension_walker::most_headers; ++i)
        payload = join(payload, options_header(ip_protocol::destination_options, 8));
    payload = join(payload, options_header(ip_protocol::udp, 8));
    CHECK(walk_all(ip_protocol::destination_options, payload).back().result == walk::upper_layer);
}

TEST_CASE("a chain cut at every byte") {
    const auto payload = join(options_header(ip_protocol::destination_options, 16), options_header(ip_protocol::fragment, 8),
                              fragment_header{number(ip_protocol::udp), 0, 0, 5});
    for (std::size_t size = 0; size < payload.size(); ++size) {
        CAPTURE(size);
        CHECK(walk_all(ip_protocol::hop_by_hop, std::span(payload).first(size)).back().result == walk::truncated);
    }
    CHECK(walk_all(ip_protocol::hop_by_hop, payload).back() == step{walk::upper_layer, ip_protocol::udp, 72});
}

TEST_CASE("random bytes as a chain") {
    constexpr std::uint32_t seed = 8200;
    CAPTURE(seed);
    std::mt19937 random(seed);
    constexpr ip_protocol kinds[] = {ip_protocol::hop_by_hop, ip_protocol::routing, ip_protocol::fragment, ip_protocol::destination_options,
                                     ip_protocol::tcp};
    for (int round = 0; round < 5000; ++round) {
        bytes payload(random() % 200);
        for (std::size_t i = 0; i < payload.size(); ++i) {
            payload[i] = std::byte(random() % 4);
            if (i % 8 == 0) payload[i] = std::byte(number(kinds[random() % 5]));
        }
        CHECK(!walk_all(kinds[random() % 5], payload).empty());
    }
}

}  // namespace

}  // namespace wire_ipv6_extensions_tests
