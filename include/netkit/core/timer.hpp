#pragma once

#include <netkit/core/time.hpp>

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

/// A stack's timers, soonest first, and in the order in which they were armed where they end at the same moment: a binary heap of
/// pointers in which each timer knows its slot.
class timers {
public:
    timers() = default;
    timers(const timers&) = delete;
    ~timers() {
        for (auto* t : heap_) t->in_ = nullptr;
    }

    /// Calls expire(stack, t) from `run` once `when` has come. Arming an armed timer moves it.
    [[gnu::noinline]] void arm(timer& t, time_point when, void (*expire)(void* stack, timer&)) {
        t.expire_ = expire;
        t.order_ = next_order_++;
        if (t.in_ == this) {
            t.when_ = when;
            settle(t.slot_, &t);
            return;
        }
        t.disarm();
        t.in_ = this;
        t.when_ = when;
        heap_.push_back(&t);
        settle(heap_.size() - 1, &t);
    }
    /// The soonest moment, if any.
    std::optional<time_point> next() const {
        if (heap_.empty()) return {};
        return heap_.front()->when_;
    }
    std::size_t size() const { return heap_.size(); }
    /// Expires what was due at `now` when called; a timer may arm or destroy itself and others meanwhile. One that is
    /// armed for a moment already past waits for the next run, so that this one ends. Returns how many expired.
    std::size_t run(void* stack, time_point now) {
        std::size_t expired = 0;
        for (std::size_t most = heap_.size(); !heap_.empty() && heap_.front()->when_ <= now && expired < most; ++expired) {
            auto& t = *heap_.front();
            remove(t);
            t.expire_(stack, t);
        }
        return expired;
    }

private:
    friend class timer;
    void place(std::size_t slot, timer* t) {
        heap_[slot] = t;
        t->slot_ = static_cast<std::uint32_t>(slot);
    }
    static bool later(const timer* a, const timer* b) {
        if (a->when_ != b->when_) [[likely]] return a->when_ > b->when_;
        return static_cast<std::int32_t>(a->order_ - b->order_) > 0;
    }
    void settle(std::size_t slot, timer* t) {
        for (; slot != 0 && later(heap_[(slot - 1) / 2], t); slot = (slot - 1) / 2) place(slot, heap_[(slot - 1) / 2]);
        for (std::size_t child; (child = 2 * slot + 1) < heap_.size(); slot = child) {
            if (child + 1 < heap_.size() && later(heap_[child], heap_[child + 1])) ++child;
            if (!later(t, heap_[child])) break;
            place(slot, heap_[child]);
        }
        place(slot, t);
    }
    void remove(timer& t) {
        auto* last = heap_.back();
        heap_.pop_back();
        t.in_ = nullptr;
        if (last != &t) settle(t.slot_, last);
    }
    std::vector<timer*> heap_;
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
    if (in_) in_->heap_[slot_] = this;
}

}  // namespace netkit
