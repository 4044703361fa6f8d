#pragma once

#include <netkit/buffer/known_sums.hpp>
#include <netkit/buffer/offload.hpp>
#include <netkit/core/interface_id.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

namespace netkit {

struct buffer;
class pool;

namespace detail {
struct pool_store;

/// A counted hold on part of a buffer: the raw form of shared_packet, trivially made and cleared inside buffers.
struct slice {
    buffer* from = nullptr;
    std::uint32_t at = 0, size = 0;
};
}  // namespace detail

/// The storage behind a packet: one cache line of facts, one of the holder's notes, borrowed slices, then bytes.
/// Programs hold it through packet, shared_packet or chunk.
struct alignas(64) buffer {
    static constexpr std::size_t most_slices = 18;
    static constexpr std::size_t control_size = 64;

    detail::pool_store* home = nullptr;
    buffer* next = nullptr;      ///< of a free list or a packet_queue
    std::byte* first = nullptr;  ///< own bytes are [first, last)
    std::byte* last = nullptr;
    std::uint32_t owners = 0;
    std::uint8_t size_class = 0;

    /// What is known of the packet; cleared in one go.
    struct facts {
        std::uint32_t borrowed = 0;       ///< bytes in slices
        std::uint32_t partial_sum = 0;    ///< checksum partial: what the summed header and the pseudo-header add up to
        std::uint16_t sum_start = 0;      ///< offset in the storage of what follows the summed header
        std::uint16_t gso_size = 0;       ///< payload of each segment, where the packet stands for several
        std::uint16_t frames = 0;         ///< received frames this packet stands for; zero for a packet of our own making
        interface_id interface = interface_id::none;
        std::uint8_t sum_header = 0;      ///< size of the summed header
        std::uint8_t sum_field = 0;       ///< offset in it of its checksum
        checksum_state checksum = checksum_state::unknown;  // zero, as clear() takes it to be
        std::uint8_t slices = 0;
        bool summed = false;              ///< `sums` holds what is known; there are no slices

        /// In place: made elsewhere, they would be copied in other pieces than they were written in, and stall.
        void clear() {
            std::memset(static_cast<void*>(this), 0, sizeof *this);
            interface = interface_id::none;
        }
    } about;

    alignas(64) std::byte control[control_size];
    union {
        alignas(64) std::array<detail::slice, most_slices> slices{};
        detail::known_sums sums;  ///< of a chunk, which borrows nothing
    };

    std::byte* begin() { return reinterpret_cast<std::byte*>(this + 1); }
    const std::byte* begin() const { return reinterpret_cast<const std::byte*>(this + 1); }
    inline std::size_t capacity() const;
    const std::byte* end() const { return begin() + capacity(); }
};
static_assert(offsetof(buffer, control) == 64, "the facts fill one cache line");
static_assert(sizeof(detail::known_sums) <= sizeof(buffer::slices), "what is known of sums takes no more room");

/// The sizes of storage that a pool keeps: a frame; what a send queue fills, so that 18 make a super-segment; a super-segment.
enum class buffer_size : std::uint8_t { small, chunk, large };
inline constexpr std::array<std::size_t, 3> buffer_capacities{2048, 4096, 65536 + 512};

inline std::size_t buffer::capacity() const { return buffer_capacities[size_class]; }

}  // namespace netkit
