#pragma once

#include <netkit/buffer/pool.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace netkit::testing {

/// Which operation is to fail: the n-th, counted over everything that asks this plan (pools, devices, memory), from 1; 0: none.
class failure_plan {
public:
    explicit failure_plan(std::size_t nth) : nth_(nth) {}
    failure_plan(const failure_plan&) = delete;

    /// Counts an operation, and says whether it is the one to fail.
    bool fails() { return ++count_ == nth_; }
    /// Whether it has come to that.
    bool failed() const { return nth_ != 0 && count_ >= nth_; }
    std::size_t nth() const { return nth_; }
    /// Operations so far.
    std::size_t count() const { return count_; }

    /// Has the pool ask for each buffer that is taken. The plan must outlive the pool.
    void watch(pool& buffers) { buffers.fail_when(&failure_plan::ask, this); }

private:
    static bool ask(void* plan) { return static_cast<failure_plan*>(plan)->fails(); }

    std::size_t nth_;
    std::size_t count_ = 0;
};

/// Calls run(plan) with the first operation failing, then with the second, and so on, until a run in which none failed any more.
/// Returns how many operations there were to fail. Throws std::runtime_error where there is no end of it, at `most`.
template <class F>
std::size_t fail_at_every(F&& run, std::size_t most = 100'000) {
    for (std::size_t n = 1; n <= most; ++n) {
        failure_plan plan(n);
        run(plan);
        if (!plan.failed()) return n - 1;
    }
    throw std::runtime_error("netkit: after " + std::to_string(most) + " runs there was still an operation left to fail: does each run do the same?");
}

}  // namespace netkit::testing
