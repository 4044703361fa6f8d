#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/core/time.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace netkit {

/// A run of sequence numbers that were sent together and have had the same fate since. Times in microseconds are of a clock that wraps.
struct tcp_transmission {
    sequence_number first, end;
    time_point sent_at{};             ///< the last time; where parts of it left one after the other, the last part
    std::uint32_t delivered = 0;      ///< bytes that the peer had in all when it was sent: see tcp_delivery_rate
    std::uint32_t delivered_at = 0;   ///< microseconds: when the last of those were told
    std::uint32_t burst_began = 0;    ///< microseconds: when what was acknowledged last had been sent
    std::uint32_t spread : 28 = 0;    ///< microseconds that the first part may have left before the last
    bool retransmitted : 1 = false;   ///< sent more than once
    bool selected : 1 = false;        ///< selectively acknowledged
    bool lost : 1 = false;            ///< taken for lost, and not sent again since
    bool application_limited : 1 = false;

    std::uint32_t size() const { return end - first; }
    /// No part of it left before.
    time_point left_after() const { return sent_at - std::chrono::microseconds(spread); }
};

/// What is under way: everything sent and not acknowledged, as runs in the order of their sequence numbers (the scoreboard of
/// RFC 6675). One run lies here, more lie in a buffer of the pool, which goes back when nothing is under way. Where there is no room for
/// another run, neighbours become one, at the price of repairing losses later; nothing is forgotten.
class tcp_transmissions {
public:
    tcp_transmissions() = default;
    tcp_transmissions(const tcp_transmissions&) = delete;
    tcp_transmissions& operator=(const tcp_transmissions&) = delete;

    bool empty() const { return count_ == 0; }
    std::size_t size() const { return count_; }
    const tcp_transmission& operator[](std::size_t i) const { return runs()[i]; }
    const tcp_transmission& back() const { return runs()[count_ - 1]; }
    /// Sequence numbers that the peer has beyond a gap.
    std::uint32_t selected() const { return selected_; }
    /// Sequence numbers that are to be sent again.
    std::uint32_t lost() const { return lost_; }

    /// Sent for the first time, behind all others. It becomes one with the run before where that left in the same stretch of time, of which
    /// there is one after the other, each at most `granularity` long.
    void sent(pool& buffers, const tcp_transmission& fresh, duration granularity) {
        if (count_ != 0) {
            auto& before = runs()[count_ - 1];
            const bool alike = !before.selected && !before.lost && before.retransmitted == fresh.retransmitted && together(before.sent_at, fresh.sent_at, granularity);
            if (alike || !make_room(buffers)) {
                if (!alike) forget_fate(before);
                before.end = fresh.end;
                before.spread = spread_between(before.left_after(), fresh.sent_at) & most_spread;
                before.sent_at = fresh.sent_at;
                if (fresh.application_limited) before.application_limited = true;
                return;
            }
        }
        note(runs()[count_++], fresh);
    }

    /// Everything before `edge` has arrived: calls f with each run, or part of one, of which that was not known before.
    template <class F>
    void acknowledge(sequence_number edge, F&& f) {
        while (count_ != 0) {
            auto& front = runs()[0];
            if (front.end > edge) {
                acknowledge_part(front, edge, f);
                return;
            }
            account_for(front, f);
            ++first_;
            if (--count_ == 0) release();
        }
    }

    /// [first, end) has arrived out of order: calls f with each run of it of which that was not known before.
    template <class F>
    void select(pool& buffers, sequence_number first, sequence_number end, F&& f) {
        std::size_t i = find(first);
        while (i < count_ && runs()[i].first < end) {
            if (!runs()[i].selected) {
                if (runs()[i].first < first) {
                    if (!split(buffers, i, first)) {
                        ++i;
                        continue;
                    }
                    ++i;
                }
                if (end < runs()[i].end && !split(buffers, i, end)) return;
                auto& run = runs()[i];
                if (run.lost) lost_ -= run.size();
                run.lost = false;
                run.selected = true;
                selected_ += run.size();
                f(std::as_const(run));
            }
            if (i != 0 && join(i - 1)) continue;
            ++i;
        }
        if (i != 0 && i < count_) join(i - 1);
    }

