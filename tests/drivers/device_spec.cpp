#include <netkit/drivers/device_spec.hpp>

#include <netkit/drivers/capture.hpp>

#include <doctest/doctest.h>

#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace drivers_device_spec_tests {

using netkit::device_spec;

static_assert(netkit::device<netkit::any_device>);
static_assert(netkit::device<netkit::capture<netkit::any_device>>);

TEST_CASE("the forms of a device spec") {
    CHECK(device_spec::parse("link").what == device_spec::kind::link);
    CHECK(device_spec::parse("tap:nk0").what == device_spec::kind::tap);
    CHECK(device_spec::parse("tap:nk0").name == "nk0");
    CHECK(device_spec::parse("tun:nk%d").what == device_spec::kind::tun);
    CHECK(device_spec::parse("packet:eth0").what == device_spec::kind::packet);
    CHECK(device_spec::parse("pcap:a:b/c.pcapng").what == device_spec::kind::pcap);
    CHECK(device_spec::parse("pcap:a:b/c.pcapng").name == "a:b/c.pcapng");
    for (const char* text : {"link", "tap:nk0", "tun:nk1", "packet:eth0", "pcap:x.pcapng"}) CHECK(to_string(device_spec::parse(text)) == text);
}

TEST_CASE("what is no device spec is refused with the forms") {
    const auto parse = [](const char* text) { return device_spec::parse(text); };
    CHECK_THROWS_WITH_AS(parse("wlan0"), "netkit: 'wlan0' is not a device (expected link | tap:NAME | tun:NAME | packet:INTERFACE | pcap:FILE)", std::invalid_argument);
    CHECK_THROWS_WITH_AS(parse("tap:"), "netkit: 'tap:' lacks a name after 'tap:' (expected link | tap:NAME | tun:NAME | packet:INTERFACE | pcap:FILE)", std::invalid_argument);
    CHECK_THROWS_WITH_AS(parse("link:x"), "netkit: 'link:x' takes no name: the in-memory link has none (expected link | tap:NAME | tun:NAME | packet:INTERFACE | pcap:FILE)",
                         std::invalid_argument);
    for (const char* text : {"", ":", "tap", "TAP:nk0", " tap:nk0", "taps:nk0", "pcap"}) CHECK_THROWS_AS(parse(text), std::invalid_argument);
}

TEST_CASE("a link has somebody at its other end, or is refused") {
    const auto spec = device_spec::parse("link");
    CHECK_THROWS_AS(spec.open(), std::invalid_argument);

    netkit::pool buffers;
    netkit::memory_link peer;
    auto device = spec.open(&peer, {.mtu = 9000});
    CHECK(device.mtu() == 9000);
    CHECK(peer.connected());
    netkit::packet p(buffers, 0, 4);
    p.append(4);
    CHECK(device.transmit(std::span(&p, 1)) == 1);
    CHECK(peer.waiting() == 1);
}

TEST_CASE("opening passes on what the device says") {
    CHECK_THROWS_WITH_AS(device_spec::parse("pcap:/nonexistent").open(), "netkit: cannot read the capture file '/nonexistent': No such file or directory", netkit::device_error);
    CHECK_THROWS_AS(device_spec::parse("tap:a/b").open(), std::invalid_argument);
    CHECK_THROWS_AS(device_spec::parse("packet:a-name-that-is-too-long").open(), std::invalid_argument);
}

}  // namespace drivers_device_spec_tests
