#include <netkit/testing/simulation.hpp>
#include <netkit/testing/simulation_context.hpp>
#include <netkit/testing/waitable_timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <ratio>
#include <type_traits>
#include <utility>
#include <vector>

namespace testing_waitable_timer_tests {

namespace net = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using netkit::simulation_executor;
using netkit::testing::steady_timer;
using timer = steady_timer<>;

namespace {

// Time without a network.
struct world {
    simulation_executor executor() { return io.get_executor(); }
    netkit::duration elapsed() const { return simulation.elapsed(); }
    bool run() { return io.run(); }

    netkit::testing::simulation simulation;
    netkit::testing::simulation_context io{simulation};
};

void rethrow(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}

// A clock that nobody may ask: in tenths of a second.
struct decisecond_clock {
    using rep = long long;
    using period = std::deci;
    using duration = std::chrono::duration<rep, period>;
    using time_point = std::chrono::time_point<decisecond_clock>;
};

}  // namespace

TEST_CASE("timers end in the order of their expiry, at that time and no other") {
    world w;
    timer late(w.executor(), 3h), early(w.executor(), 2ms), middle(w.executor());
    middle.expires_after(30s);
    std::vector<netkit::duration> ends;
    const auto note = [&](error_code ec) {
        CHECK_FALSE(ec);
        ends.push_back(w.elapsed());
    };
    late.async_wait(note);
    early.async_wait(note);
    middle.async_wait(note);
    CHECK(ends.empty());
    w.run();
    CHECK(ends == std::vector<netkit::duration>{2ms, 30s, 3h});
}

TEST_CASE("several waits on one timer end in the order in which they began; a time in the past is no time") {
    world w;
    timer t(w.executor(), 1s), past(w.executor(), -5s), unset(w.executor());
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) t.async_wait([&, i](error_code) { order.push_back(i); });
    past.async_wait([&](error_code ec) {
        CHECK_FALSE(ec);
        CHECK(w.elapsed() == 0s);
        order.push_back(10);
    });
    unset.async_wait([&](error_code) { order.push_back(11); });
    CHECK(order.empty());
    w.run();
    CHECK(order == std::vector<int>{10, 11, 0, 1, 2});
    CHECK(w.elapsed() == 1s);
}

TEST_CASE("a handler that waits again keeps the pace") {
    world w;
    timer t(w.executor(), 1s);
    int ticks = 0;
    const auto tick = [&](auto& self, error_code ec) -> void {
        CHECK_FALSE(ec);
        if (++ticks == 1000) return;
        t.expires_at(t.expiry() + 1s);
        t.async_wait([&](error_code e) { self(self, e); });
    };
    t.async_wait([&](error_code ec) { tick(tick, ec); });
    w.run();
    CHECK(ticks == 1000);
    CHECK(w.elapsed() == 1000s);
}

TEST_CASE("cancel, cancel_one and a new expiry say how many waits they ended") {
    world w;
    timer t(w.executor(), 1h);
    int aborted = 0, ended = 0;
    const auto count = [&](error_code ec) { ++(ec == net::error::operation_aborted ? aborted : ended); };
    CHECK(t.cancel() == 0);
    for (int i = 0; i < 4; ++i) t.async_wait(count);
    CHECK(t.cancel_one() == 1);
    CHECK(t.cancel() == 3);
    CHECK(t.cancel_one() == 0);
    w.run();
    CHECK(aborted == 4);
    CHECK(w.elapsed() == 0s);  // nobody waits: time has no reason to pass

    t.async_wait(count);
    CHECK(t.expires_after(2s) == 1);
    t.async_wait(count);
    error_code ec = net::error::eof;
    CHECK(t.expires_at(t.expiry() + 1s, ec) == 1);
    CHECK_FALSE(ec);
    t.async_wait(count);
    w.run();
    CHECK(aborted == 6);
    CHECK(ended == 1);
    CHECK(w.elapsed() == 3s);
    CHECK(t.cancel() == 0);
}

