#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace netkit {

/// Where a fragment belongs in its datagram, in bytes.
struct fragment_position {
    std::uint32_t offset = 0;
    bool more = false;          ///< others follow
    std::uint16_t header = 0;   ///< bytes of headers, already pulled, that lie in front of the packet's own bytes
    bool congestion_experienced = false;  ///< one marked fragment marks the datagram (RFC 3168 section 5.3)
};

/// The fragments of one datagram, in order and apart from one another (RFC 815, with the overlaps of RFC 5722 refused).
class fragment_list {
public:
    enum class fit : std::uint8_t {
        fits,
        duplicate,  ///< the very same bytes are there already
        conflict,   ///< overlaps another one, or contradicts what is known of the end
    };
    /// Whether a fragment goes with those that are here. Logarithmic.
    fit check(const packet& p, const fragment_position& at) const {
        const auto end = at.offset + static_cast<std::uint32_t>(p.size());
        const auto next = std::lower_bound(pieces_.begin(), pieces_.end(), at.offset, [](const piece& a, std::uint32_t offset) { return a.offset < offset; });
        if (next != pieces_.end() && next->offset == at.offset && next->size == p.size() && (has_last_ && end == total_) == !at.more && same_bytes(next->bytes, p))
            return fit::duplicate;
        if (next != pieces_.end() && next->offset < end) return fit::conflict;
        if (next != pieces_.begin() && std::prev(next)->end() > at.offset) return fit::conflict;
        if (has_last_ && (at.more ? end >= total_ : true)) return fit::conflict;
        if (!at.more && !pieces_.empty() && pieces_.back().end() > end) return fit::conflict;
        return fit::fits;
    }
    /// Only what check() finds to fit.
    void insert(packet p, const fragment_position& at) {
        const auto size = static_cast<std::uint32_t>(p.size());
        if (!at.more) {
            has_last_ = true;
            total_ = at.offset + size;
        }
        if (at.offset == 0) header_ = at.header;
        congestion_experienced_ |= at.congestion_experienced;
        received_ += size;
        auto place = pieces_.end();
        if (!pieces_.empty() && pieces_.back().offset > at.offset)
            place = std::lower_bound(pieces_.begin(), pieces_.end(), at.offset, [](const piece& a, std::uint32_t offset) { return a.offset < offset; });
        pieces_.insert(place, piece{at.offset, size, std::move(p)});
    }

    std::size_t size() const { return pieces_.size(); }
    /// Bytes of the datagram, headers aside; only where its last fragment is here.
    std::uint32_t total() const { return total_; }
    bool complete() const { return has_last_ && received_ == total_; }
    bool has_first() const { return !pieces_.empty() && pieces_.front().offset == 0; }
    /// Bytes of headers in front of the first fragment; only where has_first().
    std::uint16_t header() const { return header_; }
    bool congestion_experienced() const { return congestion_experienced_; }

    /// The datagram of a complete list: `headroom` bytes of room, the first fragment's headers, pulled, then all bytes in one
    /// piece. It stands for the frames of all fragments. Empty, and nothing done, where the pool is exhausted.
    packet assemble(pool& home, std::size_t headroom) {
        packet whole(home, headroom, header_ + std::size_t{total_});
        if (!whole) return whole;
        auto& first = pieces_.front().bytes;
        whole.append(std::as_bytes(first.push(header_)));
        first.pull(header_);
        std::uint32_t frames = 0;
        for (const auto& part : pieces_) {
            frames += part.bytes.frames();
            part.bytes.for_each_part([&](std::span<const std::byte> bytes) { whole.append(bytes); });
        }
        whole.pull(header_);
        whole.interface(first.interface());
        whole.frames(static_cast<std::uint16_t>(std::min<std::uint32_t>(frames, 0xffff)));
        clear();
        return whole;
    }
    /// All fragments, the first in front where there is one; none are left here.
    packet_queue take() {
        packet_queue all;
        for (auto& part : pieces_) all.push_back(std::move(part.bytes));
        clear();
        return all;
    }

private:
    struct piece {
        std::uint32_t offset, size;
        packet bytes;
        std::uint32_t end() const { return offset + size; }
    };
    static bool same_bytes(const packet& a, const packet& b) {
        if (a.slices() == 0 && b.slices() == 0) return std::memcmp(a.head().data(), b.head().data(), a.size()) == 0;
        std::vector<std::byte> left(a.size()), right(b.size());
        a.copy_to(left);
        b.copy_to(right);
        return left == right;
    }
    void clear() {
        pieces_.clear();
        received_ = 0;
    }

    std::vector<piece> pieces_;
    std::uint32_t received_ = 0, total_ = 0;
    std::uint16_t header_ = 0;
    bool has_last_ = false, congestion_experienced_ = false;
};

}  // namespace netkit
