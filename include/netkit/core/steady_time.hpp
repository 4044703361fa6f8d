#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace netkit {

/// std::chrono::steady_clock, and the processor's counter where that runs evenly, whatever the processor does.
struct system_time_source {
    static time_point now() { return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch())); }
#if defined(__x86_64__)
    static std::uint64_t count() { return __rdtsc(); }
    static bool counts_evenly() {
        static const bool evenly = [] {
            unsigned a = 0, b = 0, c = 0, d = 0;
            return __get_cpuid(0x8000'0007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
        }();
        return evenly;
    }
#else
    static std::uint64_t count() { return 0; }
    static bool counts_evenly() { return false; }
#endif
};

/// A clock's time at less than half of the clock's price: for a millisecond after a look at the clock a counter tells how much has passed, once
/// two measurements of its speed agree. Never goes back. What the counter does wrong, such as to jump, lasts until it has counted what was
/// a millisecond; then the clock is asked, each time until two measurements agree again.
template <class Source = system_time_source>
class basic_steady_time : Source {
public:
    basic_steady_time() = default;
    explicit basic_steady_time(Source source) : Source(std::move(source)) {}

    time_point now() {
        if (trusted_ != 0) [[likely]] {
            const auto since = Source::count() - looked_at_count_;
            if (since < trusted_) [[likely]] return last_ = std::max(last_, looked_at_ + duration(static_cast<duration::rep>(since * speed_ >> 32)));
        }
        return look();
    }

private:
    static constexpr duration trust = std::chrono::milliseconds(1);
    static constexpr duration longest_measured = std::chrono::seconds(1);
    static constexpr std::uint64_t longest_look = 8192;  // counts
    static constexpr std::uint64_t agreement = 64;       // speeds agree that differ by less than one in so many

    /// Asks the clock.
    NETKIT_COLD time_point look() {
        last_ = std::max(last_, Source::now());
        // So soon after a measurement, either the speed is not known yet, or what was trusted is wrong.
        if (last_ - looked_at_ < trust) trusted_ = 0;
        else if (Source::counts_evenly()) measure();
        return last_;
    }
    /// Measures the counter's speed since the last time.
    void measure() {
        const auto before = Source::count();
        const auto real = Source::now();
        const auto took = Source::count() - before;
        last_ = std::max(last_, real);
        // Interrupted in between, it is not known what belongs together: the next look may tell.
        if (took > longest_look) {
            trusted_ = 0;
            return;
        }
        const auto count = before + took / 2, counts = count - looked_at_count_;
        const auto elapsed = real - looked_at_;
        const bool measures = looked_at_ != time_point() && elapsed <= longest_measured && counts != 0;
        const auto measured = measures ? (static_cast<std::uint64_t>(elapsed.count()) << 32) / counts : 0;
        const auto difference = measured > speed_ ? measured - speed_ : speed_ - measured;
        const bool agrees = measured != 0 && difference <= speed_ / agreement;
        if (measures) speed_ = measured;
        trusted_ = agrees ? (static_cast<std::uint64_t>(trust.count()) << 32) / speed_ : 0;
        looked_at_ = real;
        looked_at_count_ = count;
    }

    time_point last_{};       // told
    time_point looked_at_{};
    std::uint64_t looked_at_count_ = 0;
    std::uint64_t speed_ = 0;    // nanoseconds a count, in units of 2^-32, as last measured
    std::uint64_t trusted_ = 0;  // counts after a look; 0 where the speed is not known
};
using steady_time = basic_steady_time<>;

}  // namespace netkit
