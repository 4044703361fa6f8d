#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace netkit_benchmark {

/// Shared machines are noisy upwards only: many repetitions of about a millisecond, of which the best and the median are kept.
/// Where NETKIT_ITERATIONS is set, so many iterations once instead: for who counts instructions (scripts/count_instructions).
inline benchmark::internal::Benchmark* best_of_many(benchmark::internal::Benchmark* b, int repetitions = 200) {
    if (const char* iterations = std::getenv("NETKIT_ITERATIONS")) return b->Iterations(std::atoll(iterations));
    return b->MinTime(0.001)->Repetitions(repetitions)->ReportAggregatesOnly(true)->ComputeStatistics("best", [](const std::vector<double>& all) { return *std::min_element(all.begin(), all.end()); });
}

}  // namespace netkit_benchmark
