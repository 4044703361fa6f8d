#include <doctest/doctest.h>

#include "ends.hpp"

#include <netkit/protocol/tcp/rack.hpp>

#include <type_traits>

/// What a connection keeps only while it is busy.
namespace protocol_tcp_outgoing_tests {

using namespace tcp_test;
using namespace netkit;

namespace {

/// An established end whose peer acknowledges by hand. Segments are of 1000 bytes.
struct sender {
    made_up_time time;
    end e;

    explicit sender(bool selective = true, std::uint32_t isn = 100) : e(time, isn), first(isn + 1) {
        e.listen();
        segment syn;
        syn.sequence = 9000;
        syn.flags = tcp_flags::syn;
        syn.options.has_mss = true;
        syn.options.mss = 1000;
        syn.options.sack_permitted = selective;
        e.arrive(syn);
        acknowledge(0);
        REQUIRE(e.state() == tcp_state::established);
        e.sent.clear();
    }
    void acknowledge(std::uint32_t n, std::vector<tcp_sack_block> blocks = {}) {
        segment s;
        s.sequence = 9001;
        s.acknowledgement = first + n;
        for (const auto& b : blocks) s.options.sack[s.options.sack_blocks++] = {first + b.left, first + b.right};
        e.arrive(s);
    }
    std::size_t held() { return e.pool().cells_in_use(); }
    /// When its timer has expired.
    std::size_t held_later() {
        e.pass(70s);
        return held();
    }
    /// Nothing more can be had from the pool.
    void exhaust() { e.pool().limit(e.pool().allocated()); }
    void replenish() { e.pool().limit(pool::default_limit); }

