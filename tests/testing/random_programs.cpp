// Programs that do whatever a socket allows, at any moment, over lines that do whatever lines do. Whatever happens, a program must not read
// a byte that its peer did not write, nor hear of an end, a reset or a timeout that nothing has brought about; and when all have closed,
// nothing may be left of them.
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/testing/connect.hpp>
#include <netkit/testing/host.hpp>
#include <netkit/testing/simulation.hpp>

#include <tests/testing/random_program.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>

namespace testing_random_programs_tests {

using namespace std::chrono_literals;
using namespace netkit::testing;
using netkit::errc;
using simulated::chance;
using simulated::program;
using simulated::random_options;

namespace {

using tcp_host = host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<netkit::cubic, netkit::reno>>>>;

netkit::impairments random_line(chance& c) {
    netkit::impairments how;
    if (!c.one_in(4)) how.rate = 1'000'000 + c.below(1'000'000'000);
    how.delay = std::chrono::microseconds(c.size(100'000));
    if (c.one_in(3)) how.jitter = std::chrono::microseconds(c.size(20'000));
    if (c.one_in(2)) how.loss = double(c.below(20)) / 100;
    if (c.one_in(4)) how.duplicate = double(c.below(10)) / 100;
    if (c.one_in(4)) how.corrupt = double(c.below(5)) / 100;
    if (c.one_in(3)) how.reorder = double(c.below(20)) / 100;
    if (c.one_in(2)) how.queue_limit = 2 + c.size(200);
    return how;
}

template <class Host>
void check_nothing_left(Host& h) {
    const auto& counters = h->counters();
    CHECK(counters.held() == 0);
    CHECK(counters.received == counters.delivered + counters.forwarded + counters.dropped_in_all());
    CHECK(h->buffers().in_use() == 0);
    auto layer = h->template at<netkit::tcp>();
    CHECK(layer->flows.size() == 0);
    CHECK(layer->connections.in_use() == 0);
    CHECK(layer->half_open.in_use() == 0);
    CHECK(layer->remembered.in_use() == 0);
}

/// A server and a client, and many connections between them.
class world {
public:
    explicit world(std::uint64_t seed)
        : net_(seed), chance_(net_.chance_for("programs")), client_(net_, "client"), server_(net_, "server"),
          line_(connect(client_, "198.18.0.1/24", server_, "198.18.0.2/24", random_line(chance_), random_line(chance_), {.can = {.scatter = chance_.one_in(2)}})) {
        listener_.on_ready([](void* self) { static_cast<world*>(self)->accept(); }, this);
        listen();
    }
    void run() {
        const auto steps = 500 + chance_.below(3000);
        for (std::uint64_t i = 0; i < steps; ++i) {
            if (chance_.one_in(20)) open();
            else if (chance_.one_in(20)) change_something();
            else if (!programs_.empty()) programs_[chance_.below(programs_.size())]->do_something();
            if (chance_.one_in(3)) net_.run_for(chance_.one_in(300) ? netkit::duration(3s) : netkit::duration(std::chrono::microseconds(chance_.size(50'000))));
        }
        ending_ = true;
        line_.resume();
        for (std::size_t i = 0; i < programs_.size(); ++i) {
            programs_[i]->come_to_an_end();
            net_.run_for(std::chrono::microseconds(chance_.size(100'000)));
        }
        const auto ended = [&] { return std::ranges::all_of(programs_, [](auto& each) { return each->has_ended(); }); };
        CHECK(net_.run_until(ended, 24h));
        for (auto& each : programs_) each->close();
        (void)listener_.close();
        net_.run_for(30min);
        check_nothing_left(client_);
        check_nothing_left(server_);
        CHECK(connected_ != 0);
    }

private:
    program& make(const char* name) {
        auto& made = *programs_.emplace_back(std::make_unique<program>(chance_.below(1 << 30), chance_));
        made.name = name + std::string(" ") + std::to_string(programs_.size());
        return made;
    }
    void listen() {
        REQUIRE(listener_.open(server_) == errc::ok);
        listener_.set_options(random_options(chance_));
        REQUIRE(listener_.bind({{}, 80}) == errc::ok);
        REQUIRE(listener_.listen(1 + chance_.below(20)) == errc::ok);
    }
    void change_something() {
        switch (chance_.below(8)) {
        case 0:
            (void)listener_.close();
            return listen();
        case 1: return line_.mtu(576 + chance_.below(1000));
        case 2: return line_.mtu(1500);
        case 3: return line_.pause();
        case 4: return line_.resume();
        default: listener_.set_options(random_options(chance_));
        }
    }
    void open() {
        auto& p = make("client");
        REQUIRE(p.socket.open(client_) == errc::ok);
        p.socket.set_options(random_options(chance_));
        const auto begun = p.socket.connect({netkit::ip_address::parse("198.18.0.2"), 80});
        if (begun == errc::no_buffers) return;
        CHECK((begun == errc::would_block || begun == errc::ok));
        clients_by_port_[p.socket.local().port] = &p;
    }
    void accept() {
        for (;;) {
            auto& p = make("server");
            if (listener_.accept(p.socket) != errc::ok) {
                programs_.pop_back();
                return;
            }
            ++connected_;
            auto& from = *clients_by_port_.at(p.socket.remote().port);
            p.peer = &from;
            from.peer = &p;
            if (ending_) p.come_to_an_end();
        }
    }

    simulation net_;
    chance chance_;
    tcp_host client_, server_;
    connection line_;
    netkit::tcp_socket listener_;
    std::deque<std::unique_ptr<program>> programs_;
    std::array<program*, 65536> clients_by_port_{};
    std::uint64_t connected_ = 0;
    bool ending_ = false;  // who is accepted from now on is sane
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

// NETKIT_PROGRAMS_SEED and NETKIT_PROGRAMS_RUNS repeat a run, or make many.
TEST_CASE("programs that do anything with their sockets read what was written, hear what happened, and leave nothing behind") {
    const auto first = from_environment("NETKIT_PROGRAMS_SEED", 1), runs = from_environment("NETKIT_PROGRAMS_RUNS", 8);
    for (auto seed = first; seed < first + runs; ++seed) {
        CAPTURE(seed);
        std::make_unique<world>(seed)->run();
    }
}

}  // namespace testing_random_programs_tests
