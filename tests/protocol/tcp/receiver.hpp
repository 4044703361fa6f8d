#pragma once

#include <doctest/doctest.h>

#include "ends.hpp"

namespace tcp_test {

/// An established end that a test sends to by hand, from sequence number `next` on.
struct receiver {
    made_up_time time;
    end e;
    std::uint32_t next;
    bool timestamps;
    std::uint32_t clock = 100'000;

    explicit receiver(netkit::tcp_socket_options o = {}, bool with_timestamps = false, std::uint32_t isn = 9000, tcp_flags syn_flags = tcp_flags::syn) : e(time, 100), next(isn + 1), timestamps(with_timestamps) {
        e.options = o;
        e.listen();
        auto syn = at(0, 0);
        syn.sequence = isn;
        syn.flags = syn_flags;
        syn.options.has_mss = true;
        syn.options.mss = 1000;
        e.arrive(syn);
        e.arrive(at(0, 0));
        REQUIRE(e.state() == tcp_state::established);
        e.sent.clear();
        e.drops.clear();
    }
    /// n bytes, starting `offset` bytes into the stream.
    segment at(std::uint32_t offset, std::size_t n) const {
        segment s;
        s.sequence = next + offset;
        s.acknowledgement = 101;
        s.payload = bytes(n, std::byte('a'));
        s.options.has_timestamps = timestamps;
        s.options.ts_value = clock;
        return s;
    }
    std::uint32_t acknowledged() const { return e.sent.back().acknowledgement - next; }
};

}  // namespace tcp_test
