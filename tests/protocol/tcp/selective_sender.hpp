#pragma once

#include <doctest/doctest.h>

#include "ends.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace tcp_test {

/// An established end whose peer acknowledges by hand, selectively, a round trip of 100 ms away. Segments are of 1000 bytes, and the
/// congestion window of ten of them.
struct selective_sender {
    made_up_time time;
    end e;
    std::uint32_t first;
    bool timestamps = false;

    explicit selective_sender(std::uint32_t isn = 100, bool with_timestamps = false) : e(time, isn), first(isn + 1), timestamps(with_timestamps) {
        e.listen();
        segment syn;
        syn.sequence = 9000;
        syn.flags = tcp_flags::syn;
        syn.options.has_mss = true;
        syn.options.mss = with_timestamps ? 1012 : 1000;
        syn.options.sack_permitted = true;
        syn.options.has_timestamps = with_timestamps;
        syn.options.ts_value = 1;
        e.arrive(syn);
        time.now += 100ms;
        acknowledge(0);
        REQUIRE(e.state() == tcp_state::established);
        e.sent.clear();
    }
    using block = std::pair<std::uint32_t, std::uint32_t>;
    /// Acknowledges the first n bytes of the stream, and these runs of it beyond.
    void acknowledge(std::uint32_t n, std::initializer_list<block> beyond = {}, std::uint32_t echo = 0) {
        segment s;
        s.sequence = 9001;
        s.acknowledgement = first + n;
        s.options.has_timestamps = timestamps;
        s.options.ts_value = 2;
        s.options.ts_echo = echo;
        for (const auto& [left, right] : beyond) s.options.sack[s.options.sack_blocks++] = {first + left, first + right};
        e.arrive(s);
    }
    /// Time passes, and its timers fire.
    void pass(netkit::duration by) { e.pass(by); }
    void write(std::size_t n) { CHECK(e.write(n).bytes == n); }
    /// What it sent since it was asked last, as offsets into the stream.
    std::vector<std::uint32_t> sent() {
        std::vector<std::uint32_t> result;
        for (; !e.sent.empty(); e.sent.pop_front())
            if (e.sent.front().size() != 0) result.push_back(e.sent.front().sequence - first);
        return result;
    }
    auto& c() { return e.c(); }
    /// So that there is no probe, and the timer waits for a second.
    void forget_round_trip() {
        c().rtt = {};
        c().rtt.note_least(100ms, time.now);
    }
};

}  // namespace tcp_test
