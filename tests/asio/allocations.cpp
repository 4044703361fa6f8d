#include "worlds.hpp"

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

// Sends a byte to and fro.
template <class Socket>
struct rally {
    Socket &here, &there;
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

}  // namespace

TEST_CASE("operations allocate nothing in steady state: streams") {
    worlds::on_stacks([](auto& w) {
        using tcp = netkit::ip::tcp;
        tcp::acceptor a(w.server(), {tcp::v4(), 0});
        tcp::socket client(w.client());
        client.connect({w.server_address(), a.local_endpoint().port()});
        auto server = a.accept();
        client.set_option(tcp::no_delay(true));  // else each byte waits for the acknowledgement of the one before
        rally<tcp::socket> r{client, server};
        r.left = 2000;
        r.go();
        w.run();
        r.left = 1000;
        r.go();
        const auto before = allocations;
        w.run();
        const auto during = allocations - before;
        CHECK(r.left == 0);
        CHECK(during == 0);
    });
}

TEST_CASE("operations allocate nothing in steady state: datagrams") {
    worlds::on_stacks([](auto& w) {
        using udp = netkit::ip::udp;
        udp::socket server(w.server(), {udp::v4(), 0}), client(w.client());
        client.connect({w.server_address(), server.local_endpoint().port()});
        rally<udp::socket> r{client, server};
        r.left = 2000;
        r.go();
        w.run();
        r.left = 1000;
        r.go();
        const auto before = allocations;
        w.run();
        const auto during = allocations - before;
        CHECK(r.left == 0);
        CHECK(during == 0);
    });
}
