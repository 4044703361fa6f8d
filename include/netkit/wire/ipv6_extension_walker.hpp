#pragma once

#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/ipv6.hpp>
#include <netkit/wire/ipv6_extensions.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace netkit {

/// Steps over the extension headers of an IPv6 packet, one at a time, never beyond its bytes and never more than
/// `most_headers` of them. Offsets count from the IPv6 header, as Parameter Problem wants them.
class ipv6_extension_walker {
public:
    /// No packet in earnest has more (RFC 8504 section 5.3 lets hosts set such limits).
    static constexpr unsigned most_headers = 8;

    enum class result : std::uint8_t {
        extension,       ///< kind() and bytes() tell of one; step() goes on behind it
        upper_layer,     ///< next() and rest() tell of what the extensions ended with, which may be "no next header"
        later_fragment,  ///< rest() continues a datagram whose headers came in its first fragment
        truncated,       ///< the packet ends within a header
        misplaced,       ///< hop-by-hop options not in first place; next_field() is at fault
        too_many,
    };

    /// `payload` is what follows the IPv6 header, `next` its Next Header.
    ipv6_extension_walker(std::uint8_t next, std::span<const std::byte> payload) : next_(next), rest_(payload) {}

    result step() {
        if (later_fragment_) return result::later_fragment;
        if (!is_ipv6_extension(next())) return result::upper_layer;
        if (next() == ip_protocol::hop_by_hop && headers_ != 0) return result::misplaced;
        if (headers_ == most_headers) return result::too_many;

        const auto header = header_at<ipv6_extension_header>(rest_);
        if (!header) return result::truncated;
        // The length field of a fragment header is reserved.
        const auto size = next() == ip_protocol::fragment ? sizeof(fragment_header) : header->size();
        if (size > rest_.size()) return result::truncated;

        kind_ = next();
        bytes_ = rest_.first(size);
        offset_ = end_;
        if (kind_ == ip_protocol::fragment) later_fragment_ = header_at<fragment_header>(bytes_)->offset() != 0;
        next_ = header->next;
        next_field_ = offset_;
        end_ += size;
        rest_ = rest_.subspan(size);
        ++headers_;
        return result::extension;
    }

    /// The extension header last stepped over.
    ip_protocol kind() const { return kind_; }
    std::span<const std::byte> bytes() const { return bytes_; }
    /// Where it lies.
    std::size_t offset() const { return offset_; }

    /// What follows it: its number, where that number lies, and the bytes, which begin at end().
    ip_protocol next() const { return ip_protocol{next_}; }
    std::size_t next_field() const { return next_field_; }
    std::span<const std::byte> rest() const { return rest_; }
    std::size_t end() const { return end_; }

private:
    std::uint8_t next_;
    std::span<const std::byte> rest_;
    ip_protocol kind_ = ip_protocol::no_next_header;
    std::span<const std::byte> bytes_;
    std::size_t offset_ = 0;
    std::size_t next_field_ = offsetof(ipv6_header, next);
    std::size_t end_ = sizeof(ipv6_header);
    unsigned headers_ = 0;
    bool later_fragment_ = false;
};

}  // namespace netkit
