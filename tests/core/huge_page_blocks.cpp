#include <netkit/core/huge_page_blocks.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace core_huge_page_blocks_tests {

using namespace netkit;

namespace {

constexpr std::size_t size = 16384;
using blocks = huge_page_blocks<size>;
struct held {
    void* block;
    blocks::page* page;
    std::uint64_t mark;
};

held take(blocks& from, std::uint64_t mark) {
    const auto [block, page] = from.take();
    REQUIRE(block);
    REQUIRE(reinterpret_cast<std::uintptr_t>(block) % size == 0);
    // Both ends: blocks do not overlap.
    std::memcpy(block, &mark, sizeof mark);
    std::memcpy(static_cast<std::byte*>(block) + size - sizeof mark, &mark, sizeof mark);
    return {block, page, mark};
}
bool is_whole(const held& h) {
    return std::memcmp(h.block, &h.mark, sizeof h.mark) == 0 && std::memcmp(static_cast<std::byte*>(h.block) + size - sizeof h.mark, &h.mark, sizeof h.mark) == 0;
}

}  // namespace

#if defined(__linux__)

TEST_CASE("blocks are aligned, apart from one another, and used again") {
    blocks some;
    CHECK(some.memory() == 0);
    std::mt19937 random(5);
    std::vector<held> all;
    std::uint64_t mark = 0;
    for (std::size_t i = 0; i < 3 * blocks::per_page; ++i) all.push_back(take(some, ++mark));
    CHECK(some.memory() == 3 * blocks::page_size);
    for (int round = 0; round < 10'000; ++round) {
        std::swap(all[random() % all.size()], all.back());
        REQUIRE(is_whole(all.back()));
        some.give_back(all.back().block, *all.back().page);
        all.back() = take(some, ++mark);
    }
    CHECK(some.memory() == 3 * blocks::page_size);
    std::ranges::shuffle(all, random);
    for (const auto& h : all) {
        REQUIRE(is_whole(h));
        some.give_back(h.block, *h.page);
    }
    CHECK(some.memory() == blocks::page_size);
    some.give_back_spare();
    CHECK(some.memory() == 0);
}

TEST_CASE("a page without blocks is given back, but for one") {
    blocks some;
    std::vector<held> all;
    for (std::size_t i = 0; i < 2 * blocks::per_page + 1; ++i) all.push_back(take(some, i));
    CHECK(some.memory() == 3 * blocks::page_size);
    // The last page's only block comes and goes, and the page stays.
    for (int i = 0; i < 10; ++i) {
        some.give_back(all.back().block, *all.back().page);
        CHECK(some.memory() == 3 * blocks::page_size);
        all.back() = take(some, 0);
    }
    while (all.size() > blocks::per_page) {
        some.give_back(all.back().block, *all.back().page);
        all.pop_back();
    }
    CHECK(some.memory() == 2 * blocks::page_size);
    some.give_back_spare();
    CHECK(some.memory() == blocks::page_size);
    for (const auto& h : all) some.give_back(h.block, *h.page);
}

#endif

}  // namespace core_huge_page_blocks_tests
