#include <netkit/asio/reactor.hpp>
#include <netkit/asio/udp.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace asio_reactor_tests {

namespace net = boost::asio;

namespace {

// A device with a descriptor, as a real one has: readable while frames wait. What is behind it, the test holds.
struct wire {
    int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    std::size_t waiting = 0;
    std::size_t sent = 0;
    std::size_t refusals = 0;  // of the next transmissions
    std::size_t calls = 0;
    ~wire() { ::close(descriptor); }
    void arrive(std::size_t frames) {
        waiting += frames;
        const std::uint64_t one = 1;
        REQUIRE(::write(descriptor, &one, sizeof one) == sizeof one);
    }
};
class wire_end {
public:
    explicit wire_end(std::shared_ptr<wire> w) : wire_(std::move(w)) {}
    std::size_t receive(const netkit::buffer_source& from, std::span<netkit::packet> batch) {
        ++wire_->calls;
        std::size_t n = 0;
        for (; n < batch.size() && wire_->waiting != 0; ++n, --wire_->waiting) {
            batch[n] = from.allocate(1);
            batch[n].append(1);
        }
        if (wire_->waiting == 0) {
            std::uint64_t events = 0;
            (void)!::read(wire_->descriptor, &events, sizeof events);
        }
        return n;
    }
    std::size_t transmit(std::span<netkit::packet> batch) {
        if (wire_->refusals != 0) {
            --wire_->refusals;
            return 0;
        }
        wire_->sent += batch.size();
        return batch.size();
    }
    std::size_t mtu() const { return 1500; }
    netkit::link_type link() const { return netkit::link_type::ip; }
    int native_handle() const { return wire_->descriptor; }

private:
    std::shared_ptr<wire> wire_;
};

using host = netkit::ipv4<netkit::icmp, netkit::udp>;
using host_reactor = netkit::reactor<netkit::stack<host, wire_end>>;

struct fixture {
    net::io_context io{1};
    host_reactor net;
    std::shared_ptr<wire> line = std::make_shared<wire>();
    explicit fixture(const netkit::reactor_options& options = {}) : net(io, options) { net.add_address(net.attach(wire_end(line)), "198.18.0.1/24"); }
    /// Runs handlers one at a time, as long as `until` does not hold.
    void run_until(const std::function<bool()>& until) {
        auto guard = net::make_work_guard(io);
        io.restart();
        for (int i = 0; i < 10'000 && !until(); ++i) io.run_one_for(std::chrono::seconds(10));
        REQUIRE(until());
    }
    std::uint64_t received() const { return net.stack().counters().received; }
};

}  // namespace

TEST_CASE("a device that is watched does not keep run() from returning") {
    fixture f;
    f.io.run();
    CHECK(f.io.stopped());
    f.line->arrive(5);
    f.run_until([&] { return f.received() == 5; });
    f.io.restart();
    f.io.run();
    CHECK(f.io.stopped());
}

TEST_CASE("one interrupt for all that waits; budget and weight; others run in between") {
    fixture f;
    f.io.poll();
    f.line->arrive(1000);
    int others = 0;
    std::function<void()> other = [&] {
        ++others;
        if (f.received() < 1000) net::post(f.io, other);
    };
    net::post(f.io, other);
    f.run_until([&] { return f.received() == 1000; });
    const auto& n = f.net.counters();
    CHECK(n.interrupts == 1);
    CHECK(n.frames == 1000);
    CHECK(n.squeezed == 3);
    // 300 are five polls of at most 64 frames; the last run takes 100 by two.
    CHECK(n.polls == 3 * 5 + 2);
    CHECK(others >= 3);
    CHECK(f.net.stack().counters().dropped_in_all() == 1000);
}

TEST_CASE("a masked device is not asked again before it is drained, an idle one not at all") {
    fixture f;
    f.io.poll();
    const auto before = f.net.counters().polls;
    auto guard = net::make_work_guard(f.io);
    f.io.run_for(std::chrono::milliseconds(5));
    CHECK(f.net.counters().polls == before);
    f.line->arrive(1);
    f.run_until([&] { return f.received() == 1; });
    f.line->arrive(1);
    f.run_until([&] { return f.received() == 2; });
    CHECK(f.net.counters().interrupts == 2);
}

TEST_CASE("busy polling keeps asking for a while") {
    fixture f({.busy_poll = std::chrono::milliseconds(2)});
    f.io.poll();
    f.line->arrive(1);
    f.run_until([&] { return f.received() == 1; });
    f.line->arrive(1);
    f.run_until([&] { return f.received() == 2; });
    CHECK(f.net.counters().polls > f.net.counters().interrupts);
}

TEST_CASE("a throttled device is asked by the clock while it is busy") {
    fixture f({.throttle = std::chrono::milliseconds(1)});
    f.io.poll();
    f.line->arrive(10);
    f.run_until([&] { return f.received() == 10; });
    f.line->arrive(10);
    f.run_until([&] { return f.received() == 20; });
    CHECK(f.net.counters().frames == 20);
    // And it goes back to interrupts once there is nothing.
    f.run_until([&] { return f.net.counters().interrupts >= 3; });
    f.line->arrive(1);
    f.run_until([&] { return f.received() == 21; });
}

TEST_CASE("what a device refuses is offered again") {
    fixture f;
    f.io.poll();
    f.line->refusals = 3;
    netkit::ip::udp::socket s(f.io, netkit::ip::udp::v4());
    s.send_to(net::buffer("1", 1), {net::ip::make_address("198.18.0.9"), 9});
    f.run_until([&] { return f.line->sent == 1; });
    CHECK(f.line->refusals == 0);
}

TEST_CASE("sends outside of a poll leave together") {
    fixture f;
    f.io.poll();
    netkit::ip::udp::socket s(f.io, netkit::ip::udp::v4());
    for (int i = 0; i < 10; ++i) s.send_to(net::buffer("1", 1), {net::ip::make_address("198.18.0.9"), 9});
    CHECK(f.line->sent == 0);
    f.io.restart();
    f.io.run();
    CHECK(f.line->sent == 10);
}

TEST_CASE("blocking calls wait for devices") {
    fixture f;
    netkit::ip::udp::socket s(f.io, {netkit::ip::udp::v4(), 0});
    std::array<char, 8> room{};
    // Frames that are not for the socket are progress, but not the end; the test's patience is a handler's.
    f.line->arrive(3);
    s.non_blocking(true);
    boost::system::error_code ec;
    s.receive(net::buffer(room), 0, ec);
    CHECK(ec == net::error::would_block);
    CHECK(netkit::network_service::of(f.io).wait_for_progress(std::chrono::milliseconds(1)));
    CHECK(f.received() == 3);
}

TEST_CASE("reactors come and go while their handlers are pending") {
    net::io_context io;
    for (int i = 0; i < 20; ++i) {
        auto line = std::make_shared<wire>();
        host_reactor net{io};
        net.add_address(net.attach(wire_end(line)), "198.18.0.1/24");
        if (i % 2) line->arrive(3);
        if (i % 3 == 0) {
            io.restart();
            io.poll();
        }
    }
    io.restart();
    io.run();
    CHECK(io.stopped());
}

}  // namespace asio_reactor_tests
