#pragma once

#include <atomic>

namespace netkit {

/// Which thread is inside of what is one thread's at a time.
class thread_marker {
public:
    /// Whether another thread than the caller's is.
    bool elsewhere() const {
        const auto* who = inside_.load(std::memory_order_relaxed);
        return who && who != this_thread();
    }

    /// Marks the calling thread while it lives, unless another is inside: then it is false. May be nested.
    class scope {
    public:
        explicit scope(thread_marker& of) : of_(of) {
            const void* who = nullptr;
            outermost_ = of.inside_.compare_exchange_strong(who, this_thread(), std::memory_order_acquire);
            entered_ = outermost_ || who == this_thread();
        }
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;
        ~scope() {
            if (outermost_) of_.inside_.store(nullptr, std::memory_order_release);
        }
        explicit operator bool() const { return entered_; }

    private:
        thread_marker& of_;
        bool outermost_;
        bool entered_;
    };

private:
    static const void* this_thread() {
        static thread_local const char mark = 0;
        return &mark;
    }
    std::atomic<const void*> inside_ = nullptr;
};

}  // namespace netkit
