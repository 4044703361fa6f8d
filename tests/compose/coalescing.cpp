#include <netkit/compose/coalescing.hpp>
#include <netkit/compose/segmentation.hpp>

#include <tests/compose/super_segment.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace compose_coalescing_tests {

using namespace netkit;
using namespace netkit::test;

namespace {

using frame_bytes = std::vector<std::vector<std::byte>>;

constexpr shape over_ethernet{false, 0, true, 5000};

/// Segments of 1000 bytes that follow one another, as they come from a wire, or, `lent`, from a device that hands slices over.
std::vector<packet> frames_of(pool& buffers, const shape& s, tcp_flags flags = tcp_flags::ack, bool lent = false) {
    auto frames = segments_of(super_segment(buffers, s, 1000, flags), s.link ? link_type::ethernet : link_type::ip, buffers, {.scatter = lent});
    REQUIRE(frames.size() == (s.payload + 999) / 1000);
    for (auto& f : frames) f.frames(1);
    return frames;
}
frame_bytes bytes_of_all(const std::vector<packet>& packets) {
    frame_bytes all;
    for (const auto& p : packets) all.push_back(bytes_of(p, 0));
    return all;
}
void join(std::vector<packet>& packets, link_type link = link_type::ethernet) { packets.resize(coalesce(packets, link)); }

constexpr std::size_t network = 14, tcp = 34, payload = 66;

void correct_checksums(packet& p) {
    auto& ip = *reinterpret_cast<ipv4_header*>(p.head().data() + network);
    ip.checksum = 0;
    ip.checksum = checksum_of(ip.sum());
    auto& h = *reinterpret_cast<tcp_header*>(p.head().data() + tcp);
    h.checksum = 0;
    h.checksum = checksum_of(sum16(p.head().subspan(tcp), pseudo_header_sum(ip.source, ip.target, ip_protocol::tcp, p.size() - tcp)));
}

}  // namespace

TEST_CASE("what was joined is cut again into the very same frames") {
    for (const shape s : {shape{false, 0, true, 5000}, shape{true, 0, true, 5000}, shape{false, 2, true, 4321}, shape{true, 0, false, 4001}, shape{false, 0, false, 19000}}) {
        CAPTURE(s.ipv6);
        CAPTURE(s.payload);
        pool buffers;
        const auto link = s.link ? link_type::ethernet : link_type::ip;
        auto frames = frames_of(buffers, s);
        const auto before = bytes_of_all(frames);
        join(frames, link);
        REQUIRE(frames.size() == 1);
        const auto& joined = frames[0];
        CHECK(joined.frames() == before.size());
        CHECK(joined.gso_size() == 1000);
        CHECK(joined.checksum() == checksum_state::partial);

        CHECK(bytes_of_all(segments_of(joined, link, buffers)) == before);
    }
}

TEST_CASE("nothing that a frame says of its own is lost") {
    struct change {
        const char* what;
        std::size_t at;
        unsigned value;
        bool correct = true;
    };
    const change changes[] = {{"a link address", 11, 9},           {"congestion experienced", network + 1, 3},   {"identifiers that mean something", network + 6, 0},
                              {"more fragments", network + 6, 0x60}, {"the time to live", network + 8, 9},       {"another protocol", network + 9, 17},
                              {"a source", network + 15, 9},       {"a target", network + 19, 9},                {"a source port", tcp, 9},
                              {"a target port", tcp + 3, 9},       {"a sequence number", tcp + 7, 1},            {"an acknowledgement", tcp + 11, 1},
                              {"reserved bits", tcp + 12, 0x81},   {"FIN", tcp + 13, 0x11},                      {"SYN", tcp + 13, 0x12},
                              {"RST", tcp + 13, 0x14},             {"URG", tcp + 13, 0x30},                      {"ECE", tcp + 13, 0x50},
                              {"CWR", tcp + 13, 0x90},             {"no ACK", tcp + 13, 0x08},                   {"a window", tcp + 15, 1},
                              {"an urgent pointer", tcp + 19, 1},  {"an option", tcp + 25, 9},                   {"a wrong header checksum", network + 10, 0x55, false},
                              {"a wrong checksum", tcp + 16, 0x55, false}, {"damaged payload", payload + 500, 0x55, false}, {"IP options", network, 0x46, false}};
    for (const auto& c : changes) {
        CAPTURE(c.what);
        pool buffers;
        auto frames = frames_of(buffers, over_ethernet);
        frames[2].head()[c.at] = static_cast<std::byte>(c.value);
        if (c.correct) correct_checksums(frames[2]);
        const auto before = bytes_of_all(frames);
        join(frames);
        REQUIRE(frames.size() == 3);  // two before it, itself, two after it
        CHECK(frames[0].frames() == 2);
        CHECK(frames[1].frames() == 1);
        CHECK(frames[2].frames() == 2);
        CHECK(bytes_of(frames[1], 0) == before[2]);
    }
}

