#pragma once

#include <netkit/compose/stack.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/echo_sockets.hpp>
#include <netkit/layers/udp_socket.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace netkit::test {

/// The link address 02:00:00:00:00:n.
inline mac_address mac(std::uint8_t n) { return {2, 0, 0, 0, 0, n}; }

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Polls both until neither has anything more to do just now.
inline void settle(stack_core& a, stack_core& b) {
    for (int quiet = 0, most = 1000; quiet < 2 && most != 0; --most) quiet = a.poll() + b.poll() == 0 ? quiet + 1 : 0;
}
/// Lets time pass in steps, polling both.
template <class A, class B>
void pass_time(A& a, B& b, duration by, duration step) {
    for (duration gone{}; gone < by; gone += step) {
        a.environment_of().advance(step);
        b.environment_of().advance(step);
        settle(a, b);
    }
}

/// What was received is delivered, forwarded or dropped, and nothing is held.
inline void check_accounts(const stack_core& s) {
    const auto& c = s.counters();
    CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
}

/// Two hosts of one composition on a wire in memory, each with one interface.
template <class Root>
struct two_hosts {
    using stack_type = stack<Root, memory_link, manual_environment>;
    stack_type a, b;
    interface_id at_a, at_b;

    explicit two_hosts(const memory_link_options& options = {}) : b(manual_environment(2)) {
        auto [x, y] = memory_link::make(options);
        at_a = a.attach(std::move(x), mac(1));
        at_b = b.attach(std::move(y), mac(2));
    }
    void settle() { test::settle(a, b); }
};

/// Sends an echo request from `icmp` and says whether its bytes came back.
template <class Here>
bool answers_ping(Here icmp, stack_core& a, stack_core& b, std::string_view to) {
    echo_socket ping(icmp);
    const auto text = bytes("an echo, an echo");
    if (ping.send(ip_address::parse(to), 1, text) != errc::ok) return false;
    settle(a, b);
    echo_reply reply;
    return ping.receive(reply) == errc::ok && reply.is_reply && reply.payload.size() == text.size();
}
/// Sends a datagram from one UDP to another, at ports of their own, and says whether it arrived.
template <class From, class To>
bool carries_udp(From from, To to, std::string_view address, std::size_t size = 1000) {
    udp_socket sender(from, {}), receiver(to, {{}, 7});
    const std::vector<std::byte> sent(size, std::byte{7});
    if (sender.send(sent, {ip_address::parse(address), 7}) != errc::ok) return false;
    settle(from.stack(), to.stack());
    datagram d;
    return receiver.receive(d) == errc::ok && d.payload.size() == size;
}

}  // namespace netkit::test
