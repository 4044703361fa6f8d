#pragma once

#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>

#include <tests/compose/hosts.hpp>
#include <tests/wire/example_frames.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace netkit::test {

using frame = std::vector<std::byte>;

/// The far end of a wire, in the test's own hands.
class hand {
public:
    explicit hand(memory_link end) : end_(std::move(end)) {}
    void send(const frame& f) {
        packet p(buffers_, 0, f.size());
        p.append(f);
        (void)end_.transmit(std::span(&p, 1));
    }
    /// All that came since the last time, checksums completed.
    std::vector<frame> take() {
        std::vector<frame> all;
        packet p;
        while (end_.receive({buffers_, 0}, std::span(&p, 1)) == 1) {
            if (p.checksum() == checksum_state::partial) p.complete_checksum();
            frame f(p.size());
            p.copy_to(f);
            all.push_back(std::move(f));
            p.reset();
        }
        return all;
    }

private:
    pool buffers_;
    memory_link end_;
};

/// A host, at 02:00:00:00:00:02, whose neighbours a test plays: the one who sends the example frames, at 02:00:00:00:00:01.
template <class Root>
struct host_by_hand {
    using stack_type = stack<Root, memory_link, manual_environment>;
    stack_type host;
    interface_id on;
    hand wire;

    explicit host_by_hand(const memory_link_options& options = {}) : host_by_hand(memory_link::make(options)) {}
    explicit host_by_hand(std::pair<memory_link, memory_link> ends)
        : on(host.attach(std::move(ends.first), mac(2))), wire(std::move(ends.second)) {}

    /// Lets the host do what there is to do.
    void settle() {
        for (int i = 0; i < 4; ++i) host.poll();
    }
    /// Gives a frame to the host, and returns what it sends then.
    std::vector<frame> exchange(const frame& f) {
        wire.send(f);
        settle();
        return wire.take();
    }
    void pass(duration by, duration step) {
        for (duration gone{}; gone < by; gone += step) {
            host.environment_of().advance(step);
            settle();
        }
    }
    /// Takes an address, checked or not, as far as the wait for it goes.
    void add_address(const char* text) {
        host.add_address(on, text);
        pass(std::chrono::seconds(2), std::chrono::seconds(1));
        (void)wire.take();
    }
};

/// How one frame ended: "delivered", "forwarded", "held" or the reason of its drop. Checks that it was counted once, and so was
/// nothing else.
template <class Stack>
std::string fate(Stack& s, interface_id on, std::span<const std::byte> bytes) {
    const auto before = s.counters();
    packet p(s.buffers(), Stack::deepest_headroom(), bytes.size());
    p.append(bytes);
    s.input(std::move(p), on);
    s.finish();
    const auto& after = s.counters();
    std::string ends;
    std::uint64_t moves = 0;
    const auto moved = [&](std::uint64_t was, std::uint64_t is, std::string_view name) {
        if (is == was) return;
        moves += is - was;
        ends += (ends.empty() ? "" : ", ") + std::string(name);
    };
    moved(before.delivered, after.delivered, "delivered");
    moved(before.forwarded, after.forwarded, "forwarded");
    for (std::size_t i = 0; i < drop_reasons; ++i) moved(before.dropped[i], after.dropped[i], to_string(drop_reason(i)));
    CHECK(after.received == before.received + 1);
    CHECK(moves + after.held() - before.held() == 1);
    return ends.empty() ? "held" : ends;
}

/// The frame with the bytes of `value` at `offset`.
template <class T>
frame with(frame f, std::size_t offset, const T& value) {
    std::memcpy(f.data() + offset, &value, sizeof value);
    return f;
}
/// An IPv4 frame whose header checksum is made right again.
inline frame with_ipv4_checksum(frame f, std::size_t at = sizeof(ethernet_header)) {
    const auto size = std::min<std::size_t>((static_cast<std::size_t>(f[at]) & 15) * 4, f.size() - at);
    f[at + 10] = f[at + 11] = std::byte{0};
    const auto sum = checksum_of(sum16(std::span<const std::byte>(f).subspan(at, size)));
    std::memcpy(f.data() + at + 10, &sum, sizeof sum);
    return f;
}
/// The header at `offset` of a frame.
template <class Header>
Header at(const frame& f, std::size_t offset) {
    Header h{};
    REQUIRE(offset + sizeof h <= f.size());
    std::memcpy(&h, f.data() + offset, sizeof h);
    return h;
}
/// Where the headers behind Ethernet's begin.
inline constexpr std::size_t network = sizeof(ethernet_header), over_ipv4 = network + sizeof(ipv4_header),
                             over_ipv6 = network + sizeof(ipv6_header);

}  // namespace netkit::test
