#include <netkit/buffer/chunk.hpp>

#include <tests/buffer/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace buffer_chunk_tests {

using namespace netkit;

namespace {

std::vector<std::byte> some_bytes(std::size_t n, std::mt19937& random) {
    std::vector<std::byte> bytes(n);
    for (auto& b : bytes) b = static_cast<std::byte>(random());
    return bytes;
}
/// A packet that borrows part of a chunk.
packet borrowing(pool& buffers, const chunk& from, std::size_t at, std::size_t size) {
    packet p(buffers, 64);
    p.attach(from.share(at, size));
    return p;
}
void damage(const chunk& written, std::size_t at) { const_cast<std::byte&>(written.bytes()[at]) ^= std::byte{0x55}; }

}  // namespace

TEST_CASE("pieces are added up as they are written, and whatever is cut otherwise when it is asked for") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        pool buffers;
        chunk c(buffers, seed % 2 == 0 ? chunk::extent::usual : chunk::extent::large);
        const std::size_t each = 1 + random() % (seed % 3 == 0 ? 40 : 2000);
        std::size_t until = each;
        while (c.room() != 0) {
            const auto bytes = some_bytes(1 + random() % 3000, random);
            c.append_summed(bytes, until, each);
        }
        for (std::size_t at = 0; at < c.size(); at += each) {
            const auto size = std::min(each, c.size() - at);
            for (const auto& [from, n] : {std::pair{at, size}, std::pair{at + size / 2, size - size / 2}, std::pair{at, size - size / 2}}) {
                const auto p = borrowing(buffers, c, from, n);
                CHECK(fold16(p.sum_written_from(0)) == fold16(p.sum()));
            }
        }
        // Two pieces, the second of which starts at an odd place for some.
        packet both = borrowing(buffers, c, 0, std::min(each, c.size()));
        both.attach(c.share(both.size(), std::min(each, c.size() - both.size())));
        CHECK(fold16(both.sum_written_from(0)) == fold16(both.sum()));
    }
}

TEST_CASE("what was added up is not read again, but by who verifies it") {
    pool buffers;
    std::mt19937 random(7);
    chunk c(buffers);
    std::size_t until = 1000;
    // The first piece in two writes, the third not yet complete.
    for (const std::size_t n : {301u, 1900u}) c.append_summed(some_bytes(n, random), until, 1000);
    CHECK(until == 799);
    const auto first = borrowing(buffers, c, 0, 1000), second = borrowing(buffers, c, 1000, 1000), third = borrowing(buffers, c, 2000, 201);
    const auto part = borrowing(buffers, c, 0, 500);
    const auto as_written = {fold16(first.sum()), fold16(second.sum()), fold16(third.sum()), fold16(part.sum())};
    for (const std::size_t at : {100u, 1100u, 2100u}) damage(c, at);
    CHECK(fold16(first.sum_written_from(0)) == as_written.begin()[0]);
    CHECK(fold16(second.sum_written_from(0)) == as_written.begin()[1]);
    CHECK(fold16(third.sum_written_from(0)) == as_written.begin()[2]);
    CHECK(fold16(part.sum_written_from(0)) != as_written.begin()[3]);
    CHECK(fold16(first.sum()) != as_written.begin()[0]);
}

TEST_CASE("a buffer that comes back knows nothing of what was added up") {
    pool buffers;
    std::mt19937 random(3);
    {
        chunk c(buffers);
        std::size_t until = 500;
        c.append_summed(some_bytes(4000, random), until, 500);
    }
    chunk again(buffers);
    again.append(some_bytes(4000, random));
    const auto p = borrowing(buffers, again, 500, 500);
    CHECK(fold16(p.sum_written_from(0)) == fold16(p.sum()));
}

}  // namespace buffer_chunk_tests
