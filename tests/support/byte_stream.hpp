#pragma once

// A stream whose bytes tell their place, so that whatever is lost, doubled or moved shows.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace netkit::test {

/// What such a stream has at a place: a stretch of it, at most `most` bytes.
inline std::span<const std::byte> stream_at(std::size_t at, std::size_t most) {
    // Of a length that nothing else in a network has; places are told apart modulo that.
    static const auto pattern = [] {
        std::vector<std::byte> bytes(1'000'003);
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i ^ i >> 8 ^ i >> 16);
        return bytes;
    }();
    const auto from = at % pattern.size();
    return std::span(pattern).subspan(from, std::min(most, pattern.size() - from));
}

/// The bytes to send next, until there have been `most`: next(), then sent().
class stream_source {
public:
    explicit stream_source(std::size_t most) : most_(most) {}
    std::span<const std::byte> next() const { return stream_at(sent_, most_ - sent_); }
    void sent(std::size_t bytes) { sent_ += bytes; }
    std::size_t count() const { return sent_; }
    bool done() const { return sent_ == most_; }

private:
    std::size_t most_, sent_ = 0;
};

/// Counts what is received, and what of it is wrong.
class stream_sink {
public:
    void take(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto expected = stream_at(received_, bytes.size());
            if (std::memcmp(bytes.data(), expected.data(), expected.size()) != 0)
                for (std::size_t i = 0; i < expected.size(); ++i) wrong_ += bytes[i] != expected[i];
            received_ += expected.size();
            bytes = bytes.subspan(expected.size());
        }
    }
    std::size_t received() const { return received_; }
    std::size_t wrong() const { return wrong_; }

private:
    std::size_t received_ = 0, wrong_ = 0;
};

}  // namespace netkit::test
