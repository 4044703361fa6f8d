#pragma once

#include <netkit/asio/executor.hpp>
#include <netkit/asio/service.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/time.hpp>
#include <netkit/testing/program_time.hpp>
#include <netkit/testing/simulated_clock.hpp>
#include <netkit/testing/simulation.hpp>
#include <netkit/testing/waitable_timer.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <concepts>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace netkit::testing {

/// Runs ordinary Asio programs on the hosts of a simulation, in its time: handlers first, then what the network does at the same
/// moment, and where neither has anything left, time jumps to the next deadline of a timer, a host or a link. What handlers
/// compute takes no time. One seed gives one run: of the programs, of every frame, of every moment.
///
///     simulation world{seed};
///     host<composition> left{world, "left"}, right{world, "right"};
///     …                                                               // links, addresses
///     simulation_context programs{world};
///     co_spawn(programs.get_executor(left), client(), detached);      // sockets made from this executor are on `left`,
///     programs.run();                                                 // its steady_timer<> are on the simulation's time
///
/// Nothing real is waited for: descriptors, signals, other threads, timers of other executors (see <netkit/testing/waitable_timer.hpp>
/// for those). They belong into programs that run on an io_context. Blocking calls of sockets and timers let time pass until
/// they are done, in which other programs' handlers are not called.
///
/// Construct it after the hosts, destroy it before them. One thread at a time.
class simulation_context {
public:
    using executor_type = simulation_executor;

    explicit simulation_context(simulation& world) : world_(world), network_(network_service::of(io_)), nowhere_(network_.add_empty()) {
        network_.run_in(io_);
        network_.pass_time_by([](void* self) { return static_cast<simulation_context*>(self)->world_.step(); }, this);
        program_time::of(io_).simulation(world);
    }
    simulation_context(const simulation_context&) = delete;
    simulation_context& operator=(const simulation_context&) = delete;

    /// The executor of programs on this host.
    simulation_executor get_executor(stack_core& host) {
        auto& place = hosts_[&host];
        if (!place) place = &network_.add(host, idle_, io_, false);
        return {io_.get_executor(), *place};
    }
    /// An executor for what needs timers, but no sockets.
    simulation_executor get_executor() { return {io_.get_executor(), nowhere_}; }
    operator boost::asio::execution_context&() { return io_; }
    simulation& world() { return world_; }
    /// The simulation's time, as timers of this clock tell it.
    template <class Clock = std::chrono::steady_clock>
    typename Clock::time_point now() const {
        return simulated_clock<Clock>::from_simulation(world_.now());
    }
    /// Tells the resolvers of all programs an address of a host.
    void add_host(std::string_view name, std::string_view address) { network_.hosts().add(name, ip_address::parse(address)); }

    /// The host goes: what its sockets wait for ends with bad_descriptor. From then on it may be destroyed.
    void remove(stack_core& host) {
        const auto found = hosts_.find(&host);
        if (found == hosts_.end()) return;
        network_.remove(*found->second);
        hosts_.erase(found);
    }

    /// Until all that the programs began has ended; false where that can never be, since what is left waits for ever. Does not
    /// return where something goes on for ever, such as a timer that is always set anew.
    bool run() {
        return run([this] { return io_.stopped(); }, time_point::max());
    }
    /// Until done() holds, or all has ended, or `limit` has passed; returns whether done() holds.
    template <std::predicate Done>
    bool run_until(Done&& done, duration limit) {
        run([&] { return io_.stopped() || done(); }, world_.now() + limit);
        return done();
    }
    /// Everything that happens until then, where time then stands, though the programs may have ended before: their hosts
    /// have more to say.
    void run_until(time_point end) {
        run([] { return false; }, end);
        if (!stopped_) world_.advance_to(end);
    }
    void run_for(duration time) { run_until(world_.now() + time); }
    /// All that can be done without any time passing.
    void poll() { run_for(duration::zero()); }
    /// Has run() and its like return before another handler is called; they can be called again.
    void stop() {
        stopped_ = true;
        io_.stop();
    }

private:
    /// Hosts of a simulation are driven by it.
    struct undriven final : stack_driver {
        bool poll_now() override { return false; }
        void end_of_completions() override {}
        void check_deadline() override {}
        void add_descriptors(std::vector<pollfd>&) const override {}
        std::optional<duration> until_deadline() const override { return {}; }
    };

    template <class Ended>
    bool run(Ended ended, time_point end) {
        stopped_ = false;
        for (auto& [core, place] : hosts_) core->adopt_thread();
        for (;;) {
            io_.restart();
            io_.poll();
            if (stopped_ || ended()) return true;
            if (world_.run_ready()) continue;
            const auto next = world_.next_deadline();
            if (!next || *next > end) return false;
            world_.advance_to(*next);
            world_.run_ready();
        }
    }

    simulation& world_;
    undriven idle_;
    std::map<stack_core*, const stack_handle*> hosts_;
    bool stopped_ = false;
    boost::asio::io_context io_{1};
    network_service& network_;
    const stack_handle& nowhere_;
};

}  // namespace netkit::testing
