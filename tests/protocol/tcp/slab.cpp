#include <doctest/doctest.h>

#include <netkit/protocol/tcp/slab.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace protocol_tcp_slab_tests {

using namespace netkit;

namespace {
struct object {
    std::uint64_t value;
    std::uint64_t more[12] = {};
};
}  // namespace

TEST_CASE("a slab keeps objects apart, and uses memory again") {
    tcp_slab<object> slab;
    std::vector<object*> all;
    for (std::uint64_t i = 0; i < 1000; ++i) all.push_back(slab.make(object{i}));
    for (std::uint64_t i = 0; i < 1000; ++i) REQUIRE(all[i]->value == i);
    const auto memory = slab.memory();
    CHECK(memory < 1000 * sizeof(object) + 2 * 16384);
    std::mt19937 random(3);
    for (int round = 0; round < 20'000; ++round) {
        const auto i = random() % all.size();
        REQUIRE(all[i]->value == i);
        slab.destroy(*all[i]);
        all[i] = slab.make(object{i});
    }
    CHECK(slab.memory() == memory);
    CHECK(slab.in_use() == 1000);
    for (auto* each : all) slab.destroy(*each);
    CHECK(slab.in_use() == 0);
}

TEST_CASE("a slab gives empty blocks back, but not at once all of them") {
    tcp_slab<object> slab;
    std::vector<object*> all;
    for (std::uint64_t i = 0; i < 100'000; ++i) all.push_back(slab.make(object{i}));
    const auto most = slab.memory();
    for (std::size_t i = all.size(); i-- > 1000;) slab.destroy(*all[i]);
    CHECK(slab.memory() < most / 50);
    // Around the edge of a block memory is kept: no allocation each time.
    const auto memory = slab.memory();
    for (int i = 0; i < 1000; ++i) {
        std::vector<object*> few;
        for (std::uint64_t j = 0; j < tcp_slab<object>::per_block + 1; ++j) few.push_back(slab.make(object{j}));
        CHECK(slab.memory() <= memory + 16384);
        for (auto* each : few) slab.destroy(*each);
    }
    for (std::size_t i = 0; i < 1000; ++i) slab.destroy(*all[i]);
    CHECK(slab.in_use() == 0);
    CHECK(slab.memory() == 16384);
}

}  // namespace protocol_tcp_slab_tests
