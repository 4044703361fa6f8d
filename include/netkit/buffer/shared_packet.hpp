#pragma once

#include <netkit/buffer/pool.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace netkit {

class packet;

/// One of several owners of the same bytes, or of a part of them (what skb_clone gives): copyable, read-only, 16 bytes.
/// All owners belong to one strand; the count is not atomic.
class shared_packet {
public:
    shared_packet() = default;
    shared_packet(const shared_packet& other) : slice_(other.slice_) {
        if (slice_.from) ++slice_.from->owners;
    }
    shared_packet(shared_packet&& other) noexcept : slice_(std::exchange(other.slice_, {})) {}
    shared_packet& operator=(shared_packet other) noexcept {
        std::swap(slice_, other.slice_);
        return *this;
    }
    ~shared_packet() {
        if (slice_.from) detail::release(slice_.from);
    }
    explicit operator bool() const { return slice_.from != nullptr; }

    std::span<const std::byte> bytes() const {
        if (!slice_.from) return {};
        return {slice_.from->begin() + slice_.at, slice_.size};
    }
    std::size_t size() const { return slice_.size; }
    /// How many hold these bytes, this one included.
    std::size_t owners() const { return slice_.from ? slice_.from->owners : 0; }

    /// Another owner of up to `size` bytes from offset `at`; both are cut to what there is.
    shared_packet slice(std::size_t at, std::size_t size) const {
        auto part = *this;
        at = std::min<std::size_t>(at, slice_.size);
        part.slice_.at += static_cast<std::uint32_t>(at);
        part.slice_.size = static_cast<std::uint32_t>(std::min<std::size_t>(size, slice_.size - at));
        return part;
    }
    /// Gives up the first n bytes of this owner's part.
    void remove_prefix(std::size_t n) {
        n = std::min<std::size_t>(n, slice_.size);
        slice_.at += static_cast<std::uint32_t>(n);
        slice_.size -= static_cast<std::uint32_t>(n);
    }

    /// The bytes to write to: moved out where no one else holds them, copied otherwise. Empty where the pool is exhausted.
    inline packet unshare() &&;

private:
    friend class packet;
    friend class chunk;
    explicit shared_packet(detail::slice s) : slice_(s) {}
    detail::slice slice_;
};
static_assert(sizeof(shared_packet) == 16);

}  // namespace netkit
