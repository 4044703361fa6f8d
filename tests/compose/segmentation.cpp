#include <netkit/compose/segmentation.hpp>

#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>

#include <tests/compose/super_segment.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace compose_segmentation_tests {

using netkit::packet;
using namespace netkit::test;


TEST_CASE("a super-segment is cut into segments that are right each by itself") {
    netkit::offloads can;
    SUBCASE("whose checksums the device completes") { can.checksum = true; }
    SUBCASE("whose checksums are made at once") {}
    SUBCASE("that borrow what the whole borrows, and whose checksums the device completes") { can = {.checksum = true, .scatter = true}; }
    SUBCASE("that borrow what the whole borrows") { can.scatter = true; }
    for (const shape s : {shape{false, 0, true, 5000}, shape{true, 0, true, 5000}, shape{false, 2, true, 4000}, shape{true, 0, false, 4001}, shape{false, 0, false, 60000},
                          shape{false, 0, true, 999}}) {
        CAPTURE(s.ipv6);
        CAPTURE(s.tags);
        CAPTURE(s.payload);
        netkit::pool buffers;
        const auto whole = super_segment(buffers, s, 1000);
        const auto link = s.link ? netkit::link_type::ethernet : netkit::link_type::ip;
        const std::size_t network = s.link ? 14 + 4 * s.tags : 0, tcp_at = network + (s.ipv6 ? 40 : 20), headers = tcp_at + 32;

        auto segments = segments_of(whole, link, buffers, can);
        REQUIRE(segments.size() == (s.payload + 999) / 1000);

        std::vector<std::byte> payload;
        for (std::size_t i = 0; i < segments.size(); ++i) {
            CAPTURE(i);
            auto& p = segments[i];
            const bool last = i + 1 == segments.size();
            CHECK(p.size() == headers + (last ? s.payload - i * 1000 : 1000));
            CHECK(p.headroom() == whole.headroom());
            CHECK(p.gso_size() == 0);
            CHECK(p.interface() == netkit::interface_id{3});
            CHECK(p.checksum() == (can.checksum ? netkit::checksum_state::partial : netkit::checksum_state::unknown));
            if (can.checksum) p.complete_checksum();
            // The first half of the payload is the whole's own.
            CHECK(p.slices() == (can.scatter && (last || (i + 1) * 1000 > s.payload / 2 - 1) ? 1 : 0));
            REQUIRE(p.linearize());
            CHECK(std::ranges::equal(p.head().first(network), whole.head().first(network)));

            const auto tcp = *netkit::header_at<netkit::tcp_header>(p.head(), tcp_at);
            CHECK(tcp.sequence == static_cast<std::uint32_t>(0xffff'ff00 + i * 1000));
            CHECK(tcp.has(netkit::tcp_flags::ack));
            CHECK(tcp.has(netkit::tcp_flags::cwr) == (i == 0));
            CHECK(tcp.has(netkit::tcp_flags::fin) == last);
            CHECK(tcp.has(netkit::tcp_flags::psh) == last);
            const auto tcp_size = p.size() - tcp_at;
            std::uint64_t pseudo = 0;
            if (s.ipv6) {
                const auto ip = *netkit::header_at<netkit::ipv6_header>(p.head(), network);
                CHECK(ip.length == tcp_size);
                pseudo = netkit::pseudo_header_sum(ip.source, ip.target, netkit::ip_protocol::tcp, tcp_size);
            } else {
                const auto ip = *netkit::header_at<netkit::ipv4_header>(p.head(), network);
                CHECK(ip.length == tcp_size + 20);
                CHECK(ip.id == static_cast<std::uint16_t>(0xffff + i));
                CHECK(netkit::fold16(ip.sum()) == 0);
                pseudo = netkit::pseudo_header_sum(ip.source, ip.target, netkit::ip_protocol::tcp, tcp_size);
            }
            CHECK(netkit::fold16(netkit::sum16(p.head().subspan(tcp_at), pseudo)) == 0);
            const auto part = bytes_of(p, headers);
            payload.insert(payload.end(), part.begin(), part.end());
        }
        CHECK(payload == bytes_of(whole, headers));
    }
}

TEST_CASE("what is no TCP super-segment is left alone") {
    netkit::pool buffers;
    const auto is_one = [](const packet& p) { return bool(netkit::segmenter(p, netkit::link_type::ethernet, {.checksum = true})); };
    CHECK(is_one(super_segment(buffers, {false, 0, true, 3000}, 1000)));
    auto complete = super_segment(buffers, {false, 0, true, 3000}, 1000);
    complete.complete_checksum();
    CHECK(!is_one(complete));
    CHECK(!is_one(super_segment(buffers, {false, 0, true, 3000}, 0)));
    auto other = super_segment(buffers, {false, 0, true, 3000}, 1000);
    other.head()[12] = std::byte{0x88};
    CHECK(!is_one(other));
    auto lies = super_segment(buffers, {false, 0, true, 3000}, 1000);
    lies.head()[34 + 12] = std::byte{0x40};
    CHECK(!is_one(lies));
    lies.head()[34 + 12] = std::byte{0xf0};
    CHECK(lies.mark_partial(lies.head().size() - 20, 16));
    CHECK(!is_one(lies));
}

TEST_CASE("an exhausted pool stops it, until it recovers") {
    netkit::pool buffers;
    const auto whole = super_segment(buffers, {false, 0, true, 10000}, 1000);
    buffers.fail_at(4);
    netkit::segmenter cut(whole, netkit::link_type::ethernet, {});
    for (int i = 0; i < 3; ++i) CHECK(cut.next(buffers));
    CHECK(!cut.next(buffers));
    CHECK(cut.position() == 3);
    CHECK(cut.next(buffers));
    CHECK(cut.position() == 4);
}

TEST_CASE("cutting is taken up again where it was left") {
    for (const netkit::offloads can : {netkit::offloads{}, netkit::offloads{.scatter = true}}) {
        netkit::pool buffers;
        const auto whole = super_segment(buffers, {false, 0, true, 9500}, 1000);
        const auto at_once = segments_of(whole, netkit::link_type::ethernet, buffers, can);
        REQUIRE(at_once.size() == 10);
        for (std::size_t i = 0; i < 10; ++i) {
            CAPTURE(i);
            netkit::segmenter cut(whole, netkit::link_type::ethernet, can, i);
            CHECK(!cut.done());
            const auto one = cut.next(buffers);
            REQUIRE(one);
            CHECK(bytes_of(one, 0) == bytes_of(at_once[i], 0));
            CHECK(cut.done() == (i == 9));
        }
    }
}

TEST_CASE("a router passes super-segments on to a device that cannot cut them") {
    bool exhausted = false;
    SUBCASE("") {}
    SUBCASE("and drops them where it has no buffers") { exhausted = true; }
    using router = netkit::stack<netkit::ipv4<netkit::icmp>, netkit::memory_link, netkit::manual_environment>;
    netkit::pool buffers;
    auto [sender, wide] = netkit::memory_link::make({.can = {.checksum = true, .scatter = true, .segmentation = true}, .link = netkit::link_type::ip});
    auto [narrow, receiver] = netkit::memory_link::make({.link = netkit::link_type::ip});
    router r;
    r.add_address(r.attach(std::move(wide)), "198.18.0.9/32");
    const auto out = r.attach(std::move(narrow));
    r.add_address(out, "198.18.0.3/24");
    r.at<netkit::ipv4>()->forwarding = true;

    auto whole = super_segment(buffers, {false, 0, false, 2500}, 1000);
    auto& ip = *reinterpret_cast<netkit::ipv4_header*>(whole.head().data());
    ip.ttl = 64;
    ip.source = netkit::ipv4_address(198, 18, 1, 1);
    ip.checksum = 0;
    ip.checksum = netkit::checksum_of(ip.sum());
    CHECK(sender.transmit(std::span(&whole, 1)) == 1);
    if (exhausted) r.buffers().fail_when([](void*) { return true; }, nullptr);
    r.poll();
    CHECK(r.counters().received == 1);
    if (exhausted) {
        CHECK(r.counters()[netkit::drop_reason::no_buffers] == 1);
        CHECK(r.counters().forwarded == 0);
        CHECK(r.counters().held() == 0);
        CHECK(r.interface(out).sent.packets == 0);
        return;
    }
    CHECK(r.counters().forwarded == 1);
    CHECK(r.counters().held() == 0);
    CHECK(r.interface(out).sent.packets == 3);

    std::array<packet, 4> got;
    REQUIRE(receiver.receive({buffers}, got) == 3);
    for (auto& p : std::span(got).first(3)) {
        CHECK(p.size() <= 52 + 1000);
        CHECK(p.checksum() == netkit::checksum_state::unknown);
        const auto header = *p.peek<netkit::ipv4_header>();
        CHECK(header.ttl == 63);
        CHECK(netkit::fold16(header.sum()) == 0);
        p.pull(20);
        CHECK(netkit::fold16(p.sum(netkit::pseudo_header_sum(header.source, header.target, netkit::ip_protocol::tcp, p.size()))) == 0);
    }
}

}  // namespace compose_segmentation_tests
