#include <netkit/wire/header_at.hpp>

#include <doctest/doctest.h>

#include <array>
#include <tests/wire/example_frames.hpp>

namespace wire_headers_tests {

namespace {

using namespace wire_examples;

template <wire_format Header, std::size_t Size>
Header read(const std::array<unsigned char, Size>& wire) {
    static_assert(sizeof(Header) == Size);
    Header header;
    std::memcpy(&header, wire.data(), Size);
    return header;
}

template <wire_format Header, std::size_t Size>
bool writes(const Header& header, const std::array<unsigned char, Size>& wire) {
    static_assert(sizeof(Header) == Size);
    return std::memcmp(&header, wire.data(), Size) == 0;
}

/// Whether adding up the fields is adding up the bytes, for bytes that all differ.
template <wire_format Header>
bool sums_as_bytes() {
    std::array<std::byte, sizeof(Header)> wire;
    for (std::size_t i = 0; i < wire.size(); ++i) wire[i] = static_cast<std::byte>(0x91 + 37 * i);
    Header header;
    std::memcpy(static_cast<void*>(&header), wire.data(), wire.size());
    return fold16(header.sum()) == fold16(sum16(std::span<const std::byte>(wire)));
}

TEST_CASE("the sum of a header's fields is the sum of its bytes") {
    CHECK(sums_as_bytes<ipv4_header>());
    CHECK(sums_as_bytes<ipv6_header>());
    CHECK(sums_as_bytes<udp_header>());
    CHECK(sums_as_bytes<tcp_header>());
    CHECK(sums_as_bytes<icmp_header>());
    CHECK(sums_as_bytes<vxlan_header>());
    CHECK(sums_as_bytes<fragment_header>());
    CHECK(sums_as_bytes<router_solicitation>());
    CHECK(sums_as_bytes<router_advertisement>());
    CHECK(sums_as_bytes<neighbour_solicitation>());
    CHECK(sums_as_bytes<neighbour_advertisement>());
    CHECK(sums_as_bytes<redirect_message>());
    CHECK(sums_as_bytes<nd_link_address_option>());
    CHECK(sums_as_bytes<mld_message>());
    CHECK(sums_as_bytes<mld_report>());
    CHECK(sums_as_bytes<mld_group_record>());
    CHECK(sums_as_bytes<igmp_header>());
    CHECK(sums_as_bytes<igmp_report>());
    CHECK(sums_as_bytes<igmp_group_record>());
    CHECK(sums_as_bytes<ipv4_router_alert>());
}

TEST_CASE("Ethernet and VLAN") {
    const auto ethernet = read<ethernet_header>(std::array<unsigned char, 14>{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd});
    CHECK(ethernet.target == mac_2);
    CHECK(ethernet.source == mac_1);
    CHECK(ethernet.protocol() == ether_type::ipv6);
    CHECK(to_string(ethernet) == "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv6");

    const auto tag = read<vlan_tag>(std::array<unsigned char, 4>{0xb0, 0x2a, 0x08, 0x00});
    CHECK(tag.id() == 42);
    CHECK(tag.priority() == 5);
    CHECK(tag.drop_eligible());
    CHECK(to_string(tag) == "vlan 42 priority 5 drop-eligible IPv4");
    CHECK(writes(vlan_tag::make(0xfff, ether_type::arp, 7), std::array<unsigned char, 4>{0xef, 0xff, 0x08, 0x06}));
}

TEST_CASE("ARP says whether its addresses are what they seem") {
    auto header = arp_header::make(arp_operation::reply, mac_1, four_1, mac_2, four_2);
    CHECK(writes(header,
                 std::array<unsigned char, 28>{0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 198, 18, 0, 1, 2, 0, 0, 0, 0, 2, 198, 18, 0, 2}));
    CHECK(header.is_ethernet_ipv4());
    CHECK(header.kind() == arp_operation::reply);
    SUBCASE("hardware") { header.hardware = 6; }
    SUBCASE("protocol") { header.protocol = 0x86dd; }
    SUBCASE("hardware size") { header.hardware_size = 8; }
    SUBCASE("protocol size") { header.protocol_size = 16; }
    CHECK_FALSE(header.is_ethernet_ipv4());
}

TEST_CASE("IPv4, with the checksum of a published example") {
    // RFC 1071's algorithm on the header that Wikipedia's article on it works through.
    const std::array<unsigned char, 20> wire{0x45, 0,    0,    0x73, 0, 0, 0x40, 0,    0x40, 0x11,
                                             0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,    0xc7};
    auto header = read<ipv4_header>(wire);
    CHECK(header.version() == 4);
    CHECK(header.header_size() == 20);
    CHECK(header.length == 115);
    CHECK(header.dont_fragment());
    CHECK_FALSE(header.more_fragments());
    CHECK_FALSE(header.is_fragment());
    CHECK(header.ttl == 64);
    CHECK(ip_protocol{header.protocol} == ip_protocol::udp);
    CHECK(fold16(header.sum()) == 0);
    header.checksum = 0;
    CHECK(checksum_of(header.sum()) == 0xb861);
    CHECK(to_string(header) == "IPv4 192.168.0.1 > 192.168.0.199 UDP ttl 64 id 0 length 115 DF");

    header.fragment = 0x3fff;
    CHECK(header.more_fragments());
    CHECK(header.fragment_offset() == 65528);
    header.fragment = 1;
    CHECK(header.is_fragment());
    CHECK(header.fragment_offset() == 8);
    header.version_ihl = 0x4f;
    CHECK(header.header_size() == 60);
}

TEST_CASE("IPv6") {
    const ipv6_header header{ipv6_header::make_version_flow(0xb9, 0xabcde), 32, 58, 255, six_1, six_2};
    CHECK(header.version() == 6);
    CHECK(header.traffic_class() == 0xb9);
    CHECK(header.ecn() == 1);
    CHECK(header.flow_label() == 0xabcde);
    const auto wire = to_bytes(header);
    CHECK(wire[0] == std::byte{0x6b});
    CHECK(wire[1] == std::byte{0x9a});
    CHECK(wire[5] == std::byte{32});
    CHECK(wire[7] == std::byte{255});
    CHECK(to_string(header) == "IPv6 fd00:6e6b::1 > fd00:6e6b::2 ICMPv6 hop limit 255 length 32 flow 703710");
}

TEST_CASE("pseudo-headers are those of the RFCs, written out") {
    const std::size_t length = 0x12345;
    const auto four = join(four_1, four_2, be16(6), be16(0x2345));
    CHECK(fold16(pseudo_header_sum(four_1, four_2, ip_protocol::tcp, 0x2345)) == fold16(sum16(four)));
    const auto six = join(six_1, six_2, be32(length), be32(58));
    CHECK(fold16(pseudo_header_sum(six_1, six_2, ip_protocol::icmpv6, length)) == fold16(sum16(six)));
}

TEST_CASE("TCP") {
    const std::array<unsigned char, 20> wire{0,    80,   0xa8, 0xca, 0,    0,    0,    1,    0xff, 0xff,
                                             0xff, 0xfe, 0xa0, 0x12, 0xfa, 0xf0, 0x12, 0x34, 0,    9};
    const auto header = read<tcp_header>(wire);
    CHECK(header.source == 80);
    CHECK(header.target == 43210);
    CHECK(header.sequence == 1);
    CHECK(header.acknowledgement == 0xfffffffe);
    CHECK(header.header_size() == 40);
    CHECK(header.flags() == (tcp_flags::syn | tcp_flags::ack));
    CHECK(header.has(tcp_flags::syn));
    CHECK(header.has(tcp_flags::fin | tcp_flags::ack));
    CHECK_FALSE(header.has(tcp_flags::fin | tcp_flags::rst));
    CHECK(header.window == 64240);
    CHECK(header.urgent == 9);
    CHECK(to_string(header) == "TCP 80 > 43210 [S.] seq 1 ack 4294967294 win 64240");
    CHECK(tcp_header::make_offset(60) == 0xf0);

    auto flags = tcp_flags::fin | tcp_flags::psh;
    flags &= ~tcp_flags::fin;
    flags |= tcp_flags::urg;
    CHECK(to_string(flags) == "[PU]");
    CHECK(to_string(tcp_flags::none) == "[none]");
    CHECK(to_string(tcp_flags{0xff}) == "[FSRPUEW.]");
}

TEST_CASE("UDP and VXLAN") {
    CHECK(writes(udp_header{1, 0x0203, 8, 0xbeef}, std::array<unsigned char, 8>{0, 1, 2, 3, 0, 8, 0xbe, 0xef}));
    CHECK(writes(vxlan_header::make(0xabcdef), std::array<unsigned char, 8>{8, 0, 0, 0, 0xab, 0xcd, 0xef, 0}));
    CHECK(vxlan_header::make(0xabcdef).id() == 0xabcdef);
    CHECK(to_string(vxlan_header{0, 0}) == "VXLAN without identifier");
}

TEST_CASE("ICMP: what the rest means") {
    CHECK(icmp_header{0, 0, 0, icmp_header::make_echo(0x1234, 0x5678)}.identifier() == 0x1234);
    CHECK(icmp_header{0, 0, 0, icmp_header::make_echo(0x1234, 0x5678)}.sequence() == 0x5678);
    CHECK(icmpv4_mtu(read<icmp_header>(std::array<unsigned char, 8>{3, 4, 0, 0, 0, 0, 0x05, 0xdc})) == 1500);
    CHECK(icmpv4_pointer(read<icmp_header>(std::array<unsigned char, 8>{12, 0, 0, 0, 20, 0, 0, 0})) == 20);
    CHECK(icmpv4_gateway(read<icmp_header>(std::array<unsigned char, 8>{5, 1, 0, 0, 198, 18, 0, 1})) == four_1);
    CHECK(icmpv6_mtu(read<icmp_header>(std::array<unsigned char, 8>{2, 0, 0, 0, 0, 1, 0, 0})) == 65536);
    for (unsigned type = 0; type < 256; ++type) {
        CAPTURE(type);
        const bool error_4 = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        CHECK(is_error(icmp_type(type)) == error_4);
        CHECK(is_error(icmpv6_type(type)) == (type < 128));
    }
}

TEST_CASE("every ICMP type and code has a line") {
    for (unsigned type = 0; type < 256; ++type)
        for (unsigned code = 0; code < 256; ++code) {
            const icmp_header header{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0};
            REQUIRE(icmpv4_to_string(header).starts_with("ICMP "));
            REQUIRE(icmpv6_to_string(header).starts_with("ICMPv6 "));
        }
}

TEST_CASE("neighbour discovery") {
    const neighbour_advertisement advertisement{{136, 0, 0, neighbour_advertisement::router_flag | neighbour_advertisement::override_flag},
                                                six_1};
    CHECK(advertisement.is_router());
    CHECK_FALSE(advertisement.is_solicited());
    CHECK(advertisement.is_override());
    CHECK(to_bytes(advertisement)[4] == std::byte{0xa0});

    const auto prefix = nd_prefix_option{3, 4, 64, nd_prefix_option::autonomous_flag, 1, 2, 0, six_1};
    CHECK(prefix.is_autonomous());
    CHECK_FALSE(prefix.is_on_link());

    for (unsigned length = 0; length < 256; ++length) {
        CAPTURE(length);
        const nd_dns_servers_option servers{25, static_cast<std::uint8_t>(length), 0, 0};
        CHECK(servers.is_length_valid() == (length >= 3 && length % 2 == 1));
        if (servers.is_length_valid()) CHECK(8 + 16 * servers.addresses() == 8 * length);
    }
}

TEST_CASE("response codes of multicast queries are numbers up to a point, and floating-point beyond it") {
    const auto mld = [](std::uint16_t code) { return mld_query{{130, 0, 0, code, 0, {}}, 0, 0, 0}.maximum_response_delay(); };
    CHECK(mld(0) == 0);
    CHECK(mld(32767) == 32767);
    CHECK(mld(0x8000) == 32768);
    CHECK(mld(0xffff) == 0x1fffu << 10);
    const auto igmp = [](std::uint8_t code) { return igmp_query{{0x11, code, 0, {}}, 0, 0, 0}.maximum_response_time(); };
    CHECK(igmp(0) == 0);
    CHECK(igmp(127) == 127);
    CHECK(igmp(0x80) == 128);
    CHECK(igmp(0xff) == 31 << 10);
}

TEST_CASE("fragment header") {
    const fragment_header header{17, 0, fragment_header::make_offset_flags(65528, true), 0x01020304};
    CHECK(writes(header, std::array<unsigned char, 8>{17, 0, 0xff, 0xf9, 1, 2, 3, 4}));
    CHECK(header.offset() == 65528);
    CHECK(header.more_fragments());
    CHECK_FALSE(header.is_atomic());
    CHECK(fragment_header{17, 0, fragment_header::make_offset_flags(0, false), 1}.is_atomic());
    CHECK_FALSE(fragment_header{17, 0, fragment_header::make_offset_flags(0, true), 1}.is_atomic());
    CHECK_FALSE(fragment_header{17, 0, fragment_header::make_offset_flags(8, false), 1}.is_atomic());
    CHECK(to_string(header) == "fragment id 16909060 offset 65528+");
    CHECK(to_string(ipv6_extension_header{17, 255}) == "extension header of 2048 bytes, next UDP");
}

TEST_CASE("a header is read only where there are bytes for it") {
    const std::array<std::byte, 12> wire{};
    CHECK(header_at<udp_header>(wire) == reinterpret_cast<const udp_header*>(wire.data()));
    CHECK(header_at<udp_header>(wire, 4) == reinterpret_cast<const udp_header*>(wire.data() + 4));
    CHECK(header_at<udp_header>(wire, 5) == nullptr);
    CHECK(header_at<udp_header>(wire, 12) == nullptr);
    CHECK(header_at<udp_header>(wire, ~std::size_t{0}) == nullptr);
    CHECK(header_at<udp_header>({}) == nullptr);
    CHECK(bytes_from(wire, 4).size() == 8);
    CHECK(bytes_from(wire, 13).empty());
}

TEST_CASE("the examples' checksums are right") {
    // What the other tests stand on.
    for (const auto& [name, frame, line] : transport_examples()) {
        INFO(name);
        const auto packet = bytes_from(frame, sizeof(ethernet_header));
        if (const auto four = header_at<ipv4_header>(packet); four->version() == 4) {
            CHECK(fold16(sum16(packet.first(four->header_size()))) == 0);
            const auto payload = packet.subspan(four->header_size());
            const auto protocol = ip_protocol{four->protocol};
            CHECK(fold16(sum16(payload, protocol == ip_protocol::icmp
                                            ? 0
                                            : pseudo_header_sum(four->source, four->target, protocol, payload.size()))) == 0);
        } else {
            const auto six = header_at<ipv6_header>(packet);
            const auto payload = packet.subspan(sizeof *six);
            CHECK(fold16(sum16(payload, pseudo_header_sum(six->source, six->target, ip_protocol{six->next}, payload.size()))) == 0);
        }
    }
}

}  // namespace

}  // namespace wire_headers_tests
