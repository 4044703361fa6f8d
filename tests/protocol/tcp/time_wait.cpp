#include <doctest/doctest.h>

#include <netkit/protocol/tcp/time_wait.hpp>

#include <chrono>

namespace protocol_tcp_time_wait_tests {

using namespace netkit;
using namespace std::chrono_literals;

TEST_CASE("TIME-WAIT answers as RFC 9293 has it") {
    tcp_time_wait w;
    w.receive_next = sequence_number(1000);
    tcp_segment s;
    s.flags = tcp_flags::fin | tcp_flags::ack;
    s.sequence = sequence_number(999);
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::restart);
    s.flags = tcp_flags::ack;
    s.sequence = sequence_number(1000);
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::nothing);
    s.size = 10;
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::acknowledge);
    s.size = 0;
    s.flags = tcp_flags::rst;
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::end);
    s.sequence = sequence_number(1001);
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::nothing);
    s.flags = tcp_flags::syn;
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::reopen);
    s.sequence = sequence_number(900);
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::acknowledge);
    s.sequence = sequence_number(5000);
    s.flags = tcp_flags::syn | tcp_flags::ack;
    CHECK(time_wait_answer(w, s) == tcp_time_wait_answer::acknowledge);
}

TEST_CASE("a SYN in TIME-WAIT opens anew by its timestamp, or else by its number (RFC 6191)") {
    const auto opens = [](bool before, bool now, std::uint32_t value, std::uint32_t sequence) {
        tcp_time_wait w;
        w.receive_next = sequence_number(1000);
        w.timestamps = before;
        w.recent_timestamp = 50;
        tcp_segment syn;
        syn.flags = tcp_flags::syn;
        syn.sequence = sequence_number(sequence);
        syn.options.has_timestamps = now;
        syn.options.ts_value = value;
        return time_wait_answer(w, syn) == tcp_time_wait_answer::reopen;
    };
    CHECK(opens(true, true, 51, 10));
    CHECK(opens(true, true, 51, 2000));
    CHECK(opens(true, true, 50, 2000));
    CHECK(!opens(true, true, 50, 10));
    // A number that has come round does not help an old SYN.
    CHECK(!opens(true, true, 49, 2000));
    CHECK(!opens(true, true, 50u - 0x70000000u, 2000));
    CHECK(opens(true, false, 0, 2000));
    CHECK(!opens(true, false, 0, 10));
    CHECK(opens(false, true, 1, 10));
    CHECK(opens(false, false, 0, 2000));
    CHECK(!opens(false, false, 0, 1000));
}

TEST_CASE("a connection of ours may follow one in TIME-WAIT once timestamps have ticked") {
    tcp_time_wait w;
    w.since = time_point{100s};
    CHECK(!may_be_succeeded(w, time_point{150s}));
    w.timestamps = true;
    CHECK(!may_be_succeeded(w, time_point{101s}));
    CHECK(may_be_succeeded(w, time_point{101s + 1ms}));
}

}  // namespace protocol_tcp_time_wait_tests
