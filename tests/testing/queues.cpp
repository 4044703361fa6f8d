#include <netkit/testing/codel_queue.hpp>
#include <netkit/testing/drop_tail_queue.hpp>

#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/ipv6.hpp>

#include <tests/testing/worlds.hpp>

namespace testing_queues_tests {

using namespace simulated;
using netkit::packet;
using netkit::testing::codel_queue;
using netkit::testing::drop_tail_queue;
using netkit::testing::simulation;

namespace {

constexpr auto start = simulation::beginning;

packet ipv4_frame(netkit::pool& buffers, unsigned ecn, std::size_t size = 1514) {
    packet p(buffers, 64, size);
    p.append(size - sizeof(netkit::ipv4_header) - sizeof(netkit::ethernet_header));
    netkit::ipv4_header ip{};
    ip.version_ihl = netkit::ipv4_header::version_ihl_without_options;
    ip.tos = static_cast<std::uint8_t>(0x20 | ecn);
    ip.length = static_cast<std::uint16_t>(size - sizeof(netkit::ethernet_header));
    ip.ttl = 64;
    ip.checksum = netkit::checksum_of(ip.sum());
    p.push(ip);
    p.push(netkit::ethernet_header{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, std::uint16_t(netkit::ether_type::ipv4)});
    return p;
}
packet ipv6_frame(netkit::pool& buffers, unsigned ecn) {
    packet p(buffers, 64, 100);
    netkit::ipv6_header ip{};
    ip.version_flow = netkit::ipv6_header::make_version_flow(0x20 | ecn, 0x12345);
    p.push(ip);
    p.push(netkit::ethernet_header{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, std::uint16_t(netkit::ether_type::ipv6)});
    return p;
}

/// A line of 12.112 Mbit/s, a frame of 1514 bytes each millisecond, with more offered than it carries.
struct overload {
    netkit::pool buffers;
    codel_queue queue;
    netkit::duration longest_late{};  // of what is sent in the second half
    std::uint64_t sent = 0, ce = 0, ect_sent = 0;

