#pragma once

#include <netkit/compose/context.hpp>
#include <netkit/core/time.hpp>

#include <chrono>
#include <cstdint>

namespace netkit {

/// What is to go wrong with one packet.
struct fault {
    bool lose = false;
    bool duplicate = false;
    bool corrupt = false;     ///< one bit is turned over
    duration delay{};         ///< how long it waits before it goes on; others may overtake it
};

/// Faults by chance, drawn from the stack's own, so that the same seed brings the same faults.
struct random_faults {
    struct rates {
        double loss = 0;          ///< probabilities, from 0 to 1
        double duplication = 0;
        double corruption = 0;
        double reordering = 0;    ///< that a packet waits for `reordering_delay` longer than the others
        duration delay{};         ///< for all
        duration jitter{};        ///< up to so much more
        duration reordering_delay = std::chrono::milliseconds(1);
    };
    rates up{}, down{};

    fault received(context auto here, const packet&) { return draw(here, up); }
    fault sent(context auto here, const packet&) { return draw(here, down); }

private:
    static bool happens(context auto here, double probability) {
        if (probability <= 0) return false;
        return static_cast<double>(here.random() >> 11) * 0x1p-53 < probability;
    }
    static fault draw(context auto here, const rates& r) {
        fault f;
        f.lose = happens(here, r.loss);
        f.duplicate = happens(here, r.duplication);
        f.corrupt = happens(here, r.corruption);
        f.delay = r.delay;
        if (r.jitter > duration::zero()) f.delay += duration(static_cast<duration::rep>(here.random() % static_cast<std::uint64_t>(r.jitter.count() + 1)));
        if (happens(here, r.reordering)) f.delay += r.reordering_delay;
        return f;
    }
};

}  // namespace netkit
