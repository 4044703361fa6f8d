#pragma once

#include <netkit/core/huge_page_blocks.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace netkit {

/// Objects of one type in blocks of 16 KiB: making one in a steady state allocates nothing. Blocks without objects are given back, but for one,
/// and one in eight, so that who comes and goes does not allocate each time. Beyond the first 2 MiB, blocks lie in pages of 2 MiB. Every object
/// must be destroyed before the slab.
template <class T>
class tcp_slab {
    // A little less than the alignment: that is what an allocator needs for itself to put blocks side by side.
    static constexpr std::size_t alignment = 16384, block_size = alignment - 16;
    using pages = huge_page_blocks<alignment>;
    /// So many blocks stand alone: what few objects need is not rounded up to a page.
    static constexpr std::size_t most_alone = 128;

    struct free_cell {
        free_cell* next;
    };
    /// At the front of its memory, so that an object's block is found by its address.
    struct block {
        block* next = nullptr;
        block* previous = nullptr;
        free_cell* free = nullptr;
        std::uint32_t used = 0;
        std::uint32_t touched = 0;  // cells that ever held an object
        typename pages::page* page = nullptr;  // null where it stands alone
    };
    static constexpr std::size_t cell_alignment = alignof(T) > alignof(free_cell) ? alignof(T) : alignof(free_cell);
    static constexpr std::size_t rounded(std::size_t size) { return (size + cell_alignment - 1) / cell_alignment * cell_alignment; }
    static constexpr std::size_t first_cell = rounded(sizeof(block));
    static constexpr std::size_t cell_size = rounded(sizeof(T) > sizeof(free_cell) ? sizeof(T) : sizeof(free_cell));

public:
    static constexpr std::size_t per_block = (block_size - first_cell) / cell_size;
    static_assert(per_block >= 2, "netkit: these objects are too large for a slab");

    tcp_slab() = default;
    tcp_slab(const tcp_slab&) = delete;
    tcp_slab& operator=(const tcp_slab&) = delete;
    ~tcp_slab() {
        while (first_) release(*first_);
    }

    /// Null where there is no memory.
    template <class... Argument>
    T* make(Argument&&... arguments) {
        if (!first_ && !grow()) return nullptr;
        auto& b = *first_;
        if (b.used++ == 0) --empty_;
        if (b.used == per_block) unlink(b);
        void* cell = b.free;
        if (cell) b.free = b.free->next;
        else cell = reinterpret_cast<std::byte*>(&b) + first_cell + b.touched++ * cell_size;
        ++in_use_;
        return new (cell) T(std::forward<Argument>(arguments)...);
    }
    void destroy(T& object) {
        object.~T();
        auto& b = *reinterpret_cast<block*>(reinterpret_cast<std::uintptr_t>(&object) & ~std::uintptr_t{alignment - 1});
        auto* cell = new (static_cast<void*>(&object)) free_cell;
        cell->next = std::exchange(b.free, cell);
        --in_use_;
        if (b.used-- == per_block) link_front(b);
        if (b.used == 0) became_empty(b);
    }
    std::size_t in_use() const { return in_use_; }
    /// Bytes held, in use or not.
    std::size_t memory() const { return alone_ * alignment + pages_.memory(); }
    /// Those of them that are in pages of 2 MiB, of which malloc knows nothing.
    std::size_t memory_in_huge_pages() const { return pages_.memory(); }

private:
    // Blocks with room, in a list; those without objects are at its end.
    void link_front(block& b) {
        b.previous = nullptr;
        b.next = first_;
        (first_ ? first_->previous : last_) = &b;
        first_ = &b;
    }
    void link_back(block& b) {
        b.next = nullptr;
        b.previous = last_;
        (last_ ? last_->next : first_) = &b;
        last_ = &b;
    }
    void unlink(block& b) {
        (b.previous ? b.previous->next : first_) = b.next;
        (b.next ? b.next->previous : last_) = b.previous;
    }
    bool grow() {
        auto [memory, page] = alone_ < most_alone ? std::pair<void*, typename pages::page*>() : pages_.take();
        if (!memory) {
            if (::posix_memalign(&memory, alignment, block_size) != 0) return false;
            ++alone_;
        }
        auto& b = *new (memory) block;
        b.page = page;
        link_front(b);
        ++blocks_;
        ++empty_;
        return true;
    }
    void became_empty(block& b) {
        ++empty_;
        // In a page it costs nothing to be given back, and to be taken again.
        if (b.page) return release(b);
        unlink(b);
        link_back(b);
        while (empty_ > 1 + blocks_ / 8) release(*last_);
    }
    void release(block& b) {
        unlink(b);
        --blocks_;
        --empty_;
        if (auto* const page = b.page) {
            pages_.give_back(&b, *page);
        } else {
            ::free(&b);
            --alone_;
        }
        if (blocks_ < most_alone / 2) pages_.give_back_spare();
    }

    block* first_ = nullptr;
    block* last_ = nullptr;
    std::size_t blocks_ = 0, empty_ = 0, in_use_ = 0;
    std::size_t alone_ = 0;  // of the blocks
    pages pages_;
};

}  // namespace netkit
