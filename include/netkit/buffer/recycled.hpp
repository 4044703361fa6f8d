#pragma once

#include <netkit/buffer/pool.hpp>
#include <netkit/core/inline.hpp>

#include <cstddef>
#include <new>

namespace netkit {

/// Objects that are wanted for a while, each in memory that a pool keeps for such: to take one and to give it back costs a few
/// instructions, and who comes next gets the one that was used last, as it was left. Of up to 256 bytes. One that is given back must
/// hold nothing: it may never be destroyed.
template <class T>
struct recycled {
    /// Null where the pool is exhausted.
    NETKIT_INLINE static T* take(pool& home) {
        static_assert(sizeof(T) <= sizeof(cell::object) && alignof(T) <= alignof(cell), "netkit: this is too large to be recycled");
        auto* c = home.store_->get_cell();
        if (!c) [[unlikely]] return nullptr;
        if (c->holds == &mark) [[likely]] return std::launder(reinterpret_cast<T*>(c->object));
        c->holds = &mark;
        return new (c->object) T;
    }
    /// Whether so many are taken from its pool that it is better to give them back soon: the few that go from hand to hand stay in the cache.
    NETKIT_INLINE static bool are_many(const T* object) { return cell_of(object)->home->cells_in_use > few; }
    /// Gives back what was taken.
    NETKIT_INLINE static void give_back(T* object) {
        auto* c = const_cast<cell*>(cell_of(object));
        c->home->put_cell(c);
    }

private:
    using cell = detail::pool_store::cell;
    static constexpr std::size_t few = 64;
    static const cell* cell_of(const T* object) { return reinterpret_cast<const cell*>(reinterpret_cast<const std::byte*>(object) - offsetof(cell, object)); }
    static inline const char mark = 0;
};

}  // namespace netkit
