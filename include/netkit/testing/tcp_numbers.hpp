#pragma once

#include <netkit/compose/interface.hpp>
#include <netkit/core/byte_order.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/wire/print.hpp>
#include <netkit/wire/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace netkit::testing {

/// From which number each direction of each flow counts, so that people may count from 0, the SYN.
class tcp_numbers {
public:
    /// Says with which number `from` begins, speaking to `to`.
    void set(const endpoint& from, const endpoint& to, std::uint32_t initial_sequence) {
        for (auto& d : directions_)
            if (d.from == from && d.to == to) {
                d.first = initial_sequence;
                return;
            }
        directions_.push_back({from, to, initial_sequence});
    }
    /// 0 where nothing is known of the direction: its numbers are the wire's own.
    std::uint32_t of(const endpoint& from, const endpoint& to) const {
        for (const auto& d : directions_)
            if (d.from == from && d.to == to) return d.first;
        return 0;
    }
    /// Learns from a SYN, where `learn`, and tells the packet from where its numbers count.
    void apply(seen_packet& p, bool learn) {
        if (!p.tcp) return;
        const endpoint from{p.source, p.tcp->source}, to{p.target, p.tcp->target};
        if (learn && p.tcp->has(tcp_flags::syn)) set(from, to, p.tcp->sequence);
        p.sequence_origin = of(from, to);
        p.acknowledgement_origin = of(to, from);
    }

private:
    struct direction {
        endpoint from, to;
        std::uint32_t first;
    };
    std::vector<direction> directions_;
};

namespace detail {
/// The SACK blocks within a TCP header's options, counted from `origin`.
inline void make_sack_relative(std::span<std::byte> options, std::uint32_t origin) {
    for (std::size_t at = 0; at + 1 < options.size();) {
        const auto kind = std::to_integer<unsigned>(options[at]);
        if (kind == 0) return;
        if (kind == 1) {
            ++at;
            continue;
        }
        const auto size = std::to_integer<std::size_t>(options[at + 1]);
        if (size < 2 || size > options.size() - at) return;
        if (kind == 5)
            for (std::size_t edge = at + 2; edge + 4 <= at + size; edge += 4) {
                be32 number;
                std::memcpy(&number, &options[edge], 4);
                number = number - origin;
                std::memcpy(&options[edge], &number, 4);
            }
        at += size;
    }
}
}  // namespace detail

/// The packet as one line, in the manner of tcpdump, its sequence numbers counted from the SYN; and what is wrong with it.
inline std::string to_string(const seen_packet& p) {
    auto bytes = p.bytes();
    if (p.tcp) {
        const auto at = reinterpret_cast<const std::byte*>(p.tcp) - p.bytes().data();
        auto* const begin = bytes.data() + at;
        tcp_header header;
        std::memcpy(&header, begin, sizeof header);
        header.sequence = p.sequence();
        header.acknowledgement = p.acknowledgement();
        std::memcpy(begin, &header, sizeof header);
        if (header.header_size() > sizeof header && header.header_size() <= bytes.size() - static_cast<std::size_t>(at))
            detail::make_sack_relative({begin + sizeof header, begin + header.header_size()}, p.acknowledgement_origin);
    }
    auto text = p.link() == link_type::ethernet ? describe(bytes) : describe_ip(bytes);
    return p.fault.empty() ? text : text + " [" + p.fault + "]";
}

}  // namespace netkit::testing
