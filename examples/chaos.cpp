// Clients send data to a server and get it back, across a router, while everything that can happen to a network happens to
// theirs: links lose, delay, repeat, reorder and damage frames, change their speed and MTU, are cut and mended. All data must
// arrive intact. Everything comes from the seed, so that a run that fails can be had again.
//   chaos --runs 100
//   chaos --seed 42 --capture chaos.pcapng
#include "chaos/transfer.hpp"
#include "chaos/weather.hpp"
#include "common/run_program.hpp"

#include <netkit/asio/tcp.hpp>
#include <netkit/drivers/capture_writer.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/testing/capture.hpp>
#include <netkit/testing/connect.hpp>
#include <netkit/testing/host.hpp>
#include <netkit/testing/simulation.hpp>
#include <netkit/testing/simulation_context.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
namespace testing = netkit::testing;
using namespace std::chrono_literals;

using host = testing::host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<>>>>;
using router = testing::host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp>>>;

struct settings {
    unsigned clients = 4;
    double mebibytes = 1;
    std::string capture;
};

/// One network and its fate.
class chaos {
public:
    chaos(std::uint64_t seed, const settings& s) : world_(seed), settings_(s) {
        middle_->at<netkit::ipv4>()->forwarding = true;
        lines_.push_back(connect(server_, "198.18.0.2/24", middle_, "198.18.0.1/24"));
        server_->add_gateway("198.18.0.1", lines_.back().at_first);
        for (unsigned i = 1; i <= s.clients; ++i) {
            const auto net = "198.18." + std::to_string(i) + ".";
            auto& client = clients_.emplace_back(world_, "client " + std::to_string(i));
            lines_.push_back(connect(client, net + "2/24", middle_, net + "1/24"));
            client->add_gateway(net + "1", lines_.back().at_first);
        }
        if (s.capture.empty()) return;
        capture_ = testing::make_capture(world_, s.capture);
        for (std::size_t i = 0; i < lines_.size(); ++i) lines_[i].capture(capture_, i == 0 ? "server" : "client " + std::to_string(i));
    }

    /// Returns whether all that was sent arrived.
    bool run() {
        testing::simulation_context programs(world_);
        const auto server = programs.get_executor(server_);
        asio::co_spawn(server, example::return_all(server), asio::detached);
        std::deque<example::weather> weathers;
        for (auto& line : lines_) {
            auto& weather = weathers.emplace_back(world_, line, middle_->interface(line.at_second));
            asio::co_spawn(programs.get_executor(), weather.changes(), example::rethrow);
        }
        std::deque<example::transfer> transfers;
        unsigned finished = 0;
        for (auto& client : clients_) {
            const auto on = programs.get_executor(client);
            auto& transfer = transfers.emplace_back(on, world_.chance_for("data"), static_cast<std::size_t>(settings_.mebibytes * 1024 * 1024));
            asio::co_spawn(on, transfer.go(server_endpoint()), [&](std::exception_ptr e) {
                example::rethrow(e);
                ++finished;
            });
        }
        const bool ended = programs.run_until([&] { return finished == clients_.size(); }, 24h);

        if (capture_) capture_->finish();
        bool intact = ended;
        unsigned changes = 0;
        for (auto& weather : weathers) changes += weather.count();
        for (auto& transfer : transfers) intact = intact && transfer.intact();
        testing::link_direction::statistics sum;
        for (auto& line : lines_)
            for (auto* way : {&line.forward(), &line.backward()}) {
                const auto n = way->counters();
                sum.sent += n.sent;
                sum.lost += n.lost + n.dropped + n.cut_off;
                sum.oversized += n.oversized;
                sum.corrupted += n.corrupted;
            }
        std::printf("seed %llu: %s after %.9f s, %u changes of the weather; of %llu frames %llu were lost, %llu too long, %llu damaged\n", number(world_.seed()),
                    intact ? "all data intact" : ended ? "DAMAGED DATA" : "NOT FINISHED", std::chrono::duration<double>(world_.elapsed()).count(), changes, number(sum.sent), number(sum.lost), number(sum.oversized),
                    number(sum.corrupted));
        return intact;
    }

private:
    static unsigned long long number(std::uint64_t n) { return n; }
    static example::endpoint server_endpoint() { return {asio::ip::make_address("198.18.0.2"), example::port}; }

    testing::simulation world_;
    const settings& settings_;
    host server_{world_, "server"};
    router middle_{world_, "router"};
    std::deque<host> clients_;
    std::deque<testing::connection> lines_;
    std::shared_ptr<netkit::capture_writer> capture_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Transfers data over networks to which everything happens", "chaos");
    std::uint64_t seed = 1;
    unsigned runs = 1;
    settings s;
    app.add_option("--seed", seed, "of the first run; each later one has the next")->check(example::not_negative())->capture_default_str();
    app.add_option("--runs", runs, "how many")->check(CLI::Range(1u, 1'000'000'000u))->capture_default_str();
    app.add_option("--clients", s.clients, "how many in each run")->check(CLI::Range(1, 250))->capture_default_str();
    app.add_option("--size", s.mebibytes, "MiB that each client sends, and gets back")->check(CLI::Range(0.001, 4096.0))->capture_default_str();
    app.add_option("--capture", s.capture, "pcapng file to write the frames to; of the last run, where there are several");
    return example::run_program(app, argc, argv, [&] {
        const auto began = std::chrono::steady_clock::now();
        unsigned failed = 0;
        for (unsigned i = 0; i < runs; ++i) {
            try {
                chaos each(seed + i, s);
                if (!each.run()) ++failed;
            } catch (const netkit::device_error&) {
                throw;  // of the capture file: other seeds would not help
            } catch (const std::exception& e) {
                std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed + i), e.what());
                ++failed;
            }
        }
        const std::chrono::duration<double> real = std::chrono::steady_clock::now() - began;
        std::printf("%u of %u runs came through, in %.1f s of real time\n", runs - failed, runs, real.count());
        return failed == 0 ? 0 : 1;
    });
}
