#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/core/checksum.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace netkit {

/// Storage that is filled at its end while what was written before is already shared: what a send queue is made of.
/// Written bytes never change, so that their sharers need not be asked.
class chunk {
public:
    enum class extent : std::uint8_t {
        usual = 1,  ///< 4096 bytes
        large = 2,  ///< 65536 and some
    };

    chunk() = default;
    /// Empty, and !*this, where the pool is exhausted.
    explicit chunk(pool& home, extent e = extent::usual) : buffer_(home.store_->get(static_cast<unsigned>(e), 0)) {}
    chunk(chunk&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
    chunk& operator=(chunk&& other) noexcept {
        std::swap(buffer_, other.buffer_);
        return *this;
    }
    ~chunk() {
        if (buffer_) detail::release(buffer_);
    }
    explicit operator bool() const { return buffer_ != nullptr; }

    std::size_t size() const { return static_cast<std::size_t>(buffer_->last - buffer_->begin()); }
    std::size_t room() const { return buffer_->capacity() - size(); }
    std::span<const std::byte> bytes() const { return {buffer_->begin(), size()}; }
    /// Copies what fits; returns how many bytes did.
    std::size_t append(std::span<const std::byte> bytes) {
        const auto n = std::min(bytes.size(), room());
        if (n) std::memcpy(buffer_->last, bytes.data(), n);
        buffer_->last += n;
        return n;
    }
    /// The same, and notes what the pieces add up to into which the bytes will be cut: as foreseen, the first piece ends after `until` bytes,
    /// and each of the others has `each`. `until` is moved on; where it is not `each`, what was written before belongs to the piece.
    std::size_t append_summed(std::span<const std::byte> bytes, std::size_t& until, std::size_t each) {
        const auto n = std::min(bytes.size(), room());
        if (!std::exchange(buffer_->about.summed, true)) std::construct_at(&buffer_->sums);
        for (std::size_t done = 0; done < n;) {
            const auto part = std::min(n - done, until);
            const auto sum = copy_and_sum(buffer_->last, bytes.data() + done, part);
            buffer_->sums.note(size(), part, sum, until != each);
            buffer_->last += part;
            done += part;
            until = until == part ? each : until - part;
        }
        return n;
    }
    /// Another owner of what was written at [at, at + size), which must be within size().
    shared_packet share(std::size_t at, std::size_t size) const {
        ++buffer_->owners;
        return shared_packet(detail::slice{buffer_, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(size)});
    }

private:
    buffer* buffer_ = nullptr;
};

}  // namespace netkit
