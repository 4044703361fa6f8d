#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/layers/vlan.hpp>

#include <tests/layers/by_hand.hpp>

#include <stdexcept>

namespace layers_ethernet_tests {

using namespace netkit;
using namespace netkit::test;
namespace ex = wire_examples;

namespace {

using host = ethernet<arp, vlan<42, arp, ipv4<>>, ipv4<udp>>;
using plain = ethernet<arp, ipv4<udp>>;

const frame datagram_4 = ex::ipv4(ip_protocol::udp, ex::udp(ex::four_1, ex::four_2, 7, ex::to_bytes("hello")));

template <class Root>
struct subject : host_by_hand<Root> {
    udp_socket socket;
    subject() {
        this->host.add_address(this->on, "198.18.0.2/24");
        this->settle();
        (void)this->wire.take();
        REQUIRE(socket.open(this->host) == errc::ok);
        REQUIRE(socket.bind({{}, 7}) == errc::ok);
    }
    std::string fate(const frame& f) { return test::fate(this->host, this->on, f); }
};

}  // namespace

TEST_CASE("frames for this host, for all, and for others") {
    subject<plain> s;
    const auto f = ex::ethernet(ether_type::ipv4, datagram_4);
    CHECK(s.fate(f) == "delivered");
    CHECK(s.fate(with(f, 0, mac_address::broadcast())) == "delivered");
    CHECK(s.fate(with(f, 0, mac_address(1, 0, 0x5e, 0, 0, 1))) == "delivered");
    CHECK(s.fate(with(f, 0, mac(3))) == "not_for_us");
    CHECK(s.fate(with(f, 12, be16(0x88b5))) == "no_upper_layer");
    CHECK(s.fate(with(f, 12, be16(46))) == "no_upper_layer");  // a length: IEEE 802.3, which nobody speaks here
    for (std::size_t n = 0; n < sizeof(ethernet_header); ++n) CHECK(s.fate(frame(n, std::byte{0xff})) == "truncated");
}

TEST_CASE("an identifier of 0 is only a priority") {
    const auto priority = ex::ethernet(ether_type::vlan, ex::join(vlan_tag::make(0, ether_type::ipv4, 5), datagram_4));
    subject<host> s;
    CHECK(s.fate(priority) == "delivered");
    CHECK(s.fate(ex::ethernet(ether_type::vlan, ex::join(vlan_tag::make(43, ether_type::ipv4, 0), datagram_4))) == "no_upper_layer");
    for (std::size_t n = 0; n < sizeof(vlan_tag); ++n) CHECK(s.fate(ex::ethernet(ether_type::vlan, frame(n))) == "truncated");
    // Where no VLAN stands on it, Ethernet does not look into tags.
    subject<plain> without;
    CHECK(without.fate(priority) == "no_upper_layer");
}

TEST_CASE("a link without link addresses enters at IP") {
    stack<plain, memory_link, manual_environment> s;
    auto [near, far] = memory_link::make({.link = link_type::ip});
    const auto on = s.attach(std::move(near));
    s.add_address(on, "198.18.0.2/24");
    udp_socket socket(s, {{}, 7});
    CHECK(fate(s, on, datagram_4) == "delivered");
    CHECK(fate(s, on, {}) == "truncated");
    CHECK(fate(s, on, with(datagram_4, 0, std::uint8_t{0x65})) == "no_upper_layer");
    CHECK(fate(s, on, with(datagram_4, 0, std::uint8_t{0x15})) == "malformed");
    hand there(std::move(far));
    CHECK(socket.send(bytes("x"), {ipv4_address(198, 18, 0, 1), 7}) == errc::ok);
    CHECK(socket.send(bytes("x"), {ipv4_address(224, 0, 0, 9), 7}) == errc::ok);
    const auto sent = there.take();
    REQUIRE(sent.size() == 2);  // no header, no ARP
    CHECK(at<ipv4_header>(sent[0], 0).source == ex::four_2);
}

TEST_CASE("groups are sent to by their own link addresses") {
    subject<plain> s;
    s.socket.options.broadcast = true;
    const auto goes_to = [&](ipv4_address to) {
        CHECK(s.socket.send(bytes("x"), {to, 9}) == errc::ok);
        const auto sent = s.wire.take();
        REQUIRE(sent.size() == 1);
        CHECK(at<ethernet_header>(sent[0], 0).source == mac(2));
        return at<ethernet_header>(sent[0], 0).target;
    };
    CHECK(goes_to(ipv4_address(239, 129, 2, 3)) == mac_address(1, 0, 0x5e, 1, 2, 3));
    CHECK(goes_to(ipv4_address::broadcast()) == mac_address::broadcast());
    CHECK(goes_to(ipv4_address(198, 18, 0, 255)) == mac_address::broadcast());
}

TEST_CASE("no interface has a group's address") {
    stack<plain, memory_link, manual_environment> s;
    auto [near, far] = memory_link::make();
    CHECK_THROWS_AS(s.attach(std::move(near), mac_address::broadcast()), std::invalid_argument);
}

}  // namespace layers_ethernet_tests
