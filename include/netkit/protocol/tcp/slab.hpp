#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace netkit {

/// Objects of one type in blocks, with a free list: making one in a steady state allocates nothing. Memory is kept until the
/// slab is destroyed, before which every object must have been.
template <class T>
class tcp_slab {
public:
    static constexpr std::size_t per_block = 32;

    tcp_slab() = default;
    tcp_slab(const tcp_slab&) = delete;
    tcp_slab& operator=(const tcp_slab&) = delete;
    ~tcp_slab() {
        for (auto* block : blocks_) ::operator delete(block, std::align_val_t{alignof(cell)});
    }

    /// Null where there is no memory.
    template <class... Argument>
    T* make(Argument&&... arguments) {
        if (!free_ && !grow()) return nullptr;
        auto* c = free_;
        free_ = c->next;
        ++in_use_;
        return new (c->bytes) T(std::forward<Argument>(arguments)...);
    }
    void destroy(T& object) {
        object.~T();
        auto* c = new (&object) cell;
        c->next = std::exchange(free_, c);
        --in_use_;
    }
    std::size_t in_use() const { return in_use_; }
    std::size_t memory() const { return blocks_.size() * per_block * sizeof(cell); }

private:
    union alignas(T) cell {
        cell* next;
        std::byte bytes[sizeof(T)];
    };
    bool grow() {
        auto* memory = ::operator new(per_block * sizeof(cell), std::align_val_t{alignof(cell)}, std::nothrow);
        if (!memory) return false;
        blocks_.push_back(memory);
        auto* cells = static_cast<cell*>(memory);
        for (std::size_t i = per_block; i-- > 0;) {
            auto* c = new (cells + i) cell;
            c->next = std::exchange(free_, c);
        }
        return true;
    }

    cell* free_ = nullptr;
    std::vector<void*> blocks_;
    std::size_t in_use_ = 0;
};

}  // namespace netkit
