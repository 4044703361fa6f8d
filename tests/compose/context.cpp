// A layer runs alone: everything from outside comes through `here`, so a test can be the outside.
#include <netkit/compose/context.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/udp.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace compose_context_tests {

using namespace netkit;

namespace {

// What a layer did, written down.
struct record {
    pool buffers;
    netkit::interface only{.name = "only", .mac = mac_address(2, 0, 0, 0, 0, 1)};
    std::vector<packet> up, down;
    std::vector<drop_reason> dropped;
    std::size_t armed = 0;
};

// A context made by hand: one layer, no stack, no device.
template <class Layer>
struct capture {
    using layer_type = Layer;
    record* to;
    Layer* self;

    template <class>
    static constexpr bool has = false;
    template <class>
    static consteval bool near() {
        return false;
    }
    Layer* operator->() const { return self; }
    time_point now() const { return time_point(std::chrono::seconds(1)); }
    std::uint64_t random() const { return 7; }
    packet allocate(std::size_t size = 0) const { return packet(to->buffers, 64, size); }
    pool& buffers() const { return to->buffers; }
    static constexpr std::size_t headroom() { return 64; }
    netkit::interface& interface(interface_id) const { return to->only; }
    void arm(timer&, time_point) const { ++to->armed; }
    void drop(packet p, drop_reason why) const {
        CHECK(p);
        to->dropped.push_back(why);
    }
    void deliver(packet& p) const { p.frames(0); }
    void forwarded(packet& p) const { p.frames(0); }
    void make_ready(ready_item&) const {}
    errc again(packet) const { return errc::ok; }
    void up(auto, packet p, const auto&) const { to->up.push_back(std::move(p)); }
    bool offer_up(auto, packet& p, const auto&) const {
        to->up.push_back(std::move(p));
        return true;
    }
    errc down(packet p, const auto&) const {
        to->down.push_back(std::move(p));
        return errc::ok;
    }
};
static_assert(context<capture<ipv4<>>>);

packet with(record& r, std::span<const std::byte> bytes) {
    packet p(r.buffers, 64, bytes.size());
    p.append(bytes);
    p.interface(interface_id{1});
    p.frames(1);
    return p;
}

}  // namespace

TEST_CASE("IPv4 alone drops every prefix of a good packet, and hands up the whole") {
    record r;
    ipv4<udp> sender, receiver;
    const ipv4_address a(198, 18, 0, 1), b(198, 18, 0, 2);
    capture<ipv4<udp>> from{&r, &sender}, at{&r, &receiver};
    receiver.add_address(b, 24, interface_id{1});
    path<ipv4_address> way;
    way.source = a;
    way.target = way.hop = b;
    way.out = interface_id{1};
    auto p = from.allocate(5);
    p.append(std::as_bytes(std::span("hello", 5)));
    CHECK(sender.transmit(from, ip_protocol::udp, std::move(p), way) == errc::ok);
    REQUIRE(r.down.size() == 1);
    const std::vector<std::byte> good(r.down[0].head().begin(), r.down[0].head().end());
    REQUIRE(good.size() == 25);

    for (std::size_t n = 0; n < good.size(); ++n) {
        CAPTURE(n);
        receiver.receive(at, with(r, std::span(good).first(n)), no_link{});
        REQUIRE(r.dropped.size() == n + 1);
        CHECK(r.dropped.back() == drop_reason::truncated);
    }
    CHECK(r.up.empty());
    receiver.receive(at, with(r, good), no_link{});
    REQUIRE(r.up.size() == 1);
    CHECK(r.up[0].size() == 5);
    CHECK(r.dropped.size() == good.size());

    // Every altered byte of the header is noticed, but for those that the checksum cannot see in pairs.
    for (std::size_t i = 0; i < 20; ++i) {
        CAPTURE(i);
        auto bad = good;
        bad[i] ^= std::byte{0x41};
        const auto before = r.dropped.size();
        receiver.receive(at, with(r, bad), no_link{});
        CHECK(r.dropped.size() == before + 1);
    }
    r.up.clear();
    r.down.clear();
    CHECK(r.buffers.in_use() == 0);
}

TEST_CASE("UDP alone drops every prefix of a good datagram") {
    record r;
    udp layer;
    capture<udp> here{&r, &layer};
    const ip_from<ipv4_address> from{ipv4_address(198, 18, 0, 1), ipv4_address(198, 18, 0, 2), 64, 0, 20, false};
    packet p(r.buffers, 64);
    p.append(std::as_bytes(std::span("hello", 5)));
    p.push_summed(udp_header{1, 7, 13, {}}, offsetof(udp_header, checksum), pseudo_header_sum(from.source, from.target, ip_protocol::udp, 13));
    p.complete_checksum();
    const std::vector<std::byte> good(p.head().begin(), p.head().end());
    for (std::size_t n = 0; n < good.size(); ++n) {
        CAPTURE(n);
        layer.receive(here, with(r, std::span(good).first(n)), from);
        REQUIRE(r.dropped.size() == n + 1);
        CHECK(r.dropped.back() == drop_reason::truncated);
    }
    layer.receive(here, with(r, good), from);
    CHECK(r.dropped.back() == drop_reason::no_socket);
    for (std::size_t i = 0; i < good.size(); ++i) {
        CAPTURE(i);
        auto bad = good;
        bad[i] ^= std::byte{0x10};
        layer.receive(here, with(r, bad), from);
        CHECK(r.dropped.back() != drop_reason::no_socket);
    }
}

}  // namespace compose_context_tests
