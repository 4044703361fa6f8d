#pragma once

#include <netkit/compose/interface.hpp>
#include <netkit/core/time.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/testing/tcp_numbers.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>

namespace netkit::testing {

/// A script went otherwise than it says: where, what was expected, what came, when, and what had happened before.
class script_failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// "0.200000 s".
inline std::string time_text(duration d) {
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(d).count();
    auto rest = std::to_string((microseconds < 0 ? -microseconds : microseconds) % 1'000'000);
    rest.insert(0, 6 - rest.size(), '0');
    return (microseconds < 0 ? "-" : "") + std::to_string((microseconds < 0 ? -microseconds : microseconds) / 1'000'000) + "." + rest + " s";
}
/// "tests/layers/tcp.cpp:42".
inline std::string place_text(const std::source_location& here) { return std::string(here.file_name()) + ":" + std::to_string(here.line()); }

/// The last packets that went either way, for the one who reads why a script failed.
class script_log {
public:
    static constexpr std::size_t most = 30;

    void add(bool to_host, duration at, link_type link, packet_bytes bytes) {
        if (lines_.size() == most) {
            lines_.pop_front();
            ++forgotten_;
        }
        lines_.push_back({to_host, at, link, std::move(bytes)});
    }
    /// A line for each: ">" goes to the host, "<" comes from it.
    std::string text(const tcp_numbers& numbers) const {
        std::string all;
        if (forgotten_ != 0) all += "    (" + std::to_string(forgotten_) + " earlier)\n";
        for (const auto& l : lines_) {
            seen_packet p(l.bytes, l.link);
            tcp_numbers(numbers).apply(p, false);
            all += "    " + time_text(l.at) + (l.to_host ? " > " : " < ") + to_string(p) + "\n";
        }
        return all;
    }

private:
    struct line {
        bool to_host;
        duration at;
        link_type link;
        packet_bytes bytes;
    };
    std::deque<line> lines_;
    std::size_t forgotten_ = 0;
};

}  // namespace netkit::testing
