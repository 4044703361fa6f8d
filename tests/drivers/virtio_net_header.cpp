#include <netkit/drivers/virtio_net_header.hpp>

#include <netkit/core/random.hpp>
#include <netkit/drivers/landing_buffers.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <utility>

namespace drivers_virtio_net_header_tests {

using netkit::packet;
using netkit::virtio_net_header;

namespace {

/// An Ethernet frame with a TCP segment over IPv4 or IPv6, behind so many VLAN tags, as far as the header's maker looks at it.
packet tcp_frame(netkit::pool& from, bool ipv6, std::size_t tags, std::size_t payload) {
    const std::size_t link = 14 + 4 * tags, network = ipv6 ? 40 : 20;
    packet p(from, 64, link + network + 32 + payload);
    auto bytes = p.append(link + network + 32 + payload);
    std::memset(bytes.data(), 0, bytes.size());
    for (std::size_t i = 0; i < tags; ++i) bytes[12 + 4 * i] = std::byte{0x81};
    const std::array<std::byte, 2> type{ipv6 ? std::byte{0x86} : std::byte{0x08}, ipv6 ? std::byte{0xdd} : std::byte{0x00}};
    std::memcpy(bytes.data() + link - 2, type.data(), 2);
    bytes[link] = ipv6 ? std::byte{0x60} : std::byte{0x45};
    bytes[link + network + 12] = std::byte{8 << 4};
    REQUIRE(p.mark_partial(link + network, 16));
    return p;
}

}  // namespace

TEST_CASE("a frame's offload metadata becomes a header, and comes back from it") {
    netkit::pool buffers;
    for (const bool ipv6 : {false, true}) {
        for (const std::size_t tags : {std::size_t(0), std::size_t(1), std::size_t(2)}) {
            CAPTURE(ipv6);
            CAPTURE(tags);
            auto frame = tcp_frame(buffers, ipv6, tags, 3000);
            frame.gso_size(1400);
            virtio_net_header header;
            REQUIRE(make_virtio_header(frame, netkit::link_type::ethernet, header));
            const std::size_t start = 14 + 4 * tags + (ipv6 ? 40 : 20);
            CHECK(header.flags == virtio_net_header::needs_checksum);
            CHECK(header.checksum_start == start);
            CHECK(header.checksum_offset == 16);
            CHECK(header.gso_type == (ipv6 ? virtio_net_header::gso_tcp_ipv6 : virtio_net_header::gso_tcp_ipv4));
            CHECK(header.gso_size == 1400);
            CHECK(header.header_size == start + 32);

            auto received = frame.copy();
            received.checksum(netkit::checksum_state::unknown);
            received.gso_size(0);
            REQUIRE(apply_virtio_header(header, received));
            CHECK(received.checksum() == netkit::checksum_state::partial);
            CHECK(received.checksum_start() == start);
            CHECK(received.gso_size() == 1400);
        }
    }
}

TEST_CASE("IP packets without a link header tell their family by themselves") {
    netkit::pool buffers;
    for (const bool ipv6 : {false, true}) {
        auto frame = tcp_frame(buffers, ipv6, 0, 3000);
        frame.pull(14);
        frame.gso_size(1400);
        virtio_net_header header;
        REQUIRE(make_virtio_header(frame, netkit::link_type::ip, header));
        CHECK(header.gso_type == (ipv6 ? virtio_net_header::gso_tcp_ipv6 : virtio_net_header::gso_tcp_ipv4));
        CHECK(header.checksum_start == (ipv6 ? 40 : 20));
    }
}

TEST_CASE("a super-segment of one segment is an ordinary frame, and one that cannot be cut is refused") {
    netkit::pool buffers;
    virtio_net_header header;
    auto one = tcp_frame(buffers, false, 0, 1400);
    one.gso_size(1400);
    REQUIRE(make_virtio_header(one, netkit::link_type::ethernet, header));
    CHECK(header.gso_type == virtio_net_header::gso_none);

    auto summed = tcp_frame(buffers, false, 0, 3000);
    summed.complete_checksum();
    REQUIRE(make_virtio_header(summed, netkit::link_type::ethernet, header));
    CHECK(header.flags == 0);
    summed.gso_size(1400);
    CHECK_FALSE(make_virtio_header(summed, netkit::link_type::ethernet, header));

    auto other = tcp_frame(buffers, false, 0, 3000);
    other.head()[12] = other.head()[13] = std::byte{0x88};
    other.gso_size(1400);
    CHECK_FALSE(make_virtio_header(other, netkit::link_type::ethernet, header));
}

TEST_CASE("headers that cannot be true of their frame are refused, whatever they hold") {
    netkit::pool buffers;
    const auto frame_of_60 = [&] {
        packet p(buffers, 8, 60);
        p.append(60);
        return p;
    };
    const auto accepted = [&](const virtio_net_header& header) {
        auto p = frame_of_60();
        return apply_virtio_header(header, p);
    };
    using h = virtio_net_header;
    CHECK(accepted({.flags = h::needs_checksum, .checksum_start = 42, .checksum_offset = 16}));
    CHECK_FALSE(accepted({.flags = h::needs_checksum, .checksum_start = 43, .checksum_offset = 16}));
    CHECK_FALSE(accepted({.flags = h::needs_checksum, .checksum_start = 65535, .checksum_offset = 65535}));
    CHECK(accepted({.gso_type = h::gso_tcp_ipv4, .gso_size = 1448}));
    CHECK(accepted({.gso_type = h::gso_tcp_ipv6 | h::gso_ecn, .gso_size = 1448}));
    CHECK_FALSE(accepted({.gso_type = h::gso_tcp_ipv4, .gso_size = 0}));
    CHECK_FALSE(accepted({.gso_type = 3, .gso_size = 1448}));
    CHECK_FALSE(accepted({.gso_type = 5, .gso_size = 1448}));

    auto valid = frame_of_60();
    REQUIRE(apply_virtio_header({.flags = h::data_valid}, valid));
    CHECK(valid.checksum() == netkit::checksum_state::verified);

    constexpr std::uint64_t seed = 7;
    CAPTURE(seed);
    auto random = netkit::random_source::from_seed(seed);
    for (int i = 0; i < 2000; ++i) {
        virtio_net_header header;
        const std::array<std::uint64_t, 2> bits{random(), random()};
        std::memcpy(static_cast<void*>(&header), bits.data(), sizeof header);
        auto p = frame_of_60();
        if (apply_virtio_header(header, p) && p.checksum() == netkit::checksum_state::partial) {
            CHECK(p.checksum_start() + p.checksum_offset() + 2 <= 60);
            p.complete_checksum();
        }
    }
}

TEST_CASE("landing buffers: large frames keep their buffer, small ones leave it") {
    netkit::pool buffers;
    netkit::landing_buffers<2> landing;
    const netkit::buffer_source from{buffers, 40};
    REQUIRE(landing.prepare(from, 2, 4) == 2);
    CHECK(landing.space(0).size() >= 65536 - 44);
    const auto* const first = landing.space(0).data();
    const auto* const second = landing.space(1).data();
    landing.space(0)[59] = landing.space(1)[59999] = std::byte{7};

    auto small = landing.take(from, 0, 60);
    CHECK(small.size() == 60);
    CHECK(small.headroom() == 44);
    CHECK(small.head()[59] == std::byte{7});
    CHECK(small.head().data() != first);
    auto large = landing.take(from, 1, 60000);
    CHECK(large.size() == 60000);
    CHECK(large.head().data() == second);

    REQUIRE(landing.prepare(from, 2, 4) == 2);
    CHECK(landing.space(0).data() == first);
    CHECK(landing.space(1).data() != second);
    // Another stack's needs.
    REQUIRE(landing.prepare({buffers, 100}, 1) == 1);
    CHECK(landing.take({buffers, 100}, 0, 10).headroom() == 100);
}

TEST_CASE("landing buffers on a pool that has run out") {
    netkit::pool none(0);
    netkit::landing_buffers<2> landing;
    CHECK(landing.prepare({none, 40}, 2) == 0);
    netkit::pool few(netkit::detail::pool_store::stride(2));
    CHECK(landing.prepare({few, 40}, 2) == 1);
    CHECK_FALSE(landing.take({few, 40}, 0, 60));
}

}  // namespace drivers_virtio_net_header_tests
