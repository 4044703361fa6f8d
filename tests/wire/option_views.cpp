#include <netkit/wire/ipv4_options.hpp>
#include <netkit/wire/ipv6_options.hpp>
#include <netkit/wire/nd_options.hpp>
#include <netkit/wire/tcp_options.hpp>

#include <doctest/doctest.h>
#include <range/v3/algorithm/count_if.hpp>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/transform.hpp>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <random>
#include <tests/wire/example_frames.hpp>

namespace wire_option_views_tests {

namespace {

using namespace wire_examples;

template <class View>
constexpr bool is_forward_view = ranges::forward_range<View>&& ranges::view_<View>&& std::forward_iterator<typename View::iterator>;
static_assert(is_forward_view<tcp_options> && is_forward_view<ipv4_options> && is_forward_view<nd_options> &&
              is_forward_view<ipv6_options>);

/// Bytes that end where their memory does, so that a sanitizer sees a read beyond them.
class exact_bytes {
public:
    exact_bytes(std::initializer_list<unsigned> values) : exact_bytes(values.begin(), values.end()) {}
    explicit exact_bytes(const std::vector<unsigned>& values) : exact_bytes(values.data(), values.data() + values.size()) {}
    explicit exact_bytes(std::span<const std::byte> from) : size_(from.size()), data_(std::make_unique<std::byte[]>(from.size())) {
        std::copy(from.begin(), from.end(), data_.get());
    }
    operator std::span<const std::byte>() const { return {data_.get(), size_}; }

private:
    exact_bytes(const unsigned* first, const unsigned* last)
        : size_(static_cast<std::size_t>(last - first)), data_(std::make_unique<std::byte[]>(size_)) {
        std::transform(first, last, data_.get(), [](unsigned value) { return static_cast<std::byte>(value); });
    }
    std::size_t size_;
    std::unique_ptr<std::byte[]> data_;
};

struct outcome {
    std::vector<unsigned> kinds;
    bool well_formed;
    friend bool operator==(const outcome&, const outcome&) = default;
};

/// Walks the options, touching every byte the view hands out.
template <class View>
outcome walk(std::span<const std::byte> bytes) {
    outcome result;
    const View view(bytes);
    std::size_t last_end = 0;
    for (const auto& option : view) {
        CHECK(option.offset >= last_end);
        CHECK(option.data.data() >= bytes.data() + option.offset);
        CHECK(option.data.data() + option.data.size() <= bytes.data() + bytes.size());
        last_end = static_cast<std::size_t>(option.data.data() + option.data.size() - bytes.data());
        std::byte all{};
        for (const auto byte : option.data) all ^= byte;
        CHECK((std::to_integer<unsigned>(all) < 256 && !to_string(option).empty()));
        result.kinds.push_back(std::uint8_t(option.kind));
    }
    result.well_formed = view.well_formed();
    return result;
}

TEST_CASE("IPv4 and TCP options: kinds in order, padding left out, nothing behind the end") {
    const exact_bytes bytes{1, 2, 4, 5, 180, 1, 1, 99, 2, 3, 3, 7, 0, 4, 2};
    CHECK(walk<tcp_options>(bytes) == outcome{{2, 99, 3}, true});
    CHECK(walk<ipv4_options>(bytes) == outcome{{2, 99, 3}, true});
    const auto view = tcp_options(bytes);
    CHECK(view.begin()->offset == 1);
    CHECK(view.begin()->data.size() == 2);
    CHECK(std::next(view.begin())->offset == 7);
    CHECK(std::next(view.begin())->data.empty());
}

TEST_CASE("option views are ranges of range-v3") {
    const exact_bytes bytes{2, 4, 5, 180, 4, 2, 1, 3, 3, 7};
    const auto kinds = tcp_options(bytes) | ranges::views::transform([](const auto& option) { return option.kind; });
    CHECK(ranges::find(kinds, tcp_option_kind::window_scale) != ranges::end(kinds));
    CHECK(ranges::find(kinds, tcp_option_kind::timestamps) == ranges::end(kinds));
    const auto with_data =
        tcp_options(bytes) | ranges::views::filter([](const auto& option) { return !option.data.empty(); }) | ranges::to<std::vector>();
    CHECK(with_data.size() == 2);
    CHECK(ranges::count_if(tcp_options(bytes), [](const auto&) { return true; }) == 3);

    // Forward: two walks see the same, and iterators compare by place.
    const tcp_options view(bytes);
    CHECK(view.begin() == view.begin());
    auto at = view.begin();
    CHECK(at++ == view.begin());
    CHECK(at != view.begin());
}

TEST_CASE("IPv4 and TCP options: malformed ones end the range") {
    struct example {
        std::vector<unsigned> options;
        std::vector<unsigned> kinds;
    };
    for (const auto& [options, kinds] : std::vector<example>{
             {{3}, {}},                                  // no length
             {{3, 0}, {}},                               // length 0
             {{3, 1}, {}},                               // length 1
             {{3, 3}, {}},                               // overrun by one
             {{3, 255}, {}},                             // overrun
             {{2, 4, 5, 180, 8, 10, 0}, {2}},            // behind a good one
             {{1, 1, 1, 5}, {}},                         // behind padding
             {{2, 4, 5, 180, 5, 0, 2, 4, 5, 180}, {2}},  // good ones behind it are not reached
         }) {
        const exact_bytes bytes(options);
        CHECK(walk<tcp_options>(bytes) == outcome{kinds, false});
        CHECK(walk<ipv4_options>(bytes) == outcome{kinds, false});
    }
    CHECK(walk<tcp_options>({}) == outcome{{}, true});
}

TEST_CASE("IPv6 options") {
    CHECK(walk<ipv6_options>(exact_bytes{5, 2, 0, 0, 1, 0, 0, 0xc2, 4, 0, 1, 0, 0}) == outcome{{5, 0xc2}, true});
    CHECK(walk<ipv6_options>(exact_bytes{0, 0, 0, 0}) == outcome{{}, true});
    CHECK(walk<ipv6_options>(exact_bytes{5, 0}) == outcome{{5}, true});  // here a length of 0 is a length
    CHECK(walk<ipv6_options>(exact_bytes{5}) == outcome{{}, false});
    CHECK(walk<ipv6_options>(exact_bytes{1}) == outcome{{}, false});
    CHECK(walk<ipv6_options>(exact_bytes{1, 1}) == outcome{{}, false});
    CHECK(walk<ipv6_options>(exact_bytes{0, 5, 255, 0, 0}) == outcome{{}, false});

    CHECK(action_if_unknown(ipv6_option_kind{0x1e}) == ipv6_option_action::skip);
    CHECK(action_if_unknown(ipv6_option_kind{0x5e}) == ipv6_option_action::discard);
    CHECK(action_if_unknown(ipv6_option_kind{0x9e}) == ipv6_option_action::parameter_problem);
    CHECK(action_if_unknown(ipv6_option_kind{0xde}) == ipv6_option_action::parameter_problem_unless_multicast);
}

TEST_CASE("neighbour discovery options") {
    const auto mac = nd_link_address_option::make(nd_option_kind::source_link_address, mac_1);
    const nd_mtu_option mtu{5, 1, 0, 1280};
    const exact_bytes bytes{join(mac, mtu)};
    CHECK(walk<nd_options>(bytes) == outcome{{1, 5}, true});
    const nd_options view(bytes);
    CHECK(nd_option_as<nd_link_address_option>(*view.begin())->mac == mac_1);
    CHECK(nd_option_as<nd_mtu_option>(*std::next(view.begin()))->mtu == 1280);
    CHECK(nd_option_as<nd_prefix_option>(*view.begin()) == nullptr);

    CHECK(walk<nd_options>(exact_bytes{1, 0, 0, 0, 0, 0, 0, 0}) == outcome{{}, false});
    CHECK(walk<nd_options>(exact_bytes{1, 2, 0, 0, 0, 0, 0, 0}) == outcome{{}, false});
    CHECK(walk<nd_options>(exact_bytes{1, 255, 0, 0, 0, 0, 0, 0}) == outcome{{}, false});
    CHECK(walk<nd_options>(exact_bytes{join(mac, std::string_view("residue"))}) == outcome{{1}, false});
}

TEST_CASE("DNS servers of an even length are not read (CVE-2020-16898)") {
    for (const unsigned length : {1u, 2u, 4u}) {
        auto option = join(nd_dns_servers_option{25, static_cast<std::uint8_t>(length), 0, 60});
        option.resize(8 * length);
        const exact_bytes bytes{option};
        const auto view = nd_options(bytes);
        REQUIRE(view.begin() != view.end());
        CHECK_FALSE(nd_option_as<nd_dns_servers_option>(*view.begin())->is_length_valid());
        CHECK(to_string(*view.begin()) == "dns servers of a bad length");
    }
}

/// A prefix of options yields a prefix of their kinds, and is well-formed only where options end.
template <class View>
void check_every_cut(const bytes& options) {
    const auto whole = walk<View>(exact_bytes{options});
    REQUIRE(whole.well_formed);
    std::vector<std::size_t> ends{0};
    for (const auto& option : View(options))
        ends.push_back(static_cast<std::size_t>(option.data.data() + option.data.size() - options.data()));
    for (std::size_t size = 0; size < options.size(); ++size) {
        CAPTURE(size);
        const auto cut = walk<View>(exact_bytes{std::span(options).first(size)});
        const auto complete = static_cast<std::size_t>(std::count_if(ends.begin(), ends.end(), [&](auto end) { return end <= size; })) - 1;
        CHECK(cut.kinds == std::vector<unsigned>(whole.kinds.begin(), whole.kinds.begin() + static_cast<std::ptrdiff_t>(complete)));
        CHECK(cut.well_formed == (std::find(ends.begin(), ends.end(), size) != ends.end()));
    }
}

TEST_CASE("options cut at every byte") {
    // None of these holds padding, behind which a cut would be well-formed too.
    check_every_cut<tcp_options>(to_bytes(std::string_view("\x02\x04\x05\xb4\x04\x02\x08\x0a\1\2\3\4\5\6\7\x09\x03\x03\x07", 19)));
    check_every_cut<ipv4_options>(to_bytes(std::string_view("\x94\x04\0\0\x07\x07\x04\1\2\3\4", 11)));
    check_every_cut<ipv6_options>(to_bytes(std::string_view("\x05\x02\0\0\xc2\x04\0\1\0\0\x1e\0", 12)));
    const auto mac = nd_link_address_option::make(nd_option_kind::source_link_address, mac_1);
    const nd_prefix_option prefix{3, 4, 64, 0xc0, 1, 1, 0, six_1};
    check_every_cut<nd_options>(join(mac, prefix, nd_mtu_option{5, 1, 0, 1280}, nd_dns_servers_option{25, 3, 0, 60}, six_2));
}

TEST_CASE("every kind with every length, and nothing but padding") {
    for (unsigned kind = 0; kind < 256; ++kind) {
        for (unsigned length = 0; length < 256; ++length) {
            const exact_bytes bytes{kind, length, 1, 2, 3, 4, 5, 6, 7, 8};
            walk<tcp_options>(bytes);
            walk<ipv4_options>(bytes);
            walk<ipv6_options>(bytes);
            walk<nd_options>(bytes);
        }
    }
    const bytes padding(2046, std::byte{1});
    CHECK(walk<tcp_options>(exact_bytes{padding}) == outcome{{}, true});
    CHECK(walk<ipv6_options>(exact_bytes{bytes(2046)}) == outcome{{}, true});
    CHECK(walk<ipv6_options>(exact_bytes{padding}).kinds.empty());
}

TEST_CASE("random bytes as options") {
    constexpr std::uint32_t seed = 7301;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 5000; ++round) {
        bytes noise(random() % 64);
        for (auto& byte : noise) byte = std::byte(random() % 3 == 0 ? random() % 256 : random() % 6);
        const exact_bytes options{noise};
        walk<tcp_options>(options);
        walk<ipv4_options>(options);
        walk<ipv6_options>(options);
        walk<nd_options>(options);
    }
}

}  // namespace

}  // namespace wire_option_views_tests
