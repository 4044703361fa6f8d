#include <netkit/wire/pcapng_reader.hpp>
#include <netkit/wire/pcapng_writer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <tests/wire/example_frames.hpp>
#include <tuple>

namespace wire_pcapng_tests {

namespace {

using namespace wire_examples;

constexpr std::uint64_t some_time = 1'700'000'000'123'456'789;

bytes example_capture() {
    bytes file;
    append_pcapng_section(file);
    append_pcapng_interface(file, pcapng_link_type::ethernet, "nk0");
    append_pcapng_interface(file, pcapng_link_type::raw_ip, "tunnel", 65535);
    std::uint64_t time = some_time;
    for (const auto& [name, frame, line] : all()) append_pcapng_packet(file, 0, time++, frame);
    append_pcapng_packet(file, 1, time, ipv4(ip_protocol::udp, udp(four_1, four_2, 7, to_bytes("hello"))));
    append_pcapng_simple_packet(file, all().front().frame);
    return file;
}

struct capture {
    std::vector<pcapng_packet> packets;
    bool well_formed;
};

capture read_all(std::span<const std::byte> file) {
    pcapng_reader reader(file);
    capture result{};
    for (pcapng_packet packet; reader.next(packet);) {
        CHECK(packet.data.data() >= file.data());
        CHECK(packet.data.data() + packet.data.size() <= file.data() + file.size());
        result.packets.push_back(packet);
    }
    pcapng_packet none;
    CHECK_FALSE(reader.next(none));
    result.well_formed = reader.well_formed();
    return result;
}

TEST_CASE("what is written is read back") {
    const auto file = example_capture();
    CHECK(file.size() % 4 == 0);
    // Where somebody wants to look at it by other means.
    if (const char* path = std::getenv("NETKIT_TEST_CAPTURE")) {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(path, "wb"), std::fclose);
        REQUIRE(out);
        REQUIRE(std::fwrite(file.data(), 1, file.size(), out.get()) == file.size());
    }

