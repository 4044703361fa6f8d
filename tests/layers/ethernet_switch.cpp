#include <netkit/layers/ethernet_switch.hpp>

#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/compose/hosts.hpp>

#include <array>
#include <chrono>
#include <cstring>
#include <string>

namespace layers_ethernet_switch_tests {

using namespace netkit;
using namespace netkit::test;
using namespace std::chrono_literals;

namespace {

using switch_type = stack<ethernet_switch, memory_link, manual_environment>;
using switch_position = decltype(std::declval<switch_type&>().at<ethernet_switch>());

/// A switch, and the far ends of the wires at it.
struct bench {
    switch_type sw;
    pool buffers;
    std::vector<memory_link> ports;

    explicit bench(std::size_t n = 3) {
        for (std::size_t i = 0; i < n; ++i) plug({});
    }
    void plug(const memory_link_options& options) {
        auto [near, far] = memory_link::make(options);
        sw.attach(std::move(near), mac(static_cast<std::uint8_t>(200 + ports.size())));
        ports.push_back(std::move(far));
    }
    packet frame(const mac_address& source, const mac_address& target, std::size_t size = 60) {
        packet p(buffers, sizeof(ethernet_header), size);
        const auto payload = p.append(size - sizeof(ethernet_header));
        std::fill(payload.begin(), payload.end(), std::byte{0x5a});
        p.push(ethernet_header{target, source, 0x88b5});
        return p;
    }
    /// Sends into a port and says by which ports it comes out, "13" or "".
    std::string out(std::size_t by, packet p) {
        std::vector<std::byte> sent(p.size());
        p.copy_to(sent);
        REQUIRE(ports[by].transmit(std::span(&p, 1)) == 1);
        sw.poll();
        std::string result;
        for (std::size_t i = 0; i < ports.size(); ++i) {
            packet got;
            while (ports[i].receive({buffers}, std::span(&got, 1)) == 1) {
                result += static_cast<char>('0' + i);
                std::vector<std::byte> came(got.size());
                got.copy_to(came);
                CHECK(came == sent);
            }
        }
        return result;
    }
    std::string out(std::size_t by, int source, int target) { return out(by, frame(mac(static_cast<std::uint8_t>(source)), mac(static_cast<std::uint8_t>(target)))); }
    std::uint64_t dropped(drop_reason why) { return sw.counters()[why]; }
    auto& stations() { return sw.at<ethernet_switch>()->stations; }
};

}  // namespace

TEST_CASE("frames to the unknown go everywhere, to the known only there, and never back") {
    bench b(4);
    CHECK(b.out(0, 1, 2) == "123");
    CHECK(b.out(1, 2, 1) == "0");
    CHECK(b.out(0, 1, 2) == "1");
    CHECK(b.out(2, 3, 2) == "1");
    // Another station behind the same interface: the target has had it.
    CHECK(b.out(1, 4, 2) == "");
    CHECK(b.dropped(drop_reason::not_for_us) == 1);
    CHECK(b.stations().size() == 4);
    CHECK(b.sw.counters().forwarded == 4);
    check_accounts(b.sw);
}

TEST_CASE("broadcasts and multicasts go everywhere") {
    bench b(3);
    CHECK(b.out(1, b.frame(mac(1), mac_address::broadcast())) == "02");
    CHECK(b.out(1, b.frame(mac(1), mac_address{0x33, 0x33, 0, 0, 0, 1})) == "02");
    CHECK(b.sw.counters().received == 2);
    CHECK(b.sw.counters().forwarded == 2);
}

TEST_CASE("what bridges say to each other, and sources that none can have, go nowhere and are not learned") {
    bench b(2);
    CHECK(b.out(0, b.frame(mac(1), mac_address{0x01, 0x80, 0xc2, 0, 0, 0})) == "");
    CHECK(b.out(0, b.frame(mac(1), mac_address{0x01, 0x80, 0xc2, 0, 0, 0x0f})) == "");
    CHECK(b.out(0, b.frame(mac(1), mac_address{0x01, 0x80, 0xc2, 0, 0, 0x10})) == "1");
    CHECK(b.dropped(drop_reason::unsupported) == 2);
    CHECK(b.out(0, b.frame(mac_address::broadcast(), mac(2))) == "");
    CHECK(b.out(0, b.frame(mac_address{}, mac(2))) == "");
    CHECK(b.dropped(drop_reason::bad_source) == 2);
    CHECK(b.stations().size() == 1);
    packet stub(b.buffers, 0, 13);
    stub.append(13);
    CHECK(b.out(0, std::move(stub)) == "");
    CHECK(b.dropped(drop_reason::truncated) == 1);
    check_accounts(b.sw);
}

TEST_CASE("a station that has moved is found where it is now") {
    bench b(3);
    b.out(0, 1, 9);
    CHECK(b.out(2, 2, 1) == "0");
    b.out(1, 1, 9);
    CHECK(b.out(2, 2, 1) == "1");
}

TEST_CASE("what is not seen for its lifetime is forgotten; what is, is not") {
    bench b(3);
    b.stations().lifetime = 10s;
    b.out(0, 1, 9);
    b.out(1, 2, 9);
    b.sw.environment_of().advance(9s);
    CHECK(b.out(0, 1, 2) == "1");
    b.sw.environment_of().advance(2s);
    CHECK(b.out(2, 3, 1) == "0");
    CHECK(b.out(2, 3, 2) == "01");
}

TEST_CASE("made-up addresses fill the table and no more") {
    bench b(3);
    b.stations().most = 10;
    for (int i = 0; i < 200; ++i) b.out(0, i, 250);
    CHECK(b.stations().size() == 10);
    CHECK(b.out(1, 201, 0) == "0");     // one that was learned in time
    CHECK(b.out(1, 202, 100) == "02");  // one that was not
    b.sw.environment_of().advance(10min);
    b.out(1, 203, 250);
    CHECK(b.stations().size() == 1);
}

TEST_CASE("interfaces that are down, too small or without Ethernet take no part") {
    bench b(2);
    b.plug({.mtu = 500});
    b.plug({.link = link_type::ip});
    CHECK(b.out(0, b.frame(mac(1), mac(9), 1000)) == "1");
    CHECK(b.out(0, b.frame(mac(1), mac(9), 514)) == "12");
    b.out(2, 3, 1);
    CHECK(b.out(0, b.frame(mac(1), mac(3), 1000)) == "");
    CHECK(b.dropped(drop_reason::too_big) == 1);
    b.sw.interface(interface_id{2}).up = false;
    CHECK(b.out(0, b.frame(mac(1), mac(9), 100)) == "2");
    check_accounts(b.sw);
}

TEST_CASE("a switch with one interface keeps everything to itself") {
    bench b(1);
    CHECK(b.out(0, 1, 2) == "");
    CHECK(b.dropped(drop_reason::not_for_us) == 1);
}

TEST_CASE("without buffers for copies the frame itself still goes to one") {
    bench b(4);
    auto p = b.frame(mac(1), mac(2));
    b.buffers.fail_at(1);
    const auto came_by = b.out(0, std::move(p));
    CHECK(came_by == "23");
    CHECK(b.sw.counters().forwarded == 1);
    check_accounts(b.sw);
}

TEST_CASE("hosts reach each other through it, with checksums that their links leave to others") {
    using host = stack<ethernet<arp, ipv4<icmp, udp>>, memory_link, manual_environment>;
    switch_type sw;
    host x(manual_environment(1)), y(manual_environment(2));
    auto [x_end, at_x] = memory_link::make({.can = {.checksum = true, .scatter = true}});
    auto [y_end, at_y] = memory_link::make();
    x.attach(std::move(x_end), mac(1));
    y.attach(std::move(y_end), mac(2));
    sw.attach(std::move(at_x), mac(3));
    sw.attach(std::move(at_y), mac(4));
    x.add_address(interface_id{1}, "198.18.0.1/24");
    y.add_address(interface_id{1}, "198.18.0.2/24");
    udp_socket from(x, {}), to(y, {{}, 7});
    REQUIRE(from.send(bytes("through a switch"), {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
    for (int i = 0; i < 10; ++i) x.poll(), sw.poll(), y.poll();
    datagram d;
    CHECK(to.receive(d) == errc::ok);
    CHECK(d.payload.size() == 16);
    CHECK(y.counters()[drop_reason::checksum] == 0);
    check_accounts(sw);
}

}  // namespace layers_ethernet_switch_tests
