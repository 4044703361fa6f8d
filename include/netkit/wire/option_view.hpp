#pragma once

#include <range/v3/range_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

namespace netkit {

/// What a format makes of the bytes ahead of it, and how many it takes.
struct option_step {
    enum outcome { option, padding, end, malformed };
    outcome result;
    std::size_t size = 0;
};

/// The options of a header: a forward range (a view of range-v3 as well) of {kind, data, offset}, padding left out.
/// It cannot run past its bytes. The first malformed option ends it, and `well_formed()` tells that from a proper end.
/// `Format` has a `kind` and says by `step` how the option at the start of some bytes, at least one, is delimited.
template <class Format>
class option_view : public ranges::view_base {
public:
    struct option {
        typename Format::kind kind;
        std::span<const std::byte> data;  ///< what follows kind and length
        std::size_t offset;               ///< of the kind, from the start of the options
    };

    class iterator {
    public:
        using value_type = option;
        using difference_type = std::ptrdiff_t;
        using reference = const option&;
        using pointer = const option*;
        using iterator_category = std::forward_iterator_tag;

        iterator() = default;
        explicit iterator(std::span<const std::byte> bytes) : bytes_(bytes) { find(); }

        reference operator*() const { return current_; }
        pointer operator->() const { return &current_; }
        iterator& operator++() {
            next_ = current_.offset + size_;
            find();
            return *this;
        }
        iterator operator++(int) {
            iterator before = *this;
            ++*this;
            return before;
        }
        bool operator==(const iterator& other) const {
            return at_end_ == other.at_end_ && (at_end_ || current_.offset == other.current_.offset);
        }
        bool operator==(std::default_sentinel_t) const { return at_end_; }

        /// Whether the range ended, or may yet end, without a malformed option.
        bool well_formed() const { return well_formed_; }

    private:
        void find() {
            while (next_ < bytes_.size()) {
                const auto rest = bytes_.subspan(next_);
                const auto [result, size] = Format::step(rest);
                if (result == option_step::padding) {
                    next_ += size;
                    continue;
                }
                well_formed_ = result != option_step::malformed;
                if (result != option_step::option) break;
                current_ = {typename Format::kind(std::uint8_t(rest[0])), rest.subspan(2, size - 2), next_};
                size_ = size;
                return;
            }
            at_end_ = true;
        }

        std::span<const std::byte> bytes_;
        option current_{};
        std::size_t size_ = 0;
        std::size_t next_ = 0;
        bool at_end_ = false;
        bool well_formed_ = true;
    };

    option_view() = default;
    explicit option_view(std::span<const std::byte> bytes) : bytes_(bytes) {}

    iterator begin() const { return iterator(bytes_); }
    std::default_sentinel_t end() const { return {}; }
    bool well_formed() const {
        auto at = begin();
        while (at != end()) ++at;
        return at.well_formed();
    }

private:
    std::span<const std::byte> bytes_;
};

/// How IPv4 and TCP delimit options: 0 ends them, 1 is padding, others have a length that counts kind and length.
struct octet_option_format {
    static option_step step(std::span<const std::byte> rest) {
        const auto kind = std::uint8_t(rest[0]);
        if (kind == 0) return {option_step::end};
        if (kind == 1) return {option_step::padding, 1};
        if (rest.size() < 2) return {option_step::malformed};
        const auto size = std::size_t(rest[1]);
        if (size < 2 || size > rest.size()) return {option_step::malformed};
        return {option_step::option, size};
    }
};

}  // namespace netkit
