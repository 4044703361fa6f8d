#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/core/sequence_number.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace netkit {

/// Bytes beyond a gap, as runs without gaps, in order: a segment finds its run by bisection, whatever the peer sends. There are at most
/// 80 runs, and what they hold is bounded with all overhead; the furthest is given up for the nearer. Holds nothing while
/// nothing is missing.
class tcp_reassembly {
public:
    static constexpr std::size_t most_runs = 80;

    tcp_reassembly() = default;
    tcp_reassembly(const tcp_reassembly&) = delete;
    tcp_reassembly& operator=(const tcp_reassembly&) = delete;
    ~tcp_reassembly() { clear(); }

    bool empty() const { return count_ == 0; }
    std::size_t runs() const { return count_; }
    /// Payload bytes held.
    std::uint32_t size() const { return size_; }
    /// Memory of the packets held, in bytes.
    std::uint32_t memory() const { return memory_; }
    /// The edges of run i, counted from the nearest.
    std::pair<sequence_number, sequence_number> edges(std::size_t i) const {
        const auto& r = all()[i];
        return {r.first, r.end};
    }

    /// Keeps the payload in `p`, which starts at `first`; what is held already is not kept twice. False where it was not kept: it is
    /// held already, or would be beyond `most_memory`, or the pool is exhausted.
    bool insert(pool& buffers, packet p, sequence_number first, std::uint32_t most_memory) {
        if (!runs_ && !open(buffers)) return false;
        const bool kept = keep(std::move(p), first, most_memory);
        if (count_ == 0) runs_.reset();
        return kept;
    }
    /// The packets of the first run where it starts at or before `next`; what lies before `next` is the caller's to cut. Empty
    /// where the gap is still there. `end` is told where the run ends, `first` where it starts.
    packet_queue take(sequence_number next, sequence_number& first, sequence_number& end) {
        if (count_ == 0 || all()->first > next) return {};
        auto& r = *all();
        first = r.first;
        end = r.end;
        size_ -= r.end - r.first;
        memory_ -= r.memory;
        packet_queue packets(std::move(r.packets));
        r.memory = 0;
        r.first = r.end;
        remove(all());
        if (count_ == 0) runs_.reset();
        return packets;
    }
    void clear() {
        while (count_ != 0) remove(all() + count_ - 1);
        runs_.reset();
    }
    /// Takes n bytes off the front of a packet, whatever it consists of. False where the pool is exhausted.
    static bool cut_front(packet& p, std::size_t n) {
        if (n > p.head().size() && !p.linearize()) return false;
        p.pull(n);
        return true;
    }

private:
    struct run {
        sequence_number first, end;
        std::uint32_t memory = 0;
        packet_queue packets;
    };
    static_assert(sizeof(run) * most_runs <= buffer_capacities[1]);

    run* all() { return reinterpret_cast<run*>(runs_.head().data()); }
    const run* all() const { return reinterpret_cast<const run*>(runs_.head().data()); }
    static std::uint32_t cost(const packet& p) {
        return static_cast<std::uint32_t>(sizeof(buffer) + p.headroom() + p.head().size() + p.tailroom() + (p.size() - p.head().size()));
    }

    bool open(pool& buffers) {
        packet storage(buffers, 0, sizeof(run) * most_runs);
        if (!storage) return false;
        storage.append(sizeof(run) * most_runs);
        runs_ = std::move(storage);
        return true;
    }
    bool keep(packet p, sequence_number first, std::uint32_t most_memory) {
        auto end = first + static_cast<std::uint32_t>(p.size());
        auto* at = run_before(first);
        // What the run before holds already is cut off the front, what later runs hold is either replaced or cut off the end.
        if (at && at->end > first) {
            const auto twice = at->end - first;
            if (twice >= p.size()) return false;
            if (!cut_front(p, twice)) return false;
            first = at->end;
        }
        auto* next = at ? at + 1 : all();
        while (next != all() + count_ && next->end <= end) remove(next);
        if (next != all() + count_ && next->first < end) {
            p.trim(next->first - first);
            end = next->first;
        }
        if (p.size() == 0) return false;
        if (!make_room(cost(p), first, most_memory)) return false;
        if (at && at->end == first) append(*at, std::move(p), end);
        else {
            at = place(first);
            if (!at) return false;
            append(*at, std::move(p), end);
        }
        join(at);
        return true;
    }
    /// The last run that starts at or before `first`; null where there is none.
    run* run_before(sequence_number first) {
        std::size_t low = 0, high = count_;
        while (low < high) {
            const auto middle = (low + high) / 2;
            if (all()[middle].first <= first) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? nullptr : all() + low - 1;
    }
    run* place(sequence_number first) {
        if (count_ == most_runs) {
            auto* furthest = all() + count_ - 1;
            if (furthest->first < first) return nullptr;
            remove(furthest);
        }
        auto* before = run_before(first);
        auto* at = before ? before + 1 : all();
        auto* end = all() + count_;
        if (at == end) new (end) run;
        else {
            new (end) run(std::move(end[-1]));
            std::move_backward(at, end - 1, end);
            *at = run();
        }
        ++count_;
        at->first = at->end = first;
        return at;
    }
    void append(run& r, packet p, sequence_number end) {
        const auto added = cost(p);
        r.memory += added;
        memory_ += added;
        size_ += end - r.end;
        r.end = end;
        r.packets.push_back(std::move(p));
    }
    /// Joins a run with the one behind where they touch.
    void join(run* at) {
        auto* next = at + 1;
        if (next == all() + count_ || next->first != at->end) return;
        at->end = next->end;
        at->memory += next->memory;
        at->packets.splice(next->packets);
        next->first = next->end;
        next->memory = 0;
        remove(next);
    }
    void remove(run* gone) {
        size_ -= gone->end - gone->first;
        memory_ -= gone->memory;
        std::move(gone + 1, all() + count_, gone);
        std::destroy_at(all() + --count_);
    }
    /// Gives up runs beyond `first` until `wanted` more is within bounds.
    bool make_room(std::uint32_t wanted, sequence_number first, std::uint32_t most_memory) {
        while (memory_ + wanted > most_memory) {
            if (count_ == 0) return wanted <= most_memory;
            auto* furthest = all() + count_ - 1;
            if (furthest->first < first) return false;
            remove(furthest);
        }
        return true;
    }

    packet runs_;  // the storage of the runs: a buffer of the pool
    std::uint32_t count_ = 0;
    std::uint32_t size_ = 0;
    std::uint32_t memory_ = 0;
};

}  // namespace netkit
