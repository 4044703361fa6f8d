#include <netkit/compose/stack.hpp>

#include <tests/compose/hosts.hpp>

#include <chrono>
#include <vector>

namespace compose_timers_tests {

using namespace netkit;
using namespace std::chrono_literals;

namespace {

// Has timers of two kinds, and writes down which expired when.
struct clockwork : leaf {
    static constexpr std::size_t header_size = 0;
    using sends_to = no_link;
    struct tick : timer {
        int name = 0;
        explicit tick(int n = 0) : name(n) {}
    };
    struct tock : timer {};
    std::vector<int> expiries;
    tick one{1}, two{2};
    tock other;
    int again = 0;

    void receive(context auto here, packet p, const auto&) { here.drop(std::move(p), drop_reason::unsupported); }
    void expired(context auto here, tick& t) {
        expiries.push_back(t.name);
        if (t.name == 1 && again-- > 0) here.arm(t, here.now());  // at once: in the next round, so that this one ends
    }
    void expired(context auto, tock&) { expiries.push_back(99); }
};
using host = stack<clockwork, memory_link, manual_environment>;

}  // namespace

TEST_CASE("timers reach their layer, by kind, in order of time") {
    host s;
    auto here = s.at<clockwork>();
    const auto start = s.now();
    CHECK(!s.next_deadline());
    here.arm(here->two, start + 2s);
    here.arm(here->one, start + 3s);
    here.arm(here->other, start + 1s);
    CHECK(s.next_deadline() == start + 1s);
    s.poll();
    CHECK(here->expiries.empty());
    s.environment_of().advance(1s);
    s.poll();
    CHECK(here->expiries == std::vector<int>{99});
    here.arm(here->one, start + 90min);  // moved
    s.environment_of().advance(10s);
    s.poll();
    CHECK(here->expiries == std::vector<int>{99, 2});
    here->one.disarm();
    CHECK(!s.next_deadline());
    s.environment_of().advance(2h);
    s.poll();
    CHECK(here->expiries == std::vector<int>{99, 2});
}

TEST_CASE("a timer that arms itself for now does not keep a poll from ending") {
    host s;
    auto here = s.at<clockwork>();
    here->again = 3;
    here.arm(here->one, s.now());
    s.poll();
    CHECK(here->expiries.size() == 1);
    for (int i = 0; i < 5; ++i) s.poll();
    CHECK(here->expiries.size() == 4);
}

TEST_CASE("time stands still during a batch") {
    host s;
    const auto before = s.now();
    s.poll_interface(interface_id::loopback, 1);
    s.environment_of().advance(1s);
    CHECK(s.now() == before);
    s.finish();
    CHECK(s.now() == before + 1s);
}

TEST_CASE("a stack that goes takes its timers along") {
    clockwork::tick outlives;
    {
        host s;
        auto here = s.at<clockwork>();
        here.arm(outlives, s.now() + 1s);
        CHECK(outlives.armed());
    }
    CHECK(!outlives.armed());
}

}  // namespace compose_timers_tests
