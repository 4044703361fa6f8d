// How connections between a stack and the kernel end: by halves, at once, with a reset, with bytes that nobody reads; and many
// short ones.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <tests/support/stack_beside_kernel.hpp>
#include <tests/support/tcp_beside_kernel.hpp>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

using namespace netkit::test;
using netkit::errc;
using netkit::tcp_state;

namespace {

constexpr std::size_t size = 200'000;
// As the kernel numbers them.
constexpr int kernel_fin_wait_2 = 5, kernel_close_wait = 8;

/// Calls f(pair) with a connection of each kind, in part over IPv6 too.
template <class F>
void for_each_connection(stack_beside_kernel& world, F&& f) {
    for (const bool ipv6 : {false, true}) {
        tcp_meeting meeting(world, ipv6);
        for (const auto& settings : ipv6 ? telling_settings() : every_setting())
            for (const auto who : both_openers) {
                INFO(to_string(settings) << to_string(who) << (ipv6 ? std::string(", IPv6") : std::string()));
                REQUIRE(settings.apply());
                tcp_pair pair;
                REQUIRE(meeting.connect(pair, who));
                f(pair);
            }
    }
}
void send_to_kernel(stack_beside_kernel& world, tcp_pair& pair) {
    stream_source from_us(size);
    stream_sink to_them;
    CHECK(world.until([&] {
        pair.send_some(from_us);
        pair.theirs.receive_some(to_them);
        return to_them.received() == size;
    }));
    CHECK(to_them.wrong() == 0);
}
void send_to_us(stack_beside_kernel& world, tcp_pair& pair) {
    stream_source from_them(size);
    stream_sink to_us;
    CHECK(world.until([&] {
        pair.theirs.send_some(from_them);
        (void)pair.receive_some(to_us);
        return to_us.received() == size;
    }));
    CHECK(to_us.wrong() == 0);
}
errc what_we_read(tcp_pair& pair) {
    stream_sink ignored;
    return pair.receive_some(ignored);
}
bool kernel_ended(tcp_pair& pair) {
    stream_sink ignored;
    pair.theirs.receive_some(ignored);
    return pair.theirs.ended();
}
int what_kernel_reads(tcp_pair& pair) {
    stream_sink ignored;
    pair.theirs.receive_some(ignored);
    return pair.theirs.error();
}

}  // namespace

TEST_CASE("one half is closed, and the other goes on") {
    stack_beside_kernel world(true);
    for_each_connection(world, [&](tcp_pair& pair) {
        CHECK(pair.ours.shutdown(false, true) == errc::ok);
        CHECK(world.until([&] { return kernel_ended(pair); }));
        CHECK(world.until([&] { return pair.ours.info().state == tcp_state::fin_wait_2; }));
        CHECK(pair.theirs.info().tcpi_state == kernel_close_wait);
        send_to_us(world, pair);
        pair.theirs.close();
        CHECK(world.until([&] { return what_we_read(pair) == errc::end_of_stream; }));
        CHECK(world.until([&] { return pair.ours.info().state == tcp_state::time_wait; }));
    });
    for_each_connection(world, [&](tcp_pair& pair) {
        pair.theirs.shutdown();
        CHECK(world.until([&] { return what_we_read(pair) == errc::end_of_stream; }));
        CHECK(pair.ours.info().state == tcp_state::close_wait);
        CHECK(world.until([&] { return pair.theirs.info().tcpi_state == kernel_fin_wait_2; }));
        send_to_kernel(world, pair);
        CHECK(pair.ours.close() == errc::ok);
        CHECK(world.until([&] { return kernel_ended(pair); }));
    });
    world.judge();
}

