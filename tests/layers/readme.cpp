// The layers of README.md, letter for letter (checks/readme compares them), at work.
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/filter.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/wire/udp.hpp>

#include <tests/compose/hosts.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace layers_readme_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

// ---- 8< ----
struct telegraph : leaf {                                      // nothing stands on it
    static constexpr auto key = ip_protocol::experimental_1;   // on an EtherType of its own: ether_type::local_experimental_1
    static constexpr std::size_t header_size = 0;              // no less than what it pushes
    using sends_to = any_host;                                 // what IP reaches; on Ethernet: mac_address

    std::string heard;

    template <class A>                                         // ipv4_address, and below dual<> ipv6_address too
    void receive(context auto here, packet p, const ip_from<A>& from) {
        if (!p.linearize()) return here.drop(std::move(p), drop_reason::no_buffers);
        heard = to_string(from.source) + ": " + std::string(reinterpret_cast<const char*>(p.head().data()), p.size());
        here.deliver(p);
    }
    template <class A>
    errc send(context auto here, const A& to, std::string_view text) {
        const auto* way = here.template nearest<router_of<A>>()->route(to);
        if (!way) return errc::no_route;
        auto p = here.allocate(text.size());
        if (!p || !p.append(std::as_bytes(std::span(text)))) return errc::no_buffers;
        return here.down(std::move(p), path<A>(*way));
    }
};
struct rule {                                                  // of filter<rule, udp>: sees what goes up to UDP, and what comes down
    filter_verdict received(context auto, const packet& p) const {
        const auto* header = p.peek<udp_header>();
        return header && header->target == 99 ? filter_verdict::reject : filter_verdict::pass;
    }
    filter_verdict sent(context auto, const packet&) const { return filter_verdict::pass; }
};
using own = ethernet<arp, ipv4<icmp, telegraph, filter<rule, udp>>>;
// ---- >8 ----

}  // namespace

TEST_CASE("README's protocol on IP, and its rule") {
    two_hosts<own> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    auto here = net.a.at<telegraph>();
    CHECK(here->send(here, ipv4_address::parse("198.18.0.2"), "stop") == errc::ok);
    net.settle();
    CHECK(net.b.at<telegraph>()->heard == "198.18.0.1: stop");

    udp_socket open(net.b, {{}, 98}), shut(net.b, {{}, 99}), client;
    REQUIRE(client.open(net.a) == errc::ok);
    for (const std::uint16_t port : {std::uint16_t(98), std::uint16_t(99)}) {
        CHECK(client.send(bytes("knock"), {ip_address::parse("198.18.0.2"), port}) == errc::ok);
        net.settle();
    }
    datagram d;
    CHECK(open.receive(d) == errc::ok);
    CHECK(shut.receive(d) == errc::would_block);
    CHECK(net.b.counters()[drop_reason::filtered] == 1);
    check_accounts(net.b);
}

}  // namespace layers_readme_tests
