#include "bytes.hpp"

#include <netkit/buffer/chunk.hpp>
#include <netkit/buffer/packet.hpp>
#include <netkit/core/random.hpp>

#include <doctest/doctest.h>

#include <vector>

namespace buffer_checksum_tests {

using namespace netkit;
using bytes::counting;

namespace {
/// A header whose checksum is at offset 6, as UDP's is.
struct summed_header {
    be16 source, target, length, checksum;
    std::uint64_t sum() const { return source.raw() + std::uint64_t{target.raw()} + length.raw() + checksum.raw(); }
};
struct header_summed_elsewhere {
    be16 value, checksum;
    std::uint64_t sum() const { return value.raw() + std::uint64_t{checksum.raw()}; }
};

/// RFC 1071 section 4.1, byte by byte.
std::uint16_t reference(const bytes::list& data, std::uint64_t pseudo) {
    std::uint64_t sum = pseudo;
    for (std::size_t i = 0; i < data.size(); ++i) sum += std::to_integer<std::uint64_t>(data[i]) << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}
}  // namespace

TEST_CASE("a partial checksum is completed right, whatever the slices") {
    const std::uint64_t seed = 1;
    CAPTURE(seed);
    auto random = random_source::from_seed(seed);
    for (int round = 0; round < 2000; ++round) {
        CAPTURE(round);
        pool home;
        packet p(home, 64, 600);
        bytes::list all;
        const auto add = [&](std::size_t n) {
            bytes::list some(n);
            for (auto& b : some) b = static_cast<std::byte>(random());
            all.insert(all.end(), some.begin(), some.end());
            return some;
        };
        p.append(add(random() % 300));
        for (auto slices = random() % 6; slices != 0; --slices) REQUIRE(p.attach(bytes::shared_of(home, add(random() % 9))));
        const auto options = bytes::list(4 * (random() % 3), static_cast<std::byte>(random()));
        const be16 pseudo_words[] = {static_cast<std::uint16_t>(random()), static_cast<std::uint16_t>(random())};
        p.push_summed(summed_header{1000, 2000, static_cast<std::uint16_t>(8 + all.size()), 0}, 6, std::uint64_t{pseudo_words[0].raw()} + pseudo_words[1].raw(), options);
        REQUIRE(p.checksum() == checksum_state::partial);
        CHECK(p.checksum_start() == 0);
        CHECK(p.checksum_offset() == 6);
        p.push(be32(7));  // an outer header does not matter
        CHECK(p.checksum_start() == 4);
        p.pull(4);

        auto expected = bytes::of(p);
        expected[6] = expected[7] = std::byte{};
        const auto value = reference(expected, std::uint64_t{pseudo_words[0]} + pseudo_words[1]);
        // Until then the field holds the pseudo-header's sum alone.
        CHECK(p.peek<summed_header>()->checksum == static_cast<std::uint16_t>(~reference({}, std::uint64_t{pseudo_words[0]} + pseudo_words[1])));
        auto other = p.copy();
        for (std::size_t i = 0; i < p.slices(); ++i) other.trim(other.size() - p.slice(i).size());
        for (std::size_t i = 0; i < p.slices(); ++i) REQUIRE(other.attach(bytes::shared_of(home, bytes::list(p.slice(i).begin(), p.slice(i).end()))));
        REQUIRE(other.linearize_and_complete());
        CHECK(other.slices() == 0);
        p.complete_checksum();
        CHECK(other.checksum() == checksum_state::unknown);
        CHECK(bytes::of(other) == bytes::of(p));
        CHECK(p.checksum() == checksum_state::unknown);
        CHECK(p.peek<summed_header>()->checksum == (value == 0 ? 0xffff : value));
        CHECK(fold16(p.sum(std::uint64_t{pseudo_words[0].raw()} + pseudo_words[1].raw())) == 0);
    }
}

TEST_CASE("a sum of zero is sent as all ones where UDP has its checksum, and as zero elsewhere") {
    pool home;
    packet p(home, 64);
    p.push_summed(summed_header{0xffff, 0, 0, 0}, 6, 0);
    p.complete_checksum();
    CHECK(p.peek<summed_header>()->checksum == 0xffff);

    packet q(home, 64);
    q.push_summed(header_summed_elsewhere{0xffff, 0}, 2, 0);
    q.complete_checksum();
    CHECK(q.peek<header_summed_elsewhere>()->checksum == 0);
    CHECK(fold16(q.sum()) == 0);
}

TEST_CASE("a packet from elsewhere is marked and completed in place") {
    pool home;
    packet p(home, 64);
    p.append(counting(14));
    bytes::list segment = counting(21, 3);
    const std::uint64_t pseudo = 0x1234 + 0x4321;
    segment[6] = std::byte{(pseudo >> 8) & 0xff};
    segment[7] = std::byte{pseudo & 0xff};
    p.append(segment);
    REQUIRE(p.mark_partial(14, 6));
    CHECK(p.checksum_start() == 14);
    CHECK(p.checksum_offset() == 6);
    const auto value = reference(segment, 0);
    p.complete_checksum();
    p.pull(14);
    CHECK(p.peek<summed_header>()->checksum == value);
}

TEST_CASE("a checksum may not be marked outside of the packet's own bytes") {
    pool home;
    packet p = bytes::packet_of(home, counting(40));
    REQUIRE(p.attach(bytes::shared_of(home, counting(40))));
    CHECK_FALSE(p.mark_partial(33, 6));
    CHECK_FALSE(p.mark_partial(39, 0));
    CHECK_FALSE(p.mark_partial(0, 256));
    CHECK_FALSE(p.mark_partial(0, 39));
    CHECK_FALSE(p.mark_partial(~std::size_t{0}, 6));
    CHECK_FALSE(p.mark_partial(~std::size_t{0} - 7, 6));
    CHECK(p.checksum() == checksum_state::unknown);
    CHECK(p.mark_partial(32, 6));
}

TEST_CASE("a packet cut before its partial checksum has none to complete") {
    pool home;
    for (const std::size_t kept : {0u, 10u, 14u, 20u, 21u}) {
        CAPTURE(kept);
        packet p(home, 1900, 1500);
        p.append(counting(1500));
        REQUIRE(p.mark_partial(kept < 14 ? 1400 : 14, 6));
        const auto before = counting(1500);
        p.trim(kept);
        auto small = p.copy();
        for (auto* each : {&p, &small}) {
            each->complete_checksum();
            CHECK(each->checksum() == checksum_state::unknown);
            CHECK(std::equal(each->head().begin(), each->head().end(), before.begin()));
        }
    }
}

TEST_CASE("a copy and a linearized packet keep a partial checksum") {
    pool home;
    packet p(home, 64);
    REQUIRE(p.attach(bytes::shared_of(home, counting(1999))));
    REQUIRE(p.attach(bytes::shared_of(home, counting(500))));
    p.push_summed(summed_header{1, 2, 3, 0}, 6, 0);
    packet q = p.copy();
    REQUIRE(p.linearize());
    p.complete_checksum();
    q.complete_checksum();
    CHECK(fold16(p.sum()) == 0);
    CHECK(bytes::of(p) == bytes::of(q));
}

}  // namespace buffer_checksum_tests
