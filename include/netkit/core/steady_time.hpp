#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace netkit {

/// std::chrono::steady_clock, at less than half of its price where the processor counts time evenly: for a millisecond after a look at the
/// clock its counter tells how much has passed. Never goes back. Where the counter has run unevenly, as when a virtual machine was moved, it is
/// off by that millisecond at most, until the next look.
class steady_time {
public:
    time_point now() {
#if defined(__x86_64__)
        const auto since = __rdtsc() - looked_at_count_;
        if (since < trusted_) [[likely]] return last_ = std::max(last_, looked_at_ + duration(static_cast<duration::rep>(since * speed_ >> 32)));
        return look();
#else
        return asked();
#endif
    }

private:
    static time_point asked() { return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch())); }

#if defined(__x86_64__)
    static constexpr duration longest_trust = std::chrono::milliseconds(1);
    static constexpr duration longest_measured = std::chrono::seconds(1);
    static constexpr std::uint64_t longest_look = 8192;  // counts

    /// Asks the clock, and learns how fast the counter runs from what has passed since the last look.
    NETKIT_COLD time_point look() {
        const auto before = __rdtsc();
        const auto real = asked();
        const auto took = __rdtsc() - before;
        last_ = std::max(last_, real);
        // Interrupted in between, it is not known what belongs together: the next look may tell.
        if (took > longest_look) return last_;
        const auto count = before + took / 2, counts = count - looked_at_count_;
        const auto elapsed = real - looked_at_;
        const bool first = looked_at_count_ == 0;
        if (!first && elapsed < longest_trust && trusted_ == 0) return last_;
        if (!first && elapsed >= longest_trust && elapsed <= longest_measured && counts != 0 && counts_evenly()) {
            speed_ = (static_cast<std::uint64_t>(elapsed.count()) << 32) / counts;
            trusted_ = speed_ == 0 ? 0 : (static_cast<std::uint64_t>(longest_trust.count()) << 32) / speed_;
        }
        looked_at_ = real;
        looked_at_count_ = count;
        return last_;
    }
    /// Whether the counter runs at one speed, whatever the processor does.
    static bool counts_evenly() {
        static const bool evenly = [] {
            unsigned a = 0, b = 0, c = 0, d = 0;
            return __get_cpuid(0x8000'0007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
        }();
        return evenly;
    }

    time_point last_{};       // told
    time_point looked_at_{};
    std::uint64_t looked_at_count_ = 0;
    std::uint64_t speed_ = 0;    // nanoseconds a count, in units of 2^-32
    std::uint64_t trusted_ = 0;  // counts after a look; 0 while the speed is not known
#endif
};

}  // namespace netkit
