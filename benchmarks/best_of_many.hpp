#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

namespace netkit_benchmark {

/// Shared machines are noisy upwards only: many repetitions of about a millisecond, of which the best and the median are kept.
inline benchmark::internal::Benchmark* best_of_many(benchmark::internal::Benchmark* b, int repetitions = 200) {
    return b->MinTime(0.001)->Repetitions(repetitions)->ReportAggregatesOnly(true)->ComputeStatistics("best", [](const std::vector<double>& all) { return *std::min_element(all.begin(), all.end()); });
}

}  // namespace netkit_benchmark
