#pragma once

#include <netkit/core/sequence_number.hpp>
#include <netkit/wire/tcp_option_parser.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace netkit {

/// Sequence numbers [first, end).
struct tcp_range {
    sequence_number first, end;

    bool empty() const { return first == end; }
    std::uint32_t size() const { return end - first; }
    bool contains(sequence_number n) const { return n.in(first, size()); }
    bool operator==(const tcp_range&) const = default;
};

/// Where what waits beyond a gap changed last, the latest first: by this the blocks of a report are ordered (RFC 2018 section 4).
class tcp_latest_changes {
public:
    static constexpr std::size_t most = tcp_parsed_options::most_sack_blocks;

    /// `run`, all of it, is now what changed last.
    void changed(tcp_range run) {
        const auto others = std::remove_if(places_.begin(), places_.begin() + count_, [&](sequence_number place) { return run.contains(place); });
        count_ = std::min(static_cast<std::size_t>(others - places_.begin()), most - 1);
        std::copy_backward(places_.begin(), places_.begin() + count_, places_.begin() + count_ + 1);
        places_[0] = run.first;
        ++count_;
    }
    std::span<const sequence_number> places() const { return {places_.data(), count_}; }

private:
    std::array<sequence_number, most> places_{};
    std::size_t count_ = 0;
};

namespace detail {
/// The blocks of one report, none of them twice.
class tcp_block_list {
public:
    tcp_block_list(std::span<tcp_sack_block> to, std::size_t most) : to_(to.first(std::min(to.size(), most))) {}

    bool full() const { return count_ == to_.size(); }
    std::size_t size() const { return count_; }
    void add(tcp_range r) {
        const tcp_sack_block block{r.first.value(), r.end.value()};
        if (full() || r.empty() || std::find(to_.begin(), to_.begin() + static_cast<std::ptrdiff_t>(count_), block) != to_.begin() + static_cast<std::ptrdiff_t>(count_)) return;
        to_[count_++] = block;
    }

private:
    std::span<tcp_sack_block> to_;
    std::size_t count_ = 0;
};
}  // namespace detail

/// What a receiver reports, as blocks in `to`, at most `most`: first what came twice (`duplicate`, empty where nothing did; RFC 2883 section 4),
/// then the run that changed last, those before it, and, while there is room, the nearest. Runs are as tcp_reassembly has them. Returns how many.
template <class Runs>
std::size_t report_runs(const Runs& runs, tcp_range duplicate, std::span<tcp_sack_block> to, std::size_t most) {
    detail::tcp_block_list blocks(to, most);
    blocks.add(duplicate);
    for (const auto place : runs.latest_changes()) blocks.add(runs.run_at(place));
    for (std::size_t i = 0; i < runs.runs() && !blocks.full(); ++i) blocks.add(runs.run(i));
    return blocks.size();
}

}  // namespace netkit
