#pragma once

#include <netkit/core/endpoint.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>

namespace netkit {

/// Whom a socket has lately sent something large to: a router that says it was too large, and quotes a packet for somebody else, has made it up
/// (RFC 5927 section 7).
class recent_targets {
public:
    /// Payloads that fit every path are not too large for any, in bytes.
    static constexpr std::size_t fits_everywhere = 512;
    static constexpr std::size_t most = 16;

    void note(const endpoint& to) {
        const auto mark = mark_of(to);
        if (marks_[(next_ + most - 1) % most] == mark) return;
        marks_[next_] = mark;
        next_ = (next_ + 1) % most;
    }
    bool has(const endpoint& to) const { return std::find(marks_.begin(), marks_.end(), mark_of(to)) != marks_.end(); }

private:
    static std::size_t mark_of(const endpoint& to) { return std::max<std::size_t>(std::hash<endpoint>()(to), 1); }

    std::array<std::size_t, most> marks_{};  // 0: none
    std::size_t next_ = 0;
};

}  // namespace netkit
