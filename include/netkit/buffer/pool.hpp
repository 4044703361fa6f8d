#pragma once

#include <netkit/buffer/buffer.hpp>
#include <netkit/core/inline.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define NETKIT_POISON_FREE_BUFFERS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NETKIT_POISON_FREE_BUFFERS 1
#endif
#endif
#if defined(NETKIT_POISON_FREE_BUFFERS)
#include <sanitizer/asan_interface.h>
#endif

namespace netkit {

namespace detail {

/// The free lists of a pool. It outlives the pool until the last buffer has come home, since packets may.
struct pool_store {
    /// Where a recycled object lies.
    struct cell {
        pool_store* home;
        cell* next;
        const void* holds;  // which type's object it has had last, which is still there
        alignas(8) std::byte object[256];
    };

    std::array<buffer*, buffer_capacities.size()> free{};
    cell* free_cells = nullptr;
    std::vector<void*> slabs;
    std::size_t allocated = 0;  // bytes in slabs
    std::size_t limit = 0;
    std::array<std::size_t, buffer_capacities.size()> in_use{};  // buffers
    std::size_t cells_in_use = 0;
    bool (*fails)(void*) = nullptr;  // for tests: whether an allocation is to fail
    void* fails_context = nullptr;
    std::size_t fail_at = 0;         // countdown until one fails
    bool orphaned = false;

    ~pool_store() {
        for (auto* slab : slabs) ::operator delete(slab, std::align_val_t{alignof(buffer)});
    }
    std::size_t buffers_in_use() const { return std::accumulate(in_use.begin(), in_use.end(), std::size_t(0)); }
    static std::size_t stride(std::size_t size_class) { return sizeof(buffer) + buffer_capacities[size_class]; }

    NETKIT_COLD bool grow(std::size_t size_class) {
        static constexpr std::array<std::size_t, 3> slab_counts{32, 16, 2};
        const auto each = stride(size_class);
        auto count = std::min(slab_counts[size_class], (limit - std::min(limit, allocated)) / each);
        if (count == 0) return false;
        auto* memory = static_cast<std::byte*>(::operator new(count * each, std::align_val_t{alignof(buffer)}, std::nothrow));
        if (!memory) return false;
        slabs.push_back(memory);
        allocated += count * each;
        for (auto i = count; i-- > 0;) {
            auto* b = new (memory + i * each) buffer;
            b->home = this;
            b->size_class = static_cast<std::uint8_t>(size_class);
            b->next = std::exchange(free[size_class], b);
            poison(b->begin(), b->capacity());
        }
        return true;
    }
    NETKIT_COLD bool fails_now() { return fails(fails_context); }
    static bool count_down(void* store) {
        auto& self = *static_cast<pool_store*>(store);
        if (--self.fail_at != 0) return false;
        self.fails = nullptr;
        return true;
    }

    NETKIT_INLINE buffer* get(std::size_t size_class, std::size_t headroom) {
        if (fails) [[unlikely]]
            if (fails_now()) return nullptr;
        if (!free[size_class]) [[unlikely]]
            if (!grow(size_class)) return nullptr;
        auto* b = free[size_class];
        free[size_class] = b->next;
        unpoison(b->begin(), b->capacity());
        ++in_use[size_class];
        b->next = nullptr;
        b->owners = 1;
        b->about.clear();
        b->first = b->last = b->begin() + headroom;
        return b;
    }
    NETKIT_INLINE void put(buffer* b) {
        if (b->about.slices != 0) [[unlikely]] release_slices(b);
        poison(b->begin(), b->capacity());
        b->next = std::exchange(free[b->size_class], b);
        --in_use[b->size_class];
        if (orphaned) [[unlikely]] end_if_unused();
    }
    NETKIT_COLD void end_if_unused() {
        if (buffers_in_use() == 0 && cells_in_use == 0) delete this;
    }

