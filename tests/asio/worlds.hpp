#pragma once

#include <netkit/asio/executor.hpp>
#include <netkit/asio/tcp.hpp>
#include <netkit/asio/udp.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <utility>

// Two hosts for programs to run on: once the kernel's loopback, once stacks of this library. Their compositions are compiled in
// worlds.cpp alone, as a program's own files need not name them.
namespace worlds {

namespace net = boost::asio;

/// Runs what there is to run; a test that hangs fails instead.
inline void run_to_end(net::io_context& io) {
    io.restart();
    io.run_for(std::chrono::seconds(60));
    REQUIRE_MESSAGE(io.stopped(), "the io_context still had something to do");
}

/// The kernel: both hosts are this one.
struct kernel {
    using tcp = net::ip::tcp;
    using udp = net::ip::udp;
    static constexpr bool is_kernel = true;

    net::io_context io{1};
    net::any_io_executor client() { return io.get_executor(); }
    net::any_io_executor server() { return io.get_executor(); }
    net::ip::address client_address() const { return net::ip::address_v4::loopback(); }
    net::ip::address server_address() const { return net::ip::address_v4::loopback(); }
    void run() { run_to_end(io); }
};

/// What every world of stacks has; the stacks are behind `hosts`.
struct stacks {
    using tcp = netkit::ip::tcp;
    using udp = netkit::ip::udp;
    static constexpr bool is_kernel = false;
    struct implementation;

    enum class kind {
        loopback,  ///< both hosts are one stack without a device
        link,      ///< two stacks on a memory_link; the client's is the default stack
    };
    explicit stacks(kind);
    stacks(const stacks&) = delete;
    ~stacks();

    net::io_context io{1};
    netkit::stack_executor client() const;
    netkit::stack_executor server() const;
    /// 127.0.0.1 on the loopback; else 198.18.0.1 for the client, 198.18.0.2 for the server.
    net::ip::address client_address() const;
    net::ip::address server_address() const;
    /// fd00:6e6b::1 and ::2 on the link, ::1 on the loopback.
    net::ip::address server_address_v6() const;
    void add_host(const char* name, const char* address);
    void destroy_server();
    void destroy_all();
    void run() { run_to_end(io); }

private:
    std::unique_ptr<implementation> hosts_;
};
struct loopback : stacks {
    loopback() : stacks(kind::loopback) {}
};
struct linked : stacks {
    linked() : stacks(kind::link) {}
};

/// Runs the same source in each world.
template <class F>
void in_each(F&& f) {
    SUBCASE("kernel") {
        kernel w;
        f(w);
    }
    SUBCASE("a stack's loopback") {
        loopback w;
        f(static_cast<stacks&>(w));
    }
    SUBCASE("two stacks on a link") {
        linked w;
        f(static_cast<stacks&>(w));
    }
}
/// Runs it on stacks only.
template <class F>
void on_stacks(F&& f) {
    SUBCASE("a stack's loopback") {
        loopback w;
        f(static_cast<stacks&>(w));
    }
    SUBCASE("two stacks on a link") {
        linked w;
        f(static_cast<stacks&>(w));
    }
}

}  // namespace worlds
