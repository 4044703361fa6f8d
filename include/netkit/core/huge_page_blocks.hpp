#pragma once

#include <netkit/core/intrusive_list.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace netkit {

/// Blocks of Size bytes, each aligned to as much, out of pages of 2 MiB where the system has such: a processor that goes from one of many
/// thousand objects to the next would else look up nearly each one's page in memory. A page without blocks is given back, but for one.
/// All blocks must be given back before this ends.
template <std::size_t Size>
class huge_page_blocks {
public:
    static constexpr std::size_t page_size = std::size_t{1} << 21;
    static constexpr std::size_t per_page = page_size / Size;
    static_assert(per_page * Size == page_size && per_page >= 2);

    /// What a block is part of: to be kept for give_back.
    class page : public list_hook {
        friend class huge_page_blocks;
        std::byte* memory = nullptr;
        void* free = nullptr;       // the last block given back, which begins with the one before
        std::uint32_t used = 0;
        std::uint32_t touched = 0;  // blocks that were ever handed out
    };

    huge_page_blocks() = default;
    huge_page_blocks(const huge_page_blocks&) = delete;
    huge_page_blocks& operator=(const huge_page_blocks&) = delete;
    ~huge_page_blocks() { give_back_spare(); }

    /// A block, and its page; null where there is no memory, or the system has none of that kind.
    std::pair<void*, page*> take() {
        if (with_room_.empty() && !grow()) return {};
        auto& p = with_room_.front();
        if (p.used++ == 0) spare_ = nullptr;
        if (p.used == per_page) p.unlink();
        void* block = p.free;
        if (block) p.free = *static_cast<void**>(block);
        else block = p.memory + Size * p.touched++;
        return {block, &p};
    }
    void give_back(void* block, page& p) {
        *static_cast<void**>(block) = std::exchange(p.free, block);
        if (p.used-- == per_page) with_room_.push_back(p);
        if (p.used != 0) return;
        give_back_spare();
        spare_ = &p;
    }
    /// Gives back the page that has no blocks, if there is one.
    void give_back_spare() {
        if (auto* p = std::exchange(spare_, nullptr)) end(*p);
    }
    /// Bytes held.
    std::size_t memory() const { return pages_ * page_size; }

private:
#if defined(__linux__)
    static std::byte* map() {
        auto* const whole = ::mmap(nullptr, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (whole == MAP_FAILED) return nullptr;
        // Of twice as much one page is aligned; the rest goes back.
        auto* const first = static_cast<std::byte*>(whole);
        const auto before = (page_size - reinterpret_cast<std::uintptr_t>(first) % page_size) % page_size;
        if (before != 0) ::munmap(first, before);
        ::munmap(first + before + page_size, page_size - before);
        // Where it does not heed that, it is memory all the same.
        (void)::madvise(first + before, page_size, MADV_HUGEPAGE);
        return first + before;
    }
    static void unmap(std::byte* memory) { ::munmap(memory, page_size); }
#else
    static std::byte* map() { return nullptr; }
    static void unmap(std::byte*) {}
#endif
    bool grow() {
        auto* const p = new (std::nothrow) page;
        if (!p) return false;
        p->memory = map();
        if (!p->memory) {
            delete p;
            return false;
        }
        ++pages_;
        with_room_.push_back(*p);
        spare_ = p;
        return true;
    }
    void end(page& p) {
        unmap(p.memory);
        --pages_;
        delete &p;
    }

    intrusive_list<page> with_room_;
    page* spare_ = nullptr;  // among those, without blocks
    std::size_t pages_ = 0;
};

}  // namespace netkit
