#pragma once

#include <doctest/doctest.h>

#include "ends.hpp"

#include <cstddef>
#include <cstdint>

namespace tcp_test {

/// An established end without options, whose peer acknowledges by hand. Segments are of 1000 bytes.
struct plain_sender {
    made_up_time time;
    end e;
    std::uint32_t first;

    explicit plain_sender(std::uint16_t window = 65535, netkit::tcp_socket_options o = {}, std::uint32_t isn = 100) : e(time, isn), first(isn + 1) {
        e.options = o;
        e.listen();
        segment syn;
        syn.sequence = 9000;
        syn.flags = tcp_flags::syn;
        syn.options.has_mss = true;
        syn.options.mss = 1000;
        syn.window = window;
        e.arrive(syn);
        acknowledge(0, window);
        REQUIRE(e.state() == tcp_state::established);
        e.sent.clear();
    }
    /// Acknowledges the first n bytes of the stream.
    void acknowledge(std::uint32_t n, std::uint16_t window = 65535) {
        segment s;
        s.sequence = 9001;
        s.acknowledgement = first + n;
        s.window = window;
        e.arrive(s);
    }
    void write(std::size_t n) { CHECK(e.write(n).bytes == n); }
    std::size_t sent() const { return e.sent.size(); }
};

}  // namespace tcp_test
