#include <netkit/testing/capture.hpp>
#include <netkit/testing/codel_queue.hpp>
#include <netkit/testing/connect.hpp>

#include <netkit/layers/dual.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/wire/pcapng_reader.hpp>

#include <tests/testing/bulk.hpp>
#include <tests/testing/worlds.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace testing_tcp_over_links_tests {

using namespace simulated;
using netkit::testing::connect;
using netkit::testing::host;
using netkit::testing::simulation;

namespace {

using four = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<>>>;
using both = netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::tcp<>>>;
using router = netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>;

std::vector<char> bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
/// The capture of a transfer of 200 kB over a bad line.
std::vector<char> capture_of_transfer(std::uint64_t seed, bool with_bystanders = false) {
    const auto path = (std::filesystem::temp_directory_path() / ("netkit-simulation-" + std::to_string(::getpid()) + ".pcapng")).string();
    {
        simulation net(seed);
        host<four> a(net, "a");
        host<both> b(net, "b");
        const netkit::impairments bad{.rate = 20'000'000, .queue_limit = 50, .delay = 10ms, .jitter = 1ms, .loss = 0.01, .bursts = {.begin = 0.001, .end = 0.3},
                                      .duplicate = 0.01, .corrupt = 0.01, .reorder = 0.01, .reorder_by = 5ms};
        auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24", bad);
        host<four> c(net, "c"), d(net, "d");
        if (with_bystanders) {
            auto other = connect(c, "198.18.1.1/24", d, "198.18.1.2/24", bad);
            (void)other;
        }
        wire.capture(netkit::testing::make_capture(net, path), "a - b");
        bulk_receiver to(b, 9), unused(d, 9);
        bulk_sender from(a, at("198.18.0.2", 9), 200'000);
        CAPTURE(seed);
        CHECK(net.run_until([&] { return to.finished; }, 10min));
        CHECK(to.received == 200'000);
        CHECK(to.as_sent);
        CHECK(wire.forward().counters().lost > 0);
    }
    auto bytes = bytes_of(path);
    std::remove(path.c_str());
    return bytes;
}

}  // namespace

TEST_CASE("the same seed gives the same run, byte for byte; another seed another, and bystanders make no difference") {
    const auto once = capture_of_transfer(1);
    CHECK(once.size() > 200'000);
    CHECK(capture_of_transfer(1) == once);
    CHECK(capture_of_transfer(1, true) == once);
    CHECK(capture_of_transfer(2) != once);
}

TEST_CASE("TCP fills a link and what comes out is what went in") {
    simulation net;
    host<four> a(net, "a"), b(net, "b");
    auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24", {.rate = 100'000'000, .queue_limit = 100, .delay = 1ms});
    bulk_receiver to(b, 9);
    bulk_sender from(a, at("198.18.0.2", 9), 5'000'000);
    REQUIRE(net.run_until([&] { return to.finished; }, 1h));
    CHECK(to.received == 5'000'000);
    CHECK(to.as_sent);
    // 400 ms of payload bits; with headers some 420.
    CHECK(net.elapsed() > 400ms);
    CHECK(net.elapsed() < 800ms);
    CHECK(wire.forward().counters().lost == 0);
    CHECK(b->counters()[netkit::drop_reason::checksum] == 0);
}

TEST_CASE("TCP crosses a link without delay or rate, and one whose frames cross as they lie in memory or copied") {
    for (const bool scatter : {true, false}) {
        simulation net;
        host<four> a(net, "a"), b(net, "b");
        auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24", {}, {}, {.can = {.scatter = scatter}});
        bulk_receiver to(b, 9);
        bulk_sender from(a, at("198.18.0.2", 9), 1'000'000);
        CAPTURE(scatter);
        REQUIRE(net.run_until([&] { return to.finished; }, 1h));
        CHECK(to.as_sent);
        CHECK(to.received == 1'000'000);
    }
}

TEST_CASE("CoDel keeps the queue of a bottleneck short under TCP, where drop tail lets it fill") {
    const auto average_queue = [](bool codel) {
        simulation net;
        host<four> a(net, "a"), b(net, "b");
        auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24", {.rate = 20'000'000, .queue_limit = 200, .delay = 10ms});
        if (codel) wire.forward().queue(netkit::testing::codel_queue({.packets = 200}));
        bulk_receiver to(b, 9);
        bulk_sender from(a, at("198.18.0.2", 9), 100'000'000);
        net.run_for(3s);  // past slow start
        const auto before = to.received;
        double frames = 0;
        for (int i = 0; i < 1000; ++i) {
            net.run_for(5ms);
            frames += static_cast<double>(wire.forward().queued());
        }
        // Of 12.5 MB that the line carries meanwhile.
        CHECK(to.received - before > 9'500'000);
        return frames / 1000;
    };
    const auto short_queue = average_queue(true), long_queue = average_queue(false);
    CAPTURE(short_queue);
    CAPTURE(long_queue);
    // 5 ms at 20 Mbit/s are 8 frames.
    CHECK(short_queue < 16);
    CHECK(long_queue > 60);
}

TEST_CASE("a queue that marks instead of dropping slows a TCP down that asked for it, and loses nothing") {
    const auto run = [](netkit::tcp_ecn ecn) {
        simulation net;
        host<four> a(net, "a"), b(net, "b");
        auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24", {.rate = 20'000'000, .delay = 10ms});
        wire.forward().queue(netkit::testing::codel_queue({.ecn = true}));
        bulk_receiver to(b, 9);
        netkit::tcp_socket_options options;
        options.ecn = ecn;
        bulk_sender from(a, at("198.18.0.2", 9), 10'000'000, options);
        REQUIRE(net.run_until([&] { return to.finished; }, 10s));
        CHECK(to.as_sent);
        CHECK(net.elapsed() < 5500ms);  // 4 s of payload bits
        return wire.forward().counters();
    };
    const auto asked = run(netkit::tcp_ecn::ask), silent = run(netkit::tcp_ecn::off);
    CHECK(asked.marked > 0);
    CHECK(asked.dropped == 0);
    CHECK(silent.marked == 0);
    CHECK(silent.dropped > 0);
}

TEST_CASE("a third of all frames lost, for so long that the path seems narrow and then wide again, TCP still goes on") {
    for (const std::uint64_t seed : {1u, 3u}) {
        CAPTURE(seed);
        simulation net(seed);
        host<four> a(net, "a"), b(net, "b");
        auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24", {.rate = 100'000'000, .delay = 5ms});
        bulk_receiver to(b, 9);
        bulk_sender from(a, at("198.18.0.2", 9), 1'000'000);
        net.run_for(20ms);  // neighbours know each other
        wire.change({.rate = 100'000'000, .delay = 5ms, .loss = 0.3});
        CHECK(net.run_until([&] { return to.finished; }, 24h));
        CHECK(to.received == 1'000'000);
        CHECK(to.as_sent);
    }
}

TEST_CASE("a host's own captures have the simulation's time") {
    const auto path = (std::filesystem::temp_directory_path() / ("netkit-host-" + std::to_string(::getpid()) + ".pcapng")).string();
    {
        simulation net;
        using captured = netkit::capture<netkit::testing::link_end>;
        host<four, captured> a(net, "a");
        host<four> b(net, "b");
        netkit::testing::link wire(net, "wire", {.delay = 20ms});
        a->add_address(a.attach(captured(wire.first(), netkit::testing::make_capture(net, path), {.name = "a"})), "198.18.0.1/24");
        b->add_address(b.attach(wire.second()), "198.18.0.2/24");
        bulk_receiver to(b, 9);
        bulk_sender from(a, at("198.18.0.2", 9), 1000);
        REQUIRE(net.run_until([&] { return to.finished; }, 1s));
    }
    const auto bytes = bytes_of(path);
    std::remove(path.c_str());
    netkit::pcapng_reader file(std::as_bytes(std::span(bytes)));
    std::vector<std::uint64_t> times;
    netkit::pcapng_packet frame;
    while (file.next(frame)) times.push_back(frame.time);
    CHECK(file.well_formed());
    REQUIRE(times.size() > 5);
    CHECK(std::is_sorted(times.begin(), times.end()));
    for (const auto time : times) CHECK(time % 20'000'000 == 0);
}

TEST_CASE("a router forwards between links, one of which is the bottleneck") {
    simulation net;
    host<four> a(net, "a"), b(net, "b");
    host<router> r(net, "r");
    r->at<netkit::ipv4>()->forwarding = true;
    auto left = connect(a, "198.18.1.2/24", r, "198.18.1.1/24", {.rate = 1'000'000'000, .delay = 1ms});
    auto right = connect(r, "198.18.2.1/24", b, "198.18.2.2/24", {.rate = 10'000'000, .queue_limit = 30, .delay = 10ms});
    a->add_gateway("198.18.1.1", left.at_first);
    b->add_gateway("198.18.2.1", right.at_second);
    bulk_receiver to(b, 9);
    bulk_sender from(a, at("198.18.2.2", 9), 1'000'000);
    REQUIRE(net.run_until([&] { return to.finished; }, 1h));
    CHECK(to.as_sent);
    CHECK(right.forward().counters().dropped > 0);
    CHECK(left.forward().counters().dropped == 0);
    CHECK(r->counters().forwarded > 700);
}

}  // namespace testing_tcp_over_links_tests
