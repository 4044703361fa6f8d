#include <netkit/testing/link.hpp>

#include <tests/testing/worlds.hpp>

#include <bit>
#include <set>
#include <stdexcept>

namespace testing_link_tests {

using namespace simulated;
using netkit::testing::simulation;

TEST_CASE("a link without faults passes everything at once, in order") {
    bare_link w;
    w.send_many(100);
    w.net.run_for(0s);
    CHECK(w.numbers() == numbers_to(100));
    CHECK(w.net.elapsed() == 0s);
    CHECK(w.forward().counters().arrived == 100);
    CHECK(w.forward().counters().arrived_bytes == 100'000);
}

TEST_CASE("frames take the time that their bits take, to the nanosecond") {
    // 1000 bytes at 1 Gbit/s are 8 microseconds.
    bare_link fast({.rate = 1'000'000'000});
    fast.send_many(100);
    CHECK(fast.forward().queued() == 99);
    fast.net.run_until_idle(1s);
    CHECK(fast.numbers() == numbers_to(100));
    for (std::size_t i = 0; i < 100; ++i) CHECK(fast.arrived[i].when == simulation::beginning + (i + 1) * 8us);

    // 8000 bits at 7 Mbit/s are 1142857.142... ns: rounded down each by itself, never further off as they add up.
    bare_link odd({.rate = 7'000'000});
    odd.send_many(700);
    odd.net.run_until_idle(10s);
    CHECK(odd.net.elapsed() == 800ms);
    CHECK(odd.arrived[0].when == simulation::beginning + 1142857ns);
    CHECK(odd.arrived[6].when == simulation::beginning + 8ms);

    // What lies around each frame on a real Ethernet.
    bare_link ethernet({.rate = 1'000'000'000, .overhead = 24});
    ethernet.send_many(10, 1514);
    ethernet.net.run_until_idle(1s);
    CHECK(ethernet.net.elapsed() == 10 * 12304ns);

    // A pause between frames is not made up for.
    bare_link idle({.rate = 1'000'000'000});
    idle.send_spaced(2, 1ms);
    CHECK(idle.arrived[1].when == simulation::beginning + 1ms + 8us);
}

TEST_CASE("delay comes after the bits, and jitter keeps the order") {
    bare_link w({.rate = 1'000'000'000, .delay = 10ms});
    w.send_many(3);
    w.net.run_until_idle(1s);
    for (std::size_t i = 0; i < 3; ++i) CHECK(w.arrived[i].when == simulation::beginning + 10ms + (i + 1) * 8us);

    bare_link shaky({.delay = 10ms, .jitter = 5ms});
    shaky.send_spaced(1000, 2ms);
    shaky.net.run_until_idle(1s);
    CHECK(shaky.numbers() == numbers_to(1000));
    netkit::duration least = 1h, most{};
    for (std::size_t i = 0; i < 1000; ++i) {
        const netkit::duration took = shaky.arrived[i].when - (simulation::beginning + i * 2ms);
        least = std::min(least, took);
        most = std::max(most, took);
    }
    CHECK(least >= 10ms);
    CHECK(least < 12ms);
    CHECK(most <= 15ms);
    CHECK(most > 14ms);
}

TEST_CASE("frames longer than the MTU are lost, which may change") {
    bare_link w({}, 1, {.mtu = 1000});
    w.send(0, 1000 + 14);
    w.send(1, 1000 + 14 + 8);  // with two VLAN tags
    w.send(2, 1000 + 14 + 9);
    w.forward().mtu(500);
    w.send(3, 1000);
    w.send(4, 500);
    CHECK(w.numbers() == std::vector<std::uint32_t>{0, 1, 4});
    CHECK(w.forward().counters().oversized == 2);
    CHECK(w.buffers.in_use() == 0);
}

TEST_CASE("the queue has an end, in frames or in bytes") {
    bare_link w({.rate = 8'000'000, .queue_limit = 10});
    w.send_many(15);  // one on the line, ten waiting
    CHECK(w.forward().counters().dropped == 4);
    w.net.run_until_idle(1s);
    CHECK(w.numbers() == numbers_to(11));
    CHECK(w.net.elapsed() == 11ms);

    bare_link bytes({.rate = 8'000'000, .queue_limit_bytes = 2500});
    bytes.send_many(4);
    bytes.send(4, 501);
    bytes.send(5, 500);
    CHECK(bytes.forward().queued_bytes() == 2500);
    bytes.net.run_until_idle(1s);
    CHECK(bytes.numbers() == std::vector<std::uint32_t>{0, 1, 2, 5});
    CHECK(bytes.forward().counters().dropped == 2);
}

TEST_CASE("each direction is by itself") {
    simulation net;
    netkit::testing::link wire(net, "wire", {.delay = 10ms}, {.rate = 8'000'000, .loss = 1});
    CHECK(wire.forward().line().delay == 10ms);
    CHECK(wire.backward().line().loss == 1);
    auto a = wire.first(), b = wire.second();
    netkit::pool buffers;
    const auto send = [&](netkit::testing::link_end& end) {
        netkit::packet p(buffers, 0, 100);
        p.append(100);
        (void)end.transmit(std::span(&p, 1));
    };
    send(a);
    send(b);
    net.run_for(1s);
    CHECK(wire.forward().counters().arrived == 1);
    CHECK(wire.backward().counters().arrived == 0);
    CHECK(wire.backward().counters().lost == 1);
    wire.backward().change({.delay = 1ms});
    send(b);
    net.run_for(1ms);
    CHECK(wire.backward().counters().arrived == 1);
}

TEST_CASE("it changes while it runs") {
    bare_link w({.rate = 8'000'000});
    w.send_many(10);
    w.net.run_for(2500us);  // two have arrived, the third is on the line
    w.link.change({.rate = 80'000'000, .delay = 1ms});
    w.net.run_until_idle(1s);
    CHECK(w.numbers() == numbers_to(10));
    CHECK(w.arrived[1].when == simulation::beginning + 2ms);
    CHECK(w.arrived[2].when == simulation::beginning + 3ms);
    CHECK(w.arrived[3].when == simulation::beginning + 4100us);
    CHECK(w.arrived[9].when == simulation::beginning + 4700us);
}

TEST_CASE("paused, nothing leaves the queue; cut, all is lost") {
    bare_link w({.rate = 8'000'000, .delay = 10ms});
    w.send_many(5);
    w.net.run_for(1500us);
    w.link.pause();
    w.net.run_for(1s);
    CHECK(w.numbers() == numbers_to(2));
    CHECK(w.forward().queued() == 3);
    w.send(5);
    w.link.resume();
    w.net.run_until_idle(1s);
    CHECK(w.numbers() == numbers_to(6));
    CHECK(w.arrived[2].when == simulation::beginning + 1001500us + 11ms);

    w.send_many(5);
    w.net.run_for(2500us);
    w.link.cut();
    CHECK(w.forward().in_flight() == 0);
    w.send(9);
    w.net.run_for(1s);
    CHECK(w.arrived.size() == 6);
    CHECK(w.forward().counters().cut_off == 6);
    CHECK(w.buffers.in_use() == 0);
    w.link.mend();
    w.send(10);
    w.net.run_for(1s);
    CHECK(w.arrived.size() == 7);
}

TEST_CASE("loss and duplication are as probable as they are said to be, and repeat with their seed") {
    for (const std::uint64_t seed : {std::uint64_t(1), std::uint64_t(42)}) {
        CAPTURE(seed);
        const netkit::impairments how{.loss = 0.1, .duplicate = 0.05};
        bare_link w(how, seed), again(how, seed), other(how, seed + 1000);
        for (auto* each : {&w, &again, &other}) each->send_many(10000, 60);
        const auto seen = w.numbers();
        const auto c = w.forward().counters();
        // Five standard deviations.
        CHECK(c.lost > 1000 - 150);
        CHECK(c.lost < 1000 + 150);
        CHECK(c.duplicated > 450 - 110);
        CHECK(c.duplicated < 450 + 110);
        CHECK(seen.size() == 10000 - c.lost + c.duplicated);
        CHECK(std::set<std::uint32_t>(seen.begin(), seen.end()).size() == 10000 - c.lost);
        CHECK(again.numbers() == seen);
        CHECK(other.numbers() != seen);
    }
}

TEST_CASE("bursts of loss have the length and the frequency that they are said to have") {
    bare_link w({.bursts = {.begin = 0.01, .end = 0.2}});
    constexpr std::uint32_t n = 50000;
    w.send_many(n, 60);
    std::vector<bool> came(n);
    for (const auto number : w.numbers()) came[number] = true;
    double lost = 0, bursts = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
        lost += came[i] ? 0 : 1;
        bursts += !came[i] && (i == 0 || came[i - 1]) ? 1 : 0;
    }
    // Five frames in a burst, and one in 0.01 / (0.01 + 0.2) lost.
    CHECK(lost / bursts == doctest::Approx(5).epsilon(0.15));
    CHECK(lost / n == doctest::Approx(0.01 / 0.21).epsilon(0.15));

    // Bursts in which every second frame comes through.
    bare_link half({.bursts = {.begin = 1, .end = 0, .loss = 0.5}});
    half.send_many(10000, 60);
    CHECK(half.forward().counters().lost > 5000 - 250);
    CHECK(half.forward().counters().lost < 5000 + 250);
}

TEST_CASE("a reordered frame comes later, overtaken by those behind it") {
    bare_link w({.reorder = 0.2, .reorder_by = 1ms});
    w.send_spaced(1000, 100us);
    w.net.run_until_idle(1s);
    CHECK(w.forward().counters().reordered > 100);
    auto seen = w.numbers();
    CHECK(seen != numbers_to(1000));
    for (const auto& each : w.arrived) {
        const auto took = each.when - (simulation::beginning + each.number * 100us);
        CHECK((took == 0us || took == 1ms));
    }
    std::sort(seen.begin(), seen.end());
    CHECK(seen == numbers_to(1000));
}

TEST_CASE("a reordered frame is overtaken by as many as it is said, or comes when its time is over") {
    bare_link w({.reorder_by = 1s, .reorder_behind = 3});
    w.link.change({.reorder = 1, .reorder_by = 1s, .reorder_behind = 3});
    w.send(0);
    w.link.change({.reorder_by = 1s, .reorder_behind = 3});
    for (std::uint32_t i = 1; i < 6; ++i) w.send(i);
    w.net.run_for(1ms);
    CHECK(w.numbers() == std::vector<std::uint32_t>{1, 2, 3, 0, 4, 5});

    bare_link late({.reorder = 1, .reorder_by = 7ms, .reorder_behind = 3});
    late.send(0);
    late.net.run_until_idle(1s);
    CHECK(late.net.elapsed() == 7ms);
    CHECK(late.arrived.size() == 1);

    bare_link many({.reorder = 0.3, .reorder_by = 10s, .reorder_behind = 50});
    many.send_many(5000, 60);
    many.net.run_until_idle(20s);
    auto seen = many.numbers();
    std::uint32_t most = 0;
    for (std::uint32_t i = 0; i + 100 < seen.size(); ++i) {
        // How many of those sent after a frame came before it.
        std::uint32_t overtook = 0;
        for (std::uint32_t j = i < 200 ? 0 : i - 200; j < i; ++j) overtook += seen[j] > seen[i] ? 1 : 0;
        most = std::max(most, overtook);
    }
    CHECK(most == 50);
    std::sort(seen.begin(), seen.end());
    CHECK(seen == numbers_to(5000));
}

TEST_CASE("a corrupted frame has one bit turned over behind its link header, and never the sender's own bytes") {
    bare_link w({.corrupt = 1});
    netkit::packet original = w.frame(0, 200);
    auto lent = w.frame(0, 300);
    auto bytes = std::move(lent).share();
    std::array<std::byte, 500> before{}, after{};
    int flipped_in_slice = 0;
    netkit::testing::link_end& near = w.near;
    w.far.on_ready(nullptr, nullptr);
    for (int i = 0; i < 200; ++i) {
        auto p = original.copy();
        REQUIRE(p.attach(bytes));
        p.copy_to(before);
        REQUIRE(near.transmit(std::span(&p, 1)) == 1);
        netkit::packet q;
        REQUIRE(w.far.receive({w.buffers}, std::span(&q, 1)) == 1);
        REQUIRE(q.size() == 500);
        q.copy_to(after);
        int bits = 0;
        bool link_header_kept = true;
        for (std::size_t k = 0; k < 500; ++k) {
            const auto different = std::popcount(static_cast<unsigned>(before[k] ^ after[k]));
            bits += different;
            link_header_kept = link_header_kept && (different == 0 || k >= 14);
            flipped_in_slice += k >= 200 ? different : 0;
        }
        CHECK(bits == 1);
        CHECK(link_header_kept);
    }
    CHECK(flipped_in_slice > 60);
    std::array<std::byte, 300> untouched{};
    CHECK(std::equal(bytes.bytes().begin() + 20, bytes.bytes().end(), untouched.begin() + 20));
    CHECK(w.forward().counters().corrupted == 200);
}

TEST_CASE("what is corrupted on the way is caught by the receiver's checksums") {
    simulation net(3);
    udp_host a(net, "a"), b(net, "b");
    auto wire = connect(a, "198.18.0.1/24", b, "198.18.0.2/24");
    netkit::udp_socket from(a, {}), to(b, at("0.0.0.0", 7));
    to.options.receive_buffer = 10'000'000;
    const std::vector<std::byte> text(1000, std::byte{0x5a});
    REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
    net.run_for(1s);
    wire.forward().change({.corrupt = 0.5});
    for (int i = 0; i < 400; ++i) {
        REQUIRE(from.send(text, at("198.18.0.2", 7)) == netkit::errc::ok);
        net.run_for(1ms);
    }
    netkit::datagram d;
    std::uint64_t came = 0;
    while (to.receive(d) == netkit::errc::ok) {
        ++came;
        std::vector<std::byte> got(d.payload.size());
        d.payload.copy_to(got);
        CHECK(got == text);
    }
    const auto corrupted = wire.forward().counters().corrupted;
    CHECK(corrupted > 150);
    CHECK(came == 401 - corrupted);
    const auto& c = b->counters();
    CHECK(c[netkit::drop_reason::checksum] > corrupted * 9 / 10);
    CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
}

TEST_CASE("what the far end has no buffers for is counted") {
    bare_link w({}, 1, {.mtu = 9000});
    w.far.on_ready(nullptr, nullptr);
    w.send_many(3, 2000);  // no room for headers in front without moving to another buffer
    netkit::pool empty(0);
    netkit::packet p;
    CHECK(w.far.receive({empty, 200}, std::span(&p, 1)) == 0);
    CHECK(w.forward().counters().no_buffers == 3);
    CHECK(w.buffers.in_use() == 0);
}

TEST_CASE("when one end goes, what the other sends is lost") {
    bare_link w({.delay = 1ms});
    w.send(0);
    w.far = netkit::testing::link_end();
    w.send(1);
    w.net.run_for(1s);
    CHECK(w.forward().counters().cut_off == 2);
    CHECK(w.buffers.in_use() == 0);
}

TEST_CASE("what is no probability, no time, or no MTU is refused") {
    simulation net;
    const auto make = [&](const netkit::impairments& how) { netkit::testing::link wire(net, "wire", how); };
    CHECK_THROWS_AS(make({.loss = -0.1}), std::invalid_argument);
    CHECK_THROWS_AS(make({.bursts = {.begin = 2}}), std::invalid_argument);
    CHECK_THROWS_AS(make({.corrupt = 0.0 / 0.0}), std::invalid_argument);
    CHECK_THROWS_AS(make({.delay = -1ns}), std::invalid_argument);
    CHECK_THROWS_AS(netkit::testing::link(net, "wire", {}, {.mtu = 0}), std::invalid_argument);
}

}  // namespace testing_link_tests
