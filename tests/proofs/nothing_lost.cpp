#include <tests/proofs/digest.hpp>
#include <tests/proofs/lines.hpp>
#include <tests/proofs/transfer.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

/// nothing_lost MEBIBYTES FIRST_SEED LAST_SEED [chance|each]
///
/// Sends so much each way over a line with troubles by chance, for each seed; with `each`, over each kind of line for each seed. A line of a
/// table for each transfer; the last line says how many there were. Fails where anything was lost, altered or did not come to an end.
int main(int count, char** words) {
    if (count < 4) {
        std::fprintf(stderr, "nothing_lost MEBIBYTES FIRST_SEED LAST_SEED [chance|each]\n");
        return 2;
    }
    const auto number = [&](int i) { return std::strtoull(words[i], nullptr, 10); };
    const std::uint64_t size = number(1) << 20;
    const bool each = count > 4 && std::string(words[4]) == "each";
    std::uint64_t transfers = 0, failed = 0;
    double real_seconds = 0;
    std::size_t most_memory = 0;
    const auto run = [&](const proofs::bad_line& line, std::uint64_t seed) {
        const auto r = proofs::transfer<proofs::digest>(line, size, seed);
        ++transfers;
        failed += !r.good();
        real_seconds += r.real_seconds;
        most_memory = std::max(most_memory, r.most_memory);
        const auto seconds = std::chrono::duration<double>(r.took).count();
        std::printf("| %s | %llu | %s | %.1f | %.2f | %.1f | %.1f | %u | %u | %u | %u | %.1f |\n", line.name.c_str(), static_cast<unsigned long long>(seed),
                    r.good() ? "yes" : r.ended ? "ALTERED" : "NOT ENDED", seconds, static_cast<double>(size) * 16e-6 / seconds,
                    100.0 * static_cast<double>(r.lost) / static_cast<double>(r.frames ? r.frames : 1), static_cast<double>(r.most_memory) / (1 << 20),
                    r.a.retransmitted + r.b.retransmitted, r.a.timeouts + r.b.timeouts, r.a.tail_probes + r.b.tail_probes, r.a.undone + r.b.undone, r.real_seconds);
        std::fflush(stdout);
    };
    std::printf("| line | seed | intact | virtual s | Mbit/s | frames lost %% | buffers MiB | sent again | timeouts | probes | undone | real s |\n");
    std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (auto seed = number(2); seed <= number(3); ++seed) {
        if (!each) run(proofs::line_by_chance(seed), seed);
        else
            for (const auto& line : proofs::bad_lines()) run(line, seed);
    }
    std::printf("\n%llu transfers of %llu MiB each way, %llu failed, %.1f MiB of buffers at most, %.0f s\n", static_cast<unsigned long long>(transfers), number(1),
                static_cast<unsigned long long>(failed), static_cast<double>(most_memory) / (1 << 20), real_seconds);
    return failed == 0 ? 0 : 1;
}
