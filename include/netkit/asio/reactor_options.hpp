#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// How a reactor polls, after Linux's NAPI.
struct reactor_options {
    std::size_t weight = 64;   ///< frames taken from one device before it is another one's turn
    std::size_t budget = 300;  ///< frames taken before other handlers of the io_context have theirs
    /// Keep polling a device this long after its last frame before waiting for an interrupt again: the least latency, at
    /// the price of a processor.
    std::chrono::nanoseconds busy_poll{0};
    /// After more than `throttle_above` frames in a row wait this long instead of for the next interrupt: fewer wake-ups,
    /// at the price of latency.
    std::chrono::microseconds throttle{0};
    std::size_t throttle_above = 0;
    /// How long the reactor's destructor goes on for connections that were closed and have something left to send.
    std::chrono::milliseconds linger{1000};
};

/// What a reactor did.
struct reactor_counters {
    std::uint64_t interrupts = 0;  ///< devices said that they have something
    std::uint64_t runs = 0;        ///< times that devices were polled from the io_context
    std::uint64_t polls = 0;       ///< times that one device was
    std::uint64_t frames = 0;      ///< taken from devices
    std::uint64_t squeezed = 0;    ///< runs that used up their budget
    std::uint64_t finishes = 0;    ///< batches finished outside of a run: sends of programs
    std::uint64_t timer_wakes = 0; ///< times that the stack's timers woke the io_context
};

}  // namespace netkit
