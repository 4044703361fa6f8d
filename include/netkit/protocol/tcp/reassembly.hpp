#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/protocol/tcp/packet_memory.hpp>
#include <netkit/protocol/tcp/selective_acknowledgements.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace netkit {

/// Bytes beyond a gap, as runs without gaps, in order: a segment finds its run by bisection, whatever the peer sends. The runs, and
/// which of them changed last, lie in a buffer of the pool, small at first; there are at most some 1300, and what they hold is
/// bounded with all overhead: the furthest is given up for the nearer. Holds nothing while nothing is missing.
class tcp_reassembly {
public:
    /// What became of a segment.
    struct insertion {
        bool kept = false;          ///< not where it was held already, would take too much memory, or the pool is exhausted
        tcp_range duplicate{};      ///< of it, the first bytes without a gap that were held already; empty where there were none
    };

    tcp_reassembly() = default;
    tcp_reassembly(const tcp_reassembly&) = delete;
    tcp_reassembly& operator=(const tcp_reassembly&) = delete;
    ~tcp_reassembly() { clear(); }

    bool empty() const { return !storage_; }
    std::size_t runs() const { return empty() ? 0 : about().count; }
    /// Payload bytes held.
    std::uint32_t size() const { return empty() ? 0 : about().size; }
    /// Memory of all that is held, in bytes.
    std::uint32_t memory() const { return empty() ? 0 : about().memory + static_cast<std::uint32_t>(sizeof(buffer) + storage_.head().size()); }
    /// Run i, counted from the nearest.
    tcp_range run(std::size_t i) const { return all()[i].edges; }
    bool reaches_beyond(sequence_number place) const { return runs() != 0 && run(runs() - 1).end > place; }
    /// The run that holds `place`; empty where none does.
    tcp_range run_at(sequence_number place) const {
        const auto behind = runs_up_to(place);
        if (behind == 0 || !run(behind - 1).contains(place)) return {};
        return run(behind - 1);
    }
    /// Where runs changed last, the latest first; what is gone since is among them.
    std::span<const sequence_number> latest_changes() const {
        if (empty()) return {};
        return about().latest.places();
    }

    /// Keeps the payload in `p`, which starts at `first`; what is held already is not kept twice. No more than `most_memory` bytes are held.
    insertion insert(pool& buffers, packet p, sequence_number first, std::uint32_t most_memory) {
        if (empty() && !open(buffers)) return {};
        const auto result = keep(buffers, std::move(p), first, most_memory);
        if (about().count == 0) storage_.reset();
        return result;
    }
    /// The packets of the first run where it starts at or before `next`; what lies before `next` is the caller's to cut. Empty
    /// where the gap is still there. `where` is told where the run lies.
    packet_queue take(sequence_number next, tcp_range& where) {
        if (empty() || all()->edges.first > next) return {};
        auto& r = *all();
        where = r.edges;
        packet_queue packets(std::move(r.packets));
        remove(all());
        if (about().count == 0) storage_.reset();
        return packets;
    }
    void clear() {
        if (empty()) return;
        std::destroy_n(all(), about().count);
        storage_.reset();
    }
    /// Takes n bytes off the front of a packet, whatever it consists of. False where the pool is exhausted.
    static bool cut_front(packet& p, std::size_t n) {
        if (n > p.head().size() && !p.linearize()) return false;
        p.pull(n);
        return true;
    }

private:
    struct bytes_without_gap {
        tcp_range edges;
        std::uint32_t memory = 0;
        packet_queue packets;
    };
    /// What stands in front of the runs in their buffer.
    struct overview {
        std::uint32_t count = 0, capacity = 0;
        std::uint32_t size = 0;
        std::uint32_t memory = 0;  // of packets
        tcp_latest_changes latest{};
    };
    static_assert(std::is_trivially_copyable_v<overview> && sizeof(overview) % alignof(bytes_without_gap) == 0);

    overview& about() { return *reinterpret_cast<overview*>(storage_.head().data()); }
    const overview& about() const { return *reinterpret_cast<const overview*>(storage_.head().data()); }
    bytes_without_gap* all() { return reinterpret_cast<bytes_without_gap*>(storage_.head().data() + sizeof(overview)); }
    const bytes_without_gap* all() const { return reinterpret_cast<const bytes_without_gap*>(storage_.head().data() + sizeof(overview)); }
    bytes_without_gap* behind_all() { return all() + about().count; }
    /// Moves runs as the bytes they are: they hold no pointers to themselves.
    static void relocate(bytes_without_gap* from, std::size_t count, bytes_without_gap* to) {
        std::memmove(static_cast<void*>(to), static_cast<const void*>(from), count * sizeof *from);
    }

