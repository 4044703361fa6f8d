// Connections between a stack and the kernel on which nothing happens for long: since nobody reads, since nobody has anything to
// say, or since the other side is gone. Those of each kind wait together.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <tests/support/stack_beside_kernel.hpp>
#include <tests/support/tcp_beside_kernel.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>

using namespace netkit::test;
using namespace std::chrono_literals;
using netkit::errc;
using netkit::tcp_state;

namespace {

constexpr std::size_t size = 300'000;

}  // namespace

TEST_CASE("the kernel's window closes, and opens again") {
    stack_beside_kernel world(true);
    tcp_meeting meeting(world, false, {}, 16 * 1024);
    one_of_each all(world, meeting, size);
    // What the window takes goes; then there is silence, but for probes.
    (void)all.until([](transfer& t) { return t.pair.send_some(t.from_us), false; }, 1s);
    all.check([](transfer& t) {
        const auto info = t.pair.ours.info();
        CHECK(info.send_window < info.send_mss);
        CHECK(info.unsent != 0);
        CHECK(info.unacknowledged <= 1);  // the byte that asks for the window
        CHECK(t.to_them.received() == 0);
    });
    CHECK(all.complete());
    CHECK(all.finish());
    world.judge();
}

TEST_CASE("our window closes, and opens again") {
    stack_beside_kernel world(true);
    netkit::tcp_socket_options options;
    options.receive_buffer = 16 * 1024;
    tcp_meeting meeting(world, false, options);
    one_of_each all(world, meeting, size);
    (void)all.until([](transfer& t) { return t.pair.theirs.send_some(t.from_them), false; }, 1s);
    all.check([&](transfer& t) {
        const auto theirs = t.pair.theirs.info();
        CHECK(theirs.tcpi_snd_wnd < theirs.tcpi_snd_mss);
        CHECK(theirs.tcpi_notsent_bytes != 0);
        CHECK(t.pair.ours.available() > 8 * 1024);
        CHECK(t.pair.ours.available() <= options.receive_buffer);
    });
    CHECK(all.complete());
    CHECK(all.finish());
    world.judge();
}

TEST_CASE("the end waits behind a closed window") {
    stack_beside_kernel world(true);
    netkit::tcp_socket_options options;
    options.receive_buffer = 16 * 1024;
    tcp_meeting meeting(world, false, options, 16 * 1024);
    one_of_each all(world, meeting, size);
    // The program has written everything, and closes: the rest is for the stack and the kernel to see to.
    const auto written = [](transfer& t) {
        t.pair.send_some(t.from_us);
        t.pair.theirs.send_some(t.from_them);
        return t.from_us.done() || t.pair.ours.info().unsent > 100'000;
    };
    CHECK(all.until(written));
    all.check([](transfer& t) {
        CHECK(t.pair.ours.shutdown(false, true) == errc::ok);
        t.pair.theirs.shutdown();
    });
    world.turn_for(700ms);
    CHECK(all.until([](transfer& t) {
        t.pair.theirs.receive_some(t.to_them);
        return t.pair.receive_some(t.to_us) == errc::end_of_stream && t.pair.theirs.ended();
    }));
    all.check([](transfer& t) {
        CHECK(t.to_them.received() == t.from_us.count());
        CHECK(t.to_us.received() == t.from_them.count());
        CHECK(t.to_us.wrong() + t.to_them.wrong() == 0);
    });
    world.judge();
}

TEST_CASE("both sides ask a silent peer whether it lives") {
    stack_beside_kernel world(true);
    netkit::tcp_socket_options options;
    options.keep_alive = true;
    options.keep_alive_idle = netkit::tcp_seconds(1);
    options.keep_alive_interval = netkit::tcp_seconds(1);
    options.keep_alive_count = 1;
    tcp_meeting meeting(world, false, options);
    one_of_each all(world, meeting, size);
    all.check([](transfer& t) {
        auto& s = t.pair.theirs;
        CHECK(s.set(SOL_SOCKET, SO_KEEPALIVE, 1));
        for (const int option : {TCP_KEEPIDLE, TCP_KEEPINTVL}) CHECK(s.set(IPPROTO_TCP, option, 1));
        CHECK(s.set(IPPROTO_TCP, TCP_KEEPCNT, 1));
    });
    const auto before = world.stack().interface(world.interface()).received.packets;
    world.turn_for(2500ms);
    // In two seconds of silence each was asked twice, or answered as often.
    CHECK(world.stack().interface(world.interface()).received.packets > before + 2 * all.size());
    CHECK(all.complete());

    // Once all is acknowledged; else it is retransmissions that end in vain.
    world.turn_for(200ms);
    world.change_line({.loss = 1});
    CHECK(all.until([](transfer& t) { return t.pair.ours.info().state == tcp_state::closed && !t.pair.theirs.established(); }));
    all.check([](transfer& t) {
        CHECK(t.pair.ours.take_error() == errc::timed_out);
        CHECK(t.pair.theirs.take_error() == ETIMEDOUT);
    });
    world.change_line({});
    world.judge();
}

TEST_CASE("what is sent stays unacknowledged for longer than the program allows") {
    stack_beside_kernel world(true);
    netkit::tcp_socket_options options;
    options.user_timeout = netkit::tcp_milliseconds(1000);
    tcp_meeting meeting(world, false, options);
    one_of_each all(world, meeting, size);
    all.check([](transfer& t) { CHECK(t.pair.theirs.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)); });
    world.change_line({.loss = 1});
    all.check([](transfer& t) {
        t.pair.send_some(t.from_us);
        t.pair.theirs.send_some(t.from_them);
    });
    CHECK(all.until([](transfer& t) { return t.pair.ours.info().state == tcp_state::closed && !t.pair.theirs.established(); }));
    all.check([](transfer& t) {
        CHECK(t.pair.ours.take_error() == errc::timed_out);
        CHECK(t.pair.theirs.take_error() == ETIMEDOUT);
    });
    world.change_line({});
    world.judge();
}

int main(int argc, char** argv) { return run_beside_kernel(argc, argv); }
