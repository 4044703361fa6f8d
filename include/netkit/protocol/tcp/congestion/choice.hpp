#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

namespace netkit {

/// One of several congestion controls that are compiled in: First, until another one is chosen by its name. A connection pays for the
/// largest of them and a branch.
template <congestion_control First, congestion_control... Others>
class congestion_choice {
    using alternatives = std::variant<First, Others...>;
    static constexpr std::size_t count = 1 + sizeof...(Others);
    static constexpr std::string_view names[count] = {First::name, Others::name...};

    static consteval bool names_differ() {
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (names[i] == names[j]) return false;
        return true;
    }
    static_assert(names_differ(), "netkit: two congestion controls of a congestion_choice have one name; derive from one and give it a name of its own");

public:
    static constexpr std::string_view name = "choice";
    static constexpr bool hears_recovery = congestion_hears_recovery<First> || (congestion_hears_recovery<Others> || ...);

    /// Takes the control of that name; false where there is none. A connection that has begun starts over, in slow start.
    bool choose(std::string_view wanted) {
        if (wanted == chosen()) return true;
        return choose(wanted, std::make_index_sequence<count>());
    }
    std::string_view chosen() const { return names[control_.index()]; }
    static constexpr bool has(std::string_view wanted) {
        for (const auto each : names)
            if (each == wanted) return true;
        return false;
    }

    void start(std::uint32_t segment, time_point now) {
        segment_ = segment;
        visit(*this, [&](auto& control) { control.start(segment, now); });
    }
    void acknowledged(const tcp_acknowledged& news) {
        visit(*this, [&]<class Control>(Control& control) {
            if constexpr (hears_recovery && !congestion_hears_recovery<Control>) {
                if (news.recovering) return;
            }
            control.acknowledged(news);
        });
    }
    void lost(const tcp_congestion_event& event) {
        visit(*this, [&](auto& control) { control.lost(event); });
    }
    void timed_out(const tcp_congestion_event& event, bool again) {
        visit(*this, [&](auto& control) { control.timed_out(event, again); });
    }
    void undo() {
        visit(*this, [](auto& control) { control.undo(); });
    }
    void idled(std::uint32_t segment, duration how_long) {
        visit(*this, [&](auto& control) { control.idled(segment, how_long); });
    }
    std::uint32_t window() const {
        return visit(*this, [](const auto& control) { return control.window(); });
    }
    std::uint32_t slow_start_threshold() const {
        return visit(*this, [](const auto& control) { return control.slow_start_threshold(); });
    }
    bool always_paces() const {
        return visit(*this, [](const auto& control) { return congestion_paces(control); });
    }
    std::uint64_t pacing_rate(tcp_microseconds smoothed_rtt) const {
        return visit(*this, [&](const auto& control) { return control.pacing_rate(smoothed_rtt); });
    }

private:
    // A chain of comparisons, which the compiler sees through; std::visit may call through a table.
    template <std::size_t I = 0, class Self, class F>
    static decltype(auto) visit(Self& self, F&& f) {
        if constexpr (I + 1 == count) {
            return f(*std::get_if<I>(&self.control_));
        } else {
            if (auto* control = std::get_if<I>(&self.control_)) return f(*control);
            return visit<I + 1>(self, std::forward<F>(f));
        }
    }
    template <std::size_t... I>
    bool choose(std::string_view wanted, std::index_sequence<I...>) {
        const bool found = ((wanted == names[I] && (control_.template emplace<I>(), true)) || ...);
        if (found && segment_ != 0) start(segment_, time_point{});
        return found;
    }

    alternatives control_;
    std::uint32_t segment_ = 0;  // 0: not started
};

}  // namespace netkit
