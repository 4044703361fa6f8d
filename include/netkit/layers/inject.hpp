#pragma once

#include <netkit/compose/capabilities.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/layers/random_faults.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <utility>

namespace netkit {

/// Says of each packet what is to go wrong with it.
template <class P>
concept fault_policy = requires(P& policy, archetype::context here, const packet& p) {
    { policy.received(here, p) } -> std::same_as<fault>;
    { policy.sent(here, p) } -> std::same_as<fault>;
};

/// Loses, doubles, alters, delays and reorders packets that go up to Layer or come down from it, as a Policy says. What it loses
/// is counted as injected. A received packet that it doubles counts as received twice. For tests: it allocates memory for
/// what it delays.
template <class Policy, class Layer>
struct inject : passes<Layer> {
    static_assert(fault_policy<Policy>, "netkit: a fault policy says fault received(context auto here, const packet&) and fault sent(context auto here, const packet&)");

    /// Packets that may wait at a time; further ones are lost.
    static constexpr std::size_t most_held = 1000;

    Policy policy;

    /// Packets that wait now.
    std::size_t waiting() const { return held_.size(); }

    template <class From>
        requires receives<Layer, From>
    void receive(context auto here, packet p, const From& from) {
        const fault what = policy.received(here, std::as_const(p));
        if (what.lose) return here.drop(std::move(p), drop_reason::injected);
        if (what.duplicate) {
            if (auto twin = p.copy()) {
                if constexpr (requires { here.received_again(twin); }) here.received_again(twin);
                else twin.frames(0);
                inject::pass_up(here, std::move(twin), from);
            }
        }
        if (what.corrupt) corrupt(here, p);
        if (what.delay <= duration::zero()) return inject::pass_up(here, std::move(p), from);
        (void)hold(here, std::move(p), what.delay, [here, from](packet q) { inject::pass_up(here, std::move(q), from); });
    }
    errc transmit(context auto here, auto number, packet p, const auto& to) {
        const fault what = policy.sent(here, std::as_const(p));
        if (what.lose) {
            here.drop(std::move(p), drop_reason::injected);
            return errc::ok;  // a wire says nothing either
        }
        if (what.duplicate) {
            if (auto twin = p.copy()) {
                twin.frames(0);
                (void)inject::pass_down(here, number, std::move(twin), to);
            }
        }
        if (what.corrupt) corrupt(here, p);
        if (what.delay <= duration::zero()) return inject::pass_down(here, number, std::move(p), to);
        return hold(here, std::move(p), what.delay, [here, number, to](packet q) { (void)inject::pass_down(here, number, std::move(q), to); });
    }

    struct alarm : timer {};
    void expired(context auto here, alarm&) {
        while (!held_.empty() && held_.begin()->first <= here.now()) {
            auto due = held_.extract(held_.begin());
            due.mapped().go_on(std::move(due.mapped().waiting));
        }
        if (!held_.empty()) here.arm(alarm_, held_.begin()->first);
    }

private:
    /// Turns over one bit. The sum is completed first, so that it tells.
    static void corrupt(context auto here, packet& p) {
        if (!p.linearize() || p.head().empty()) return;
        if (p.checksum() == checksum_state::partial) p.complete_checksum();
        p.checksum(checksum_state::unknown);
        const auto chance = here.random();
        p.head()[(chance >> 3) % p.head().size()] ^= std::byte{1} << (chance & 7);
    }
    template <class F>
    errc hold(context auto here, packet p, duration delay, F go_on) {
        if (held_.size() >= most_held) {
            here.drop(std::move(p), drop_reason::injected);
            return errc::ok;
        }
        held_.emplace(here.now() + delay, held{std::move(p), std::move(go_on)});
        here.arm(alarm_, held_.begin()->first);
        return errc::ok;
    }

    struct held {
        packet waiting;
        std::function<void(packet)> go_on;
    };
    std::multimap<time_point, held> held_;  // those due at the same time stay in order
    alarm alarm_;
};

}  // namespace netkit
