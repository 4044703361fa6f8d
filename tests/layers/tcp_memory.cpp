// Memory that peers make the stack keep: what waits beyond gaps does not take it from everybody else.

#include <tests/layers/tcp_by_hand.hpp>

#include <array>
#include <deque>

namespace layers_tcp_memory_tests {

using namespace tcp_by_hand;

namespace {

/// Peers that a test plays, and a pool that they could fill.
struct crowd : fixture {
    struct connection {
        tcp_socket socket;
        std::uint16_t port = 0;
        std::uint32_t ack = 0;
    };
    std::deque<connection> all;

    crowd() { host.buffers().limit(4 << 20); }
    connection& open() {
        auto& c = all.emplace_back();
        c.port = static_cast<std::uint16_t>(4000 + all.size());
        const auto answer = reply_to({.source_port = c.port});
        c.ack = answer.sequence + 1;
        (void)exchange(made{.source_port = c.port, .sequence = 1001, .acknowledgement = c.ack, .flags = tcp_flags::ack}.bytes());
        REQUIRE(listener.accept(c.socket) == errc::ok);
        return c;
    }
    /// `n` bytes of the peer's stream from `at` on.
    void send(const connection& c, std::uint32_t at, std::size_t n) {
        (void)end_of({.source_port = c.port, .sequence = 1001 + at, .acknowledgement = c.ack, .flags = tcp_flags::ack, .payload = n});
        (void)wire.take();
    }
    void send_beyond_a_gap(const connection& c) {
        for (std::uint32_t at = 10; at < 60'000; at += 600) send(c, at, 500);
    }
    void expect_that_it_works(connection& c, std::uint32_t& at) {
        for (int i = 0; i < 20; ++i) {
            send(c, at, 1000);
            at += 1000;
            std::array<std::byte, 4000> buffer;
            CHECK(c.socket.receive(std::span<std::byte>(buffer)).bytes == 1000);
        }
    }
};

}  // namespace

TEST_CASE("silent peers with data beyond gaps leave memory to others, and in a second give theirs back") {
    crowd t;
    auto& honest = t.open();
    std::uint32_t at = 0;
    for (int i = 0; i < 100; ++i) t.send_beyond_a_gap(t.open());
    // Never was so much kept that nothing else found room.
    CHECK(t.host.buffers().used() <= t.host.buffers().limit() / 4 * 3 + 65536);
    CHECK(t.host.buffers().used() > t.host.buffers().limit() / 2);
    t.expect_that_it_works(honest, at);
    t.pass(1500ms, 100ms);
    (void)t.wire.take();
    CHECK(t.host.buffers().used() < t.host.buffers().limit() / 4);
    // And where there is room again, it is kept again.
    t.send(honest, at + 1000, 1000);
    CHECK(honest.socket.info().out_of_order == 1000);
    t.send(honest, at, 1000);
    CHECK(honest.socket.available() == 2000);
}

TEST_CASE("what was given up is sent again, and the stream is whole") {
    crowd t;
    auto& c = t.open();
    t.send(c, 1000, 1000);
    CHECK(c.socket.info().out_of_order == 1000);
    for (int i = 0; i < 60; ++i) t.send_beyond_a_gap(t.open());
    // Whoever goes on sending beyond gaps gains nothing by it: there may be room for that, and what was there before is gone.
    for (int i = 0; i < 10; ++i) {
        t.pass(200ms, 100ms);
        for (auto& each : t.all) t.send(each, 59'000, 500);
        (void)t.wire.take();
    }
    CHECK(c.socket.info().out_of_order <= 500);
    for (std::uint32_t at = 0; at < 3000; at += 1000) t.send(c, at, 1000);
    CHECK(c.socket.available() == 3000);
}

}  // namespace layers_tcp_memory_tests
