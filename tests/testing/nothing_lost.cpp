#include <doctest/doctest.h>

#include <examples/common/sha256.hpp>
#include <tests/proofs/lines.hpp>
#include <tests/proofs/transfer.hpp>

#include <cstdint>

// A part of what tests/proofs/nothing_lost.cpp does, small enough for every run.
namespace testing_nothing_lost_tests {

namespace {

void prove(const proofs::bad_line& line, std::uint64_t size, std::uint64_t seed) {
    CAPTURE(line.name);
    CAPTURE(seed);
    const auto r = proofs::transfer<example::sha256>(line, size, seed);
    CHECK(r.ended);
    CHECK(r.intact);
    CHECK(netkit::to_string(r.error) == netkit::to_string(netkit::errc::ok));
    // What waits in buffers is bounded by those of the sockets and of the line.
    CHECK(r.most_memory < std::size_t(40) << 20);
}

}  // namespace

TEST_CASE("whatever a line does, what arrives is what was sent: each kind of trouble by itself") {
    for (const auto& line : proofs::bad_lines()) prove(line, 200'000, 1);
}

TEST_CASE("whatever a line does, what arrives is what was sent: troubles by chance") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) prove(proofs::line_by_chance(seed), 100'000, seed);
}

}  // namespace testing_nothing_lost_tests