TEST_CASE("a wait that has ended cannot be cancelled any more") {
    world w;
    timer first(w.executor(), 1s), second(w.executor(), 1s);
    bool ended = false;
    first.async_wait([&](error_code) { CHECK(second.cancel() == 0); });
    second.async_wait([&](error_code ec) { ended = !ec; });
    w.run();
    CHECK(ended);
}

TEST_CASE("expiry is told in terms of the clock, whichever it is") {
    world w;
    SUBCASE("steady_clock") {
        timer t(w.executor(), 5s);
        const auto five = t.expiry();
        CHECK(five > std::chrono::steady_clock::now());
        t.expires_after(7s);
        CHECK(t.expiry() - five == 2s);
        CHECK(t.expires_from_now() == 7s);
        CHECK(t.expires_at() == t.expiry());
        CHECK(timer(w.executor()).expiry() == timer::time_point());
    }
    SUBCASE("never") {
        timer t(w.executor(), (timer::time_point::max)());
        CHECK(t.expiry() == (timer::time_point::max)());
        t.expires_after((timer::duration::max)());
        CHECK(t.expiry() == (timer::time_point::max)());
        bool called = false;
        t.async_wait([&](error_code) { called = true; });
        w.io.poll();
        CHECK_FALSE(called);
        t.expires_at((timer::time_point::min)());
        t.async_wait([&](error_code ec) { called = !ec; });
        w.io.poll();
        CHECK(called);
    }
    SUBCASE("a clock of the program's own") {
        net::basic_waitable_timer<decisecond_clock, net::wait_traits<decisecond_clock>, simulation_executor> t(w.executor());
        t.expires_after(decisecond_clock::duration(15));
        bool called = false;
        t.async_wait([&](error_code ec) { called = !ec; });
        w.run();
        CHECK(called);
        CHECK(w.elapsed() == 1500ms);
    }
    SUBCASE("the system's") {
        using system = std::chrono::system_clock;
        net::basic_waitable_timer<system, net::wait_traits<system>, simulation_executor> t(w.executor(), 90s), at(w.executor(), t.expiry() + 1us);
        at.async_wait([&](error_code ec) { CHECK_FALSE(ec); });
        w.run();
        CHECK(w.elapsed() == 90s + 1us);
    }
}

TEST_CASE("a blocking wait lets time pass, but calls no handler") {
    world w;
    timer t(w.executor(), 10s), other(w.executor(), 5s);
    netkit::duration ended{};
    other.async_wait([&](error_code) { ended = w.elapsed(); });
    t.wait();
    CHECK(w.elapsed() == 10s);
    CHECK(ended == 0s);
    error_code ec = net::error::eof;
    t.wait(ec);
    CHECK_FALSE(ec);
    CHECK(w.elapsed() == 10s);
    w.run();
    CHECK(ended == 10s);
}

TEST_CASE("timers are moved with what waits on them") {
    world w;
    timer from(w.executor(), 1s), to(w.executor(), 1h);
    int ended = 0, aborted = 0;
    from.async_wait([&](error_code ec) { ended += !ec; });
    to.async_wait([&](error_code ec) { aborted += ec == net::error::operation_aborted; });
    const auto expiry = from.expiry();
    to = std::move(from);
    CHECK(to.expiry() == expiry);
    timer last(std::move(to));
    CHECK(last.expiry() == expiry);
    // A timer that was moved from can be used again.
    from.expires_after(3s);
    from.async_wait([&](error_code ec) { ended += !ec; });
    CHECK(to.cancel() == 0);
    w.run();
    CHECK(aborted == 1);
    CHECK(ended == 2);
    CHECK(w.elapsed() == 3s);
}

TEST_CASE("a timer that is destroyed aborts what waits on it; an io_context that is destroyed calls nothing") {
    bool aborted = false, called = false;
    std::weak_ptr<int> held;
    {
        world w;
        std::optional<timer> t(std::in_place, w.executor(), 1s);
        t->async_wait([&](error_code ec) { aborted = ec == net::error::operation_aborted; });
        t.reset();
        w.run();
        CHECK(aborted);

        auto kept = std::make_shared<timer>(w.executor(), 1s);
        auto mark = std::make_shared<int>(1);
        held = mark;
        kept->async_wait([&called, kept, mark](error_code) { called = true; });
    }
    CHECK(held.expired());
    CHECK_FALSE(called);
}

