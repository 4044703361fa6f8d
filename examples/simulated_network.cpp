// An ordinary Asio client and server, in simulated_network/capitals.hpp, tested over a network in this process: a long, bad
// line, which is cut for ten seconds in the middle of it. Minutes of the network's time take milliseconds of ours.
//   simulated_network --loss 0.3 --delay 400 --seed 7 --capture bad_day.pcapng
//   simulated_network --kernel              the same program on this machine's own network
#include "common/run_program.hpp"
#include "simulated_network/capitals.hpp"

#include <netkit/asio/tcp.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/testing/capture.hpp>
#include <netkit/testing/connect.hpp>
#include <netkit/testing/host.hpp>
#include <netkit/testing/simulation.hpp>
#include <netkit/testing/simulation_context.hpp>
#include <netkit/testing/waitable_timer.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
namespace testing = netkit::testing;
using namespace std::chrono_literals;

// Two hosts that have little in common.
using small_host = testing::host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<>>>>;
using large_host = testing::host<netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::tcp<>>>>;

struct tally {
    int questions = 0, answered = 0, again = 0;
};

// What is tested: every question is answered, however long it takes.
template <class Program, class Executor>
asio::awaitable<void, Executor> ask_all(typename Program::endpoint server, tally& t) {
    typename Program::timer pause(co_await asio::this_coro::executor);
    while (t.answered < t.questions) {
        const auto number = std::to_string(t.answered);
        auto answer = co_await Program::ask(server, "question " + number, 5s, 20);
        if (answer.text.empty()) throw std::runtime_error("question " + number + " was not answered, in " + std::to_string(answer.attempts) + " attempts");
        if (answer.text != "QUESTION " + number) throw std::runtime_error("question " + number + " was answered by '" + answer.text + "'");
        ++t.answered;
        t.again += answer.attempts - 1;
        pause.expires_after(100ms);
        co_await pause.async_wait(asio::use_awaitable_t<Executor>());
    }
}
asio::awaitable<void, netkit::simulation_executor> cut_for_a_while(testing::link& line) {
    const asio::use_awaitable_t<netkit::simulation_executor> token;
    testing::steady_timer<> timer(co_await asio::this_coro::executor, 20s);
    co_await timer.async_wait(token);
    line.cut();
    timer.expires_after(10s);
    co_await timer.async_wait(token);
    line.mend();
}

void on_simulated_hosts(tally& t, const netkit::impairments& how, std::uint64_t seed, const std::string& capture) {
    testing::simulation world(seed);
    small_host left(world, "left");
    large_host right(world, "right");
    auto line = connect(left, "198.18.0.1/24", right, "198.18.0.2/24", how);
    const auto file = capture.empty() ? nullptr : testing::make_capture(world, capture);
    if (file) line.capture(file, "line");
    testing::simulation_context programs(world);

    using program = example::capitals<netkit::ip::tcp, netkit::simulation_executor>;
    const auto server = programs.get_executor(right), client = programs.get_executor(left);
    asio::co_spawn(server, program::serve(program::acceptor(server, {netkit::ip::tcp::v4(), 7})), asio::detached);
    asio::co_spawn(client, cut_for_a_while(line), asio::detached);
    bool done = false;
    asio::co_spawn(client, ask_all<program, netkit::simulation_executor>({asio::ip::make_address("198.18.0.2"), 7}, t), [&](std::exception_ptr e) {
        example::rethrow(e);
        done = true;
    });
    if (!programs.run_until([&] { return done; }, 24h)) throw std::runtime_error("still waiting after a day, for the answer to question " + std::to_string(t.answered));
    if (file) file->finish();
    const auto there = line.forward().counters(), back = line.backward().counters();
    std::printf("seed %llu: %.6f s on the network, %llu frames lost on the line, and %llu while it was cut\n", static_cast<unsigned long long>(seed),
                std::chrono::duration<double>(world.elapsed()).count(), static_cast<unsigned long long>(there.lost + back.lost), static_cast<unsigned long long>(there.cut_off + back.cut_off));
}

void on_the_kernel(tally& t) {
    asio::io_context io;
    using program = example::capitals<asio::ip::tcp, asio::any_io_executor>;
    program::acceptor acceptor(io.get_executor(), {asio::ip::address_v4::loopback(), 0});
    const auto server = acceptor.local_endpoint();
    asio::co_spawn(io, program::serve(std::move(acceptor)), asio::detached);
    asio::co_spawn(io, ask_all<program, asio::any_io_executor>(server, t), [&](std::exception_ptr e) {
        example::rethrow(e);
        io.stop();
    });
    io.run();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Tests a client and a server over a bad network that takes no time", "simulated_network");
    std::uint64_t seed = 1;
    double loss = 0.1;
    unsigned delay = 150;
    std::string capture;
    bool kernel = false;
    tally t{.questions = 100};
    app.add_option("--seed", seed, "of all chance: the same one gives the same run")->check(example::not_negative())->capture_default_str();
    app.add_option("--loss", loss, "probability that a frame is lost")->check(CLI::Range(0.0, 0.9))->capture_default_str();
    app.add_option("--delay", delay, "of each frame, in milliseconds")->capture_default_str();
    app.add_option("--questions", t.questions, "how many are asked, one after the other")->check(CLI::Range(1, 1'000'000))->capture_default_str();
    app.add_option("--capture", capture, "pcapng file to write the frames to");
    app.add_flag("--kernel", kernel, "run the same program on this machine's own network instead");
    return example::run_program(app, argc, argv, [&] {
        const auto began = std::chrono::steady_clock::now();
        if (kernel) on_the_kernel(t);
        else on_simulated_hosts(t, {.rate = 2'000'000, .delay = std::chrono::milliseconds(delay), .jitter = 30ms, .loss = loss, .reorder = 0.02}, seed, capture);
        const std::chrono::duration<double> real = std::chrono::steady_clock::now() - began;
        std::printf("%d of %d questions answered, with %d attempts that came to nothing\n%.3f s of real time\n", t.answered, t.questions, t.again, real.count());
        return t.answered == t.questions ? 0 : 1;
    });
}
