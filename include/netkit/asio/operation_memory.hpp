#pragma once

#include <netkit/asio/thread_marker.hpp>

#include <array>
#include <cstddef>
#include <new>
#include <type_traits>

namespace netkit {

/// Memory of finished operations, kept for the next ones: a free list for each multiple of 64 bytes up to a kilobyte.
/// It belongs to one thread at a time; another, which is told of its mistake, gets and returns blocks that are not kept.
class operation_memory {
public:
    operation_memory() = default;
    operation_memory(const operation_memory&) = delete;
    ~operation_memory() {
        for (auto* first : free_)
            while (first) {
                auto* last = first;
                first = first->next;
                ::operator delete(last);
            }
    }
    void* take(std::size_t size) {
        const auto list = list_of(size);
        if (list >= free_.size()) return ::operator new(size);
        auto* first = user.elsewhere() ? nullptr : free_[list];
        if (!first) return ::operator new((list + 1) * grain);
        free_[list] = first->next;
        return first;
    }
    void give_back(void* bytes, std::size_t size) {
        const auto list = list_of(size);
        if (list >= free_.size() || user.elsewhere()) return ::operator delete(bytes);
        free_[list] = new (bytes) block{free_[list]};
    }

    thread_marker user;  ///< who is using it

private:
    struct block {
        block* next;
    };
    static constexpr std::size_t grain = 64;
    static std::size_t list_of(std::size_t size) { return size == 0 ? 0 : (size - 1) / grain; }
    std::array<block*, 16> free_{};
};

/// What operations are allocated by where their handler names no allocator.
template <class T>
class operation_allocator {
public:
    using value_type = T;
    explicit operation_allocator(operation_memory& from) : from_(&from) {}
    template <class U>
    operation_allocator(const operation_allocator<U>& other) : from_(other.from_) {}

    T* allocate(std::size_t n) { return static_cast<T*>(from_->take(n * sizeof(T))); }
    void deallocate(T* p, std::size_t n) { from_->give_back(p, n * sizeof(T)); }
    template <class U>
    bool operator==(const operation_allocator<U>& other) const {
        return from_ == other.from_;
    }

private:
    template <class U>
    friend class operation_allocator;
    operation_memory* from_;
};

template <>
class operation_allocator<void> {
public:
    using value_type = void;
    explicit operation_allocator(operation_memory& from) : from_(&from) {}
    template <class U>
    operation_allocator(const operation_allocator<U>& other) : from_(other.from_) {}
    template <class U>
    bool operator==(const operation_allocator<U>& other) const {
        return from_ == other.from_;
    }

private:
    template <class U>
    friend class operation_allocator;
    operation_memory* from_;
};

}  // namespace netkit
