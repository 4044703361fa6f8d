#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/inject.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <tests/compose/hosts.hpp>

#include <algorithm>
#include <chrono>
#include <set>

namespace layers_inject_tests {

using namespace netkit;
using namespace netkit::test;
using namespace std::chrono_literals;

namespace {

// Faults below UDP, below ARP, below IPv4 and below all.
template <class Layer>
using faulty = inject<random_faults, Layer>;
using transport = faulty<udp>;
using resolution = faulty<arp>;
using network = faulty<ipv4<icmp, transport>>;
using host = faulty<ethernet<resolution, network>>;

struct faulty_pair : two_hosts<host> {
    udp_socket sender, receiver;
    faulty_pair() {
        a.add_address(at_a, "198.18.0.1/24");
        b.add_address(at_b, "198.18.0.2/24");
        CHECK(sender.open(a) == errc::ok);
        CHECK(receiver.open(b) == errc::ok);
        CHECK(receiver.bind({{}, 7}) == errc::ok);
        // Neighbours know each other before anything goes wrong.
        CHECK(answers_ping(a.template at<icmp>(), a, b, "198.18.0.2"));
    }
    // Sends numbered datagrams, and says which numbers arrived, in order.
    std::vector<std::uint8_t> send(std::uint8_t count, duration wait = {}) {
        for (std::uint8_t i = 0; i < count; ++i) {
            const std::vector<std::byte> payload(100, std::byte{i});
            CHECK(sender.send(payload, {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
            settle();
        }
        if (wait > duration::zero()) pass_time(a, b, wait, wait);
        return take();
    }
    std::vector<std::uint8_t> take() {
        std::vector<std::uint8_t> got;
        datagram d;
        while (receiver.receive(d) == errc::ok) got.push_back(static_cast<std::uint8_t>(d.payload.head()[99]));
        return got;
    }
    std::uint64_t sends_failed(drop_reason why) { return a.counters().send_failed[static_cast<std::size_t>(why)]; }
};

}  // namespace

TEST_CASE("without faults everything passes") {
    faulty_pair net;
    CHECK(net.send(20).size() == 20);
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("what is lost on the way up is counted once, as injected") {
    faulty_pair net;
    net.b.at<transport>()->policy.up.loss = 0.25;
    const auto got = net.send(200).size();
    CHECK(got > 100);
    CHECK(got < 190);
    CHECK(net.b.counters()[drop_reason::injected] == 200 - got);
    check_accounts(net.b);
}

TEST_CASE("what is lost on the way down is not told to the sender") {
    faulty_pair net;
    net.a.at<network>()->policy.down.loss = 1;
    CHECK(net.send(10).empty());
    CHECK(net.sends_failed(drop_reason::injected) == 10);
    check_accounts(net.a);
}

TEST_CASE("ARP asks again when its questions are lost") {
    two_hosts<host> net;
    net.a.add_address(net.at_a, "198.18.0.1/24");
    net.b.add_address(net.at_b, "198.18.0.2/24");
    net.settle();  // announcements of addresses
    net.b.at<resolution>()->policy.up.loss = 1;
    udp_socket sender(net.a, {}), receiver(net.b, {{}, 7});
    CHECK(sender.send(bytes("late"), {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
    net.settle();
    datagram d;
    CHECK(receiver.receive(d) == errc::would_block);
    net.b.at<resolution>()->policy.up.loss = 0;
    pass_time(net.a, net.b, 2s, 100ms);
    CHECK(receiver.receive(d) == errc::ok);
}

TEST_CASE("a doubled packet arrives twice, and counts as received twice") {
    faulty_pair net;
    net.b.at<host>()->policy.up.duplication = 1;
    const auto before = net.b.counters().received;
    CHECK(net.send(5) == std::vector<std::uint8_t>{0, 0, 1, 1, 2, 2, 3, 3, 4, 4});
    CHECK(net.b.counters().received == before + 10);
    check_accounts(net.b);
    net.b.at<host>()->policy.up.duplication = 0;
    net.a.at<transport>()->policy.down.duplication = 1;
    CHECK(net.send(2) == std::vector<std::uint8_t>{0, 0, 1, 1});
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("an altered packet does not get past the checksum, wherever it was altered") {
    faulty_pair net;
    SUBCASE("below UDP, going down") { net.a.at<transport>()->policy.down.corruption = 1; }
    SUBCASE("below UDP, coming up") { net.b.at<transport>()->policy.up.corruption = 1; }
    SUBCASE("below IPv4, going down") { net.a.at<network>()->policy.down.corruption = 1; }
    SUBCASE("below IPv4, coming up") { net.b.at<network>()->policy.up.corruption = 1; }
    CHECK(net.send(100).empty());
    CHECK(net.b.counters()[drop_reason::checksum] > 50);
    check_accounts(net.b);
}

TEST_CASE("a delayed packet goes on when its time has come") {
    faulty_pair net;
    SUBCASE("going down") { net.a.at<transport>()->policy.down.delay = 20ms; }
    SUBCASE("coming up") { net.b.at<transport>()->policy.up.delay = 20ms; }
    CHECK(net.send(3).empty());
    CHECK(net.a.at<transport>()->waiting() + net.b.at<transport>()->waiting() == 3);
    CHECK((net.a.next_deadline() || net.b.next_deadline()));
    pass_time(net.a, net.b, 19ms, 1ms);
    CHECK(net.take().empty());
    pass_time(net.a, net.b, 1ms, 1ms);
    CHECK(net.take() == std::vector<std::uint8_t>{0, 1, 2});
    CHECK(net.a.at<transport>()->waiting() + net.b.at<transport>()->waiting() == 0);
    check_accounts(net.a);
    check_accounts(net.b);
}

TEST_CASE("reordered packets all arrive, some late") {
    faulty_pair net;
    net.b.at<network>()->policy.up.reordering = 0.3;
    net.b.at<network>()->policy.up.reordering_delay = 5ms;
    const auto got = net.send(50, 5ms);
    CHECK(got.size() == 50);
    CHECK(std::set<std::uint8_t>(got.begin(), got.end()).size() == 50);
    CHECK(!std::is_sorted(got.begin(), got.end()));
    check_accounts(net.b);
}

TEST_CASE("the same seed brings the same faults") {
    auto run = [] {
        faulty_pair net;
        net.b.at<transport>()->policy.up.loss = 0.5;
        return net.send(60);
    };
    CHECK(run() == run());
}

TEST_CASE("packets that wait beyond the bound are lost, and those left behind go with their stack") {
    faulty_pair net;
    net.b.at<transport>()->policy.up.delay = 1h;
    for (std::size_t i = 0; i < transport::most_held + 5; ++i) {
        CHECK(net.sender.send(bytes("x"), {ip_address::parse("198.18.0.2"), 7}) == errc::ok);
        net.settle();
    }
    CHECK(net.b.at<transport>()->waiting() == transport::most_held);
    CHECK(net.b.counters()[drop_reason::injected] == 5);
    CHECK(net.b.counters().held() == transport::most_held);
}

}  // namespace layers_inject_tests
