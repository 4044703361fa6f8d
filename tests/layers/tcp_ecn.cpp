#include <doctest/doctest.h>

#include "tcp_hosts.hpp"

#include <netkit/core/checksum.hpp>

#include <array>
#include <type_traits>

namespace layers_tcp_ecn_tests {

using namespace tcp_hosts;
using namespace netkit;

namespace {

/// Between link and network: counts what comes by its ECN field, and marks what may be marked, every n-th.
template <class Layer>
struct marking : passes<Layer> {
    std::array<std::size_t, 4> seen{};
    std::size_t every = 0;

    template <class From>
        requires receives<Layer, From>
    void receive(context auto here, packet p, const From& from) {
        const bool six = (std::uint8_t(p.head()[0]) >> 4) == 6;
        const auto ecn = six ? p.peek<ipv6_header>()->ecn() : p.peek<ipv4_header>()->ecn();
        ++seen[ecn];
        if (ecn == 2 && every != 0 && seen[2] % every == 0) mark(p, six);
        marking::pass_up(here, std::move(p), from);
    }
    errc transmit(context auto here, auto number, packet p, const auto& to) { return marking::pass_down(here, number, std::move(p), to); }

private:
    static void mark(packet& p, bool six) {
        if (six) {
            auto& h = *reinterpret_cast<ipv6_header*>(p.head().data());
            h.version_flow = h.version_flow | 3u << 20;
        } else {
            auto& h = *reinterpret_cast<ipv4_header*>(p.head().data());
            h.tos = static_cast<std::uint8_t>(h.tos | 3);
            h.checksum = 0;
            h.checksum = checksum_of(sum16(p.head().first(h.header_size())));
        }
    }
};

using four_marked = stack<ethernet<arp, marking<ipv4<icmp, tcp<>>>>, memory_link, manual_environment>;
using six_marked = stack<ethernet<marking<ipv6<icmpv6<ndp>, tcp<>>>>, memory_link, manual_environment>;

template <class Host>
void check(std::string_view mine, std::string_view theirs, std::string_view target) {
    for (const bool ask : {true, false}) {
        CAPTURE(ask);
        Host a{manual_environment(1)}, b{manual_environment(2)};
        auto [x, y] = memory_link::make({});
        const auto on_a = a.attach(std::move(x), mac_address{2, 0, 0, 0, 0, 1});
        const auto on_b = b.attach(std::move(y), mac_address{2, 0, 0, 0, 0, 2});
        a.add_address(on_a, mine);
        b.add_address(on_b, theirs);
        const auto step = [&] {
            a.environment_of().advance(1ms);
            b.environment_of().advance(1ms);
            for (int i = 0; i < 3; ++i) {
                a.poll();
                b.poll();
            }
        };
        for (int i = 0; i < 5000; ++i) step();
        tcp_socket listener, client, server;
        tcp_socket_options o;
        o.ecn = ask ? tcp_ecn::ask : tcp_ecn::answer;
        client.set_options(o);
        REQUIRE(listener.open(b) == errc::ok);
        REQUIRE(listener.bind({ip_address{}, 80}) == errc::ok);
        REQUIRE(listener.listen(16) == errc::ok);
        REQUIRE(client.open(a) == errc::ok);
        REQUIRE(client.connect(at(target, 80)) == errc::would_block);
        for (int i = 0; i < 20; ++i) step();
        REQUIRE(client.connected());
        REQUIRE(listener.accept(server) == errc::ok);
        CHECK(client.info().ecn == ask);
        CHECK(server.info().ecn == ask);

        auto& router = b.template at<marking>().layer();
        auto& back = a.template at<marking>().layer();
        CHECK(router.seen[2] == 0);
        router.every = 10;  // packets: segments may have been joined before they come here
        const auto data = pattern(600'000);
        CHECK(transfer(client, server, data, step) == data);
        CHECK((router.seen[2] > 20) == ask);
        CHECK(router.seen[1] == 0);
        CHECK(back.seen[2] == 0);  // acknowledgements are not to be marked
        CHECK((server.info().marks_received > 1) == ask);
        CHECK((client.info().marks_echoed > 0) == ask);
        CHECK(client.info().retransmitted == 0);
        if (!ask) CHECK(router.seen[2] == 0);
    }
}

}  // namespace

TEST_CASE("marks in IPv4 headers reach the sender and slow it down") { check<four_marked>("198.18.0.1/16", "198.18.0.2/16", "198.18.0.2"); }

TEST_CASE("marks in IPv6 headers reach the sender and slow it down") { check<six_marked>("fd00:6e6b::1/64", "fd00:6e6b::2/64", "fd00:6e6b::2"); }

}  // namespace layers_tcp_ecn_tests