TEST_CASE("executors: rebound, on a strand, with a default token") {
    world w;
    using strand = net::strand<simulation_executor>;
    using on_strand = timer::rebind_executor<strand>::other;
    static_assert(std::is_same_v<on_strand, steady_timer<strand>>);
    static_assert(!netkit::testing::on_virtual_time<net::any_io_executor>);
    static_assert(netkit::testing::on_virtual_time<strand>);
    on_strand t(strand(w.executor()), 1min);
    bool done = false;
    t.async_wait([&](error_code ec) {
        done = !ec;
        CHECK(t.get_executor().running_in_this_thread());
    });
    w.run();
    CHECK(done);
    CHECK(w.elapsed() == 1min);

    using awaitable_timer = net::use_awaitable_t<simulation_executor>::as_default_on_t<timer>;
    const auto waits = [&]() -> net::awaitable<void, simulation_executor> {
        awaitable_timer own(timer(w.executor(), 1min));
        co_await own.async_wait();
    };
    net::co_spawn(w.executor(), waits, rethrow);
    w.run();
    CHECK(w.elapsed() == 2min);
}

TEST_CASE("timers of other executors are Asio's own") {
    world w;
    net::steady_timer real(w.executor(), 0s);
    bool called = false;
    real.async_wait([&](error_code ec) { called = !ec; });
    w.run();
    CHECK(called);
    CHECK(real.expiry() < timer(w.executor(), 0s).expiry());
}

TEST_CASE("completion tokens") {
    world w;
    int ended = 0;
    timer t(w.executor(), 1s);
    auto future = t.async_wait(net::use_future);
    t.async_wait(net::detached);
    auto later = t.async_wait(net::deferred);
    std::move(later)([&](error_code ec) { ended += !ec; });
    const auto waits = [&]() -> net::awaitable<void> {
        co_await t.async_wait(net::use_awaitable);
        ++ended;
        t.expires_after(1s);
        auto result = co_await t.async_wait(net::as_tuple(net::use_awaitable));
        ended += !std::get<0>(result);
    };
    net::co_spawn(w.executor(), waits, rethrow);
    w.run();
    CHECK(future.wait_for(0s) == std::future_status::ready);
    CHECK(ended == 3);
    CHECK(w.elapsed() == 2s);
}

TEST_CASE("one wait of several is cancelled by its slot") {
    world w;
    timer t(w.executor(), 1s);
    net::cancellation_signal signal;
    int aborted = 0, ended = 0;
    t.async_wait(net::bind_cancellation_slot(signal.slot(), [&](error_code ec) { aborted += ec == net::error::operation_aborted; }));
    t.async_wait([&](error_code ec) { ended += !ec; });
    timer moved(std::move(t));
    signal.emit(net::cancellation_type::terminal);
    signal.emit(net::cancellation_type::terminal);
    CHECK(aborted == 0);
    w.run();
    CHECK(aborted == 1);
    CHECK(ended == 1);

    // The last one: time does not pass for nobody.
    const auto before = w.elapsed();
    moved.expires_after(1h);
    moved.async_wait(net::bind_cancellation_slot(signal.slot(), [&](error_code) { ++aborted; }));
    signal.emit(net::cancellation_type::total);
    w.run();
    CHECK(aborted == 2);
    CHECK(w.elapsed() == before);
}

TEST_CASE("the first of two timers ends a coroutine's wait for both") {
    using namespace net::experimental::awaitable_operators;
    world w;
    std::size_t first = 9;
    const auto waits = [&]() -> net::awaitable<void> {
        timer fast(w.executor(), 1s), slow(w.executor(), 1h);
        auto either = co_await (slow.async_wait(net::use_awaitable) || fast.async_wait(net::use_awaitable));
        first = either.index();
    };
    net::co_spawn(w.executor(), waits, rethrow);
    w.run();
    CHECK(first == 1);
    CHECK(w.elapsed() == 1s);
}

}  // namespace testing_waitable_timer_tests
