#include <netkit/buffer/recycled.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace buffer_recycled_tests {

using namespace netkit;

namespace {
struct object {
    std::uint64_t value = 7;
};
struct other_object {
    std::uint32_t value = 9;
};
}  // namespace

TEST_CASE("what was given back last is taken first, as it was left") {
    pool home;
    auto* a = recycled<object>::take(home);
    auto* b = recycled<object>::take(home);
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a != b);
    CHECK(a->value == 7);
    CHECK(home.cells_in_use() == 2);
    a->value = 8;
    recycled<object>::give_back(a);
    auto* again = recycled<object>::take(home);
    CHECK(again == a);
    CHECK(again->value == 8);
    recycled<object>::give_back(again);
    auto* other = recycled<other_object>::take(home);
    CHECK(static_cast<void*>(other) == static_cast<void*>(a));
    CHECK(other->value == 9);
    recycled<other_object>::give_back(other);
    again = recycled<object>::take(home);
    CHECK(again->value == 7);
    recycled<object>::give_back(again);
    recycled<object>::give_back(b);
    CHECK(home.cells_in_use() == 0);
    CHECK(home.in_use() == 0);
}

TEST_CASE("objects are within the pool's limit, and fail when its allocations are to") {
    pool none(0);
    CHECK(recycled<object>::take(none) == nullptr);
    static_assert(sizeof(detail::pool_store::cell) == 280);
    pool home(100 * 280);
    std::vector<object*> all;
    while (auto* o = recycled<object>::take(home)) all.push_back(o);
    CHECK(all.size() == 100);
    CHECK(home.allocated() == 100 * 280);
    for (auto* o : all) recycled<object>::give_back(o);
    home.fail_at(2);
    auto* first = recycled<object>::take(home);
    CHECK(first);
    CHECK(recycled<object>::take(home) == nullptr);
    recycled<object>::give_back(first);
}

TEST_CASE("an object may outlive its pool") {
    auto home = std::make_unique<pool>();
    auto* o = recycled<object>::take(*home);
    home.reset();
    CHECK(o->value == 7);
    recycled<object>::give_back(o);
}

}  // namespace buffer_recycled_tests
