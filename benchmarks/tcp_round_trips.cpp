// W5: 64 bytes there and back over one of N open connections, each in its turn. Time is for one round trip.
#include "best_of_many.hpp"
#include "tcp_pair.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace {

using namespace netkit_benchmark;

class many_connections {
public:
    explicit many_connections(std::size_t n) : connections_(n) {
        hosts_->listen(listener_);
        for (std::size_t i = 0; i < n; ++i) {
            auto& c = connections_[i];
            hosts_->connect(c.client, listener_, c.server, {}, n <= 10'000 ? 0 : i % tcp_pair::client_addresses);
            c.server.on_ready([](void* self) { static_cast<connection*>(self)->answer(); }, &c);
        }
    }
    bool next() {
        auto& c = connections_[turn_];
        if (++turn_ == connections_.size()) turn_ = 0;
        if (c.client.send(question_).bytes != question_.size()) return false;
        hosts_->server().poll();
        hosts_->client().poll();
        return c.client.receive(answer_).bytes == answer_.size();
    }

private:
    struct connection {
        netkit::tcp_socket client, server;
        void answer() {
            std::array<std::byte, 64> bytes;
            const auto got = server.receive(bytes).bytes;
            if (got != 0) (void)server.send(std::span<const std::byte>(bytes).first(got));
        }
    };
    std::unique_ptr<tcp_pair> hosts_ = tcp_pair::make();
    netkit::tcp_socket listener_;
    std::vector<connection> connections_;
    std::array<std::byte, 64> question_{}, answer_{};
    std::size_t turn_ = 0;
};

void round_trips(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0));
    // Opening many thousand connections takes longer than measuring them: they are kept from one repetition to the next.
    static std::size_t kept_size = 0;
    static std::unique_ptr<many_connections> kept;
    if (kept_size != n) {
        kept.reset();
        kept = std::make_unique<many_connections>(n);
        kept_size = n;
    }
    for (auto _ : state)
        if (!kept->next()) return state.SkipWithError("an answer did not come");
}

const auto registered = [] {
    best_of_many(benchmark::RegisterBenchmark("W5/netkit", round_trips)->ArgName("connections")->Arg(1)->Arg(100)->Arg(1000)->Arg(10000)->Arg(100000), 100);
    return 0;
}();

}  // namespace