    NETKIT_COLD bool grow_cells() {
        static constexpr std::size_t most = 64;
        const auto count = std::min(most, (limit - std::min(limit, allocated)) / sizeof(cell));
        if (count == 0) return false;
        auto* memory = static_cast<std::byte*>(::operator new(count * sizeof(cell), std::align_val_t{alignof(buffer)}, std::nothrow));
        if (!memory) return false;
        slabs.push_back(memory);
        allocated += count * sizeof(cell);
        for (auto i = count; i-- > 0;) {
            auto* c = new (memory + i * sizeof(cell)) cell;
            c->home = this;
            c->holds = nullptr;
            c->next = std::exchange(free_cells, c);
            poison(c->object, sizeof c->object);
        }
        return true;
    }
    NETKIT_INLINE cell* get_cell() {
        if (fails) [[unlikely]]
            if (fails_now()) return nullptr;
        if (!free_cells) [[unlikely]]
            if (!grow_cells()) return nullptr;
        ++cells_in_use;
        auto* c = free_cells;
        free_cells = c->next;
        unpoison(c->object, sizeof c->object);
        return c;
    }
    NETKIT_INLINE void put_cell(cell* c) {
        poison(c->object, sizeof c->object);
        c->next = std::exchange(free_cells, c);
        --cells_in_use;
        if (orphaned) [[unlikely]] end_if_unused();
    }
    static void release_slices(buffer* b);

#if defined(NETKIT_POISON_FREE_BUFFERS)
    static void poison(void* at, std::size_t size) { __asan_poison_memory_region(at, size); }
    static void unpoison(void* at, std::size_t size) { __asan_unpoison_memory_region(at, size); }
#else
    static void poison(void*, std::size_t) {}
    static void unpoison(void*, std::size_t) {}
#endif
};

NETKIT_INLINE void release(buffer* b) {
    if (--b->owners == 0) b->home->put(b);
}

[[gnu::noinline]] inline void pool_store::release_slices(buffer* b) {
    for (std::size_t i = 0; i < b->about.slices; ++i) release(b->slices[i].from);
    b->about.slices = 0;
    b->about.borrowed = 0;
}

}  // namespace detail

/// Buffers of three sizes, kept on free lists; one pool a stack, used from that stack's strand alone, so that counts need
/// not be atomic. Memory is taken as it is wanted, up to `limit` bytes, and given back when the pool and every packet from
/// it are gone. An exhausted pool gives empty packets: back-pressure, not an error to throw.
class pool {
public:
    static constexpr std::size_t default_limit = std::size_t(1) << 30;

    explicit pool(std::size_t limit = default_limit) : store_(new detail::pool_store) { store_->limit = limit; }
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool() {
        store_->orphaned = true;
        store_->end_if_unused();
    }

    /// Buffers handed out and not yet back.
    std::size_t in_use() const { return store_->buffers_in_use(); }
    /// Recycled objects that there are.
    std::size_t cells_in_use() const { return store_->cells_in_use; }
    /// Bytes of the buffers handed out, with their overhead.
    std::size_t used() const {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < buffer_capacities.size(); ++i) bytes += store_->in_use[i] * detail::pool_store::stride(i);
        return bytes;
    }
    /// Bytes taken from the system so far.
    std::size_t allocated() const { return store_->allocated; }
    std::size_t limit() const { return store_->limit; }
    /// Memory already taken stays; new memory is taken only below the limit.
    void limit(std::size_t bytes) { store_->limit = bytes; }
    /// For tests: makes the n-th allocation from now (1 is the next) fail; 0 cancels.
    void fail_at(std::size_t n) {
        store_->fail_at = n;
        fail_when(n == 0 ? nullptr : &detail::pool_store::count_down, store_);
    }
    /// For tests: asks `fails(context)` before each allocation, which fails where it says so; null cancels.
    void fail_when(bool (*fails)(void*), void* context) {
        store_->fails_context = context;
        store_->fails = fails;
    }

private:
    friend class packet;
    friend class chunk;
    template <class T>
    friend struct recycled;
    detail::pool_store* store_;
};

}  // namespace netkit
