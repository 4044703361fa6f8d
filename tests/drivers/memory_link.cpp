#include <netkit/drivers/memory_link.hpp>

#include <netkit/buffer/chunk.hpp>
#include <netkit/buffer/shared_packet.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drivers_memory_link_tests {

using netkit::memory_link;
using netkit::packet;

namespace {

packet packet_of(netkit::pool& from, std::string_view text, std::size_t headroom = 64) {
    packet p(from, headroom, text.size());
    p.append(std::as_bytes(std::span(text)));
    return p;
}
std::string text_of(const packet& p) {
    std::string text(p.size(), '\0');
    p.copy_to(std::as_writable_bytes(std::span(text)));
    return text;
}
std::size_t send(memory_link& by, packet p) { return by.transmit(std::span(&p, 1)); }
packet receive(memory_link& by, netkit::pool& buffers, std::size_t headroom = 0) {
    packet p;
    return by.receive({buffers, headroom}, std::span(&p, 1)) == 1 ? std::move(p) : packet();
}
void count(void* n) { ++*static_cast<int*>(n); }

}  // namespace

TEST_CASE("a memory_link carries packets both ways, in order, without copying them") {
    netkit::pool buffers;
    auto [a, b] = memory_link::make();
    auto first = packet_of(buffers, "first");
    const auto* const bytes = first.head().data();
    std::array<packet, 2> batch{std::move(first), packet_of(buffers, "second")};
    CHECK(a.transmit(batch) == 2);
    CHECK(send(b, packet_of(buffers, "answer")) == 1);

    auto got = receive(b, buffers);
    REQUIRE(got);
    CHECK(text_of(got) == "first");
    CHECK(got.head().data() == bytes);
    CHECK(text_of(receive(b, buffers)) == "second");
    CHECK_FALSE(receive(b, buffers));
    CHECK(text_of(receive(a, buffers)) == "answer");
    CHECK(a.sent().packets == 2);
    CHECK(a.sent().bytes == 11);
    CHECK(b.sent().packets == 1);
}

TEST_CASE("a packet that crossed a memory_link looks received") {
    netkit::pool buffers;
    auto [a, b] = memory_link::make();
    auto p = packet_of(buffers, "forwarded");
    p.frames(1);
    p.interface(netkit::interface_id{3});
    p.checksum(netkit::checksum_state::verified);
    p.gso_size(100);
    send(a, std::move(p));
    auto got = receive(b, buffers);
    REQUIRE(got);
    CHECK(got.frames() == 0);
    CHECK(got.interface() == netkit::interface_id::none);
    CHECK(got.checksum() == netkit::checksum_state::unknown);
    CHECK(got.gso_size() == 0);
}

TEST_CASE("a full memory_link takes no more, and wakes the sender when it has room again") {
    netkit::pool buffers;
    auto [a, b] = memory_link::make({.capacity = 2});
    int woken_a = 0, woken_b = 0;
    a.on_ready(count, &woken_a);
    b.on_ready(count, &woken_b);
    std::array<packet, 3> batch{packet_of(buffers, "1"), packet_of(buffers, "2"), packet_of(buffers, "3")};
    CHECK(a.transmit(batch) == 2);
    CHECK(woken_b == 1);
    REQUIRE(batch[2]);
    CHECK(text_of(batch[2]) == "3");
    CHECK(a.transmit(std::span(batch).subspan(2)) == 0);
    CHECK(a.sent().refused == 2);

    CHECK(woken_a == 0);
    CHECK(text_of(receive(b, buffers)) == "1");
    CHECK(woken_a == 1);
    CHECK(text_of(receive(b, buffers)) == "2");
    CHECK(woken_a == 1);
    CHECK(a.transmit(std::span(batch).subspan(2)) == 1);
    CHECK(woken_b == 2);
    CHECK(text_of(receive(b, buffers)) == "3");
    CHECK(a.sent().packets == 3);
}

TEST_CASE("whoever asks to be woken late is told at once of what waits already") {
    netkit::pool buffers;
    auto [a, b] = memory_link::make();
    send(a, packet_of(buffers, "early"));
    int woken = 0;
    b.on_ready(count, &woken);
    CHECK(woken == 1);
    CHECK(b.waiting() == 1);
}

