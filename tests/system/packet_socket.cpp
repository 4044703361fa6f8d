// AF_PACKET on a veth against the kernel at its other end, without a stack.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <netkit/drivers/packet_socket.hpp>
#include <netkit/wire/ethernet.hpp>

#include <tests/support/kernel_peer.hpp>
#include <tests/support/network_namespace.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

using namespace netkit::test;

namespace {

/// The kernel's next hop to us, so that no ARP is needed.
void announce(const std::string& interface, const netkit::mac_address& mac) {
    const auto command = "ip neigh replace " + to_string(ours) + " lladdr " + to_string(mac) + " dev " + interface;
    REQUIRE(std::system(command.c_str()) == 0);
}

}  // namespace

TEST_CASE("the kernel pings us over AF_PACKET") {
    auto device = netkit::packet_socket::open("nk1");
    CHECK(device.mtu() == 1500);
    CHECK(device.link() == netkit::link_type::ethernet);
    CHECK_FALSE(device.mac() == device.host_mac());
    be_pinged(device, 14);
    CHECK(device.statistics().bad_received == 0);
    CHECK(device.statistics().send_errors == 0);
    CHECK(device.statistics().sent >= 3);
}

TEST_CASE("datagrams of a local peer come with partial checksums, and ours may leave so") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        netkit::pool buffers;
        auto device = netkit::packet_socket::open("nk1", {.offload = offload});
        CHECK(device.can().checksum == offload);
        announce("nk0", device.mac());
        udp_of_the_kernel socket;
        socket.send("to the stack");
        CHECK(receive_until(device, buffers, [&](netkit::packet& p) {
            if (word_at(p, 12) != 0x0800 || byte_at(p, 14 + 9) != 17) return false;
            CHECK(p.checksum() == netkit::checksum_state::partial);
            CHECK(p.checksum_start() == 34);
            p.pull(14);
            CHECK_FALSE(udp_checksum_is_right(p));
            p.complete_checksum();
            CHECK(udp_checksum_is_right(p));
            return true;
        }));

        std::array<netkit::packet, 2> answers{datagram(buffers, "one and ", "a half"), datagram(buffers, "to the ", "kernel")};
        for (auto& answer : answers) {
            if (!offload) answer.complete_checksum();
            netkit::ethernet_header header{};
            header.target = netkit::kernel_interface("nk0").mac();
            header.source = device.mac();
            header.type = 0x0800;
            answer.push(header);
        }
        CHECK(device.transmit(answers) == 2);
        CHECK(socket.receive() == "one and a half");
        CHECK(socket.receive() == "to the kernel");
        CHECK(device.statistics().sent == 2);
    }
}

TEST_CASE("a VLAN tag that the kernel took off is back where it was") {
    auto device = netkit::packet_socket::open("nk1");
    auto peer = netkit::packet_socket::open("nk0");
    netkit::pool buffers;
    netkit::packet sent(buffers, 0, 64);
    for (std::size_t i = 0; i < 64; ++i) sent.append(1)[0] = std::byte(i);
    const std::array<std::uint8_t, 6> tag{0x81, 0x00, 0x60, 42, 0x88, 0xb5};
    std::memcpy(sent.head().data() + 12, tag.data(), tag.size());
    sent.head()[0] = std::byte{2};
    const auto expected = sent.copy();
    CHECK(peer.transmit(std::span(&sent, 1)) == 1);
    CHECK(receive_until(device, buffers, [&](netkit::packet& p) {
        if (word_at(p, 12) != 0x8100) return false;
        CHECK(p.headroom() >= 64);
        CHECK(std::ranges::equal(p.head(), expected.head()));
        return true;
    }));
}

TEST_CASE("a frame that the interface cannot carry is counted, and does not hold up the next") {
    netkit::pool buffers;
    auto device = netkit::packet_socket::open("nk1");
    std::array<netkit::packet, 2> batch{netkit::packet(buffers, 0, 1600), netkit::packet(buffers, 0, 60)};
    batch[0].append(1600);
    batch[1].append(60);
    CHECK(device.transmit(batch) == 2);
    CHECK(device.statistics().send_errors == 1);
    CHECK(device.statistics().sent == 1);
}

TEST_CASE("an interface that cannot be opened says why") {
    CHECK(contains(message_of([] { netkit::packet_socket::open("absent0"); }), "netkit: cannot open interface 'absent0': No such device; `ip link` lists"));
    CHECK(contains(message_of([] { netkit::packet_socket::open("lo"); }), "it is no Ethernet"));
    CHECK(contains(message_of([] { netkit::packet_socket::open("a/b"); }), "cannot be the name of an interface"));
    make_veth("down0", "down1");
    REQUIRE(std::system("ip link set down0 down") == 0);
    CHECK(contains(message_of([] { netkit::packet_socket::open("down0"); }), "bring it up as root: ip link set down0 up"));
}

TEST_CASE("an interface that is down comes back; one that is deleted is gone for good") {
    netkit::pool buffers;
    std::array<netkit::packet, 8> batch;
    const auto transmit = [&](netkit::packet_socket& device) {
        auto frame = netkit::packet(buffers, 0, 60);
        frame.append(60);
        return device.transmit(std::span(&frame, 1));
    };
    const auto receive_all = [&](netkit::packet_socket& device) {
        while (device.receive({buffers, 64}, batch) != 0) {}
    };
    for (const bool down_before : {false, true}) {
        CAPTURE(down_before);
        make_veth("gone0", "gone1");
        auto device = netkit::packet_socket::open("gone0");
        REQUIRE(std::system("ip link set gone0 down") == 0);
        receive_all(device);
        CHECK(transmit(device) == 1);
        CHECK(device.statistics().send_errors == 1);
        CHECK(device.native_handle() >= 0);
        if (!down_before) {
            REQUIRE(std::system("ip link set gone0 up") == 0);
            CHECK(transmit(device) == 1);
            CHECK(device.statistics().sent == 1);
        }
        REQUIRE(std::system("ip link del gone0") == 0);
        receive_all(device);
        // Of one that was down already only sending tells.
        CHECK((device.native_handle() == -1) == !down_before);
        CHECK(transmit(device) == 1);
        CHECK(device.native_handle() == -1);
        CHECK(transmit(device) == 1);
        receive_all(device);
        CHECK(device.statistics().send_errors == 3);
    }
}

TEST_CASE("one who may not open packet sockets is told how to") {
    const auto child = ::fork();
    if (child == 0) {
        if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(77);
        const auto text = message_of([] { netkit::packet_socket::open("nk1"); });
        ::_exit(contains(text, "setcap cap_net_raw+ep") ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    const auto result = WEXITSTATUS(status);
    if (result == 77) std::printf("NOT TRIED: in a namespace of one user there is no other\n");
    else CHECK(result == 0);
}

int main(int argc, char** argv) {
    if (const auto why = enter_network_namespace()) return skip(*why);
    make_veth("nk0", "nk1");
    give_address("nk0", "198.18.0.1/24");
    doctest::Context context(argc, argv);
    return context.run();
}
