#pragma once

#include <netkit/core/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace netkit {

class timers;

/// Something that ends at a moment. A layer derives its own kind and arms it through `here.arm`. Moving an armed timer
/// keeps it armed, destroying it disarms it. It knows nothing of the stack's type.
class timer {
public:
    timer() = default;
    timer(timer&& other) noexcept { take(other); }
    timer& operator=(timer&& other) noexcept {
        if (this != &other) {
            disarm();
            take(other);
        }
        return *this;
    }
    ~timer() { disarm(); }

    bool armed() const { return in_ != nullptr; }
    /// The moment it ends; only where armed().
    inline time_point when() const;
    inline void disarm();

private:
    friend class timers;
    using expiry = void (*)(void* stack, timer&);
    inline void take(timer& other);

    timers* in_ = nullptr;
    std::uint32_t slot_ = 0;
};

/// A stack's timers, soonest first, and in the order in which they were armed where they end at the same moment: a heap in which each
/// timer knows its slot. What is only known of those that are armed lies in the heap, and a slot's four successors side by side, so that
/// to move one timer among many thousands touches few lines of memory.
class timers {
public:
    timers() = default;
    timers(const timers&) = delete;
    ~timers() {
        for (auto& e : heap_) e.which->in_ = nullptr;
    }

    /// Calls expire(stack, t) from `run` once `when` has come. Arming an armed timer moves it.
    [[gnu::noinline]] void arm(timer& t, time_point when, void (*expire)(void* stack, timer&)) {
        const entry armed{when, &t, expire, next_order_++};
        if (t.in_ == this) return settle(t.slot_, armed);
        t.disarm();
        t.in_ = this;
        heap_.push_back(armed);
        settle(heap_.size() - 1, armed);
    }
    /// The soonest moment, if any.
    std::optional<time_point> next() const {
        if (heap_.empty()) return {};
        return heap_.front().when;
    }
    std::size_t size() const { return heap_.size(); }
    /// Expires what was due at `now` when called; a timer may arm or destroy itself and others meanwhile. One that is
    /// armed for a moment already past waits for the next run, so that this one ends. Returns how many expired.
    std::size_t run(void* stack, time_point now) {
        std::size_t expired = 0;
        for (std::size_t most = heap_.size(); !heap_.empty() && heap_.front().when <= now && expired < most; ++expired) {
            const auto due = heap_.front();
            remove(*due.which);
            due.expire(stack, *due.which);
        }
        return expired;
    }

private:
    friend class timer;
    struct entry {
        time_point when;
        timer* which;
        timer::expiry expire;
        std::uint32_t order;  // among those that end at the same moment
    };
    static constexpr std::size_t fan = 4;

    void place(std::size_t slot, const entry& e) {
        heap_[slot] = e;
        e.which->slot_ = static_cast<std::uint32_t>(slot);
    }
    static bool later(const entry& a, const entry& b) {
        if (a.when != b.when) [[likely]] return a.when > b.when;
        return static_cast<std::int32_t>(a.order - b.order) > 0;
    }
    /// The soonest of those behind a slot; none where this is the end of the heap.
    std::size_t soonest_behind(std::size_t slot) const {
        auto soonest = fan * slot + 1;
        for (auto other = soonest + 1, end = std::min(soonest + fan, heap_.size()); other < end; ++other)
            if (later(heap_[soonest], heap_[other])) soonest = other;
        return soonest;
    }
    void settle(std::size_t slot, const entry e) {
        for (; slot != 0 && later(heap_[(slot - 1) / fan], e); slot = (slot - 1) / fan) place(slot, heap_[(slot - 1) / fan]);
        for (std::size_t next; (next = soonest_behind(slot)) < heap_.size() && later(e, heap_[next]); slot = next) place(slot, heap_[next]);
        place(slot, e);
    }
    void remove(timer& t) {
        const auto last = heap_.back();
        heap_.pop_back();
        t.in_ = nullptr;
        if (last.which != &t) settle(t.slot_, last);
    }
    std::vector<entry> heap_;
    std::uint32_t next_order_ = 0;
};

inline time_point timer::when() const { return in_->heap_[slot_].when; }
inline void timer::disarm() {
    if (in_) in_->remove(*this);
}
inline void timer::take(timer& other) {
    in_ = std::exchange(other.in_, nullptr);
    slot_ = other.slot_;
    if (in_) in_->heap_[slot_].which = this;
}

}  // namespace netkit