TEST_CASE("a damaged first frame takes none in") {
    pool buffers;
    auto frames = frames_of(buffers, over_ethernet);
    frames[0].head()[payload] ^= std::byte{1};
    join(frames);
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].frames() == 1);
    CHECK(frames[1].frames() == 4);
}

TEST_CASE("PSH and a shorter segment are the last of a run") {
    pool buffers;
    auto frames = frames_of(buffers, over_ethernet);
    frames[1].head()[tcp + 13] |= std::byte{8};
    correct_checksums(frames[1]);
    join(frames);
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].frames() == 2);
    CHECK(reinterpret_cast<const tcp_header*>(frames[0].head().data() + tcp)->has(tcp_flags::psh));
    CHECK(frames[1].frames() == 3);

    auto shorter = frames_of(buffers, {false, 0, true, 2500});
    auto next = frames_of(buffers, {false, 0, true, 1000});
    auto& sequence = reinterpret_cast<tcp_header*>(next[0].head().data() + tcp)->sequence;
    sequence = sequence + 2500;
    correct_checksums(next[0]);
    shorter.push_back(std::move(next[0]));
    join(shorter);
    REQUIRE(shorter.size() == 2);
    CHECK(shorter[0].frames() == 3);
    CHECK(shorter[1].frames() == 1);
}

TEST_CASE("padding of the link is not taken for data") {
    pool buffers;
    auto frames = frames_of(buffers, {false, 0, true, 2000});
    const auto size = frames[0].size();
    for (auto& f : frames) f.append(std::size_t{6});
    join(frames);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].size() == size + 1000);
}

TEST_CASE("a run ends where a packet can borrow no more; what is neither stays in its order") {
    pool buffers;
    auto frames = frames_of(buffers, {false, 0, true, 30000});
    packet other(buffers, 64);
    other.append(std::size_t{60});
    other.frames(1);
    frames.insert(frames.begin() + 2, std::move(other));
    join(frames);
    REQUIRE(frames.size() == 4);
    CHECK(frames[0].frames() == 2);
    CHECK(frames[1].size() == 60);
    CHECK(frames[2].frames() == 19);
    CHECK(frames[3].frames() == 9);
}

TEST_CASE("frames that borrow their payload are joined; what follows on in one buffer is one slice") {
    pool buffers;
    // The first half is the whole's own, and the frame in the middle has some of both.
    auto frames = frames_of(buffers, {false, 0, true, 40000}, tcp_flags::ack, true);
    const auto before = bytes_of_all(frames);
    join(frames);
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].frames() == 19);
    CHECK(frames[1].frames() == 1);
    CHECK(frames[2].frames() == 20);
    CHECK(frames[2].slices() == 1);
    frame_bytes again;
    for (const auto& f : frames)
        for (auto& bytes : f.gso_size() != 0 ? bytes_of_all(segments_of(f, link_type::ethernet, buffers, {.scatter = true})) : frame_bytes{bytes_of(f, 0)}) again.push_back(std::move(bytes));
    CHECK(again == before);

    auto damaged = frames_of(buffers, {false, 0, true, 40000}, tcp_flags::ack, true);
    damaged[30].head()[tcp + 16] ^= std::byte{1};
    join(damaged);
    REQUIRE(damaged.size() == 5);
    CHECK(damaged[2].frames() == 10);
    CHECK(damaged[3].frames() == 1);
    CHECK(damaged[4].frames() == 9);
    frames.clear();
    damaged.clear();
    CHECK(buffers.in_use() == 0);
}

TEST_CASE("every truncation of a frame is looked at without harm") {
    pool buffers;
    for (const shape s : {shape{false, 1, true, 2000}, shape{true, 0, true, 2000}})
        for (std::size_t size = 0; size < 90; ++size) {
            auto frames = frames_of(buffers, s);
            for (auto& f : frames) f.trim(size);
            join(frames);
            CHECK(frames.size() == 2);
        }
}

}  // namespace compose_coalescing_tests
