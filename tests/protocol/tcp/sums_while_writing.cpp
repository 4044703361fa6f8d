#include <doctest/doctest.h>

#include <tests/protocol/tcp/ends.hpp>

#include <netkit/core/checksum.hpp>
#include <netkit/protocol/tcp/send_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace protocol_tcp_sums_while_writing_tests {

using namespace tcp_test;

namespace {

/// Whether a packet's checksum can be made without reading what it borrows: then damage to it goes unnoticed. Sums must be right in any case.
bool is_known(netkit::packet& p) {
    const auto right = netkit::fold16(p.sum());
    CHECK(netkit::fold16(p.sum_written_from(0)) == right);
    bool known = true;
    for (std::size_t i = 0; i < p.slices(); ++i) {
        auto& byte = const_cast<std::byte&>(p.slice(i)[p.slice(i).size() / 2]);
        byte ^= std::byte{0x55};
        known = known && netkit::fold16(p.sum_written_from(0)) == right;
        byte ^= std::byte{0x55};
    }
    return known;
}

}  // namespace

TEST_CASE("nearly all full segments have been added up when they leave, however they were written") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        pair p;
        p.a.options.send_buffer = 1 << 20;
        p.open();
        p.a.c().way.sums_while_writing = true;
        const auto mss = p.a.c().send_mss;
        std::size_t full = 0, known = 0;
        p.a.looks_at = [&](netkit::packet& leaving) {
            const bool whole = leaving.slices() != 0 && leaving.size() == mss;
            full += whole;
            known += is_known(leaving) && whole;
        };
        // Large writes, whose ends stay behind for a while, and the peer's program reads at once.
        std::size_t written = 0, read = 0;
        for (int i = 0; i < 30; ++i) written += p.a.write(pattern(mss + random() % 60'000, random())).bytes;
        CHECK(p.run_until(
            [&] {
                for (auto got = p.b.read(1 << 20).bytes; got != 0; got = p.b.read(1 << 20).bytes) read += got;
                return read == written;
            },
            netkit::duration(std::chrono::minutes(10))));
        CHECK(full > 100);
        // Pieces that begin in the last bytes of a large chunk are not noted.
        CHECK(known * 100 >= full * 98);
    }
}

TEST_CASE("where it is not wanted, and of little, nothing is added up") {
    pair p;
    p.open();
    std::size_t known = 0;
    p.a.looks_at = [&](netkit::packet& leaving) { known += leaving.slices() != 0 && is_known(leaving); };
    CHECK(p.a.write(pattern(10'000)).bytes == 10'000);
    CHECK(known == 0);
    CHECK(p.run_until([&] { return p.a.c().sending.empty(); }, netkit::duration(std::chrono::minutes(1))));
    p.a.c().way.sums_while_writing = true;
    CHECK(p.a.write(pattern(p.a.c().send_mss - 1u)).bytes != 0);
    CHECK(known == 0);
}

TEST_CASE("a write finds the chunks there are") {
    const auto much = pattern(100'000);
    netkit::pool buffers;
    netkit::tcp_send_queue queue;
    // No more large ones from here on.
    std::size_t failing = 0;
    buffers.fail_when([](void* n) { return ++*static_cast<std::size_t*>(n) == 1; }, &failing);
    CHECK(queue.append(buffers, much) == much.size());
    CHECK(failing > 1);
    CHECK(queue.size() == much.size());
    netkit::packet p(buffers, 0, 4000);
    buffers.fail_when(nullptr, nullptr);
    CHECK(queue.fill(p, 50'000, 1000, 17) == 1000);
    bytes got(1000);
    p.copy_to(got);
    CHECK(std::equal(got.begin(), got.end(), much.begin() + 50'000));
}

}  // namespace protocol_tcp_sums_while_writing_tests
