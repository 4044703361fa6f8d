// A device whose interface is deleted while a program runs on it: the program is told, and does not spin.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <netkit/asio/reactor.hpp>
#include <netkit/asio/udp.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/device_spec.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/support/network_namespace.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace netkit::test;

namespace {

using host = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp>>;

void delete_under(netkit::any_device device, const std::string& name) {
    boost::asio::io_context io;
    netkit::reactor<netkit::stack<host, netkit::any_device>> net(io);
    const auto eth = net.attach(std::move(device));
    net.add_address(eth, "198.18.0.2/24");
    int told = 0;
    net.on_device_gone([&](netkit::interface_id id) {
        CHECK(id == eth);
        CHECK_FALSE(net.stack().interface(id).up);
        ++told;
    });
    boost::asio::steady_timer timer(io);
    const auto run_for = [&](std::chrono::milliseconds time) {
        timer.expires_after(time);
        timer.async_wait([&](boost::system::error_code) { io.stop(); });
        io.restart();
        io.run();
    };
    run_for(std::chrono::milliseconds(50));
    REQUIRE(std::system(("ip link del " + name).c_str()) == 0);
    run_for(std::chrono::milliseconds(100));
    CHECK(told == 1);
    const auto before = net.counters();
    run_for(std::chrono::milliseconds(200));
    CHECK(net.counters().interrupts == before.interrupts);
    CHECK(net.counters().polls == before.polls);

    netkit::ip::udp::socket socket(io, {netkit::ip::udp::v4(), 0});
    socket.set_option(boost::asio::socket_base::broadcast(true));
    boost::system::error_code error;
    socket.send_to(boost::asio::buffer("gone", 4), {boost::asio::ip::make_address("198.18.0.255"), 9}, 0, error);
    run_for(std::chrono::milliseconds(20));
    const auto& counters = net.stack().counters();
    constexpr auto down = netkit::drop_reason::interface_down;
    CHECK(counters[down] + counters.send_failed[static_cast<std::size_t>(down)] > 0);
    CHECK(told == 1);
}

}  // namespace

TEST_CASE("TAP") {
    if (const auto why = why_no_tap()) {
        std::printf("NOT TRIED: %s\n", why->c_str());
        return;
    }
    delete_under(netkit::tap::open("nk0"), "nk0");
}

TEST_CASE("AF_PACKET") {
    make_veth("nk0", "nk1");
    delete_under(netkit::packet_socket::open("nk0"), "nk0");
}

int main(int argc, char** argv) {
    if (const auto why = enter_network_namespace()) return skip(*why);
    doctest::Context context(argc, argv);
    return context.run();
}
