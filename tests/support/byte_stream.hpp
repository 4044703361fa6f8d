#pragma once

// A stream whose every byte tells its place, so that whatever is lost, doubled or moved shows.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace netkit::test {

inline std::byte byte_of(std::size_t at) { return static_cast<std::byte>(at ^ at >> 8 ^ at >> 16); }

/// The bytes to send next, until there have been `most`: next(), then sent().
class stream_source {
public:
    explicit stream_source(std::size_t most, std::size_t block = 128 * 1024) : most_(most), block_(std::min(most, block)), left_(0) {}
    std::span<const std::byte> next() {
        if (left_ == 0) {
            left_ = std::min(block_.size(), most_ - sent_);
            for (std::size_t i = 0; i < left_; ++i) block_[block_.size() - left_ + i] = byte_of(sent_ + i);
        }
        return std::span<const std::byte>(block_).last(left_);
    }
    void sent(std::size_t bytes) {
        sent_ += bytes;
        left_ -= bytes;
    }
    std::size_t count() const { return sent_; }
    bool done() const { return sent_ == most_; }

private:
    std::size_t most_, sent_ = 0;
    std::vector<std::byte> block_;
    std::size_t left_;  // of the block, at its end
};

/// Counts what is received, and what of it is wrong.
class stream_sink {
public:
    void take(std::span<const std::byte> bytes) {
        for (const auto b : bytes) wrong_ += b != byte_of(received_++);
    }
    std::size_t received() const { return received_; }
    std::size_t wrong() const { return wrong_; }

private:
    std::size_t received_ = 0, wrong_ = 0;
};

}  // namespace netkit::test
