#include <netkit/core/intrusive_list.hpp>

#include <doctest/doctest.h>

#include <vector>

namespace core_intrusive_list_tests {

using namespace netkit;

namespace {

struct other;
struct item : list_hook, basic_list_hook<other> {
    explicit item(int n) : number(n) {}
    int number;
};
using list = intrusive_list<item>;
using other_list = intrusive_list<item, basic_list_hook<other>>;

template <class List>
std::vector<int> numbers(List& l) {
    std::vector<int> result;
    l.for_each([&](item& i) { result.push_back(i.number); });
    return result;
}

}  // namespace

TEST_CASE("items are in order, in one list at a time for each purpose, and leave when they are destroyed") {
    item one(1), two(2), three(3);
    list l, m;
    other_list o;
    CHECK(l.empty());
    for (auto* i : {&one, &two, &three}) l.push_back(*i);
    o.push_back(two);
    CHECK(numbers(l) == std::vector{1, 2, 3});
    m.push_back(two);
    CHECK(numbers(l) == std::vector{1, 3});
    CHECK(numbers(m) == std::vector{2});
    CHECK(numbers(o) == std::vector{2});
    l.push_back(one);  // to the end
    CHECK(numbers(l) == std::vector{3, 1});
    {
        item gone(4);
        l.push_back(gone);
        CHECK(numbers(l) == std::vector{3, 1, 4});
    }
    CHECK(numbers(l) == std::vector{3, 1});
    l.for_each([](item& i) { static_cast<list_hook&>(i).unlink(); });
    CHECK(l.empty());
}

TEST_CASE("a list is moved behind another as a whole") {
    item one(1), two(2), three(3), four(4);
    list l, m, empty;
    l.push_back(one);
    l.push_back(two);
    m.push_back(three);
    m.push_back(four);
    l.splice(m);
    CHECK(numbers(l) == std::vector{1, 2, 3, 4});
    CHECK(m.empty());
    l.splice(empty);
    CHECK(numbers(l) == std::vector{1, 2, 3, 4});
    empty.splice(l);
    CHECK(l.empty());
    CHECK(numbers(empty) == std::vector{1, 2, 3, 4});
    static_cast<list_hook&>(four).unlink();
    static_cast<list_hook&>(one).unlink();
    CHECK(numbers(empty) == std::vector{2, 3});
    m.push_back(one);
    CHECK(numbers(m) == std::vector{1});
}

TEST_CASE("what a list leaves behind is in none") {
    item one(1), two(2);
    {
        list l;
        l.push_back(one);
        l.push_back(two);
    }
    CHECK(!static_cast<list_hook&>(one).linked());
    list l;
    l.push_back(two);
    CHECK(numbers(l) == std::vector{2});
}

}  // namespace core_intrusive_list_tests
