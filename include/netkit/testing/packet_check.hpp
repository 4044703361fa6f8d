#pragma once

#include <netkit/testing/seen_packet.hpp>

#include <concepts>
#include <functional>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>

namespace netkit::testing {

/// What a packet is expected to be, in words, and what is wrong with one that is not: nothing where it is right. Checks look only
/// at what they name. `a && b` is one packet that is both, `a || b` either, `!a` not.
struct packet_check {
    std::string words;
    std::function<std::string(const seen_packet&)> problem;

    friend packet_check operator&&(packet_check a, packet_check b) {
        auto both = a.words + ", " + b.words;
        return {std::move(both), [first = std::move(a.problem), second = std::move(b.problem)](const seen_packet& p) {
                    auto text = first(p), more = second(p);
                    return text + (text.empty() || more.empty() ? "" : ", ") + more;
                }};
    }
    friend packet_check operator||(packet_check a, packet_check b) {
        auto either = a.words + " or " + b.words;
        return {std::move(either), [first = std::move(a.problem), second = std::move(b.problem)](const seen_packet& p) {
                    auto text = first(p), other = second(p);
                    return text.empty() || other.empty() ? std::string() : text + ", and " + other;
                }};
    }
    friend packet_check operator!(packet_check a) {
        auto opposite = "not " + a.words;
        return {opposite, [opposite, inner = std::move(a.problem)](const seen_packet& p) { return inner(p).empty() ? "should be " + opposite : std::string(); }};
    }
};

/// A check by any function that says what is wrong, or nothing.
template <class F>
    requires std::convertible_to<std::invoke_result_t<F&, const seen_packet&>, std::string>
packet_check satisfies(std::string words, F problem) {
    return {std::move(words), std::move(problem)};
}
/// Any packet at all.
inline packet_check anything() {
    return {"any packet", [](const seen_packet&) { return std::string(); }};
}

namespace detail {

inline std::string text_of(const std::string& text) { return text; }
template <std::integral Number>
std::string text_of(Number n) {
    return std::to_string(n);
}

/// A header that a check is about.
struct header_kind {
    const char* name;
    bool (*present)(const seen_packet&);

    /// What is wrong with a packet that has none.
    std::string missing() const { return std::string("is no ") + name; }
};
inline constexpr header_kind any_header{"packet", [](const seen_packet&) { return true; }};

/// "name 5", and of others "name is 3 instead of 5". `value` is only asked of packets that have the header.
template <class Value, class Read>
packet_check field(const header_kind& of, const std::string& name, Value expected, Read value) {
    return {name + " " + text_of(expected), [of, name, expected, value](const seen_packet& p) -> std::string {
                if (!of.present(p)) return of.missing();
                const auto actual = value(p);
                if (actual == expected) return {};
                return name + " is " + text_of(actual) + " instead of " + text_of(expected);
            }};
}

/// A header that the packet must have before its fields are looked at; nor must anything be wrong with the packet, unless that may be.
inline packet_check protocol(const header_kind& of, std::initializer_list<packet_check> fields, bool may_be_faulty = false) {
    packet_check all{of.name, [of, may_be_faulty](const seen_packet& p) { return of.present(p) && (may_be_faulty || p.fault.empty()) ? std::string() : of.missing(); }};
    if (fields.size() == 0) return all;
    auto words = std::string(of.name) + " with ";
    bool first = true;
    packet_check inner{{}, [](const seen_packet&) { return std::string(); }};
    for (const auto& f : fields) {
        words += (std::exchange(first, false) ? "" : ", ") + f.words;
        inner = std::move(inner) && f;
    }
    return {std::move(words), [outer = std::move(all.problem), inner = std::move(inner.problem)](const seen_packet& p) {
                auto text = outer(p);
                return text.empty() ? inner(p) : text;
            }};
}

}  // namespace detail

}  // namespace netkit::testing
