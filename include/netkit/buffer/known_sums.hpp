#pragma once

#include <netkit/core/checksum.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace netkit::detail {

/// What pieces of a buffer add up to, noted in their order when they were written, so that who makes a checksum need not read them again.
/// Who verifies one must not ask here.
class known_sums {
public:
    /// Pieces that are noted at most: what a chunk of 64 KiB is cut into by segments of 1460 bytes.
    static constexpr std::size_t most = 47;

    /// Notes that the `size` bytes at `at`, behind all that was noted before, add up to `sum`. They become one with the last piece where that
    /// ends here and is to be `continued`.
    void note(std::size_t at, std::size_t size, std::uint64_t sum, bool continued) {
        if (at > 0xffff || size > 0xffff) return;
        auto* const last = count_ != 0 ? &pieces_[count_ - 1u] : nullptr;
        if (continued && last && std::size_t{last->at} + last->size == at && last->size + size <= 0xffff) {
            last->sum = folded(last->sum + (last->size % 2 != 0 ? sum_moved_by_one(sum) : sum));
            last->size = static_cast<std::uint16_t>(last->size + size);
        } else if (count_ < most) {
            pieces_[count_++] = {static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(size), folded(sum)};
        }
    }
    /// What exactly these bytes add up to; null where that was not noted. Who asks for one piece after the other finds each at once.
    const std::uint16_t* find(std::size_t at, std::size_t size) {
        for (std::size_t tried = 0; tried < count_; ++tried) {
            if (next_ >= count_) next_ = 0;
            const auto& found = pieces_[next_++];
            if (found.at == at) return found.size == size ? &found.sum : nullptr;
        }
        return nullptr;
    }

private:
    struct piece {
        std::uint16_t at, size, sum;
    };
    static std::uint16_t folded(std::uint64_t sum) { return static_cast<std::uint16_t>(~fold16(sum)); }

    std::array<piece, most> pieces_;
    std::uint8_t count_;
    std::uint8_t next_;  // where to look first
};
static_assert(std::is_trivial_v<known_sums>, "made by value initialization, in a buffer");

}  // namespace netkit::detail
