// W1: a 60-byte UDP frame in, verified, through a socket to an application and back, both checksums made anew, out again.
// One thread, in memory. Time is for one echo.
#include "best_of_many.hpp"
#include "echo_device.hpp"
#include "echo_floor.hpp"

#include <netkit/compose/stack.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <stdexcept>

namespace {

using namespace netkit_benchmark;

using plain = netkit::stack<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp>>, echo_device>;

/// An application that sends each datagram back: in its own buffer, or copied into a fresh one.
template <class Stack>
class echo_host {
public:
    explicit echo_host(bool copy) : copy_(copy) {
        eth_ = stack_.attach(echo_device());
        stack_.add_address(eth_, "10.0.0.1/24");
        auto arp = stack_.template at<netkit::arp>();
        arp->cache.add_permanent(netkit::ipv4_address(10, 0, 0, 2), eth_, netkit::mac_address(2, 0, 0, 0, 0, 2));
        if (socket_.open(stack_) != netkit::errc::ok || socket_.bind({{}, 7}) != netkit::errc::ok) throw std::runtime_error("cannot bind");
        socket_.on_ready([](void* self) { static_cast<echo_host*>(self)->echo(); }, this);
        check();
    }
    void run(std::size_t batch) {
        device().pending = batch;
        stack_.poll(batch);
    }

private:
    echo_device& device() { return stack_.device_of(eth_); }
    void echo() {
        netkit::datagram d;
        while (socket_.receive(d) == netkit::errc::ok) {
            if (copy_) (void)socket_.send(d.payload.head(), d.source);
            else (void)socket_.send(std::move(d.payload), d.source);
        }
    }
    void check() {
        device().keep = true;
        device().sent = 0;
        run(1);
        device().keep = false;
        if (device().sent != 1 || !is_echo(device().last.data())) throw std::runtime_error("the echo is wrong");
        device().frame[45] ^= 1;
        run(1);
        if (device().sent != 1) throw std::runtime_error("a bad checksum was accepted");
        device().frame[45] ^= 1;
    }

    Stack stack_;
    netkit::interface_id eth_{};
    netkit::udp_socket socket_;
    bool copy_;
};

void floor(benchmark::State& state) {
    auto floor = std::make_unique<echo_floor>();
    floor->run(1);
    if (!is_echo(floor->answer())) return state.SkipWithError("the floor's echo is wrong");
    const auto batch = static_cast<std::size_t>(state.range(0));
    while (state.KeepRunningBatch(state.range(0))) floor->run(batch);
    if (floor->dropped) state.SkipWithError("the floor dropped");
}

template <class Stack, bool Copy>
void netkit_echo(benchmark::State& state) {
    auto host = std::make_unique<echo_host<Stack>>(Copy);
    const auto batch = static_cast<std::size_t>(state.range(0));
    while (state.KeepRunningBatch(state.range(0))) host->run(batch);
}

const auto registered = [] {
    best_of_many(benchmark::RegisterBenchmark("W1/floor", floor)->Arg(32));
    best_of_many(benchmark::RegisterBenchmark("W1/netkit/in_place", netkit_echo<plain, false>)->Arg(32)->Arg(1));
    best_of_many(benchmark::RegisterBenchmark("W1/netkit/copied", netkit_echo<plain, true>)->Arg(32));
    best_of_many(benchmark::RegisterBenchmark("W1/floor_again", floor)->Arg(32));
    return 0;
}();

}  // namespace


