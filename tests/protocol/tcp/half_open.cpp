#include <doctest/doctest.h>

#include <netkit/core/ip_address.hpp>
#include <netkit/protocol/tcp/half_open.hpp>

#include <chrono>
#include <vector>

namespace protocol_tcp_half_open_tests {

using namespace netkit;
using namespace std::chrono_literals;

TEST_CASE("a handshake that a listener leads is small, and remembers the SYN") {
    static_assert(sizeof(tcp_half_open) <= 96);
    tcp_half_open h;
    h.key = tcp_flow_key::of(ipv4_address(198, 18, 0, 2), 80, ipv4_address(198, 18, 0, 1), 4000);
    h.initial_receive = sequence_number(1000);
    h.peer_mss = 1400;
    h.scaling = h.selective = h.timestamps = h.marking = true;
    h.send_scale = 14;
    h.recent_timestamp = 5;
    const auto syn = h.syn();
    CHECK(syn.source_port == 4000);
    CHECK(syn.options.mss == 1400);
    CHECK(syn.options.window_scale == 14);
    CHECK(syn.options.sack_permitted);
    CHECK(syn.options.ts_value == 5);
    CHECK(syn.has(tcp_flags::ece));
}

TEST_CASE("what a segment means to a half-open handshake") {
    tcp_half_open h;
    h.initial_send = sequence_number(5000);
    h.initial_receive = sequence_number(1000);
    const auto answer = [&](tcp_flags flags, std::uint32_t sequence, std::uint32_t acknowledgement = 5001, std::uint32_t size = 0, std::uint32_t window = 1000) {
        tcp_segment s;
        s.flags = flags;
        s.sequence = sequence_number(sequence);
        s.acknowledgement = sequence_number(acknowledgement);
        s.size = size;
        s.options.has_timestamps = h.timestamps;
        s.options.ts_value = 10;
        drop_reason why{};
        return half_open_answer(h, s, window, why);
    };
    using enum tcp_half_open_answer;
    const auto ack = tcp_flags::ack, syn = tcp_flags::syn, rst = tcp_flags::rst, fin = tcp_flags::fin;
    CHECK(answer(ack, 1001) == complete);
    CHECK(answer(ack, 1001, 5001, 100) == complete);
    CHECK(answer(ack | fin, 1001) == complete);
    CHECK(answer(ack, 1500, 5001, 100) == complete);
    CHECK(answer(ack, 1001, 5001, 0, 0) == complete);
    CHECK(answer(ack, 1001, 5002) == refuse);
    CHECK(answer(ack, 1001, 5000) == refuse);
    CHECK(answer(ack, 1000) == acknowledge);
    CHECK(answer(ack, 2001) == acknowledge);
    CHECK(answer(ack, 901, 5001, 100) == acknowledge);
    CHECK(answer(ack, 901, 5001, 101) == complete);
    CHECK(answer(syn, 1000) == repeat);
    CHECK(answer(syn, 1001) == acknowledge);
    CHECK(answer(syn, 99999) == acknowledge);
    CHECK(answer(syn | ack, 1000) == acknowledge);
    CHECK(answer(rst, 1001) == end);
    CHECK(answer(rst, 1002) == acknowledge);
    CHECK(answer(rst, 2002) == nothing);
    CHECK(answer(rst | ack, 1000) == nothing);
    CHECK(answer(tcp_flags::none, 1001) == nothing);
    h.timestamps = true;
    h.recent_timestamp = 10;
    CHECK(answer(ack, 1001) == complete);
    h.recent_timestamp = 11;
    CHECK(answer(ack, 1001) == acknowledge);
}

TEST_CASE("half-open handshakes are answered again in order: after 1, 2, 4, 8 and 16 seconds") {
    tcp_half_open_schedule schedule;
    std::vector<tcp_half_open> all(10);
    time_point now{1000s};
    CHECK(schedule.next(now) == time_point::max());
    for (auto& h : all) {
        schedule.answered(h, now);
        now += 10ms;
    }
    CHECK(schedule.next(now) == time_point{1001s});
    std::size_t ended = 0;
    std::vector<duration> answers;
    while (schedule.next(now) != time_point::max()) {
        const auto next = schedule.next(now);
        CHECK(next > now);
        now = next;
        schedule.run(now, [&](tcp_half_open& h) {
            if (&h == &all[3]) answers.push_back(now - time_point{1000s + 30ms});
            if (h.attempts == tcp_timing::most_syn_received_attempts) {
                ++ended;
                return;
            }
            ++h.attempts;
            schedule.answered(h, now);
        });
    }
    CHECK(ended == all.size());
    CHECK(answers == std::vector<duration>{1s, 3s, 7s, 15s, 31s, 63s});
}

}  // namespace protocol_tcp_half_open_tests
