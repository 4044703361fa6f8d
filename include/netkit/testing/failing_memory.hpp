#pragma once

#include <netkit/testing/failure_plan.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

/// To be included by one source file of a program: from then on the program's over-aligned allocations (by `new` or posix_memalign), which
/// pools and connections are made of, ask the plan of the innermost `failing_memory` whether to fail. The ordinary `new` is left alone.
namespace netkit::testing {

/// While it lives, the plan decides which over-aligned allocation fails.
class failing_memory {
public:
    explicit failing_memory(failure_plan& plan) : before_(current()) { current() = &plan; }
    failing_memory(const failing_memory&) = delete;
    ~failing_memory() { current() = before_; }

    static failure_plan*& current() {
        static thread_local failure_plan* plan = nullptr;
        return plan;
    }
    /// Null where the plan says so, or there is no memory.
    static void* allocate(std::size_t size, std::size_t alignment) {
        if (auto* plan = current(); plan && plan->fails()) return nullptr;
        return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    }

private:
    failure_plan* before_;
};

}  // namespace netkit::testing

// Not inlined: a compiler that sees both sides takes free() for the wrong partner of new.
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return netkit::testing::failing_memory::allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    if (auto* memory = netkit::testing::failing_memory::allocate(size, static_cast<std::size_t>(alignment))) return memory;
    throw std::bad_alloc();
}
// In place of the C library's.
extern "C" [[gnu::noinline]] int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
    auto* const allocated = netkit::testing::failing_memory::allocate(size, alignment);
    if (!allocated) return ENOMEM;
    *memory = allocated;
    return 0;
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }
