#include <netkit/wire/print.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <tests/wire/example_frames.hpp>

namespace wire_print_tests {

namespace {

using namespace wire_examples;

/// The line for a copy that ends where its memory does, so that a sanitizer sees a read beyond it.
std::string describe_copy(std::span<const std::byte> frame) {
    const auto copy = std::make_unique<std::byte[]>(frame.size());
    std::copy(frame.begin(), frame.end(), copy.get());
    return describe({copy.get(), frame.size()});
}

TEST_CASE("every format reads as one line") {
    for (const auto& [name, frame, line] : all()) {
        INFO(name);
        CHECK(describe_copy(frame) == line);
    }
}

TEST_CASE("padding behind a datagram changes nothing") {
    for (auto [name, frame, line] : all()) {
        INFO(name);
        frame.resize(std::max<std::size_t>(frame.size() + 6, sizeof(ethernet_header) + ethernet_minimum_payload), std::byte{0xee});
        CHECK(describe(frame) == line);
    }
}

TEST_CASE("a frame cut at any byte says so, and nothing beyond the cut is read") {
    for (const auto& [name, frame, line] : all()) {
        for (std::size_t size = 0; size < frame.size(); ++size) {
            INFO(name);
            CAPTURE(size);
            const auto cut = describe_copy(std::span(frame).first(size));
            CHECK(cut.ends_with(" [truncated]"));
            CHECK(cut.find('\n') == cut.npos);
        }
    }
}

TEST_CASE("packets without a link layer") {
    const auto packet = ipv4(ip_protocol::udp, udp(four_1, four_2, 7, to_bytes("hello")));
    CHECK(describe_ip(packet) == "IPv4 198.18.0.1.40000 > 198.18.0.2.7 UDP length 5");
    CHECK(describe_ip(std::span(packet).first(0)) == "IP [truncated]");
    CHECK(describe_ip(to_bytes("\x50")) == "IP version 5");
}

TEST_CASE("headers that lie are called out") {
    auto packet = ipv4(ip_protocol::tcp, tcp(four_1, four_2, tcp_flags::ack, 9, {}, ""));
    SUBCASE("IPv4 header size") {
        packet[0] = std::byte{0x44};
        CHECK(describe_ip(packet) == "IPv4 198.18.0.1 > 198.18.0.2 [bad header size 16]");
    }
    SUBCASE("IPv4 length") {
        packet[3] = std::byte{19};
        CHECK(describe_ip(packet) == "IPv4 198.18.0.1 > 198.18.0.2 [bad length 19]");
    }
    SUBCASE("TCP header size below the least") {
        packet[20 + offsetof(tcp_header, offset)] = std::byte{0x40};
        CHECK(describe_ip(packet).ends_with("[bad header size 16]"));
    }
    SUBCASE("TCP header size beyond the segment") {
        packet[20 + offsetof(tcp_header, offset)] = std::byte{0x60};
        CHECK(describe_ip(packet).ends_with("[bad header size 24]"));
    }
    SUBCASE("UDP lengths") {
        for (const unsigned length : {7u, 14u}) {
            auto datagram = ipv4(ip_protocol::udp, udp(four_1, four_2, 7, to_bytes("hello")));
            datagram[20 + offsetof(udp_header, length) + 1] = static_cast<std::byte>(length);
            CHECK(describe_ip(datagram).ends_with("UDP [bad length " + std::to_string(length) + "]"));
        }
    }
    SUBCASE("IPv6 extension beyond the packet") {
        const auto chain = ipv6(ip_protocol::destination_options, join(ipv6_extension_header{17, 255}, std::string_view("123456")));
        CHECK(describe_ip(chain) == "IPv6 fd00:6e6b::1 > fd00:6e6b::2 destination options [bad header size]");
    }
    SUBCASE("version and EtherType") {
        CHECK(describe(ethernet(ether_type::ipv6, packet)) == "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv6 [bad version 4]");
    }
}

TEST_CASE("other EtherTypes and protocols are told by number") {
    CHECK(describe(ethernet(ether_type{0x88b5}, to_bytes("abc"))) == "02:00:00:00:00:01 > 02:00:00:00:00:02 EtherType 0x88b5 length 3");
    CHECK(describe_ip(ipv4(ip_protocol{253}, to_bytes("abc"))) == "IPv4 198.18.0.1 > 198.18.0.2 protocol 253 length 3");
}

TEST_CASE("nesting without end is cut short") {
    auto packet = ipv4(ip_protocol::icmp, icmpv4(icmp_type::echo_request, 0, 0, {}));
    for (int i = 0; i < 100; ++i) packet = ipv4(ip_protocol::ipv4, packet);
    const auto line = describe_ip(packet);
    CHECK(line.find("...") != line.npos);
    CHECK(line.size() < 1000);

    bytes tags;
    for (int i = 0; i < 1000; ++i) tags = join(tags, vlan_tag::make(1, ether_type::vlan));
    CHECK(describe(ethernet(ether_type::vlan, tags)).size() < 200);
}

TEST_CASE("frames with bytes changed at random are described without reading beyond them") {
    constexpr std::uint32_t seed = 20240817;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (const auto& [name, frame, line] : all()) {
        INFO(name);
        for (int round = 0; round < 300; ++round) {
            auto changed = frame;
            for (unsigned i = random() % 4 + 1; i != 0; --i) changed[random() % changed.size()] = std::byte(random());
            changed.resize(changed.size() - random() % 8);
            const auto text = describe_copy(changed);
            CHECK(!text.empty());
            CHECK(text.size() < 20 * frame.size() + 2000);
        }
    }
}

}  // namespace

}  // namespace wire_print_tests
