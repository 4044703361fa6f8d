#pragma once

#include <netkit/buffer/pool.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/buffer/slices.hpp>
#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/inline.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace netkit {

/// The only owner of some bytes with room in front of them, followed perhaps by slices of bytes that others hold too
/// (what an sk_buff with fragments is). One pointer: moving it is free. Empty after a move, and where a pool was exhausted.
class packet {
public:
    packet() = default;
    /// `headroom` bytes of room in front, and room for at least `size` bytes behind. Empty where the pool is exhausted or
    /// nothing is that large.
    NETKIT_INLINE explicit packet(pool& home, std::size_t headroom, std::size_t size = 0) : buffer_(take(home.store_, headroom, size)) {}
    packet(packet&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
    packet& operator=(packet&& other) noexcept {
        auto* const taken = std::exchange(other.buffer_, nullptr);
        if (auto* const old = std::exchange(buffer_, taken)) detail::release(old);
        return *this;
    }
    [[gnu::always_inline]] ~packet() {
        if (buffer_) detail::release(buffer_);
    }
    explicit operator bool() const { return buffer_ != nullptr; }
    void reset() { packet gone(std::move(*this)); }

    /// The packet's own bytes: headers, and payload up to the first borrowed slice.
    std::span<std::byte> head() { return {buffer_->first, buffer_->last}; }
    std::span<const std::byte> head() const { return {buffer_->first, buffer_->last}; }
    /// How many slices of others' bytes follow, and each of them.
    std::size_t slices() const { return buffer_->about.slices; }
    std::span<const std::byte> slice(std::size_t i) const {
        const auto& s = buffer_->slices[i];
        return {s.from->begin() + s.at, s.size};
    }
    /// Bytes in all, slices included.
    std::size_t size() const { return static_cast<std::size_t>(buffer_->last - buffer_->first) + buffer_->about.borrowed; }
    std::size_t headroom() const { return static_cast<std::size_t>(buffer_->first - buffer_->begin()); }
    /// Room behind the packet's own bytes; none while there are slices.
    std::size_t tailroom() const { return slices() ? 0 : static_cast<std::size_t>(buffer_->end() - buffer_->last); }

    /// The interface it came in by, and once routed the one it leaves by.
    interface_id interface() const { return buffer_->about.interface; }
    void interface(interface_id id) { buffer_->about.interface = id; }
    /// How many received frames it stands for: one as it came in, more after reassembly, none for a packet of our own.
    std::uint16_t frames() const { return buffer_->about.frames; }
    void frames(std::uint16_t n) { buffer_->about.frames = n; }
    /// Payload bytes of each segment where it stands for several TCP segments, else zero.
    std::uint16_t gso_size() const { return buffer_->about.gso_size; }
    void gso_size(std::uint16_t n) { buffer_->about.gso_size = n; }

    /// Notes of whoever holds the packet now (an sk_buff's cb): 64 bytes, kept while it waits in that holder's queue.
    template <class T>
    T& control() {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= buffer::control_size);
        return *std::launder(reinterpret_cast<T*>(buffer_->control));
    }
    template <class T>
    T& control(const T& notes) {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= buffer::control_size);
        return *new (buffer_->control) T(notes);
    }

    /// The header in front, where it lies; null when the packet's own bytes are fewer.
    template <wire_format Header>
    const Header* peek() const {
        return head().size() < sizeof(Header) ? nullptr : reinterpret_cast<const Header*>(buffer_->first);
    }
    /// The same, and takes it off.
    template <wire_format Header>
    NETKIT_INLINE const Header* pull() {
        if (head().size() < sizeof(Header)) return nullptr;
        buffer_->first += sizeof(Header);
        return reinterpret_cast<const Header*>(buffer_->first - sizeof(Header));
    }
    /// Takes n of the packet's own bytes off the front; n must not exceed head().size().
    void pull(std::size_t n) { buffer_->first += n; }
    /// Puts a header in front, whose every field is then to be set in place. The room must be there: see position::headroom.
    template <wire_format Header>
    Header& push() {
        check_headroom(sizeof(Header));
        // Not constructed: headers begin to exist where bytes do, and zeros would be stored only to be stored over.
        buffer_->first -= sizeof(Header);
        return *reinterpret_cast<Header*>(buffer_->first);
    }
    /// Puts a header in front, as given.
    template <wire_format Header>
    void push(const Header& header) {
        check_headroom(sizeof header);
        buffer_->first -= sizeof header;
        std::memcpy(buffer_->first, &header, sizeof header);
    }
    /// Puts n bytes in front, to be filled; n must not exceed headroom().
    std::span<std::byte> push(std::size_t n) {
        check_headroom(n);
        buffer_->first -= n;
        return {buffer_->first, n};
    }

    /// Puts bytes in front, as given: at most headroom() of them.
    void push(std::span<const std::byte> bytes) {
        check_headroom(bytes.size());
        buffer_->first -= bytes.size();
        // Options of TCP are such, and mostly of one size.
        if (bytes.size() == 12) [[likely]] std::memcpy(buffer_->first, bytes.data(), 12);
        else if (!bytes.empty()) std::memcpy(buffer_->first, bytes.data(), bytes.size());
    }

    /// Keeps the first n bytes.
    NETKIT_INLINE void trim(std::size_t n) {
        if (buffer_->about.borrowed != 0) [[unlikely]] return detail::trim_slices(buffer_, n);
        if (n < head().size()) buffer_->last = buffer_->first + n;
    }
    /// Keeps the first n bytes, as a length field says; false, and nothing done, where there are fewer.
    NETKIT_INLINE bool keep(std::size_t n) {
        if (buffer_->about.borrowed != 0) [[unlikely]] return detail::keep_slices(buffer_, n);
        if (n > head().size()) [[unlikely]] return false;
        buffer_->last = buffer_->first + n;
        return true;
    }
    /// Copies bytes to the end; false, and nothing done, where there is no room.
    bool append(std::span<const std::byte> bytes) {
        if (bytes.size() > tailroom()) return false;
        if (!bytes.empty()) std::memcpy(buffer_->last, bytes.data(), bytes.size());
        buffer_->last += bytes.size();
        return true;
    }
    /// Makes n bytes at the end, to be filled; empty where there is no room.
    std::span<std::byte> append(std::size_t n) {
        if (n > tailroom()) return {};
        buffer_->last += n;
        return {buffer_->last - n, n};
    }
    /// Borrows bytes that others hold, behind all there is; false where there are 18 slices already, or
    /// nothing to borrow (as after a share() for which the pool had no room).
    bool attach(shared_packet bytes) {
        if (buffer_->about.slices == buffer::most_slices || !bytes) return false;
        auto s = std::exchange(bytes.slice_, {});
        buffer_->about.borrowed += s.size;
        buffer_->slices[buffer_->about.slices++] = s;
        return true;
    }
    /// Borrows n bytes of what `other` borrows as its slice i, from that slice's byte `at` on; not where there are 18 slices already.
    void borrow(const packet& other, std::size_t i, std::size_t at, std::size_t n) {
        const auto& theirs = other.buffer_->slices[i];
        detail::add_slice(buffer_, {theirs.from, theirs.at + static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(n)});
    }
    /// Moves all that `other` borrows behind what there is; pieces of one buffer that follow on one another become one. False, and nothing
    /// done, where there might be more than 18 slices.
    bool take_slices(packet& other) { return detail::move_slices(other.buffer_, buffer_); }
    /// Calls f with each contiguous part in turn: own bytes, then slices.
    template <class F>
    void for_each_part(F&& f) const {
        if (!head().empty()) f(head());
        for (std::size_t i = 0; i < slices(); ++i) f(slice(i));
    }
    /// Copies up to to.size() bytes from offset `at`; returns how many.
    std::size_t copy_to(std::span<std::byte> to, std::size_t at = 0) const {
        std::size_t done = 0;
        for_each_part([&](std::span<const std::byte> part) {
            if (at >= part.size()) {
                at -= part.size();
                return;
            }
            const auto n = std::min(part.size() - at, to.size() - done);
            if (n) std::memcpy(to.data() + done, part.data() + at, n);
            done += n;
            at = 0;
        });
        return done;
    }

    /// Makes all bytes the packet's own and contiguous, in a larger buffer if need be. False, and nothing done, where the
    /// pool is exhausted.
    bool linearize() { return slices() == 0 || take_instead(linearized(buffer_)); }
    /// Sees to at least `room` bytes of room in front (skb_cow_head). Where there are fewer, the packet's own bytes move, into a
    /// buffer of `home` if need be; slices go along uncopied. False, and nothing done, where that pool is exhausted.
    bool reserve_headroom(pool& home, std::size_t room) { return headroom() >= room || move_back(home, room); }
    /// A packet of its own with the same bytes, facts and headroom, contiguous (skb_copy). Empty where the pool is exhausted.
    packet copy() const {
        packet result(take(buffer_->home, headroom(), size()));
        if (!result) return result;
        result.take_facts(*this);
        result.append_parts(*this);
        return result;
    }
    /// Gives up the right to write: the bytes, contiguous, for several owners. Empty where the pool is exhausted.
    shared_packet share() && {
        if (!linearize()) return {};
        const detail::slice s{buffer_, static_cast<std::uint32_t>(headroom()), static_cast<std::uint32_t>(size())};
        buffer_->about.clear();
        buffer_ = nullptr;
        return shared_packet(s);
    }

    checksum_state checksum() const { return buffer_->about.checksum; }
    void checksum(checksum_state state) { buffer_->about.checksum = state; }
    /// Puts a header in front whose checksum, at offset `field`, covers it, all that follows, and `pseudo`. It is completed on
    /// the way out, by the interface or by hardware. The header's type must provide sum().
    template <wire_format Header>
    void push_summed(Header header, std::size_t field, std::uint64_t pseudo) {
        push_summed(header, field, pseudo, {}, 0);
    }
    /// The same with `options` between the header and what follows.
    template <wire_format Header>
    void push_summed(Header header, std::size_t field, std::uint64_t pseudo, std::span<const std::byte> options) {
        push_summed(header, field, pseudo, options, sum16(options));
    }
    /// The same where it is known what the options add up to.
    template <wire_format Header>
    void push_summed(Header header, std::size_t field, std::uint64_t pseudo, std::span<const std::byte> options, std::uint64_t options_sum) {
        auto& about = buffer_->about;
        about.sum_start = static_cast<std::uint16_t>(headroom());
        about.sum_header = static_cast<std::uint8_t>(sizeof header + options.size());
        about.sum_field = static_cast<std::uint8_t>(field);
        about.checksum = checksum_state::partial;
        push(options);
        header.checksum = be16::from_raw(static_cast<std::uint16_t>(~fold16(pseudo)));
        push(header);
        const auto sum = sum16(header, options_sum);
        about.partial_sum = static_cast<std::uint32_t>((sum & 0xffffffff) + (sum >> 32));
    }
    /// Where the summed header starts in head(), and where in it the checksum is: what a virtio-net header says.
    /// Only while checksum() is partial.
    std::size_t checksum_start() const { return static_cast<std::size_t>(buffer_->begin() + buffer_->about.sum_start - buffer_->about.sum_header - buffer_->first); }
    std::size_t checksum_offset() const { return buffer_->about.sum_field; }
    /// Says of a packet made elsewhere that its checksum is partial: summed from `start` in head(), stored at `start + offset`.
    /// False, and nothing done, where that lies outside of the packet's own bytes.
    bool mark_partial(std::size_t start, std::size_t offset) {
        if (offset > 255 || start > head().size() || offset + 2 > head().size() - start || headroom() + start > 0xffff) return false;
        auto& about = buffer_->about;
        about.checksum = checksum_state::partial;
        about.sum_start = static_cast<std::uint16_t>(headroom() + start);
        about.sum_header = 0;
        about.sum_field = static_cast<std::uint8_t>(offset);
        about.partial_sum = 0;
        return true;
    }
    /// Completes a partial checksum in software. Where the packet has been cut before that checksum, nothing is left to complete.
    NETKIT_INLINE void complete_checksum() {
        auto& about = buffer_->about;
        if (!reaches_its_checksum()) [[unlikely]] {
            about.checksum = checksum_state::unknown;
            return;
        }
        auto* const from = buffer_->begin() + about.sum_start;
        auto sum = sum16(std::span<const std::byte>(from, buffer_->last), about.partial_sum);
        if (about.borrowed != 0) sum = detail::sum_slices<true>(buffer_, sum, ((buffer_->last - from) & 1) != 0);
        store_checksum(sum);
    }
    /// linearize() and complete_checksum() in one: what is copied is added up on the way.
    bool linearize_and_complete() { return take_instead(linearized_and_completed(buffer_)); }
    /// Adds up all bytes of the packet.
    NETKIT_INLINE std::uint64_t sum(std::uint64_t sum = 0) const { return sum_from(0, sum); }
    /// The same without the first `at`, which are the packet's own.
    NETKIT_INLINE std::uint64_t sum_from(std::size_t at, std::uint64_t sum = 0) const {
        const auto own = head().subspan(at);
        if (!own.empty()) sum = sum16(own, sum);
        return buffer_->about.borrowed ? detail::sum_slices<false>(buffer_, sum, (own.size() & 1) != 0) : sum;
    }
    /// The same for who makes a checksum: what was added up when it was written is not read again.
    NETKIT_HOT std::uint64_t sum_written_from(std::size_t at, std::uint64_t sum = 0) const {
        const auto own = head().subspan(at);
        if (!own.empty()) sum = sum16(own, sum);
        return buffer_->about.borrowed ? detail::sum_slices_here<true>(buffer_, sum, (own.size() & 1) != 0) : sum;
    }

