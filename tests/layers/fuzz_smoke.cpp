#include <tests/fuzz/hostile_network.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

std::vector<std::uint8_t> random_bytes(std::uint64_t seed, std::size_t n) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> result(n);
    for (auto& b : result) b = static_cast<std::uint8_t>(random());
    return result;
}
std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const auto* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

// NETKIT_FUZZ_SEED and NETKIT_FUZZ_ROUNDS repeat a round, or run many.
TEST_CASE("whatever comes from the wire, every frame is accounted for, and others are served") {
    const auto first = from_environment("NETKIT_FUZZ_SEED", 1), rounds = from_environment("NETKIT_FUZZ_ROUNDS", 8);
    std::uint64_t frames = 0, delivered = 0, forwarded = 0;
    for (auto seed = first; seed < first + rounds; ++seed) {
        CAPTURE(seed);
        hostile::network net(seed);
        net.run(hostile::decisions(random_bytes(seed, 200'000)));
        CHECK(net.verdict() == "");
        frames += net.counters().received;
        delivered += net.counters().delivered;
        forwarded += net.counters().forwarded;
    }
    // The driver reaches something.
    CHECK(frames > 500 * rounds);
    CHECK(delivered > 100 * rounds);
    CHECK(forwarded > 10 * rounds);
}
