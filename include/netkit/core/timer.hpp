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
    time_point when() const { return when_; }
    inline void disarm();

private:
    friend class timers;
    using expiry = void (*)(void* stack, timer&);
    inline void take(timer& other);

    timers* in_ = nullptr;
    std::uint32_t slot_ = 0;
    std::uint32_t order_ = 0;  // among those that end at the same moment
    time_point when_{};
    expiry expire_ = nullptr;
};

/// A stack's timers, soonest first, and in the order in which they were armed where they end at the same moment: a heap in which each
/// timer knows its slot. Moments lie in the heap itself, and a slot's four successors side by side, so that to move one timer among
/// many thousands touches few lines of memory.
class timers {
public:
    timers() = default;
    timers(const timers&) = delete;
    ~timers() {
        for (auto& s : heap_) s.what->in_ = nullptr;
    }

    /// Calls expire(stack, t) from `run` once `when` has come. Arming an armed timer moves it.
    [[gnu::noinline]] void arm(timer& t, time_point when, void (*expire)(void* stack, timer&)) {
        t.expire_ = expire;
        t.order_ = next_order_++;
        if (t.in_ == this) {
            t.when_ = when;
            settle(t.slot_, {when, &t});
            return;
        }
        t.disarm();
        t.in_ = this;
        t.when_ = when;
        heap_.push_back({when, &t});
        settle(heap_.size() - 1, {when, &t});
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
            auto& t = *heap_.front().what;
            remove(t);
            t.expire_(stack, t);
        }
        return expired;
    }

private:
    friend class timer;
    struct slot {
        time_point when;
        timer* what;
    };
    static constexpr std::size_t fan = 4;

    void place(std::size_t at, const slot& s) {
        heap_[at] = s;
        s.what->slot_ = static_cast<std::uint32_t>(at);
    }
    static bool later(const slot& a, const slot& b) {
        if (a.when != b.when) [[likely]] return a.when > b.when;
        return static_cast<std::int32_t>(a.what->order_ - b.what->order_) > 0;
    }
    /// The soonest of those behind a slot; none where this is the end of the heap.
    std::size_t soonest_behind(std::size_t at) const {
        auto soonest = fan * at + 1;
        for (auto other = soonest + 1, end = std::min(soonest + fan, heap_.size()); other < end; ++other)
            if (later(heap_[soonest], heap_[other])) soonest = other;
        return soonest;
    }
    void settle(std::size_t at, slot s) {
        for (; at != 0 && later(heap_[(at - 1) / fan], s); at = (at - 1) / fan) place(at, heap_[(at - 1) / fan]);
        for (std::size_t next; (next = soonest_behind(at)) < heap_.size() && later(s, heap_[next]); at = next) place(at, heap_[next]);
        place(at, s);
    }
    void remove(timer& t) {
        const auto last = heap_.back();
        heap_.pop_back();
        t.in_ = nullptr;
        if (last.what != &t) settle(t.slot_, last);
    }
    std::vector<slot> heap_;
    std::uint32_t next_order_ = 0;
};

inline void timer::disarm() {
    if (in_) in_->remove(*this);
}
inline void timer::take(timer& other) {
    in_ = std::exchange(other.in_, nullptr);
    slot_ = other.slot_;
    order_ = other.order_;
    when_ = other.when_;
    expire_ = other.expire_;
    if (in_) in_->heap_[slot_].what = this;
}

}  // namespace netkit