    /// Run i is taken for lost; nothing where the peer has it, or it is already.
    void lose(std::size_t i) {
        auto& run = runs()[i];
        if (run.lost || run.selected) return;
        run.lost = true;
        lost_ += run.size();
        if (lost_ == run.size() || run.first < look_from_) look_from_ = run.first;
    }
    /// The first `n` sequence numbers are taken for lost.
    void lose_first(pool& buffers, std::uint32_t n) {
        if (count_ == 0) return;
        if (runs()[0].size() > n && !runs()[0].lost) split(buffers, 0, runs()[0].first + n);
        lose(0);
    }
    void lose_all() {
        for (std::size_t i = 0; i < count_; ++i) lose(i);
    }
    /// Nothing is lost after all.
    void lose_nothing() {
        for (std::size_t i = 0; i < count_; ++i) runs()[i].lost = false;
        lost_ = 0;
    }
    /// The peer does not have what it said it had (RFC 2018 section 8).
    void select_nothing() {
        for (std::size_t i = 0; i < count_; ++i) runs()[i].selected = false;
        selected_ = 0;
    }
    /// The peer says it lacks what it had selected before: then its first run would be one that it has.
    bool reneged() const { return count_ != 0 && runs()[0].selected; }

    /// The first sequence numbers that are to be sent again, at most `most` of them; there must be some. What follows in `first` are
    /// where they start, and how many.
    std::uint32_t next_lost(sequence_number& first, std::uint32_t most) {
        auto i = find(look_from_);
        while (!runs()[i].lost) ++i;
        look_from_ = first = runs()[i].first;
        std::uint32_t n = runs()[i].size();
        while (n < most && i + 1 < count_ && runs()[i + 1].lost) n += runs()[++i].size();
        return std::min(n, most);
    }
    /// `n` lost sequence numbers from `first` on have been sent again, with this stamp.
    void sent_again(pool& buffers, sequence_number first, std::uint32_t n, const tcp_transmission& stamp) {
        const auto end = first + n;
        look_from_ = end;
        for (auto i = find(first); i < count_ && runs()[i].first < end; ++i) {
            if (!runs()[i].lost) continue;
            // Without room to tell its parts apart, all of the run counts as sent: what was not will be missed later.
            if (end < runs()[i].end) (void)split(buffers, i, end);
            mark_sent_again(runs()[i], stamp);
            if (i != 0 && join(i - 1)) --i;
        }
    }
    /// Everything from `first` on, which nobody misses, has been sent again.
    void sent_again_from(pool& buffers, sequence_number first, const tcp_transmission& stamp) {
        auto i = find(first);
        if (i < count_ && runs()[i].first < first) {
            if (!split(buffers, i, first)) return;
            ++i;
        }
        for (; i < count_; ++i) mark_sent_again(runs()[i], stamp);
    }
    void clear() {
        count_ = 0;
        selected_ = lost_ = 0;
        release();
    }

private:
    static constexpr std::uint32_t most_spread = (1u << 28) - 1;
    static_assert(std::is_trivially_copyable_v<tcp_transmission> && sizeof(tcp_transmission) == 32);

    tcp_transmission* runs() { return (storage_ ? reinterpret_cast<tcp_transmission*>(storage_.head().data()) : &inside_) + first_; }
    const tcp_transmission* runs() const { return const_cast<tcp_transmissions*>(this)->runs(); }

    template <class F>
    void account_for(const tcp_transmission& arrived, F&& f) {
        if (arrived.selected) selected_ -= arrived.size();
        else f(arrived);
        if (arrived.lost) lost_ -= arrived.size();
    }
    template <class F>
    void acknowledge_part(tcp_transmission& run, sequence_number edge, F&& f) {
        if (run.first >= edge) return;
        auto part = run;
        part.end = edge;
        account_for(part, f);
        run.first = edge;
    }