TEST_CASE("the end follows the bytes at once, from both sides") {
    stack_beside_kernel world(false);
    for_each_connection(world, [&](tcp_pair& pair) {
        stream_source from_us(20'000), from_them(20'000);
        stream_sink to_us, to_them;
        pair.send_some(from_us);
        pair.theirs.send_some(from_them);
        REQUIRE(from_us.done());
        REQUIRE(from_them.done());
        CHECK(pair.ours.shutdown(false, true) == errc::ok);
        pair.theirs.shutdown();
        CHECK(world.until([&] {
            pair.theirs.receive_some(to_them);
            return pair.receive_some(to_us) == errc::end_of_stream && pair.theirs.ended();
        }));
        CHECK(to_us.received() == 20'000);
        CHECK(to_them.received() == 20'000);
        CHECK(to_us.wrong() + to_them.wrong() == 0);
    });
    world.judge();
}

TEST_CASE("the kernel resets") {
    stack_beside_kernel world(true);
    for_each_connection(world, [&](tcp_pair& pair) {
        pair.theirs.abort();
        CHECK(world.until([&] { return what_we_read(pair) == errc::connection_reset; }));
        CHECK(pair.ours.info().state == tcp_state::closed);
    });
    // With bytes that it has not read.
    for_each_connection(world, [&](tcp_pair& pair) {
        stream_source from_us(10'000);
        pair.send_some(from_us);
        CHECK(world.until([&] { return pair.ours.info().unacknowledged == 0; }));
        pair.theirs.close();
        CHECK(world.until([&] { return what_we_read(pair) == errc::connection_reset; }));
    });
    // Because of what came after it had closed.
    for_each_connection(world, [&](tcp_pair& pair) {
        pair.theirs.close();
        CHECK(world.until([&] { return what_we_read(pair) == errc::end_of_stream; }));
        stream_source from_us(10'000);
        pair.send_some(from_us);
        CHECK(world.until([&] { return pair.ours.info().state == tcp_state::closed; }));
        CHECK(pair.ours.take_error() == errc::connection_reset);
    });
    world.judge();
}

TEST_CASE("the stack resets") {
    stack_beside_kernel world(true);
    for_each_connection(world, [&](tcp_pair& pair) {
        CHECK(pair.ours.abort() == errc::ok);
        CHECK(world.until([&] { return what_kernel_reads(pair) == ECONNRESET; }));
    });
    // By lingering for no time at all.
    for_each_connection(world, [&](tcp_pair& pair) {
        auto options = pair.ours.options();
        options.linger = true;
        pair.ours.set_options(options);
        stream_source from_us(10'000);
        pair.send_some(from_us);
        CHECK(pair.ours.close() == errc::ok);
        CHECK(world.until([&] { return what_kernel_reads(pair) == ECONNRESET; }));
    });
    // With bytes that nobody has read.
    for_each_connection(world, [&](tcp_pair& pair) {
        stream_source from_them(10'000);
        pair.theirs.send_some(from_them);
        CHECK(world.until([&] { return pair.ours.available() == 10'000; }));
        CHECK(pair.ours.close() == errc::ok);
        CHECK(world.until([&] { return what_kernel_reads(pair) == ECONNRESET; }));
    });
    // Because of what came after the socket had been closed.
    for_each_connection(world, [&](tcp_pair& pair) {
        CHECK(pair.ours.close() == errc::ok);
        CHECK(world.until([&] { return kernel_ended(pair); }));
        stream_source from_them(10'000);
        pair.theirs.send_some(from_them);
        CHECK(world.until([&] { return pair.theirs.take_error() == EPIPE; }));
    });
    world.judge();
}

TEST_CASE("nobody listens") {
    stack_beside_kernel world(true);
    world.detect_duplicate_address();
    for (const bool ipv6 : {false, true}) {
        CAPTURE(ipv6);
        auto theirs = kernel_tcp::connecting(ipv6, 81);
        CHECK(world.until([&] { return theirs.take_error() == ECONNREFUSED; }));
        netkit::tcp_socket ours;
        REQUIRE(ours.open(world.stack()) == errc::ok);
        CHECK(ours.connect({netkit::ip_address::parse(ipv6 ? "fd00:6e6b::1" : "198.18.0.1"), 81}) == errc::would_block);
        CHECK(world.until([&] { return !ours.connecting(); }));
        CHECK(ours.take_error() == errc::connection_refused);
    }
    world.judge();
}

TEST_CASE("a listener closes with connections that nobody has accepted") {
    stack_beside_kernel world(true);
    netkit::tcp_socket listener;
    REQUIRE(listener.open(world.stack()) == errc::ok);
    REQUIRE(listener.bind({{}, 82}) == errc::ok);
    REQUIRE(listener.listen(8) == errc::ok);
    std::vector<kernel_tcp> theirs;
    for (int i = 0; i < 4; ++i) theirs.push_back(kernel_tcp::connecting(false, 82));
    CHECK(world.until([&] { return theirs.back().established(); }));
    CHECK(listener.close() == errc::ok);
    for (auto& each : theirs) CHECK(world.until([&] { return each.take_error() == ECONNRESET; }));
    world.judge();
}

int main(int argc, char** argv) { return run_beside_kernel(argc, argv); }
