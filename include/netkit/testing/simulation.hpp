#pragma once

#include <netkit/compose/stack_core.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/random.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace netkit::testing {

/// A world with a time of its own, which stands still while anything is left to do and then jumps to the next deadline. Whoever
/// takes part (a host, a link) makes itself ready or arms a timer, and is called then and not otherwise. All of its chance
/// comes from one seed: the same program with the same seed sees the same run, byte for byte. One thread; it outlives all that
/// takes part in it.
class simulation {
public:
    /// When every simulation begins.
    static constexpr time_point beginning{std::chrono::seconds(1)};

    explicit simulation(std::uint64_t seed = 1) : seed_(seed) {}
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;

    std::uint64_t seed() const { return seed_; }
    time_point now() const { return now_; }
    /// Since the beginning.
    duration elapsed() const { return now_ - beginning; }

    /// Chance for one user of it, from the seed, its name, and how many had that name before: who else there is makes no
    /// difference.
    random_source chance_for(std::string_view name) {
        const auto count = users_[std::string(name)]++;
        return random_source::from_seed(keyed_hash({seed_, hash_of(name)}, {count}));
    }
    /// The same number for the same name in every simulation.
    static std::uint64_t hash_of(std::string_view name) {
        std::uint64_t hash = name.size();
        for (const char c : name) hash = keyed_hash({0x6e65746b6974, hash}, {static_cast<unsigned char>(c)});
        return hash;
    }

    /// For those who take part: has `item` run in the next round, at this time.
    void make_ready(ready_item& item) { ready_.push(item); }
    /// Calls expire(simulation, t) once `when` has come.
    void arm(timer& t, time_point when, void (*expire)(void* simulation, timer&)) { timers_.arm(t, when, expire); }
    /// Has `item` run before time moves on, or the next deadline is told: it may arm timers.
    void before_time_moves(ready_item& item) { unsettled_.push(item); }

    /// Runs once each what is ready and due now; what these make ready waits for the next round. False where there was nothing.
    bool run_ready() {
        const auto expired = timers_.run(this, now_);
        if (ready_.empty() && expired == 0) return false;
        if (++rounds_ > most_rounds) throw std::runtime_error("netkit: time stands still in the simulation: hosts keep each other busy without any time passing (give a link some delay or rate)");
        ready_.run();
        return true;
    }
    /// Whether run_ready() would do something.
    bool is_ready() {
        if (!ready_.empty()) return true;
        const auto next = next_deadline();
        return next && *next <= now_;
    }
    /// When time next brings something, where nothing is ready now.
    std::optional<time_point> next_deadline() {
        if (!unsettled_.empty()) unsettled_.run();
        return timers_.next();
    }
    /// Time passes, to `when` at most; never backwards. Deadlines on the way are missed: see next_deadline().
    void advance_to(time_point when) {
        if (when <= now_) return;
        now_ = when;
        rounds_ = 0;
    }

    /// Runs what is ready; else moves on to the next deadline and runs what is due then. False where nothing is left.
    bool step() {
        if (run_ready()) return true;
        const auto next = next_deadline();
        if (!next) return false;
        advance_to(*next);
        run_ready();
        return true;
    }
    /// Runs all there is up to and at `end`, where time then stands.
    void run_until(time_point end) {
        while (run_before(end)) {}
        advance_to(end);
    }
    void run_for(duration time) { run_until(now_ + time); }
    /// Runs until `done()` holds, but no longer than `limit`; returns whether it does. It is asked between rounds.
    template <std::predicate Done>
    bool run_until(Done&& done, duration limit) {
        const auto end = now_ + limit;
        while (!done()) {
            if (run_before(end)) continue;
            if (next_deadline()) advance_to(end);
            return done();
        }
        return true;
    }
    /// Runs until nothing is left to do, but no longer than `limit`; returns whether nothing is.
    bool run_until_idle(duration limit) {
        const auto end = now_ + limit;
        while (run_before(end)) {}
        return !next_deadline();
    }

private:
    /// A transfer of gigabytes over links that take no time has about a million rounds at one moment.
    static constexpr std::uint64_t most_rounds = 100'000'000;

    /// One round, where there is one no later than `end`.
    bool run_before(time_point end) {
        if (run_ready()) return true;
        const auto next = next_deadline();
        if (!next || *next > end) return false;
        advance_to(*next);
        return run_ready();
    }

    std::uint64_t seed_;
    time_point now_ = beginning;
    timers timers_;
    ready_list ready_;
    ready_list unsettled_;
    std::uint64_t rounds_ = 0;  // since time last moved
    std::map<std::string, std::uint64_t, std::less<>> users_;
};

}  // namespace netkit::testing
