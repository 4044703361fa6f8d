#include <doctest/doctest.h>

#include "tcp_by_hand.hpp"

namespace layers_tcp_time_wait_tests {

using namespace tcp_by_hand;

TEST_CASE("TIME-WAIT: the last ACK is repeated, and a newer SYN opens anew") {
    fixture t;
    tcp_socket s;
    const auto own = t.connect(s);
    CHECK(s.close() == errc::ok);
    t.settle();
    (void)t.wire.take();
    made fin{.sequence = 1001, .acknowledgement = own + 1, .flags = tcp_flags::fin | tcp_flags::ack};
    CHECK(t.reply_to(fin).acknowledgement == 1002);
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    CHECK(t.host.at<tcp>()->connections.in_use() == 0);
    t.pass(50s, 1s);
    CHECK(t.reply_to(fin).acknowledgement == 1002);
    t.pass(50s, 1s);
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    CHECK(t.exchange(made{.sequence = 900}.bytes()).size() == 1);
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    CHECK(t.reply_to({.sequence = 5000}).flags() == (tcp_flags::syn | tcp_flags::ack));
    CHECK(t.host.at<tcp>()->time_waits.size() == 0);
    t.pass(300s, 1s);
    CHECK(t.host.at<tcp>()->flows.size() == 0);
}

}  // namespace layers_tcp_time_wait_tests