TEST_CASE("frames beyond the MTU are lost as on a real wire") {
    netkit::pool buffers;
    SUBCASE("Ethernet: its header and two VLAN tags come on top") {
        auto [a, b] = memory_link::make({.mtu = 100});
        CHECK(send(a, packet_of(buffers, std::string(122, 'x'))) == 1);
        CHECK(send(a, packet_of(buffers, std::string(123, 'x'))) == 1);
        CHECK(b.waiting() == 1);
        CHECK(a.sent().oversized == 1);
    }
    SUBCASE("IP: nothing does") {
        auto [a, b] = memory_link::make({.mtu = 100, .link = netkit::link_type::ip});
        send(a, packet_of(buffers, std::string(101, 'x')));
        CHECK(b.waiting() == 0);
        CHECK(a.sent().oversized == 1);
    }
    SUBCASE("a super-segment passes whole where the link may segment") {
        auto [a, b] = memory_link::make({.mtu = 100, .can = {.segmentation = true}});
        auto p = packet_of(buffers, std::string(1000, 'x'));
        p.gso_size(50);
        send(a, std::move(p));
        auto got = receive(b, buffers);
        REQUIRE(got);
        CHECK(got.size() == 1000);
        CHECK(got.gso_size() == 50);
    }
}

TEST_CASE("the receiver finds the headroom that it asks for") {
    netkit::pool buffers, other;
    auto [a, b] = memory_link::make({.mtu = 9000, .can = {.checksum = true, .scatter = true}});
    std::string_view payload = "payload";
    netkit::chunk chunk(buffers);
    chunk.append(std::as_bytes(std::span(payload)));

    // A header of 8 bytes whose checksum, at offset 6, is partial; in front 2 more bytes; behind a borrowed slice.
    auto make = [&](std::size_t head_size) {
        packet p(buffers, 2, head_size);
        auto bytes = p.append(head_size);
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i);
        bytes[6] = bytes[7] = std::byte{0};
        p.attach(chunk.share(0, payload.size()));
        CHECK(p.mark_partial(0, 6));
        p.push(2)[0] = std::byte{0xee};
        return p;
    };
    auto expected_sum = [&](std::size_t head_size) {
        auto p = make(head_size);
        p.complete_checksum();
        p.linearize();
        return text_of(p).substr(8, 2);
    };
    for (std::size_t head_size : {std::size_t(8), std::size_t(2040), std::size_t(4094)}) {
        CAPTURE(head_size);
        send(a, make(head_size));
        auto got = receive(b, other, 128);
        REQUIRE(got);
        CHECK(got.headroom() >= 128);
        CHECK(got.size() == 2 + head_size + payload.size());
        CHECK(got.slices() == 1);
        CHECK(got.slice(0).data() == chunk.bytes().data());
        CHECK(got.checksum() == netkit::checksum_state::partial);
        CHECK(got.checksum_start() == 2);
        got.complete_checksum();
        CHECK(text_of(got).substr(8, 2) == expected_sum(head_size));
        CHECK(text_of(got).substr(2 + head_size) == payload);
    }
    CHECK(other.in_use() == 0);

    SUBCASE("and where its pool is exhausted the packet is lost, and counted") {
        netkit::pool none(0);
        send(a, make(4094));
        CHECK_FALSE(receive(b, none, 128));
        CHECK(b.waiting() == 0);
        CHECK(a.sent().lost == 1);
    }
    chunk = netkit::chunk();
    CHECK(buffers.in_use() == 0);
}

TEST_CASE("an end whose peer is gone receives what was under way, and loses what it sends") {
    netkit::pool buffers;
    int woken = 0;
    auto ends = memory_link::make({.capacity = 1});
    memory_link b;
    {
        memory_link a = std::move(ends.first);
        b = std::move(ends.second);
        b.on_ready(count, &woken);
        send(a, packet_of(buffers, "last words"));
        CHECK(woken == 1);
        CHECK(send(b, packet_of(buffers, "never read")) == 1);
        CHECK(send(b, packet_of(buffers, "never taken")) == 0);
    }
    CHECK(woken == 2);  // there is room again, of a kind
    CHECK_FALSE(b.connected());
    CHECK(b.sent().lost == 1);
    CHECK(send(b, packet_of(buffers, "nobody")) == 1);
    CHECK(b.sent().lost == 2);
    CHECK(text_of(receive(b, buffers)) == "last words");
    b = memory_link();
    CHECK(buffers.in_use() == 0);
}

TEST_CASE("a dead end swallows, and an impossible link is refused") {
    netkit::pool buffers;
    memory_link nowhere;
    CHECK(send(nowhere, packet_of(buffers, "x")) == 1);
    CHECK_FALSE(receive(nowhere, buffers));
    CHECK_THROWS_AS(memory_link::make({.mtu = 0}), std::invalid_argument);
    CHECK_THROWS_AS(memory_link::make({.capacity = 0}), std::invalid_argument);
}

}  // namespace drivers_memory_link_tests