    bool open(pool& buffers) {
        auto storage = room_for_runs(buffers, buffer_capacities[0]);
        if (!storage) return false;
        storage_ = std::move(storage);
        return true;
    }
    static packet room_for_runs(pool& buffers, std::size_t bytes) {
        packet storage(buffers, 0, bytes);
        if (!storage) return {};
        auto* at = storage.append(bytes).data();
        (new (at) overview)->capacity = static_cast<std::uint32_t>((bytes - sizeof(overview)) / sizeof(bytes_without_gap));
        return storage;
    }
    /// Moves the runs to the next larger buffer there is.
    NETKIT_COLD bool grow(pool& buffers, std::uint32_t most_memory) {
        for (const auto bytes : buffer_capacities) {
            if (bytes <= storage_.head().size()) continue;
            if (memory() + bytes > most_memory) return false;
            auto larger = room_for_runs(buffers, bytes);
            if (!larger) return false;
            const auto old = std::move(storage_);
            storage_ = std::move(larger);
            const auto capacity = about().capacity;
            std::memcpy(storage_.head().data(), old.head().data(), old.head().size());
            about().capacity = capacity;
            return true;
        }
        return false;
    }

    insertion keep(pool& buffers, packet p, sequence_number first, std::uint32_t most_memory) {
        insertion result;
        auto end = first + static_cast<std::uint32_t>(p.size());
        auto* before = run_before(first);
        // What the run before holds already is cut off the front, what later runs hold is either replaced or cut off the end.
        if (before && before->edges.end > first) {
            const auto known = std::min(before->edges.end, end);
            result.duplicate = {first, known};
            if (known == end) {
                about().latest.changed(before->edges);
                return result;
            }
            if (!cut_front(p, known - first)) return result;
            first = known;
        }
        auto* next = before ? before + 1 : all();
        if (result.duplicate.empty() && next != behind_all() && next->edges.first < end) result.duplicate = {next->edges.first, min(next->edges.end, end)};
        while (next != behind_all() && next->edges.end <= end) remove(next);
        if (next != behind_all() && next->edges.first < end) {
            p.trim(next->edges.first - first);
            end = next->edges.first;
        }
        p = without_waste(std::move(p), 4096, 4);
        if (!make_room(packet_memory(p), first, most_memory)) return result;
        auto* at = before && before->edges.end == first ? before : place(buffers, first, most_memory);
        if (!at) return result;
        append(*at, std::move(p), end);
        join(at);
        about().latest.changed(at->edges);
        result.kept = true;
        return result;
    }
    /// How many runs start at or before `place`.
    std::size_t runs_up_to(sequence_number place) const {
        std::size_t low = 0, high = runs();
        while (low < high) {
            const auto middle = (low + high) / 2;
            if (run(middle).first <= place) low = middle + 1;
            else high = middle;
        }
        return low;
    }
    /// The last run that starts at or before `first`; null where there is none.
    bytes_without_gap* run_before(sequence_number first) {
        const auto n = runs_up_to(first);
        return n == 0 ? nullptr : all() + n - 1;
    }
    bytes_without_gap* place(pool& buffers, sequence_number first, std::uint32_t most_memory) {
        if (about().count == about().capacity && !grow(buffers, most_memory)) {
            auto* furthest = behind_all() - 1;
            if (furthest->edges.first < first) return nullptr;
            remove(furthest);
        }
        const auto index = runs_up_to(first);
        auto* at = all() + index;
        relocate(at, about().count - index, at + 1);
        new (at) bytes_without_gap;
        ++about().count;
        at->edges = {first, first};
        return at;
    }
    void append(bytes_without_gap& r, packet p, sequence_number end) {
        const auto added = packet_memory(p);
        r.memory += added;
        about().memory += added;
        about().size += end - r.edges.end;
        r.edges.end = end;
        r.packets.push_back(std::move(p));
    }
    /// Joins a run with the one behind where they touch.
    void join(bytes_without_gap* at) {
        auto* next = at + 1;
        if (next == behind_all() || next->edges.first != at->edges.end) return;
        at->edges.end = next->edges.end;
        at->memory += next->memory;
        at->packets.splice(next->packets);
        next->edges.first = next->edges.end;
        next->memory = 0;
        remove(next);
    }
    void remove(bytes_without_gap* gone) {
        about().size -= gone->edges.size();
        about().memory -= gone->memory;
        std::destroy_at(gone);
        relocate(gone + 1, static_cast<std::size_t>(behind_all() - gone) - 1, gone);
        --about().count;
    }
    /// Gives up runs beyond `first` until `wanted` more is within bounds.
    bool make_room(std::uint32_t wanted, sequence_number first, std::uint32_t most_memory) {
        while (memory() + wanted > most_memory) {
            if (about().count == 0) return false;
            auto* furthest = behind_all() - 1;
            if (furthest->edges.first < first) return false;
            remove(furthest);
        }
        return true;
    }

    packet storage_;  // an overview and the runs
};

}  // namespace netkit