    std::uint32_t first;
};

}  // namespace

TEST_CASE("a connection holds something of the pool only while something is to be sent or under way") {
    sender t;
    CHECK(t.held_later() == 0);
    for (std::uint32_t i = 0; i < 100; ++i) {
        CHECK(t.e.write(100).bytes == 100);
        CHECK(t.held() == 1);
        t.e.pass(10ms);
        t.acknowledge(100 * (i + 1));
        CHECK(t.held_later() == 0);
        CHECK(t.e.pool().in_use() == 0);
    }
    CHECK(t.e.write(std::size_t{0}).error == errc::ok);
    CHECK(t.held_later() == 0);
    CHECK(t.e.read(10).error == errc::would_block);
    CHECK(t.held_later() == 0);
    t.e.finish();
    CHECK(t.held() == 1);
    t.acknowledge(100 * 100 + 1);
    CHECK(t.held_later() == 0);
    CHECK(t.e.c().bytes_sent() == 10'000);
}

TEST_CASE("where many connections hold something it is given back at once, else when the timer expires") {
    sender t;
    CHECK(t.e.write(100).bytes == 100);
    t.acknowledge(100);
    CHECK(t.held() == 1);
    CHECK(t.held_later() == 0);
    std::vector<tcp_outgoing<rack>*> others;
    for (int i = 0; i < 100; ++i) others.push_back(recycled<tcp_outgoing<rack>>::take(t.e.pool()));
    CHECK(t.e.write(100).bytes == 100);
    CHECK(t.held() == 101);
    t.acknowledge(200);
    CHECK(t.held() == 100);
    for (auto* o : others) recycled<tcp_outgoing<rack>>::give_back(o);
}

TEST_CASE("it ends with the connection") {
    sender t;
    CHECK(t.e.write(5000).bytes == 5000);
    CHECK(t.held() == 1);
    t.e.reset();
    CHECK(t.held_later() == 0);
    CHECK(t.e.pool().in_use() == 0);
    sender aborted;
    CHECK(aborted.e.write(5000).bytes == 5000);
    tcp_machine::abort(aborted.e, aborted.e.c(), errc::connection_aborted);
    CHECK(aborted.held_later() == 0);
    CHECK(aborted.e.pool().in_use() == 0);
}

TEST_CASE("where it cannot be had, writing says that there are no buffers, and later there are") {
    sender t;
    t.exhaust();
    CHECK(t.e.write(100).error == errc::no_buffers);
    CHECK(t.held_later() == 0);
    CHECK(t.e.sent.empty());
    t.replenish();
    CHECK(t.e.write(100).bytes == 100);
    CHECK(t.e.sent.size() == 1);
    t.acknowledge(100);
    CHECK(t.held_later() == 0);
}

TEST_CASE("where it cannot be had for a FIN, the timer tries again, and gives up in the end") {
    for (const bool selective : {false, true}) {
        CAPTURE(selective);
        sender t(selective);
        t.exhaust();
        t.e.finish();
        t.e.pass(3s);
        CHECK(t.e.sent.empty());
        CHECK(t.e.state() == tcp_state::fin_wait_1);
        t.replenish();
        t.e.pass(30s);
        REQUIRE(!t.e.sent.empty());
        CHECK(t.e.sent.front().has(tcp_flags::fin));
        t.acknowledge(1);
        CHECK(t.e.state() == tcp_state::fin_wait_2);
        CHECK(t.held_later() == 0);

        sender never(selective);
        never.exhaust();
        never.e.finish();
        never.e.pass(3600s);
        CHECK(never.e.state() == tcp_state::closed);
        CHECK(never.e.c().error == errc::timed_out);
    }
}

TEST_CASE("it stays while the last reduction may yet turn out to have been for nothing") {
    sender t;
    CHECK(t.e.write(6000).bytes == 6000);
    t.e.pass(10ms);
    const auto before = t.e.c().congestion.window();
    t.acknowledge(0, {{1000, 6000}});
    CHECK(t.e.c().recovery.recovering());
    t.acknowledge(6000);
    CHECK(!t.e.c().recovery.recovering());
    CHECK(t.held() == 1);
    // The peer has got it twice.
    t.acknowledge(6000, {{0, 1000}});
    CHECK(t.e.c().congestion.window() >= before);
    CHECK(t.held_later() == 0);
    CHECK(t.e.write(100).bytes == 100);
    t.acknowledge(6100);
    CHECK(t.held_later() == 0);
}

TEST_CASE("what was learnt of a path's reordering lasts, also what is learnt while nothing is under way") {
    rack known;
    tcp_loss_circumstances about;
    about.next = sequence_number(1000);
    for (int i = 0; i < 3; ++i) {
        known.duplicated(about);
        about.unacknowledged = about.next;
        about.next = about.next + 1000u;
    }
    const rack::lasting lasts(known);
    CHECK((lasts.patience == 4));
    CHECK((lasts.patience_left == 16));
    CHECK(!bool(lasts.reordering));
    CHECK((rack::lasting(rack(lasts)).patience == 4));

    sender t;
    CHECK(t.e.write(100).bytes == 100);
    t.acknowledge(100);
    CHECK(t.held_later() == 0);
    t.acknowledge(100, {{0, 100}});
    CHECK(t.held_later() == 0);
    CHECK((t.e.c().lasting_detection.patience == 2));
    t.exhaust();
}

TEST_CASE("bytes are counted where sequence numbers wrap, and FINs are none") {
    sender t(true, 0u - 1500);
    CHECK(t.e.c().bytes_sent() == 0);
    CHECK(t.e.write(4000).bytes == 4000);
    CHECK(t.e.c().bytes_sent() == 4000);
    t.acknowledge(4000);
    t.e.finish();
    CHECK(t.e.c().bytes_sent() == 4000);
    connection c;
    c.initial_send = c.send_highest = sequence_number(50);
    c.initial_receive = c.receive_next = sequence_number(0u - 70);
    CHECK(c.bytes_sent() == 0);
    CHECK(c.bytes_received() == 0);
    c.sent_to(c.send_highest + 1u, false);
    c.received(1);
    std::uint64_t all = 0;
    for (std::uint32_t n = 1; all < std::uint64_t(5) << 32; n = n * 3 % (1u << 30)) {
        c.sent_to(c.send_highest + n, false);
        c.received(n);
        all += n;
        REQUIRE(c.bytes_sent() == all);
        REQUIRE(c.bytes_received() == all);
    }
    c.sent_to(c.send_highest + 1u, true);
    CHECK(c.bytes_sent() == all);
}

TEST_CASE("options are shared where they are equal") {
    tcp_socket_options o;
    tcp_shared_options plain, a, b;
    CHECK(a.set(o));
    CHECK(&*a == &*plain);
    o.no_delay = true;
    CHECK(a.set(o));
    CHECK(a->no_delay);
    b = a;
    CHECK(&*b == &*a);
    CHECK(a.set(o));
    CHECK(&*b == &*a);
    o.keep_alive_idle = tcp_seconds(5);
    CHECK(a.set(o));
    CHECK(a->keep_alive_idle == tcp_seconds(5));
    CHECK(b->keep_alive_idle == tcp_seconds(7200));
    const auto moved = std::move(b);
    CHECK(moved->no_delay);
    CHECK(a.set({}));
    CHECK(&*a == &*plain);
}

TEST_CASE("a next hop is told from half of its address, or is said to be unknown") {
    tcp_flow_key key{.local_high = 1, .local_low = 2, .remote_high = 3, .remote_low = 4, .six = true};
    tcp_way way;
    for (const std::uint64_t high : {std::uint64_t(1), std::uint64_t(3), tcp_way::link_local_high}) {
        way.set_hop(high, 9, key);
        CHECK((way.hop_high != tcp_way::upper_half::unknown));
        CHECK(way.upper_half_of_hop(key) == high);
        CHECK(way.hop_low == 9);
    }
    way.set_hop(8, 9, key);
    CHECK((way.hop_high == tcp_way::upper_half::unknown));
}

TEST_CASE("a coarse moment is told to 17 ms") {
    const time_point t{std::chrono::hours(24 * 300) + 123456789ns};
    const tcp_coarse_time then(t);
    for (const duration later : {duration(0ms), duration(1s), duration(600s), duration(std::chrono::hours(24 * 400))}) {
        const auto told = t + later - then;
        CHECK(told - later <= 17ms);
        CHECK(later - told <= 17ms);
    }
}

}  // namespace protocol_tcp_outgoing_tests
