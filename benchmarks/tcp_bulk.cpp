// W3: one stream from a host to another in the same thread, checksums on, the receiving program reads into a buffer. Time is
// for one segment of 1460 bytes: 11 680 divided by it is the goodput in Gbit/s. Beside it a floor that only touches the
// bytes: with segments of 1460 a copy and a sum on each side, with super-segments, whose sums need not be made, two copies.
#include "best_of_many.hpp"
#include "tcp_pair.hpp"

#include <netkit/core/checksum.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace {

using namespace netkit_benchmark;

constexpr std::size_t segment = 1460;
constexpr std::size_t batch = 512;  // segments

class stream {
public:
    stream(std::uint32_t window, bool super_segments) : hosts_(tcp_pair::make({.checksum = super_segments, .scatter = true, .segmentation = super_segments})) {
        const netkit::tcp_socket_options options{.send_buffer = window, .receive_buffer = window};
        hosts_->listen(listener_, options);
        hosts_->connect(from_, listener_, to_, options);
        to_.set_options(options);
        from_.on_ready([](void* self) { static_cast<stream*>(self)->write(); }, this);
        to_.on_ready([](void* self) { static_cast<stream*>(self)->read(); }, this);
        write();
        run(4 * 1024 * 1024);  // until the congestion window is open
    }
    void run(std::size_t bytes) {
        const auto end = received_ + bytes;
        for (std::size_t idle = 0; received_ < end && idle < 1000; ++idle) {
            const auto before = received_;
            hosts_->turn();
            if (received_ != before) idle = 0;
        }
        stuck_ = received_ < end;
    }
    bool stuck() const { return stuck_; }
    bool garbled() const { return garbled_; }

private:
    static constexpr std::size_t pattern = 64 * 1024;
    void write() {
        for (;;) {
            const auto done = from_.send(std::span<const std::byte>(source_).subspan(sent_ % pattern)).bytes;
            if (done == 0) return;
            sent_ += done;
        }
    }
    void read() {
        for (;;) {
            const auto done = to_.receive(std::span<std::byte>(target_)).bytes;
            if (done == 0) return;
            garbled_ |= target_[0] != source_[received_ % pattern] || target_[done - 1] != source_[(received_ + done - 1) % pattern];
            received_ += done;
        }
    }

    std::vector<std::byte> source_ = [] {
        std::vector<std::byte> bytes(pattern);
        for (std::size_t i = 0; i < pattern; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
        return bytes;
    }();
    std::vector<std::byte> target_ = std::vector<std::byte>(pattern);
    std::unique_ptr<tcp_pair> hosts_;
    netkit::tcp_socket listener_, from_, to_;
    std::size_t sent_ = 0, received_ = 0;
    bool stuck_ = false, garbled_ = false;
};

void bulk(benchmark::State& state) {
    stream s(static_cast<std::uint32_t>(state.range(0)), state.range(1) != 0);
    while (state.KeepRunningBatch(batch) && !s.stuck()) s.run(batch * segment);
    if (s.stuck()) state.SkipWithError("nothing moves any more");
    if (s.garbled()) state.SkipWithError("other bytes arrived than were sent");
}

void floor(benchmark::State& state) {
    const auto window = static_cast<std::size_t>(state.range(0));
    const bool sums = state.range(1) == 0;
    std::vector<std::byte> source(64 * 1024), target(64 * 1024), queue(window);
    std::uint64_t sum = 0;
    std::size_t at = 0, in_program = 0;
    while (state.KeepRunningBatch(batch))
        for (std::size_t done = 0; done < batch;) {
            // What a window holds goes out, then comes in.
            const auto some = std::min(batch - done, window / segment);
            const auto start = at;
            for (std::size_t i = 0; i < some; ++i, at = (at + segment) % (window - segment), in_program = (in_program + segment) % (source.size() - segment)) {
                std::memcpy(&queue[at], &source[in_program], segment);
                if (sums) sum += netkit::fold16(netkit::sum16(std::span<const std::byte>(&queue[at], segment)));
            }
            at = start;
            for (std::size_t i = 0; i < some; ++i, at = (at + segment) % (window - segment), in_program = (in_program + segment) % (source.size() - segment)) {
                if (sums) sum += netkit::fold16(netkit::sum16(std::span<const std::byte>(&queue[at], segment)));
                std::memcpy(&target[in_program], &queue[at], segment);
            }
            done += some;
            benchmark::ClobberMemory();
        }
    benchmark::DoNotOptimize(sum);
}

const auto registered = [] {
    for (auto* b : {benchmark::RegisterBenchmark("W3/floor", floor), benchmark::RegisterBenchmark("W3/netkit", bulk)})
        best_of_many(b->ArgNames({"window", "super"})->Args({65536, 0})->Args({1048576, 0})->Args({65536, 1})->Args({1048576, 1}), 50);
    return 0;
}();

}  // namespace