private:
    friend class shared_packet;
    friend class packet_queue;
    friend class packet_ring;
    explicit packet(buffer* b) : buffer_(b) {}

    NETKIT_HOT static buffer* take(detail::pool_store* home, std::size_t headroom, std::size_t size) {
        const auto wanted = headroom + size;
        if (wanted <= buffer_capacities[0]) [[likely]] return home->get(0, headroom);
        if (wanted <= buffer_capacities[1]) return home->get(1, headroom);
        if (wanted <= buffer_capacities[2]) return home->get(2, headroom);
        return nullptr;
    }
    /// Without NDEBUG alone: this is the data path, and a composition's headroom is right by construction where its layers tell the truth.
    NETKIT_INLINE void check_headroom([[maybe_unused]] std::size_t n) const {
        assert(n <= headroom() && "netkit: no headroom: does a layer push more than its header_size?");
    }
    /// Whether what a partial checksum covers, and its field, are among the packet's own bytes still.
    NETKIT_INLINE bool reaches_its_checksum() const {
        const auto& about = buffer_->about;
        const auto used = static_cast<std::size_t>(buffer_->last - buffer_->begin());
        return about.sum_start <= used && about.sum_start + std::size_t{about.sum_field} + 2 <= used + about.sum_header;
    }
    /// The end of a partial checksum: `sum` is of all that it covers.
    NETKIT_INLINE void store_checksum(std::uint64_t sum) {
        auto& about = buffer_->about;
        auto value = fold16(sum);
        // To UDP, whose field is there, zero means "none". To the others both are the same number, but zero is the one to send.
        if (value == 0 && about.sum_field == 6) value = 0xffff;
        std::memcpy(buffer_->begin() + about.sum_start - about.sum_header + about.sum_field, &value, 2);
        about.checksum = checksum_state::unknown;
    }
    void take_facts(const packet& other) {
        const auto about = other.buffer_->about;
        buffer_->about = about;
        buffer_->about.slices = 0;
        buffer_->about.borrowed = 0;
        std::memcpy(buffer_->control, other.buffer_->control, buffer::control_size);
    }
    void append_parts(const packet& other) {
        other.for_each_part([&](std::span<const std::byte> part) {
            std::memcpy(buffer_->last, part.data(), part.size());
            buffer_->last += part.size();
        });
    }
    /// False, and nothing done, where there is none.
    bool take_instead(buffer* b) {
        if (b) buffer_ = b;
        return b != nullptr;
    }
    /// The buffer itself, or a larger one in its place; null, and nothing done, where the pool is exhausted.
    [[gnu::noinline]] static buffer* linearized(buffer* b) {
        packet p(b);
        if (detail::has_room_for_slices(b)) {
            detail::copy_slices_in(b);
            return std::exchange(p.buffer_, nullptr);
        }
        auto whole = p.copy();
        if (!whole) p.buffer_ = nullptr;  // it stays with the caller
        return std::exchange(whole.buffer_, nullptr);
    }
    [[gnu::noinline]] static buffer* linearized_and_completed(buffer* b) {
        packet p(b);
        const auto& about = b->about;
        if (about.checksum != checksum_state::partial || !detail::has_room_for_slices(b) || !p.reaches_its_checksum()) [[unlikely]] {
            if (!p.linearize()) p.buffer_ = nullptr;
            else if (p.checksum() == checksum_state::partial) p.complete_checksum();
            return std::exchange(p.buffer_, nullptr);
        }
        const auto* const start = b->begin() + about.sum_start;
        auto sum = sum16(std::span<const std::byte>(start, b->last), about.partial_sum);
        for (std::size_t i = 0; i < p.slices(); ++i) {
            const auto part = p.slice(i);
            const bool odd = ((b->last - start) & 1) != 0;
            const auto added = copy_and_sum(b->last, part.data(), part.size());
            sum += odd ? sum_moved_by_one(added) : added;
            b->last += part.size();
        }
        detail::pool_store::release_slices(b);
        p.store_checksum(sum);
        return std::exchange(p.buffer_, nullptr);
    }
    NETKIT_COLD bool move_back(pool& home, std::size_t room) {
        const auto shift = room - headroom();
        const auto own = head().size();
        if (static_cast<std::size_t>(buffer_->end() - buffer_->last) >= shift) {
            std::memmove(buffer_->first + shift, buffer_->first, own);
            buffer_->first += shift;
            buffer_->last += shift;
        } else {
            packet roomier(take(home.store_, room, own));
            if (!roomier) return false;
            std::memcpy(roomier.buffer_->first, buffer_->first, own);
            roomier.buffer_->last += own;
            roomier.take_facts(*this);
            std::swap(roomier.buffer_->slices, buffer_->slices);
            std::swap(roomier.buffer_->about.slices, buffer_->about.slices);
            std::swap(roomier.buffer_->about.borrowed, buffer_->about.borrowed);
            std::swap(buffer_, roomier.buffer_);
        }
        buffer_->about.sum_start = static_cast<std::uint16_t>(buffer_->about.sum_start + shift);
        return true;
    }

    buffer* buffer_ = nullptr;
};
static_assert(sizeof(packet) == sizeof(void*));

inline packet shared_packet::unshare() && {
    if (!slice_.from) return {};
    auto* b = slice_.from;
    if (b->owners == 1) {
        b->first = b->begin() + slice_.at;
        b->last = b->first + slice_.size;
        b->about.clear();
        slice_ = {};
        return packet(b);
    }
    packet own(packet::take(b->home, slice_.at, slice_.size));
    if (own) own.append(bytes());
    return own;
}

}  // namespace netkit
