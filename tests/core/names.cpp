#include <netkit/core/drop_reason.hpp>
#include <netkit/core/error.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

namespace core_names_tests {

using namespace netkit;

TEST_CASE("every drop reason has a name of its own, and the names are in order") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < drop_reasons; ++i) {
        const auto name = to_string(static_cast<drop_reason>(i));
        CAPTURE(i);
        CHECK_FALSE(name.empty());
        CHECK(name != "unknown");
        CHECK(names.insert(name).second);
    }
    // One early, some in the middle, and the last: a name left out or added would shift them.
    CHECK(to_string(drop_reason::truncated) == "truncated");
    CHECK(to_string(drop_reason::no_socket) == "no_socket");
    CHECK(to_string(drop_reason::fragment_too_long) == "fragment_too_long");
    CHECK(to_string(drop_reason::no_buffers) == "no_buffers");
    CHECK(to_string(drop_reason::interface_down) == "interface_down");
    CHECK(to_string(drop_reason::stack_closed) == "stack_closed");
    CHECK(static_cast<std::size_t>(drop_reason::stack_closed) + 1 == drop_reasons);
    CHECK(to_string(drop_reason::count_) == "unknown");
}

TEST_CASE("every error has a text of its own") {
    std::set<std::string_view> texts;
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(errc::access_denied); ++i) {
        const auto text = to_string(static_cast<errc>(i));
        CAPTURE(int(i));
        CHECK_FALSE(text.empty());
        CHECK(text != "unknown error");
        CHECK(texts.insert(text).second);
    }
    CHECK(to_string(static_cast<errc>(255)) == "unknown error");
    CHECK(errc{} == errc::ok);
}

}  // namespace core_names_tests
