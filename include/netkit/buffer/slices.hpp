#pragma once

#include <netkit/buffer/buffer.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// What is done with the slices that a buffer borrows. Out of line, these take the buffer and not its packet: a packet whose address is
/// taken lives in memory, on the usual way, too.
namespace netkit::detail {

/// Puts a slice, which is held from now on, too, behind the others, of which there must be fewer than 18.
inline void add_slice(buffer* b, const slice& s) {
    ++s.from->owners;
    b->slices[b->about.slices++] = s;
    b->about.borrowed += s.size;
}
/// Moves all slices of one buffer behind another's; pieces of the same bytes that follow on one another become one. False, and nothing done,
/// where there might be more than 18.
inline bool move_slices(buffer* from, buffer* to) {
    auto& about = to->about;
    if (std::size_t{about.slices} + from->about.slices > buffer::most_slices) return false;
    for (std::size_t i = 0; i < from->about.slices; ++i) {
        const auto& s = from->slices[i];
        auto* const last = about.slices != 0 ? &to->slices[about.slices - 1u] : nullptr;
        if (last && last->from == s.from && last->at + last->size == s.at) {
            last->size += s.size;
            --s.from->owners;  // the other piece holds it, too
        } else {
            to->slices[about.slices++] = s;
        }
    }
    about.borrowed += from->about.borrowed;
    from->about.borrowed = 0;
    from->about.slices = 0;
    return true;
}

/// Whether there is room behind a buffer's own bytes for all that it borrows.
inline bool has_room_for_slices(const buffer* b) { return static_cast<std::size_t>(b->end() - b->last) >= b->about.borrowed; }
/// Copies all that it borrows there, and gives it back.
inline void copy_slices_in(buffer* b) {
    for (std::size_t i = 0; i < b->about.slices; ++i) {
        const auto& s = b->slices[i];
        std::memcpy(b->last, s.from->begin() + s.at, s.size);
        b->last += s.size;
    }
    pool_store::release_slices(b);
}

/// Adds up all slices; `odd` where the first starts at an odd offset. `Known`: what was added up when it was written counts.
template <bool Known>
NETKIT_HOT std::uint64_t sum_slices_here(const buffer* b, std::uint64_t sum, bool odd) {
    for (std::size_t i = 0; i < b->about.slices; ++i) {
        const auto& s = b->slices[i];
        const std::uint16_t* known = nullptr;
        if constexpr (Known) known = s.from->about.summed ? s.from->sums.find(s.at, s.size) : nullptr;
        if (known) sum += odd ? sum_moved_by_one(*known) : *known;
        else sum = sum_at(odd, {s.from->begin() + s.at, s.size}, sum);
        odd ^= (s.size & 1) != 0;
    }
    return sum;
}
template <bool Known>
[[gnu::noinline]] std::uint64_t sum_slices(const buffer* b, std::uint64_t sum, bool odd) {
    return sum_slices_here<Known>(b, sum, odd);
}

/// Keeps the first n bytes, own and borrowed.
[[gnu::noinline]] inline void trim_slices(buffer* b, std::size_t n) {
    const auto own_size = static_cast<std::size_t>(b->last - b->first);
    auto& about = b->about;
    if (n >= own_size + about.borrowed) return;
    const auto own = std::min(n, own_size);
    b->last = b->first + own;
    auto left = n - own;
    about.borrowed = static_cast<std::uint32_t>(left);
    for (std::size_t i = 0; i < about.slices; ++i) {
        const auto kept = std::min<std::size_t>(left, b->slices[i].size);
        b->slices[i].size = static_cast<std::uint32_t>(kept);
        left -= kept;
    }
    while (about.slices && b->slices[about.slices - 1].size == 0) release(b->slices[--about.slices].from);
}
/// The same; false, and nothing done, where there are fewer.
[[gnu::noinline]] inline bool keep_slices(buffer* b, std::size_t n) {
    if (n > static_cast<std::size_t>(b->last - b->first) + b->about.borrowed) return false;
    trim_slices(b, n);
    return true;
}

}  // namespace netkit::detail
