#include "bytes.hpp"

#include <netkit/buffer/packet.hpp>
#include <netkit/core/byte_order.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>

namespace buffer_packet_tests {

using namespace netkit;
using bytes::counting;
using bytes::operator+;

namespace {
struct header {
    be16 a, b;
};
}  // namespace

TEST_CASE("a packet starts empty, with the headroom asked for") {
    pool home;
    packet p(home, 54);
    REQUIRE(p);
    CHECK(p.size() == 0);
    CHECK(p.headroom() == 54);
    CHECK(p.tailroom() == 2048 - 54);
    CHECK(p.interface() == interface_id::none);
    CHECK(p.frames() == 0);
    CHECK(p.gso_size() == 0);
    CHECK(p.checksum() == checksum_state::unknown);
}

TEST_CASE("a packet takes the smallest buffer that holds it, and none where nothing does") {
    pool home;
    CHECK(packet(home, 48, 2000).tailroom() == 2000);
    CHECK(packet(home, 48, 2001).tailroom() == 4096 - 48);
    CHECK(packet(home, 48, 4049).tailroom() == 65536 + 512 - 48);
    CHECK(packet(home, 512, 65536).tailroom() == 65536);
    CHECK_FALSE(packet(home, 512, 65537));
    CHECK(home.in_use() == 0);
}

TEST_CASE("headers are pushed in front and pulled off again") {
    pool home;
    packet p = bytes::packet_of(home, counting(10), 8);
    p.push(header{1, 2});
    auto& h = p.push<header>();
    h.a = 3;
    h.b = 4;
    CHECK(p.headroom() == 0);
    CHECK(p.size() == 18);
    const auto* outer = p.pull<header>();
    REQUIRE(outer);
    CHECK((outer->a == 3 && outer->b == 4));
    CHECK(p.peek<header>()->b == 2);
    p.pull(sizeof(header));
    CHECK(bytes::of(p) == counting(10));

    auto room = p.push(4);
    CHECK(room.size() == 4);
    CHECK(p.size() == 14);
}

TEST_CASE("pull gives nothing, and takes nothing, where fewer bytes are there") {
    pool home;
    for (std::size_t n = 0; n < sizeof(header); ++n) {
        packet p = bytes::packet_of(home, counting(n));
        CHECK(p.peek<header>() == nullptr);
        CHECK(p.pull<header>() == nullptr);
        CHECK(bytes::of(p) == counting(n));
    }
    // A header may not reach into borrowed bytes.
    packet p = bytes::packet_of(home, counting(3));
    REQUIRE(p.attach(bytes::shared_of(home, counting(9))));
    CHECK(p.peek<header>() == nullptr);
}

TEST_CASE("append fills up to the end of the buffer and not beyond") {
    pool home;
    packet p(home, 48);
    CHECK(p.append(counting(2000)));
    CHECK(p.tailroom() == 0);
    CHECK_FALSE(p.append(counting(1)));
    CHECK(p.append(std::span<const std::byte>{}));
    CHECK(p.append(1).empty());
    CHECK(p.size() == 2000);
    p.trim(1990);
    auto made = p.append(10);
    REQUIRE(made.size() == 10);
    made[9] = std::byte{7};
    CHECK(bytes::of(p).back() == std::byte{7});
}

TEST_CASE("nothing can be appended behind borrowed bytes") {
    pool home;
    packet p = bytes::packet_of(home, counting(3));
    REQUIRE(p.attach(bytes::shared_of(home, counting(9))));
    CHECK(p.tailroom() == 0);
    CHECK_FALSE(p.append(counting(1)));
}

TEST_CASE("trim keeps the first bytes, in own bytes and in slices") {
    for (std::size_t keep = 0; keep <= 14; ++keep) {
        CAPTURE(keep);
        pool home;
        packet p = bytes::packet_of(home, counting(4));
        REQUIRE(p.attach(bytes::shared_of(home, counting(3, 4))));
        REQUIRE(p.attach(bytes::shared_of(home, counting(5, 7))));
        p.trim(keep);
        CHECK(bytes::of(p) == counting(std::min<std::size_t>(keep, 12)));
        CHECK(p.size() == std::min<std::size_t>(keep, 12));
        // Slices that lost all their bytes are given back.
        CHECK(home.in_use() == 1 + (keep > 4) + (keep > 7));
    }
}

TEST_CASE("attach takes 18 slices and refuses the next") {
    pool home;
    const auto payload = bytes::shared_of(home, counting(36));
    packet p(home, 64);
    for (std::size_t i = 0; i < 18; ++i) REQUIRE(p.attach(payload.slice(2 * i, 2)));
    CHECK_FALSE(p.attach(payload));
    CHECK(payload.owners() == 19);
    CHECK(bytes::of(p) == counting(36));
    p.reset();
    CHECK(payload.owners() == 1);
}

TEST_CASE("there is nothing to attach where sharing failed") {
    pool home;
    packet p = bytes::packet_of(home, counting(4));
    CHECK_FALSE(p.attach(shared_packet{}));
    CHECK(p.slices() == 0);
    CHECK(bytes::of(p) == counting(4));
}

TEST_CASE("copy_to copies a part from anywhere") {
    pool home;
    packet p = bytes::packet_of(home, counting(5));
    REQUIRE(p.attach(bytes::shared_of(home, counting(4, 5))));
    REQUIRE(p.attach(bytes::shared_of(home, counting(3, 9))));
    for (std::size_t at = 0; at <= 13; ++at)
        for (std::size_t n = 0; n <= 13; ++n) {
            CAPTURE(at);
            CAPTURE(n);
            bytes::list to(n);
            const auto most = at >= 12 ? 0 : std::min(n, 12 - at);
            CHECK(p.copy_to(to, at) == most);
            to.resize(most);
            CHECK(to == counting(most, static_cast<unsigned>(at)));
        }
}

TEST_CASE("linearize makes all bytes the packet's own") {
    pool home;
    SUBCASE("in place where there is room") {
        packet p = bytes::packet_of(home, counting(100));
        REQUIRE(p.attach(bytes::shared_of(home, counting(50, 100))));
        const auto* before = p.head().data();
        REQUIRE(p.linearize());
        CHECK(p.head().data() == before);
        CHECK(p.slices() == 0);
        CHECK(bytes::of(p.head()) == counting(150));
        CHECK(home.in_use() == 1);
    }
    SUBCASE("in a larger buffer, facts and notes kept") {
        const auto payload = bytes::shared_of(home, counting(1500));
        packet p = bytes::packet_of(home, counting(10), 40);
        REQUIRE(p.attach(payload));
        REQUIRE(p.attach(payload));
        p.interface(interface_id{7});
        p.frames(3);
        p.gso_size(1448);
        p.control<int>(42);
        REQUIRE(p.linearize());
        CHECK(bytes::of(p.head()) == counting(10) + counting(1500) + counting(1500));
        CHECK(p.headroom() == 40);
        CHECK(p.interface() == interface_id{7});
        CHECK(p.frames() == 3);
        CHECK(p.gso_size() == 1448);
        CHECK(p.control<int>() == 42);
        CHECK(payload.owners() == 1);
    }
    SUBCASE("and does nothing where the pool is exhausted") {
        const auto payload = bytes::shared_of(home, counting(1500));
        packet p = bytes::packet_of(home, counting(10));
        REQUIRE(p.attach(payload));
        REQUIRE(p.attach(payload));
        home.fail_at(1);
        CHECK_FALSE(p.linearize());
        CHECK(p.slices() == 2);
        CHECK(bytes::of(p) == counting(10) + counting(1500) + counting(1500));
        CHECK(p.linearize());
    }
}

TEST_CASE("a copy has the same bytes and is independent") {
    pool home;
    packet p = bytes::packet_of(home, counting(20), 33);
    REQUIRE(p.attach(bytes::shared_of(home, counting(20, 20))));
    p.interface(interface_id{2});
    packet q = p.copy();
    REQUIRE(q);
    CHECK(q.slices() == 0);
    CHECK(q.headroom() == 33);
    CHECK(q.interface() == interface_id{2});
    CHECK(bytes::of(q) == counting(40));
    q.head()[0] = std::byte{99};
    CHECK(bytes::of(p) == counting(40));
    home.fail_at(1);
    CHECK_FALSE(p.copy());
}

TEST_CASE("moving leaves an empty packet; resetting gives the buffer back") {
    pool home;
    packet p = bytes::packet_of(home, counting(3));
    packet q = std::move(p);
    CHECK_FALSE(p);
    CHECK(q.size() == 3);
    CHECK(home.in_use() == 1);
    q.reset();
    CHECK_FALSE(q);
    CHECK(home.in_use() == 0);
}

TEST_CASE("a buffer that is used again remembers nothing") {
    pool home;
    {
        packet p = bytes::packet_of(home, counting(3));
        p.interface(interface_id{3});
        p.frames(1);
        p.gso_size(9);
        REQUIRE(p.mark_partial(0, 0));
        REQUIRE(p.attach(bytes::shared_of(home, counting(3))));
    }
    for (int i = 0; i < 3; ++i) {
        packet p(home, 10);
        CHECK(p.size() == 0);
        CHECK(p.slices() == 0);
        CHECK(p.interface() == interface_id::none);
        CHECK(p.frames() == 0);
        CHECK(p.gso_size() == 0);
        CHECK(p.checksum() == checksum_state::unknown);
    }
}

#ifndef NDEBUG
// In a child, for which it ends there.
template <class Push>
std::string dies_saying(Push push) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        ::dup2(ends[1], STDERR_FILENO);
        push();
        ::_exit(0);
    }
    ::close(ends[1]);
    std::array<char, 4096> text{};
    std::string said;
    for (ssize_t n; (n = ::read(ends[0], text.data(), text.size())) > 0;) said.append(text.data(), static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? said : "it lived";
}

TEST_CASE("a header for which there is no room is told of where assertions are compiled in") {
    pool home;
    packet p(home, sizeof(header) + 1);
    const auto bytes = counting(6);
    for (const auto& said : {dies_saying([&] { p.push<header>(), p.push<header>(); }), dies_saying([&] { p.push(header{}), p.push(header{}); }),
                             dies_saying([&] { p.push(std::size_t{6}); }), dies_saying([&] { p.push(std::span<const std::byte>(bytes)); })})
        CHECK(said.find("netkit: no headroom: does a layer push more than its header_size?") != said.npos);
    p.push<header>();
    CHECK(p.push(std::size_t{1}).size() == 1);
    CHECK(p.headroom() == 0);
}
#endif

}  // namespace buffer_packet_tests
