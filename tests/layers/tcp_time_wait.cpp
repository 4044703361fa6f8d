#include <doctest/doctest.h>

#include "tcp_by_hand.hpp"
#include "tcp_hosts.hpp"

namespace layers_tcp_time_wait_tests {

using namespace tcp_by_hand;
using tcp_hosts::four_only;
using tcp_hosts::two;

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

TEST_CASE("outgoing connections take the ports of those in TIME-WAIT, once that is safe, with numbers beyond theirs") {
    two<four_only> hosts;
    // Two ports for all.
    hosts.a.at<tcp>()->ports.ephemeral().range(50'000, 50'001);
    tcp_socket listener;
    REQUIRE(listener.open(hosts.b) == errc::ok);
    REQUIRE(listener.bind({ip_address{}, 80}) == errc::ok);
    REQUIRE(listener.listen(10) == errc::ok);
    const auto converse = [&](const tcp_socket_options& options = {}) {
        tcp_socket client, server;
        client.set_options(options);
        REQUIRE(client.open(hosts.a) == errc::ok);
        const auto started = client.connect(tcp_hosts::at("198.18.0.2", 80));
        if (started != errc::would_block) return started;
        hosts.run();
        REQUIRE(client.connected());
        REQUIRE(listener.accept(server) == errc::ok);
        (void)client.close();
        hosts.run();
        (void)server.close();
        hosts.run();
        return errc::ok;
    };
    CHECK(converse() == errc::ok);
    CHECK(converse() == errc::ok);
    CHECK(hosts.a.at<tcp>()->time_waits.size() == 2);
    CHECK(converse() == errc::no_ports);
    hosts.pass(1500ms, 100ms);
    CHECK(converse({.timestamps = false}) == errc::no_ports);
    CHECK(converse() == errc::ok);
    CHECK(hosts.a.at<tcp>()->time_waits.size() == 2);
    CHECK(converse() == errc::ok);
    CHECK(converse() == errc::no_ports);
    hosts.pass(61s, 1s);
    CHECK(converse({.timestamps = false}) == errc::ok);
    CHECK(hosts.a.at<tcp>()->time_waits.size() == 1);
    tcp_hosts::accounted_for(hosts.a);
    tcp_hosts::accounted_for(hosts.b);
}

TEST_CASE("a SYN for which the listener has no room does not end TIME-WAIT") {
    fixture t;
    tcp_socket s;
    const auto own = t.connect(s);
    CHECK(s.close() == errc::ok);
    t.settle();
    (void)t.wire.take();
    (void)t.reply_to({.sequence = 1001, .acknowledgement = own + 1, .flags = tcp_flags::fin | tcp_flags::ack});
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    for (std::uint16_t i = 0; i < 8; ++i) {
        const auto port = static_cast<std::uint16_t>(6000 + i);
        const auto answer = t.reply_to({.source_port = port});
        CHECK(t.end_of({.source_port = port, .sequence = 1001, .acknowledgement = answer.sequence + 1, .flags = tcp_flags::ack}) == "delivered");
    }
    CHECK(t.end_of({.sequence = 5000}) == "backlog_full");
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    tcp_socket accepted;
    REQUIRE(t.listener.accept(accepted) == errc::ok);
    CHECK(t.end_of({.sequence = 5000}) == "delivered");
    CHECK(t.host.at<tcp>()->time_waits.size() == 0);
}

TEST_CASE("a new connection in place of one in TIME-WAIT counts on from where that ended") {
    fixture t;
    tcp_socket s;
    const auto own = t.connect(s);
    // So much has been sent that the clock of initial numbers is behind.
    std::uint32_t sent = 0;
    const std::vector<std::byte> data(1072);  // two full segments
    for (int i = 0; i < 300; ++i) {
        REQUIRE(s.send(std::span<const std::byte>(data)).bytes == data.size());
        sent += 1072;
        t.pass(1ms, 1ms);
        (void)t.wire.take();
        t.exchange(made{.sequence = 1001, .acknowledgement = own + sent, .flags = tcp_flags::ack}.bytes());
    }
    CHECK(s.close() == errc::ok);
    t.settle();
    (void)t.wire.take();
    CHECK(t.reply_to({.sequence = 1001, .acknowledgement = own + sent + 1, .flags = tcp_flags::fin | tcp_flags::ack}).acknowledgement == 1002);
    CHECK(t.host.at<tcp>()->time_waits.size() == 1);
    const auto answer = t.reply_to({.sequence = 5000});
    CHECK(answer.flags() == (tcp_flags::syn | tcp_flags::ack));
    CHECK(sequence_number(answer.sequence) > sequence_number(own + sent + 1));
}

}  // namespace layers_tcp_time_wait_tests
