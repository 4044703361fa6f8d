#include <netkit/drivers/capture.hpp>

#include <netkit/buffer/chunk.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/drivers/pcapng_device.hpp>
#include <netkit/wire/pcapng_reader.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drivers_capture_tests {

using netkit::capture;
using netkit::memory_link;
using netkit::packet;

namespace {

/// A file that is gone at the end of the test.
class temporary_file {
public:
    temporary_file() {
        const int descriptor = ::mkstemp(path_);
        REQUIRE(descriptor >= 0);
        ::close(descriptor);
    }
    ~temporary_file() { std::remove(path_); }
    std::string path() const { return path_; }
    std::vector<std::byte> bytes() const {
        std::ifstream file(path_, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto bytes = std::as_bytes(std::span(text));
        return {bytes.begin(), bytes.end()};
    }

private:
    char path_[32] = "/tmp/netkit_capture_XXXXXX";
};

packet packet_of(netkit::pool& from, std::string_view text) {
    packet p(from, 64, text.size());
    p.append(std::as_bytes(std::span(text)));
    return p;
}
std::string text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

struct read_frame {
    std::string text;
    std::uint64_t time;
    std::size_t original;
};
std::vector<read_frame> frames_of(const std::vector<std::byte>& file) {
    std::vector<read_frame> frames;
    netkit::pcapng_reader reader(file);
    for (netkit::pcapng_packet p; reader.next(p);) frames.push_back({text_of(p.data), p.time, p.original_length});
    CHECK(reader.well_formed());
    return frames;
}

}  // namespace

TEST_CASE("a capture holds what passed, both ways, with its time") {
    netkit::pool buffers;
    temporary_file file;
    auto [a, b] = memory_link::make();
    {
        std::uint64_t time = 1'000'000'007;
        capture<memory_link> device(std::move(a), file.path(), {.name = "left", .now = [&] { return time; }});
        std::array<packet, 2> batch{packet_of(buffers, "first"), packet_of(buffers, "second")};
        CHECK(device.transmit(batch) == 2);
        time += 5;
        auto answer = packet_of(buffers, "answer");
        b.transmit(std::span(&answer, 1));
        packet got;
        CHECK(device.receive({buffers}, std::span(&got, 1)) == 1);
        CHECK(text_of(got.head()) == "answer");
    }
    const auto bytes = file.bytes();
    const auto frames = frames_of(bytes);
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].text == "first");
    CHECK(frames[1].text == "second");
    CHECK(frames[2].text == "answer");
    CHECK(frames[0].time == 1'000'000'007);
    CHECK(frames[2].time == 1'000'000'012);
    CHECK(text_of(bytes).find("left") != std::string::npos);
}

TEST_CASE("frames that a full device did not take are not in the capture until it does") {
    netkit::pool buffers;
    temporary_file file;
    auto [a, b] = memory_link::make({.capacity = 1});
    {
        capture<memory_link> device(std::move(a), file.path());
        std::array<packet, 3> batch{packet_of(buffers, "1"), packet_of(buffers, "22"), packet_of(buffers, "333")};
        CHECK(device.transmit(batch) == 1);
        packet got;
        CHECK(b.receive({buffers}, std::span(&got, 1)) == 1);
        CHECK(device.transmit(std::span(batch).subspan(1)) == 1);
    }
    const auto frames = frames_of(file.bytes());
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].text == "1");
    CHECK(frames[1].text == "22");
}

TEST_CASE("long batches are captured whole") {
    netkit::pool buffers;
    temporary_file file;
    auto [a, b] = memory_link::make({.capacity = 100});
    {
        capture<memory_link> device(std::move(a), file.path());
        std::vector<packet> batch;
        for (int i = 0; i < 80; ++i) batch.push_back(packet_of(buffers, std::string(1400, static_cast<char>(i))));
        CHECK(device.transmit(batch) == 80);
    }
    const auto frames = frames_of(file.bytes());
    REQUIRE(frames.size() == 80);
    for (std::size_t i = 0; i < 80; ++i) CHECK(frames[i].text == std::string(1400, static_cast<char>(i)));
}

