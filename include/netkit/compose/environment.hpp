#pragma once

#include <netkit/core/random.hpp>
#include <netkit/core/steady_time.hpp>
#include <netkit/core/time.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>

namespace netkit {

/// Where a stack's time and chance come from.
template <class E>
concept environment = requires(E& e) {
    { e.now() } -> std::same_as<time_point>;
    { e.random() } -> std::same_as<std::uint64_t>;
};

/// The system's steady clock and entropy. Its constructor throws where there is no entropy.
class system_environment {
public:
    time_point now() const { return time_.now(); }
    std::uint64_t random() { return random_(); }

private:
    mutable steady_time time_;
    random_source random_ = random_source::from_entropy();
};

/// Time that stands still until it is told to move, and chance that repeats itself: for tests.
class manual_environment {
public:
    explicit manual_environment(std::uint64_t seed = 1) : random_(random_source::from_seed(seed)) {}
    time_point now() const { return now_; }
    std::uint64_t random() { return random_(); }
    void advance(duration by) { now_ += by; }
    void set(time_point now) { now_ = now; }

private:
    time_point now_{std::chrono::seconds(1)};
    random_source random_;
};

static_assert(environment<system_environment> && environment<manual_environment>);

}  // namespace netkit
