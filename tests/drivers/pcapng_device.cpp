#include <netkit/drivers/pcapng_device.hpp>

#include <netkit/core/random.hpp>
#include <netkit/wire/pcapng_writer.hpp>

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace drivers_pcapng_device_tests {

using netkit::pcapng_device;
using bytes = std::vector<std::byte>;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

template <class Struct>
void append(bytes& to, const Struct& value) {
    const auto more = std::as_bytes(std::span(&value, 1));
    to.insert(to.end(), more.begin(), more.end());
}

/// A classic file with the frames "alpha" and "be".
template <std::endian Order>
bytes classic(std::uint32_t magic, std::uint32_t link = 1) {
    bytes file;
    append(file, netkit::pcap_file_header<Order>{magic, 2, 4, 0, 0, 65535, link});
    for (const std::string_view text : {"alpha", "be"}) {
        const auto size = static_cast<std::uint32_t>(text.size());
        append(file, netkit::pcap_frame_header<Order>{7, 9, size, size + 1});
        file.insert(file.end(), bytes_of(text).begin(), bytes_of(text).end());
    }
    return file;
}

bytes modern() {
    bytes file;
    netkit::append_pcapng_section(file);
    netkit::append_pcapng_interface(file, netkit::pcapng_link_type::ethernet, "nk0");
    netkit::append_pcapng_packet(file, 0, 1, bytes_of("alpha"), 0, netkit::pcapng_direction::inbound);
    netkit::append_pcapng_packet(file, 0, 2, bytes_of("be"));
    return file;
}

std::vector<std::string> frames_of(pcapng_device device) {
    netkit::pool buffers;
    std::vector<std::string> texts;
    std::array<netkit::packet, 3> batch;
    while (const auto got = device.receive({buffers}, batch))
        for (std::size_t i = 0; i < got; ++i) texts.emplace_back(reinterpret_cast<const char*>(batch[i].head().data()), batch[i].size());
    return texts;
}
std::string error_of(bytes file) {
    try {
        pcapng_device::from_bytes(std::move(file));
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return "none";
}
void count(void* n) { ++*static_cast<int*>(n); }

}  // namespace

TEST_CASE("capture files of every kind and byte order are played back") {
    const std::vector<std::string> expected{"alpha", "be"};
    CHECK(frames_of(pcapng_device::from_bytes(modern())) == expected);
    CHECK(frames_of(pcapng_device::from_bytes(classic<std::endian::little>(0xa1b2c3d4))) == expected);
    CHECK(frames_of(pcapng_device::from_bytes(classic<std::endian::big>(0xa1b2c3d4))) == expected);
    CHECK(frames_of(pcapng_device::from_bytes(classic<std::endian::little>(0xa1b23c4d))) == expected);
}

TEST_CASE("times of classic files are in nanoseconds") {
    netkit::pcapng_packet frame;
    const auto micro = classic<std::endian::big>(0xa1b2c3d4);
    netkit::pcap_reader first(micro);
    REQUIRE(first.next(frame));
    CHECK(frame.time == 7'000'009'000);
    CHECK(frame.original_length == 6);
    const auto nano = classic<std::endian::little>(0xa1b23c4d);
    netkit::pcap_reader second(nano);
    REQUIRE(second.next(frame));
    CHECK(frame.time == 7'000'000'009);
}

TEST_CASE("the kind of link is told, and others than Ethernet and raw IP are refused") {
    CHECK(pcapng_device::from_bytes(modern()).link() == netkit::link_type::ethernet);
    for (const std::uint32_t raw : {12u, 14u, 101u, 228u, 229u})
        CHECK(pcapng_device::from_bytes(classic<std::endian::little>(0xa1b2c3d4, raw)).link() == netkit::link_type::ip);
    CHECK(error_of(classic<std::endian::little>(0xa1b2c3d4, 113)) == "netkit: the capture holds frames of link type 113 (expected Ethernet or raw IP)");

    auto mixed = modern();
    netkit::append_pcapng_interface(mixed, netkit::pcapng_link_type::raw_ip);
    CHECK(pcapng_device::from_bytes(mixed).frames() == 2);
    netkit::append_pcapng_packet(mixed, 1, 3, bytes_of("gamma"));
    CHECK(error_of(mixed) == "netkit: the capture holds both Ethernet frames and raw IP packets: split it");
}

TEST_CASE("a file cut anywhere is played up to a frame's end, or refused") {
    for (const auto& whole : {modern(), classic<std::endian::little>(0xa1b2c3d4), classic<std::endian::big>(0xa1b23c4d)}) {
        int refused = 0;
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            const auto error = error_of(bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
            if (error == "none") continue;
            ++refused;
            const bool told = error == "netkit: the capture is not a capture file (expected pcapng or pcap)" || error == "netkit: the capture is damaged after frame 1";
            CHECK_MESSAGE(told, error);
        }
        CHECK(refused >= static_cast<int>(whole.size()) - 4);  // but for the ends of blocks
    }
    CHECK(error_of({}) == "netkit: the capture is not a capture file (expected pcapng or pcap)");
}

TEST_CASE("damaged files are refused or played, never more") {
    constexpr std::uint64_t seed = 20260401;
    CAPTURE(seed);
    auto random = netkit::random_source::from_seed(seed);
    for (int round = 0; round < 4000; ++round) {
        CAPTURE(round);
        auto file = round % 3 == 0 ? modern() : round % 3 == 1 ? classic<std::endian::little>(0xa1b2c3d4) : classic<std::endian::big>(0xa1b2c3d4);
        for (int changes = 1 + round % 4; changes > 0; --changes) file[random() % file.size()] = static_cast<std::byte>(random());
        std::size_t total = 0;
        try {
            for (const auto& text : frames_of(pcapng_device::from_bytes(file))) total += text.size();
        } catch (const std::runtime_error&) {
        }
        CHECK(total <= file.size());
    }
}

TEST_CASE("frames for which there is no buffer are lost and counted") {
    netkit::pool none(0);
    auto device = pcapng_device::from_bytes(modern());
    std::array<netkit::packet, 4> batch;
    CHECK(device.receive({none}, batch) == 0);
    CHECK(device.lost() == 2);
    CHECK(device.finished());
}

TEST_CASE("it is ready from the start, while there is something") {
    int woken = 0;
    auto device = pcapng_device::from_bytes(modern());
    device.on_ready(count, &woken);
    CHECK(woken == 1);
    netkit::pool buffers;
    std::array<netkit::packet, 4> batch;
    CHECK(device.receive({buffers}, batch) == 2);
    device.on_ready(count, &woken);
    CHECK(woken == 1);
}

TEST_CASE("a file that cannot be read is an error that names it") {
    CHECK_THROWS_WITH_AS(pcapng_device::open("/nonexistent.pcapng"), "netkit: cannot read the capture file '/nonexistent.pcapng': No such file or directory", netkit::device_error);
    CHECK_THROWS_AS(pcapng_device::open("/"), netkit::device_error);
}

}  // namespace drivers_pcapng_device_tests
