// TAP and TUN against the kernel, without a stack: what they carry, what they say of checksums, and their errors.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <netkit/drivers/tap.hpp>
#include <netkit/drivers/tun.hpp>

#include <tests/support/kernel_peer.hpp>
#include <tests/support/network_namespace.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>

using namespace netkit::test;

namespace {

netkit::tun_options with_address(bool offload) { return {.offload = offload, .host_addresses = {netkit::address_prefix::parse("198.18.0.1/24")}}; }

}  // namespace

TEST_CASE("the kernel pings us over TAP") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        auto device = netkit::tap::open("nk%d", with_address(offload));
        CHECK(device.name().starts_with("nk"));
        CHECK(device.link() == netkit::link_type::ethernet);
        CHECK(device.mtu() == 1500);
        CHECK(device.can().checksum == offload);
        CHECK_FALSE(device.mac() == device.host_mac());
        CHECK_FALSE(device.mac().is_group());
        be_pinged(device, 14, "");
        CHECK(device.statistics().bad_received == 0);
        CHECK(device.statistics().send_errors == 0);
    }
}

TEST_CASE("the kernel pings us over TUN, with small packets and large ones") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        auto options = with_address(offload);
        options.mtu = 9000;
        auto device = netkit::tun::open("nk%d", options);
        CHECK(device.link() == netkit::link_type::ip);
        CHECK(device.mtu() == 9000);
        be_pinged(device, 0, "");
        be_pinged(device, 0, "-s 8900");
    }
}

TEST_CASE("datagrams pass between the kernel and us, their checksums partial where both sides say so") {
    for (const bool offload : {true, false}) {
        CAPTURE(offload);
        netkit::pool buffers;
        auto device = netkit::tun::open("nk%d", with_address(offload));
        udp_of_the_kernel socket;

        socket.send("to the stack");
        CHECK(receive_until(device, buffers, [&](netkit::packet& p) {
            if (p.size() != 28 + 12 || byte_at(p, 9) != 17) return false;
            CHECK(p.checksum() == (offload ? netkit::checksum_state::partial : netkit::checksum_state::unknown));
            CHECK(udp_checksum_is_right(p) == !offload);
            if (offload) {
                CHECK(p.checksum_start() == 20);
                p.complete_checksum();
                CHECK(udp_checksum_is_right(p));
            }
            return true;
        }));

        auto answer = datagram(buffers, "to the ", "kernel");
        if (!offload) answer.complete_checksum();
        CHECK(device.transmit(std::span(&answer, 1)) == 1);
        CHECK(socket.receive() == "to the kernel");
        answer.reset();
        CHECK(device.statistics().sent == 1);
    }
}

TEST_CASE("a device that cannot open says what to do") {
    CHECK(contains(message_of([] { netkit::tap::open("a name with spaces"); }), "cannot be the name of an interface"));
    CHECK(contains(message_of([] { netkit::tap::open(""); }), "cannot be the name of an interface"));
    CHECK(contains(message_of([] { netkit::tap::open("much-too-long-a-name"); }), "cannot be the name of an interface"));

    auto taken = netkit::tap::open("nk0");
    const auto busy = message_of([] { netkit::tap::open("nk0"); });
    CHECK(contains(busy, "netkit: cannot open TAP 'nk0': "));
    CHECK(contains(busy, "another program has it open"));
    const auto other_kind = message_of([] { netkit::tun::open("lo"); });
    CHECK(contains(other_kind, "netkit: cannot open TUN 'lo': "));
    CHECK(contains(other_kind, "an interface of another kind is called that"));

    netkit::tun_options impossible;
    impossible.mtu = 10;
    CHECK(contains(message_of([&] { netkit::tap::open("nk%d", impossible); }), "cannot set its MTU to 10"));
}

TEST_CASE("an interface that is down comes back; one that is deleted is gone for good") {
    netkit::pool buffers;
    auto device = netkit::tap::open("nk%d", with_address(true));
    std::array<netkit::packet, 8> batch;
    const auto receive = [&] { return device.receive({buffers, 64}, batch); };
    const auto transmit = [&] {
        auto frame = netkit::packet(buffers, 0, 60);
        frame.append(60);
        return device.transmit(std::span(&frame, 1));
    };
    REQUIRE(std::system(("ip link set " + device.name() + " down").c_str()) == 0);
    while (receive() != 0) {}
    CHECK(transmit() == 1);
    CHECK(device.statistics().send_errors == 1);
    REQUIRE(std::system(("ip link set " + device.name() + " up").c_str()) == 0);
    CHECK(device.native_handle() >= 0);
    be_pinged(device, 14, "");

    const auto sent = device.statistics().sent;
    REQUIRE(std::system(("ip link del " + device.name()).c_str()) == 0);
    CHECK(receive() == 0);
    CHECK(device.native_handle() == -1);
    CHECK(transmit() == 1);
    CHECK(device.statistics().send_errors == 2);
    CHECK(device.statistics().sent == sent);
}

TEST_CASE("one who may not open TAP devices is told how to") {
    // A child gives up its rights, since they do not come back.
    const auto child = ::fork();
    if (child == 0) {
        if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(77);
        const auto text = message_of([] { netkit::tap::open("nk0"); });
        const bool good = contains(text, "netkit: cannot open TAP 'nk0': ") && contains(text, "run as root, or");
        if (!good) std::fprintf(stderr, "%s\n", text.c_str());
        ::_exit(good ? 0 : 1);
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
    if (const auto why = why_no_tap()) return skip(*why);
    doctest::Context context(argc, argv);
    return context.run();
}