    const auto [packets, well_formed] = read_all(file);
    CHECK(well_formed);
    const auto examples = all();
    REQUIRE(packets.size() == examples.size() + 2);
    for (std::size_t i = 0; i < examples.size(); ++i) {
        INFO(examples[i].name);
        CHECK(packets[i].interface == 0);
        CHECK(packets[i].link == pcapng_link_type::ethernet);
        CHECK(packets[i].time == some_time + i);
        CHECK(std::ranges::equal(packets[i].data, examples[i].frame));
        CHECK(packets[i].original_length == examples[i].frame.size());
    }
    CHECK(packets[examples.size()].interface == 1);
    CHECK(packets[examples.size()].link == pcapng_link_type::raw_ip);
    CHECK(packets.back().time == 0);
    CHECK(std::ranges::equal(packets.back().data, examples[0].frame));
}

TEST_CASE("a frame in pieces, and one that was cut") {
    bytes whole, pieces;
    append_pcapng_section(whole);
    append_pcapng_interface(whole, pcapng_link_type::ethernet);
    pieces = whole;
    append_pcapng_packet(whole, 0, some_time, to_bytes("headerpayload"), 1500);
    begin_pcapng_packet(pieces, 0, some_time, 13, 1500);
    for (const auto& piece : {to_bytes("header"), to_bytes("payload")}) pieces.insert(pieces.end(), piece.begin(), piece.end());
    end_pcapng_packet(pieces, 13);
    CHECK(pieces == whole);
    const auto [packets, well_formed] = read_all(whole);
    REQUIRE(packets.size() == 1);
    CHECK(packets[0].data.size() == 13);
    CHECK(packets[0].original_length == 1500);
}

TEST_CASE("the direction of a frame") {
    bytes file;
    append_pcapng_section(file);
    append_pcapng_interface(file, pcapng_link_type::ethernet);
    append_pcapng_packet(file, 0, some_time, to_bytes("in"), 0, pcapng_direction::inbound);
    append_pcapng_packet(file, 0, some_time, to_bytes("out!"), 0, pcapng_direction::outbound);
    append_pcapng_packet(file, 0, some_time, to_bytes("whichever"));
    const auto [packets, well_formed] = read_all(file);
    CHECK(well_formed);
    REQUIRE(packets.size() == 3);
    CHECK(packets[0].direction == pcapng_direction::inbound);
    CHECK(packets[1].direction == pcapng_direction::outbound);
    CHECK(packets[2].direction == pcapng_direction::unknown);
    CHECK(std::ranges::equal(packets[0].data, to_bytes("in")));
}

/// A file as a big-endian machine writes it.
bytes big_endian_capture(std::uint8_t resolution, std::uint64_t time) {
    constexpr auto order = std::endian::big;
    const auto header = [](std::uint32_t type, std::uint32_t length) { return pcapng_block_header<order>{type, length}; };
    return join(
        pcapng_section_header<order>{header(0x0a0d0d0a, 28), pcapng_magic, 1, 0, ~std::uint64_t{0}}, be32(28), header(0x0bad, 16), be32(0),
        be32(16),  // of a type nobody knows
        pcapng_interface_description<order>{header(1, 32), 1, 0, 6}, be16(9), be16(1), be32(std::uint32_t{resolution} << 24), be32(0),
        be32(32),
        pcapng_enhanced_packet<order>{header(6, 40), 0, static_cast<std::uint32_t>(time >> 32), static_cast<std::uint32_t>(time), 5, 9},
        std::string_view("frame\0\0\0", 8), be32(40), pcapng_simple_packet<order>{header(3, 24), 9}, std::string_view("simple\0\0", 8),
        be32(24));
}

TEST_CASE("big-endian sections, unknown blocks, a snap length, resolutions") {
    for (const auto& [resolution, time, nanoseconds] : {std::tuple{6u, 1'000'001ull, 1'000'001'000ull},
                                                        {9u, 5ull, 5ull},
                                                        {0u, 2ull, 2'000'000'000ull},
                                                        {12u, 7999ull, 7ull},
                                                        {0x80u | 10, 1536ull, 1'500'000'000ull},
                                                        {0x80u | 99, 5ull, 0ull},
                                                        {77u, 5ull, 0ull}}) {
        CAPTURE(resolution);
        const auto [packets, well_formed] = read_all(big_endian_capture(static_cast<std::uint8_t>(resolution), time));
        CHECK(well_formed);
        REQUIRE(packets.size() == 2);
        CHECK(packets[0].time == nanoseconds);
        CHECK(packets[0].original_length == 9);
        CHECK(packets[1].original_length == 9);
    }
    const auto file = big_endian_capture(6, 0);
    const auto packets = read_all(file).packets;
    CHECK(std::ranges::equal(packets[0].data, to_bytes("frame")));
    CHECK(std::ranges::equal(packets[1].data, to_bytes("simple")));

    // Each section begins anew: interfaces and byte order.
    const auto both = join(file, example_capture(), file);
    const auto all_packets = read_all(both);
    CHECK(all_packets.well_formed);
    CHECK(all_packets.packets.size() == all().size() + 2 + 4);
}

TEST_CASE("files that are none") {
    CHECK(read_all({}).well_formed);
    CHECK_FALSE(read_all(to_bytes("not a capture file at all, but long enough to be one")).well_formed);
    const auto check = [](auto change) {
        auto file = big_endian_capture(6, 0);
        change(file);
        const auto [packets, well_formed] = read_all(file);
        CHECK_FALSE(well_formed);
        CHECK(packets.empty());
    };
    const std::size_t interface = 28 + 16, packet = interface + 32;
    check([](bytes& file) { file[8] = std::byte{0}; });                       // neither order
    check([](bytes& file) { file.erase(file.begin(), file.begin() + 28); });  // no section
    check([](bytes& file) { file[7] = std::byte{8}; });                       // block shorter than the least
    check([](bytes& file) { file[7] = std::byte{29}; });                      // no multiple of 4
    check([](bytes& file) { file[4] = std::byte{255}; });                     // beyond the file
    check([](bytes& file) { file[27] = std::byte{32}; });                     // its two lengths differ
    check([=](bytes& file) { file[packet + 11] = std::byte{1}; });            // no such interface
    check([=](bytes& file) { file[packet + 23] = std::byte{13}; });           // frame beyond its block
    check([=](bytes& file) { file[packet + 20] = std::byte{255}; });          // far beyond
}

TEST_CASE("a capture cut at every byte, and changed at random") {
    const auto file = big_endian_capture(6, 0);
    const std::vector<std::size_t> ends{0, 28, 44, 76, 116, file.size()};
    for (std::size_t size = 0; size <= file.size(); ++size) {
        CAPTURE(size);
        const auto copy = std::make_unique<std::byte[]>(size);
        std::copy_n(file.begin(), size, copy.get());
        CHECK(read_all({copy.get(), size}).well_formed == (std::ranges::find(ends, size) != ends.end()));
    }

    constexpr std::uint32_t seed = 4711;
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto examples = join(example_capture(), file);
    for (int round = 0; round < 500; ++round) {
        const auto size = examples.size() - random() % 64;
        const auto copy = std::make_unique<std::byte[]>(size);
        std::copy_n(examples.begin(), size, copy.get());
        for (int i = 0; i < 8; ++i) copy[random() % size] = std::byte(random());
        CHECK(read_all({copy.get(), size}).packets.size() <= all().size() + 4);
    }
}

}  // namespace

}  // namespace wire_pcapng_tests
