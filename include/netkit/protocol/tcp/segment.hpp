#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/sequence_number.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_parser.hpp>

#include <cstdint>

namespace netkit {

/// A received segment's header, in the host's terms.
struct tcp_segment {
    std::uint16_t source_port = 0, target_port = 0;
    sequence_number sequence;
    sequence_number acknowledgement;
    std::uint16_t window = 0;   ///< as on the wire, not scaled
    tcp_flags flags = tcp_flags::none;
    std::uint8_t ecn = 0;       ///< the two bits of the IP header (RFC 3168 section 5), filled in by whoever has seen that
    std::uint32_t size = 0;     ///< bytes of payload
    tcp_parsed_options options{};

    bool has(tcp_flags wanted) const { return netkit::has(flags, wanted); }
    /// Whether a router says that there is congestion.
    bool is_marked() const { return ecn == 3; }
    /// Sequence numbers that it takes up: payload, SYN and FIN (RFC 9293 section 3.4, SEG.LEN).
    std::uint32_t length() const { return size + (has(tcp_flags::syn) ? 1 : 0) + (has(tcp_flags::fin) ? 1 : 0); }
    /// The sequence number behind it.
    sequence_number end() const { return sequence + length(); }
};

/// Whether `p` holds a TCP header whose lengths are no lies; `why` tells what is wrong otherwise.
inline bool holds_tcp_segment(const packet& p, drop_reason& why) {
    const auto* header = p.peek<tcp_header>();
    if (!header) {
        why = drop_reason::truncated;
        return false;
    }
    const auto size = header->header_size();
    if (size >= sizeof(tcp_header) && size <= p.head().size()) return true;
    why = size > p.size() ? drop_reason::truncated : drop_reason::malformed;
    return false;
}

/// Reads the header of the segment that `p` holds, and takes it off, so that the payload is left. Options that overrun are read as
/// far as they are right.
inline void read_tcp_segment(packet& p, tcp_segment& segment) {
    const auto* header = p.peek<tcp_header>();
    const auto size = header->header_size();
    segment.source_port = header->source;
    segment.target_port = header->target;
    segment.sequence = sequence_number(header->sequence);
    segment.acknowledgement = sequence_number(header->acknowledgement);
    segment.window = header->window;
    segment.flags = header->flags();
    parse_tcp_options(p.head().subspan(sizeof(tcp_header), size - sizeof(tcp_header)), segment.options);
    p.pull(size);
    segment.size = static_cast<std::uint32_t>(p.size());
}

/// The reset that answers a segment which belongs to nothing (RFC 9293 section 3.10.7.1): from which number, and whether it
/// acknowledges. Never for a reset.
struct tcp_refusal {
    sequence_number sequence;
    sequence_number acknowledgement;
    tcp_flags flags = tcp_flags::rst;

    explicit tcp_refusal(const tcp_segment& s) {
        if (s.has(tcp_flags::ack)) {
            sequence = s.acknowledgement;
        } else {
            acknowledgement = s.end();
            flags = tcp_flags::rst | tcp_flags::ack;
        }
    }
    tcp_header header() const {
        tcp_header h{};
        h.sequence = sequence.value();
        h.acknowledgement = acknowledgement.value();
        h.offset = tcp_header::make_offset(sizeof h);
        h.control = static_cast<std::uint8_t>(flags);
        return h;
    }
};

}  // namespace netkit
