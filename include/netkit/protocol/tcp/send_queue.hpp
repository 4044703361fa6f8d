#pragma once

#include <netkit/buffer/chunk.hpp>
#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/protocol/tcp/piece_ring.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace netkit {

/// How what is written will be cut into segments, as far as can be foreseen: the first ends after `until` bytes, and others after `each`, both
/// not zero. Where each is zero there is nothing to foresee.
struct tcp_foreseen_cut {
    std::size_t until = 0, each = 0;
};

/// What a program has sent and its peer has not acknowledged: shares of chunks that writes fill (of 4 or 64 KiB), and shares the program
/// handed over. Segments borrow from it, so that sending again copies nothing.
class tcp_send_queue {
public:
    /// Payloads up to this size are copied behind their header: cheaper than lending.
    static constexpr std::size_t copied_up_to = 256;
    /// Where so much is queued, or to be, chunks are large: fewer, and segments lie in one more often.
    static constexpr std::uint32_t large_chunks_from = 32 << 10;

    /// Bytes queued, sent or not.
    std::uint32_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    /// Copies bytes to the end; returns how many, fewer only where the pool is exhausted. With a `cut` they are added up on the way.
    std::size_t append(pool& buffers, std::span<const std::byte> bytes, tcp_foreseen_cut cut = {}) {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const auto n = append_to_chunk(buffers, bytes.subspan(done), cut);
            if (n == 0) break;
            done += n;
            size_ += static_cast<std::uint32_t>(n);
        }
        return done;
    }
    /// Puts a share of others' bytes at the end; false, and nothing done, where the pool is exhausted.
    bool append(pool& buffers, shared_packet bytes) {
        if (bytes.size() == 0) return true;
        const auto n = static_cast<std::uint32_t>(bytes.size());
        if (!pieces_.push_back(buffers, std::move(bytes))) return false;
        tail_continues_ = false;
        size_ += n;
        return true;
    }
    /// Gives up the first n bytes, which have been acknowledged.
    void release(std::uint32_t n) {
        size_ -= n;
        released_ += n;
        while (n != 0) {
            auto& front = pieces_[0];
            if (n < front.size()) {
                front.remove_prefix(n);
                // A cursor may stand at this piece, whose start has moved.
                for (auto* c : {&forth_, &back_})
                    if (c->piece == 0) c->at = released_;
                return;
            }
            n -= static_cast<std::uint32_t>(front.size());
            pieces_.pop_front();
            for (auto* c : {&forth_, &back_}) {
                if (c->piece != 0) --c->piece;
                else c->at = released_ - n;
            }
        }
        if (size_ == 0) {
            tail_ = chunk();
            tail_continues_ = false;
        }
    }
    void clear() {
        pieces_.clear();
        tail_ = chunk();
        tail_continues_ = false;
        released_ += size_;
        size_ = 0;
        forth_ = back_ = {released_, 0};
    }

    /// Puts the `n` bytes from `offset` behind what `segment` holds: copied where they are few, lent otherwise. Returns how many it
    /// could, fewer where they lie in more than `most_slices` pieces.
    std::uint32_t fill(packet& segment, std::uint32_t offset, std::uint32_t n, std::size_t most_slices) {
        const auto& found = seek(offset);
        std::size_t i = found.piece;
        auto skip = released_ + offset - found.at;
        std::uint32_t done = 0;
        const bool copies = n <= copied_up_to;
        for (std::size_t slices = 0; done < n && (copies || slices < most_slices); ++i, ++slices, skip = 0) {
            const auto& piece = pieces_[i];
            const auto part = std::min<std::uint32_t>(static_cast<std::uint32_t>(piece.size()) - skip, n - done);
            if (copies) segment.append(piece.bytes().subspan(skip, part));
            else if (!segment.attach(piece.slice(skip, part))) break;
            done += part;
        }
        return done;
    }

private:
    std::size_t append_to_chunk(pool& buffers, std::span<const std::byte> bytes, tcp_foreseen_cut& cut) {
        if (!tail_ || tail_.room() == 0) {
            const bool large = size_ + bytes.size() >= large_chunks_from;
            chunk fresh(buffers, large ? chunk::extent::large : chunk::extent::usual);
            if (!fresh && large) fresh = chunk(buffers);
            if (!fresh) return 0;
            tail_ = std::move(fresh);
            tail_continues_ = false;
        }
        const auto from = tail_.size();
        const auto write = [&] { return cut.each != 0 ? tail_.append_summed(bytes, cut.until, cut.each) : tail_.append(bytes); };
        if (tail_continues_) {
            auto& back = pieces_.back();
            const auto n = write();
            back = tail_.share(from - back.size(), back.size() + n);
            return n;
        }
        // First the place, then the bytes: what is written in a chunk cannot be taken back.
        if (!pieces_.push_back(buffers, shared_packet())) return 0;
        const auto n = write();
        pieces_.back() = tail_.share(from, n);
        tail_continues_ = true;
        return n;
    }
    /// A place in the queue that was looked for before.
    struct cursor {
        std::uint32_t at = 0;     // where the piece starts, counted like released_
        std::uint16_t piece = 0;
    };
    /// The piece in which the byte at `offset` lies. Mostly it is a cursor's, or the one behind: one goes forth with what is sent first, the other
    /// follows what is sent again.
    const cursor& seek(std::uint32_t offset) {
        const auto wanted = released_ + offset;
        const auto is_behind = [&](const cursor& c) { return static_cast<std::int32_t>(wanted - c.at) < 0; };
        auto& c = is_behind(forth_) ? back_ : forth_;
        if (is_behind(c)) c = {released_, 0};
        while (c.piece < pieces_.size() && wanted - c.at >= pieces_[c.piece].size()) {
            c.at += static_cast<std::uint32_t>(pieces_[c.piece].size());
            ++c.piece;
        }
        return c;
    }

    std::uint32_t size_ = 0;
    std::uint32_t released_ = 0;   // bytes ever released, modulo 2^32
    cursor forth_, back_;
    bool tail_continues_ = false;  // the last piece ends where the tail chunk does
    chunk tail_;
    tcp_piece_ring pieces_;
};

}  // namespace netkit
