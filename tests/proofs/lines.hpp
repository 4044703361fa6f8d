#pragma once

#include <netkit/core/random.hpp>
#include <netkit/drivers/impairments.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace proofs {

using namespace std::chrono_literals;

/// What a transfer has to get through, each way alike.
struct bad_line {
    std::string name;
    netkit::impairments how{};
    bool mtu_changes = false;  ///< the line takes smaller packets from time to time, and says nothing of it
    bool pauses = false;       ///< it stands still, or is cut, from time to time
};

inline netkit::impairments ordinary() {
    netkit::impairments how;
    how.rate = 200'000'000;
    how.queue_limit = 400;
    how.delay = 5ms;
    return how;
}

/// Each kind of trouble by itself, and some together.
inline std::vector<bad_line> bad_lines() {
    std::vector<bad_line> all;
    const auto add = [&](std::string name, auto&& change) -> bad_line& {
        bad_line line{std::move(name), ordinary()};
        change(line.how);
        all.push_back(std::move(line));
        return all.back();
    };
    const auto nothing = [](netkit::impairments&) {};
    add("no trouble", nothing);
    for (const int percent : {1, 5, 10, 20, 30}) add("loss " + std::to_string(percent) + " %", [=](auto& how) { how.loss = percent / 100.0; });
    add("losses in bursts of 10", [](auto& how) { how.bursts = {.begin = 0.002, .end = 0.1}; });
    add("losses in bursts of 50", [](auto& how) { how.bursts = {.begin = 0.0005, .end = 0.02}; });
    for (const std::size_t behind : {3u, 10u, 50u})
        add("reordering by " + std::to_string(behind), [=](auto& how) {
            how.reorder = 0.05;
            how.reorder_behind = behind;
            how.reorder_by = 50ms;
        });
    add("jitter that reorders nothing", [](auto& how) { how.jitter = 20ms; });
    add("duplication 20 %", [](auto& how) { how.duplicate = 0.2; });
    add("corruption 5 %", [](auto& how) { how.corrupt = 0.05; });
    add("a queue of 5", [](auto& how) { how.queue_limit = 5; });
    add("all of it", [](auto& how) {
        how.loss = 0.03;
        how.bursts = {.begin = 0.0005, .end = 0.1};
        how.duplicate = how.corrupt = how.reorder = 0.02;
        how.reorder_behind = 20;
        how.reorder_by = 20ms;
        how.jitter = 2ms;
    });
    add("an MTU that changes", nothing).mtu_changes = true;
    add("pauses and cuts", nothing).pauses = true;
    auto& last = add("pauses, an MTU that changes, and loss", [](auto& how) { how.loss = 0.02; });
    last.mtu_changes = last.pauses = true;
    return all;
}

/// A line with troubles by chance.
inline bad_line line_by_chance(std::uint64_t seed) {
    auto random = netkit::random_source::from_seed(seed * 7919 + 17);
    const auto between = [&](std::uint64_t low, std::uint64_t high) { return low + random() % (high - low + 1); };
    const auto maybe = [&](std::uint64_t one_in) { return random() % one_in == 0; };
    const auto part = [&](double most) { return most * static_cast<double>(random() % 1000) / 1000; };
    bad_line line{"by chance", {}};
    auto& how = line.how;
    how.rate = between(10, 1000) * 1'000'000;
    how.queue_limit = between(10, 500);
    how.delay = netkit::duration(std::chrono::microseconds(between(100, 50'000)));
    // Much loss by itself is slow enough.
    if (maybe(2)) how.loss = part(maybe(3) ? 0.3 : 0.03);
    if (how.loss < 0.05) {
        if (maybe(3)) how.bursts = {.begin = part(0.002), .end = 0.02 + part(0.3)};
        if (maybe(2)) {
            how.reorder = part(0.1);
            how.reorder_behind = between(1, 50);
            how.reorder_by = 50ms;
        }
        if (maybe(3)) how.duplicate = part(0.2);
        if (maybe(3)) how.corrupt = part(0.05);
        if (maybe(3)) how.jitter = netkit::duration(std::chrono::microseconds(between(0, 10'000)));
    }
    line.mtu_changes = maybe(6);
    line.pauses = maybe(6);
    return line;
}

}  // namespace proofs
