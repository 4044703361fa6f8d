#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/filter.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/udp.hpp>

#include <tests/compose/hosts.hpp>

namespace layers_filter_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

// Says what it was told to say of one UDP port, seen from below UDP.
struct port_rule {
    std::uint16_t port = 0;
    filter_verdict coming = filter_verdict::pass, going = filter_verdict::pass;

    filter_verdict received(context auto, const packet& p) const { return is_for_port(p) ? coming : filter_verdict::pass; }
    filter_verdict sent(context auto, const packet& p) const { return is_for_port(p) ? going : filter_verdict::pass; }

private:
    bool is_for_port(const packet& p) const {
        const auto* h = p.peek<udp_header>();
        return h && h->target == port;
    }
};
// Lets nothing of one IP source in, and nothing to it out, seen from below IPv4.
struct host_rule {
    ipv4_address banned;

    filter_verdict received(context auto, const packet& p) const {
        const auto* h = p.peek<ipv4_header>();
        return h && h->source == banned ? filter_verdict::reject : filter_verdict::pass;
    }
    filter_verdict sent(context auto, const packet& p) const {
        const auto* h = p.peek<ipv4_header>();
        return h && h->target == banned ? filter_verdict::drop : filter_verdict::pass;
    }
};

using firewall = filter<port_rule, udp>;
using border = filter<host_rule, ipv4<icmp, firewall>>;
using guarded = ethernet<arp, border>;

struct guarded_pair : two_hosts<guarded> {
    udp_socket client, open, closed;
    port_rule& rule;
    guarded_pair() : rule(b.at<firewall>()->rule) {
        a.add_address(at_a, "198.18.0.1/24");
        b.add_address(at_b, "198.18.0.2/24");
        CHECK(client.open(a) == errc::ok);
        CHECK(open.open(b) == errc::ok);
        CHECK(open.bind({{}, 7}) == errc::ok);
        CHECK(closed.open(b) == errc::ok);
        CHECK(closed.bind({{}, 99}) == errc::ok);
        rule.port = 99;
    }
    errc send_to(std::uint16_t port) {
        CHECK(client.connect({ip_address::parse("198.18.0.2"), port}) == errc::ok);
        const auto sent = client.send(bytes("knock"));
        settle();
        return sent;
    }
};

}  // namespace

TEST_CASE("what a filter drops is gone without a word") {
    guarded_pair net;
    net.rule.coming = filter_verdict::drop;
    datagram d;
    CHECK(net.send_to(99) == errc::ok);
    CHECK(net.closed.receive(d) == errc::would_block);
    CHECK(net.client.receive(d) == errc::would_block);
    CHECK(net.b.counters()[drop_reason::filtered] == 1);
    CHECK(net.send_to(7) == errc::ok);
    CHECK(net.open.receive(d) == errc::ok);
    check_accounts(net.b);
}

TEST_CASE("what a filter rejects is answered, where the sender is a host") {
    guarded_pair net;
    net.rule.coming = filter_verdict::reject;
    datagram d;
    CHECK(net.send_to(99) == errc::ok);
    CHECK(net.closed.receive(d) == errc::would_block);
    CHECK(net.client.receive(d) == errc::access_denied);  // ICMP: administratively prohibited
    CHECK(net.b.counters()[drop_reason::filtered] == 1);
    check_accounts(net.b);
}

TEST_CASE("what a filter keeps from going out is told to the sender where it rejects, and not where it drops") {
    guarded_pair net;
    auto& rule = net.a.at<firewall>()->rule;
    rule.port = 99;
    rule.going = filter_verdict::reject;
    datagram d;
    CHECK(net.send_to(99) == errc::access_denied);
    rule.going = filter_verdict::drop;
    CHECK(net.send_to(99) == errc::ok);
    CHECK(net.closed.receive(d) == errc::would_block);
    CHECK(net.a.counters().send_failed[static_cast<std::size_t>(drop_reason::filtered)] == 2);
    CHECK(net.send_to(7) == errc::ok);
    CHECK(net.open.receive(d) == errc::ok);
}

TEST_CASE("a filter between link and network sees whole packets") {
    guarded_pair net;
    net.b.at<border>()->rule.banned = ipv4_address(198, 18, 0, 1);
    datagram d;
    CHECK(net.send_to(7) == errc::ok);
    CHECK(net.open.receive(d) == errc::would_block);
    CHECK(net.b.counters()[drop_reason::filtered] == 1);
    check_accounts(net.b);
    CHECK(net.open.send(bytes("out"), {ip_address::parse("198.18.0.1"), 7}) == errc::ok);
    net.settle();
    CHECK(net.b.counters().send_failed[static_cast<std::size_t>(drop_reason::filtered)] == 1);
}

}  // namespace layers_filter_tests
