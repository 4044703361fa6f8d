// W4: connect, a byte there, a byte back, close; one connection after the other. Time is for one connection.
#include "best_of_many.hpp"
#include "tcp_pair.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

namespace {

using namespace netkit_benchmark;

/// Both hosts are kept: what earlier connections left behind, in TIME-WAIT, belongs to the work.
struct two_hosts {
    std::unique_ptr<tcp_pair> hosts = tcp_pair::make();
    netkit::tcp_socket listener;
    two_hosts() { hosts->listen(listener); }
};

/// False where a byte does not arrive.
bool converse(two_hosts& two) {
    std::array<std::byte, 1> byte{std::byte{42}};
    std::array<std::byte, 16> buffer;
    netkit::tcp_socket client, server;
    two.hosts->connect(client, two.listener, server);
    if (client.send(byte).bytes != 1) return false;
    two.hosts->server().poll();
    if (server.receive(buffer).bytes != 1 || server.send(byte).bytes != 1) return false;
    two.hosts->client().poll();
    if (client.receive(buffer).bytes != 1) return false;
    (void)client.close();
    two.hosts->server().poll();
    if (server.receive(buffer).error != netkit::errc::end_of_stream) return false;
    (void)server.close();
    two.hosts->turn();
    return true;
}

void connections(benchmark::State& state) {
    static two_hosts two;
    for (auto _ : state)
        if (!converse(two)) return state.SkipWithError("a byte got lost");
}

const auto registered = [] {
    best_of_many(benchmark::RegisterBenchmark("W4/netkit", connections), 100);
    return 0;
}();

}  // namespace