    /// Field by field: copied in wider pieces than it has just been made of, it would have to wait for them.
    static void note(tcp_transmission& place, const tcp_transmission& fresh) {
        place.first = fresh.first;
        place.end = fresh.end;
        place.sent_at = fresh.sent_at;
        place.delivered = fresh.delivered;
        place.delivered_at = fresh.delivered_at;
        place.burst_began = fresh.burst_began;
        place.spread = fresh.spread;
        place.retransmitted = fresh.retransmitted;
        place.selected = fresh.selected;
        place.lost = fresh.lost;
        place.application_limited = fresh.application_limited;
    }
    static bool together(time_point a, time_point b, duration granularity) {
        if (a == b) return true;
        const auto bits = std::bit_width(static_cast<std::uint64_t>(granularity.count()));
        if (bits < 2) return false;
        const auto stretch = [&](time_point t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()) >> (bits - 1); };
        return stretch(a) == stretch(b);
    }
    static std::uint32_t spread_between(time_point first, time_point last) {
        const auto exact = std::chrono::ceil<std::chrono::microseconds>(last - first).count();
        return static_cast<std::uint32_t>(std::min<std::int64_t>(exact, most_spread));
    }
    /// The run in which `at` lies, else the first behind it.
    std::size_t find(sequence_number at) const {
        const auto* all = runs();
        return static_cast<std::size_t>(std::upper_bound(all, all + count_, at, [](sequence_number a, const tcp_transmission& t) { return a < t.end; }) - all);
    }
    /// Whether there is a place behind the last run.
    bool make_room(pool& buffers) {
        if (std::size_t(first_) + count_ < capacity_) return true;
        if (first_ != 0 && count_ <= capacity_ / 2u) {
            move_to(runs() - first_);
            return true;
        }
        return grow(buffers) || (first_ != 0 && (move_to(runs() - first_), true));
    }
    void move_to(tcp_transmission* to) {
        std::memmove(static_cast<void*>(to), runs(), count_ * sizeof(tcp_transmission));
        first_ = 0;
    }
    NETKIT_COLD bool grow(pool& buffers) {
        static constexpr std::array<std::uint16_t, 2> capacities{60, 1990};
        const auto wanted = capacity_ < capacities[0] ? capacities[0] : capacities[1];
        if (wanted <= capacity_) return false;
        packet larger(buffers, 0, wanted * sizeof(tcp_transmission));
        if (!larger) return false;
        auto* to = reinterpret_cast<tcp_transmission*>(larger.append(wanted * sizeof(tcp_transmission)).data());
        move_to(to);
        storage_ = std::move(larger);
        capacity_ = wanted;
        return true;
    }
    void release() {
        first_ = 0;
        if (capacity_ == 1) return;
        storage_.reset();
        capacity_ = 1;
    }
    /// Cuts run i in two at `at`; false where there is no room.
    bool split(pool& buffers, std::size_t i, sequence_number at) {
        if (!make_room(buffers)) return false;
        auto* run = runs() + i;
        std::memmove(static_cast<void*>(run + 1), run, (count_ - i) * sizeof(tcp_transmission));
        ++count_;
        run[0].end = run[1].first = at;
        return true;
    }
    /// Makes run i one with the next where both have the same fate.
    bool join(std::size_t i) {
        if (i + 1 >= count_) return false;
        auto* run = runs() + i;
        const bool both_arrived = run[0].selected && run[1].selected;
        const bool alike = run[0].selected == run[1].selected && run[0].lost == run[1].lost && run[0].retransmitted == run[1].retransmitted &&
                           run[0].sent_at == run[1].sent_at;
        if (!both_arrived && !alike) return false;
        run[1].first = run[0].first;
        run[1].spread = std::max<std::uint32_t>(run[0].spread, run[1].spread) & most_spread;
        std::memmove(static_cast<void*>(run), run + 1, (count_ - i - 1) * sizeof(tcp_transmission));
        --count_;
        return true;
    }
    void mark_sent_again(tcp_transmission& run, const tcp_transmission& stamp) {
        if (run.lost) lost_ -= run.size();
        run.lost = false;
        run.retransmitted = true;
        run.spread = 0;
        run.sent_at = stamp.sent_at;
        run.delivered = stamp.delivered;
        run.delivered_at = stamp.delivered_at;
        run.burst_began = stamp.burst_began;
        run.application_limited = stamp.application_limited;
    }
    void forget_fate(tcp_transmission& run) {
        if (run.selected) selected_ -= run.size();
        if (run.lost) lost_ -= run.size();
        run.selected = run.lost = false;
    }

    tcp_transmission inside_;
    packet storage_;
    std::uint32_t selected_ = 0;
    std::uint32_t lost_ = 0;
    sequence_number look_from_;  // nothing before it is lost
    std::uint16_t first_ = 0;    // where the first run lies in the storage
    std::uint16_t count_ = 0;
    std::uint16_t capacity_ = 1;
};

}  // namespace netkit