    /// `offered` frames a millisecond for so long.
    void run(unsigned ecn, double offered, netkit::duration time) {
        double due = 0;
        for (netkit::duration t{}; t < time; t += 1ms) {
            for (due += offered; due >= 1; due -= 1) {
                auto p = ipv4_frame(buffers, ecn);
                const std::int64_t when = t.count();
                std::memcpy(p.head().data() + 100, &when, sizeof when);
                queue.enqueue(std::move(p), start + t);
            }
            const auto out = queue.dequeue(start + t);
            if (!out) continue;
            ++sent;
            std::int64_t when;
            std::memcpy(&when, out.head().data() + 100, sizeof when);
            if (t > time / 2) longest_late = std::max(longest_late, t - netkit::duration(when));
            if (netkit::testing::ecn_of(out, netkit::link_type::ethernet) == 3) ++ce;
        }
    }
};

}  // namespace

TEST_CASE("drop tail keeps what fits, in order") {
    netkit::pool buffers;
    drop_tail_queue q({.packets = 3, .bytes = 250});
    for (int i = 0; i < 3; ++i) {
        packet p(buffers, 0, 100);
        p.append(100);
        q.enqueue(std::move(p), start);
    }
    CHECK(q.size() == 2);
    CHECK(q.bytes() == 200);
    CHECK(q.counters().dropped == 1);
    packet small(buffers, 0, 50);
    small.append(50);
    q.enqueue(std::move(small), start);
    q.enqueue(packet(buffers, 0), start);
    CHECK(q.size() == 3);
    CHECK(q.counters().dropped == 2);
    CHECK(q.dequeue(start).size() == 100);
    CHECK(q.dequeue(start).size() == 100);
    CHECK(q.dequeue(start).size() == 50);
    CHECK_FALSE(q.dequeue(start));
}

TEST_CASE("congestion is marked where the packet can carry it, and the header's checksum stays right") {
    netkit::pool buffers;
    using netkit::link_type;
    for (unsigned ecn = 0; ecn < 4; ++ecn) {
        CAPTURE(ecn);
        auto p = ipv4_frame(buffers, ecn, 100);
        CHECK(netkit::testing::mark_congestion(p, link_type::ethernet) == (ecn != 0));
        p.pull<netkit::ethernet_header>();
        const auto& ip = *p.peek<netkit::ipv4_header>();
        CHECK(ip.ecn() == (ecn == 0 ? 0 : 3));
        CHECK(ip.dscp() == 8);
        CHECK(netkit::fold16(ip.sum()) == 0);

        auto six = ipv6_frame(buffers, ecn);
        CHECK(netkit::testing::mark_congestion(six, link_type::ethernet) == (ecn != 0));
        six.pull<netkit::ethernet_header>();
        CHECK(netkit::testing::mark_congestion(six, link_type::ip) == (ecn != 0));
        const auto& h = *six.peek<netkit::ipv6_header>();
        CHECK(h.ecn() == (ecn == 0 ? 0 : 3));
        CHECK(h.version() == 6);
        CHECK((h.traffic_class() & 0xfc) == 0x20);
        CHECK(h.flow_label() == 0x12345);
    }
    packet nothing(buffers, 0), cut_off(buffers, 0);
    CHECK_FALSE(netkit::testing::mark_congestion(nothing, link_type::ethernet));
    auto whole = ipv4_frame(buffers, 1, 100);
    whole.trim(20);
    CHECK_FALSE(netkit::testing::mark_congestion(whole, link_type::ethernet));
}

TEST_CASE("CoDel leaves alone what waits less than its target, and a burst that is gone within its interval") {
    overload light;
    light.run(0, 1, 5s);
    CHECK(light.queue.counters().dropped == 0);
    CHECK(light.sent == 5000);

    // 50 frames at once, sent one a millisecond: above the target for 45 ms of an interval of 100.
    netkit::pool buffers;
    codel_queue q;
    for (int i = 0; i < 50; ++i) q.enqueue(ipv4_frame(buffers, 0), start);
    int out = 0;
    for (auto t = start; q.size() != 0; t += 1ms) out += q.dequeue(t) ? 1 : 0;
    CHECK(out == 50);
    CHECK(q.counters().dropped == 0);
}

TEST_CASE("CoDel drops the first frame an interval after the queue has grown too long, and then at intervals over the root of their number") {
    netkit::pool buffers;
    codel_queue q({.packets = 10'000});
    for (int i = 0; i < 5000; ++i) q.enqueue(ipv4_frame(buffers, 0), start);
    std::vector<netkit::duration> drops;
    std::uint64_t before = 0;
    for (auto t = start; drops.size() < 5; t += 1ms) {
        REQUIRE(q.dequeue(t));
        for (; before < q.counters().dropped; ++before) drops.push_back(t - start);
    }
    // Above the target from 5 ms on; 100 ms, then after 100, 100 / sqrt 2, 100 / sqrt 3, and so on.
    const std::vector<netkit::duration> expected{105ms, 205ms, 276ms, 334ms, 384ms};
    CHECK(drops == expected);
}

TEST_CASE("CoDel keeps the time that frames wait near its target under a load to which senders do not react") {
    // Without a reaction CoDel needs long to find the right rate of drops; then the queue is short.
    overload slight;
    slight.run(0, 1.03, 60s);
    CHECK(slight.queue.counters().dropped > 1000);
    CHECK(slight.longest_late < 200ms);
    CHECK(slight.sent > 59'900);
    overload plain;
    plain.queue = codel_queue({.target = 10h});
    plain.run(0, 1.03, 60s);
    CHECK(plain.longest_late > 900ms);  // a queue of 1000 frames, full
}

TEST_CASE("with ECN, CoDel marks what can be marked and drops the rest") {
    overload capable;
    capable.queue = codel_queue({.packets = 100'000, .ecn = true});
    capable.run(2, 1.03, 20s);
    CHECK(capable.queue.counters().dropped == 0);
    CHECK(capable.queue.counters().marked > 100);
    CHECK(capable.ce == capable.queue.counters().marked);
    overload not_capable;
    not_capable.queue = codel_queue({.packets = 100'000, .ecn = true});
    not_capable.run(0, 1.03, 20s);
    CHECK(not_capable.queue.counters().dropped > 100);
    CHECK(not_capable.queue.counters().marked == 0);
    CHECK(not_capable.ce == 0);
}

TEST_CASE("above a threshold everything is marked at once") {
    netkit::pool buffers;
    codel_queue q({.mark_above = 1ms});
    for (int i = 0; i < 3; ++i) q.enqueue(ipv4_frame(buffers, 1), start);
    CHECK(netkit::testing::ecn_of(q.dequeue(start), netkit::link_type::ethernet) == 1);
    CHECK(netkit::testing::ecn_of(q.dequeue(start + 1ms - 1ns), netkit::link_type::ethernet) == 1);
    CHECK(netkit::testing::ecn_of(q.dequeue(start + 1ms), netkit::link_type::ethernet) == 3);
    CHECK(q.counters().marked == 1);
}

TEST_CASE("a link takes another queue while it runs, and what waits goes over") {
    bare_link w({.rate = 8'000'000});
    w.send_many(10);
    w.net.run_for(2500us);
    w.forward().queue(drop_tail_queue({.packets = 4}));
    CHECK(w.forward().queued() == 4);
    CHECK(w.forward().counters().dropped == 3);
    w.forward().queue(codel_queue());
    w.net.run_until_idle(1s);
    CHECK(w.numbers() == numbers_to(7));
    CHECK(w.forward().queue_as<codel_queue>() != nullptr);
    CHECK(w.forward().queue_as<drop_tail_queue>() == nullptr);
    CHECK(w.forward().counters().dropped == 3);
}

}  // namespace testing_queues_tests
