// Protocols of one's own on IP: a leaf on IPv4, and a transport that both families share.
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/observe.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/compose/hosts.hpp>

#include <chrono>
#include <string>

namespace layers_custom_ip_protocol_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

/// Carries short messages, without ports, and remembers the last one and what was said about those sent.
struct telegraph : leaf {
    static constexpr auto key = ip_protocol::experimental_1;
    static constexpr std::size_t header_size = 0;
    using sends_to = any_host;

    std::string heard;
    ip_address heard_from;
    bool refused = false;

    template <class A>
    void receive(context auto here, packet p, const ip_from<A>& from) {
        heard.assign(reinterpret_cast<const char*>(p.head().data()), p.head().size());
        heard_from = from.source;
        here.deliver(p);
    }
    template <class A>
    void network_failed(context auto, std::span<const std::byte>, const path<A>&, network_error error, std::uint32_t) {
        refused = error == network_error::protocol_unreachable || error == network_error::parameter_problem;
    }
    errc send(context auto here, const ip_address& to, std::string_view text) {
        using Here = decltype(here);
        return to.visit([&]<class A>(const A& target) {
            if constexpr (Here::template near<router_of<A>>())
                if (const auto* way = here.template nearest<router_of<A>>()->route(target)) {
                    auto p = here.allocate(text.size());
                    p.append(bytes(text));
                    return here.down(std::move(p), path<A>(*way));
                }
            return errc::no_route;
        });
    }
};

using four = ethernet<arp, ipv4<icmp, telegraph>>;
using both = ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp, telegraph>>;
using without = ethernet<arp, dual<ipv4<icmp>, ipv6<icmpv6<ndp>>, udp>>;

template <class Stack>
errc telegraph_to(Stack& s, std::string_view to, std::string_view text) {
    auto here = s.template at<telegraph>();
    return here->send(here, ip_address::parse(to), text);
}
template <class A, class B>
void give_addresses(A& a, B& b, interface_id at_a, interface_id at_b) {
    a.add_address(at_a, "198.18.0.1/24");
    b.add_address(at_b, "198.18.0.2/24");
    a.add_address(at_a, "fd00:6e6b::1/64");
    b.add_address(at_b, "fd00:6e6b::2/64");
    pass_time(a, b, std::chrono::seconds(4), std::chrono::milliseconds(500));  // duplicate address detection
}

}  // namespace

TEST_CASE("an IP protocol of one's own") {
    two_hosts<four> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    CHECK(telegraph_to(net.a, "198.18.0.2", "what hath") == errc::ok);
    net.settle();
    CHECK(net.b.at<telegraph>()->heard == "what hath");
    CHECK(net.b.at<telegraph>()->heard_from == ip_address::parse("198.18.0.1"));
    CHECK(telegraph_to(net.a, "fd00:6e6b::2", "nothing") == errc::no_route);
    check_accounts(net.b);
}

TEST_CASE("a transport of one's own under both families") {
    two_hosts<both> net;
    give_addresses(net.a, net.b, net.at_a, net.at_b);
    CHECK(telegraph_to(net.a, "198.18.0.2", "over four") == errc::ok);
    net.settle();
    CHECK(net.b.at<telegraph>()->heard == "over four");
    CHECK(telegraph_to(net.a, "fd00:6e6b::2", "over six") == errc::ok);
    net.settle();
    CHECK(net.b.at<telegraph>()->heard == "over six");
    CHECK(net.b.at<telegraph>()->heard_from == ip_address::parse("fd00:6e6b::1"));
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("it is told when the other host has no such protocol") {
    stack<both, memory_link, manual_environment> a;
    stack<without, memory_link, manual_environment> b(manual_environment(2));
    auto [x, y] = memory_link::make();
    const auto at_a = a.attach(std::move(x), mac(1)), at_b = b.attach(std::move(y), mac(2));
    give_addresses(a, b, at_a, at_b);
    for (const std::string to : {"198.18.0.2", "fd00:6e6b::2"}) {
        CAPTURE(to);
        a.at<telegraph>()->refused = false;
        CHECK(telegraph_to(a, to, "is anyone there?") == errc::ok);
        settle(a, b);
        CHECK(a.at<telegraph>()->refused);
    }
    CHECK(b.counters()[drop_reason::no_upper_layer] == 2);
}

TEST_CASE("observers around and within both families") {
    using watched_four = observe<packet_counter, ipv4<icmp>>;
    using watched_six = observe<packet_counter, ipv6<icmpv6<ndp>>>;
    using watched_udp = observe<packet_counter, udp>;
    using watched = observe<packet_counter, dual<watched_four, watched_six, watched_udp, telegraph>>;
    using root = ethernet<arp, watched>;
    static_assert(decltype(std::declval<stack<root, memory_link>&>().at<udp>())::headroom() == 8 + 40 + 14);
    two_hosts<root> net;
    give_addresses(net.a, net.b, net.at_a, net.at_b);
    net.b.at<watched>()->observer = {};
    net.b.at<watched_udp>()->observer = {};
    CHECK(answers_ping(net.a.at<icmp>(), net.a, net.b, "198.18.0.2"));
    CHECK(net.b.at<watched>()->observer.up.packets == 1);
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "198.18.0.2"));
    CHECK(carries_udp(net.a.at<udp>(), net.b.at<udp>(), "fd00:6e6b::2"));
    CHECK(net.b.at<watched_udp>()->observer.up.packets == 2);
    CHECK(telegraph_to(net.a, "fd00:6e6b::2", "seen") == errc::ok);
    net.settle();
    CHECK(net.b.at<telegraph>()->heard == "seen");
    CHECK(net.b.at<watched_six>()->observer.up.packets > 0);

    // An error about a datagram finds its socket through the observers, over both families.
    for (const std::string to : {"198.18.0.2", "fd00:6e6b::2"}) {
        CAPTURE(to);
        udp_socket s(net.a, {});
        CHECK(s.connect({ip_address::parse(to), 9}) == errc::ok);
        CHECK(s.send(bytes("anyone?")) == errc::ok);
        net.settle();
        datagram d;
        CHECK(s.receive(d) == errc::connection_refused);
    }
}

}  // namespace layers_custom_ip_protocol_tests