TEST_CASE("what is written has its checksum, what is sent has not") {
    netkit::pool buffers;
    temporary_file file;
    netkit::chunk chunk(buffers);
    chunk.append(std::as_bytes(std::span(std::string_view("borrowed"))));
    for (const std::uint32_t snap_length : {0u, 12u}) {
        CAPTURE(snap_length);
        auto [a, b] = memory_link::make({.can = {.checksum = true, .scatter = true}});
        {
            capture<memory_link> device(std::move(a), file.path(), {.snap_length = snap_length});
            CHECK(device.can().checksum);
            auto p = packet_of(buffers, std::string_view("LLabcd\0\0efg", 11));
            p.attach(chunk.share(0, 8));
            REQUIRE(p.mark_partial(2, 4));
            CHECK(device.transmit(std::span(&p, 1)) == 1);
        }
        packet got;
        REQUIRE(b.receive({buffers}, std::span(&got, 1)) == 1);
        CHECK(got.checksum() == netkit::checksum_state::partial);
        CHECK(text_of(got.head().subspan(6, 2)) == std::string(2, '\0'));
        got.complete_checksum();
        REQUIRE(got.linearize());

        const auto frames = frames_of(file.bytes());
        REQUIRE(frames.size() == 1);
        CHECK(frames[0].original == 19);
        CHECK(frames[0].text == text_of(got.head()).substr(0, snap_length == 0 ? 19 : snap_length));
        CHECK(netkit::fold16(netkit::sum16(got.head().subspan(2))) == 0);
    }
}

TEST_CASE("several devices share one file") {
    netkit::pool buffers;
    temporary_file file;
    auto [a, b] = memory_link::make();
    {
        auto writer = std::make_shared<netkit::capture_writer>(file.path());
        capture<memory_link> left(std::move(a), writer, {.name = "left"});
        capture<memory_link> right(std::move(b), writer, {.name = "right"});
        auto p = packet_of(buffers, "once");
        left.transmit(std::span(&p, 1));
        right.receive({buffers}, std::span(&p, 1));
    }
    const auto bytes = file.bytes();
    netkit::pcapng_reader reader(bytes);
    netkit::pcapng_packet frame;
    REQUIRE(reader.next(frame));
    CHECK(frame.interface == 0);
    REQUIRE(reader.next(frame));
    CHECK(frame.interface == 1);
    CHECK(text_of(frame.data) == "once");
    CHECK_FALSE(reader.next(frame));
}

TEST_CASE("without a file the device is as it was") {
    netkit::pool buffers;
    auto [a, b] = memory_link::make({.mtu = 576, .link = netkit::link_type::ip});
    capture<memory_link> device(std::move(a), std::string());
    CHECK(device.writer() == nullptr);
    CHECK(device.mtu() == 576);
    CHECK(device.link() == netkit::link_type::ip);
    auto p = packet_of(buffers, "passes");
    CHECK(device.transmit(std::span(&p, 1)) == 1);
    CHECK(b.waiting() == 1);
}

TEST_CASE("a capture can be played back") {
    netkit::pool buffers;
    temporary_file file;
    auto [a, b] = memory_link::make({.link = netkit::link_type::ip});
    {
        capture<memory_link> device(std::move(a), file.path());
        std::array<packet, 2> batch{packet_of(buffers, "one"), packet_of(buffers, "two")};
        device.transmit(batch);
    }
    auto replay = netkit::pcapng_device::open(file.path());
    CHECK(replay.link() == netkit::link_type::ip);
    CHECK(replay.frames() == 2);
    std::array<packet, 4> batch;
    REQUIRE(replay.receive({buffers, 32}, batch) == 2);
    CHECK(text_of(batch[0].head()) == "one");
    CHECK(batch[0].headroom() == 32);
    CHECK(text_of(batch[1].head()) == "two");
    CHECK(replay.finished());
    CHECK(replay.transmit(batch) == 4);
    CHECK(replay.swallowed() == 4);
}

TEST_CASE("a file that cannot be written is an error that names it") {
    auto make = [] { capture<memory_link> device(memory_link(), "/nonexistent/x.pcapng"); };
    CHECK_THROWS_WITH_AS(make(), "netkit: cannot write the capture file '/nonexistent/x.pcapng': No such file or directory", netkit::device_error);
}

TEST_CASE("a file that cannot be written completely is told of at the end, and holds up nothing") {
    netkit::pool buffers;
    auto [a, b] = memory_link::make();
    capture<memory_link> device(std::move(a), "/dev/full");
    auto frame = packet_of(buffers, "one");
    CHECK(device.transmit(std::span(&frame, 1)) == 1);
    CHECK_FALSE(device.writer()->failed());
    for (int i = 0; i < 2; ++i)
        CHECK_THROWS_WITH_AS(device.writer()->finish(), "netkit: cannot write the capture file '/dev/full': No space left on device", netkit::device_error);
    CHECK(device.writer()->failed());
    frame = packet_of(buffers, "two");
    CHECK(device.transmit(std::span(&frame, 1)) == 1);
}

}  // namespace drivers_capture_tests
