#include "asio_worlds.hpp"

#include <netkit/asio/udp.hpp>
#include <netkit/testing/waitable_timer.hpp>

#include <boost/asio/buffer.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace net = boost::asio;
using boost::system::error_code;

// Sanitizers bring their own operator new, and count what it is for.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef COUNTS_ALLOCATIONS
#define COUNTS_ALLOCATIONS 1
#endif

static std::size_t allocations = 0;

#if COUNTS_ALLOCATIONS
// Not inlined: a compiler that sees both sides takes free() for the wrong partner of new.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace {

using timer = netkit::testing::steady_timer<>;

// One timer that is set anew, and one that is made anew, each time.
struct ticker {
    simulated_programs::two_hosts& w;
    timer pace{w.client()};
    int left = 0;

    void go() {
        pace.expires_after(std::chrono::seconds(1));
        pace.async_wait([this](error_code ec) {
            REQUIRE_FALSE(ec);
            timer never_ends(w.server(), std::chrono::hours(1));
            never_ends.async_wait([](error_code e) { REQUIRE(e == net::error::operation_aborted); });
            if (--left > 0) go();
        });
    }
};

// Sends a datagram to and fro.
struct rally {
    netkit::ip::udp::socket &here, &there;
    std::array<char, 1> byte{'b'};
    int left = 0;

    void go() {
        there.async_receive(net::buffer(byte), [this](error_code ec, std::size_t) {
            REQUIRE_FALSE(ec);
            if (--left > 0) go();
        });
        here.async_send(net::buffer("b", 1), [](error_code ec, std::size_t) { REQUIRE_FALSE(ec); });
    }
};

template <class Program>
std::size_t allocated_in_steady_state(simulated_programs::two_hosts& w, Program& program) {
    program.left = 2000;
    program.go();
    REQUIRE(w.programs.run());
    program.left = 1000;
    program.go();
    const auto before = allocations;
    const bool ended = w.programs.run();
    const auto during = allocations - before;
    REQUIRE(ended);
    return during;
}

}  // namespace

TEST_CASE("timers of a simulation allocate nothing in steady state") {
    simulated_programs::two_hosts w;
    ticker t{w};
    CHECK(allocated_in_steady_state(w, t) == 0);
    CHECK(w.elapsed() == std::chrono::seconds(3000));
}

TEST_CASE("programs on a simulated network allocate nothing in steady state") {
    using udp = netkit::ip::udp;
    simulated_programs::two_hosts w;
    udp::socket server(w.server(), {udp::v4(), 9}), client(w.client());
    client.connect({w.server_address(), 9});
    rally r{client, server};
    CHECK(allocated_in_steady_state(w, r) == 0);
}
