#pragma once

#include <netkit/testing/packet_check.hpp>
#include <netkit/testing/packet_checks.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/wire/tcp.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Checks of TCP segments: `is_tcp(flags("S."), sequence(0), acknowledgement(1), mss(1460))`. Numbers count from each side's SYN.
namespace netkit::testing {

/// Control bits in tcpdump's letters: S, F, R, P, U, E (ECE), W (CWR), and "." for ACK. Throws std::invalid_argument on others.
inline tcp_flags parse_tcp_flags(std::string_view letters) {
    auto flags = tcp_flags::none;
    for (const char letter : letters) switch (letter) {
        case 'S': flags |= tcp_flags::syn; break;
        case 'F': flags |= tcp_flags::fin; break;
        case 'R': flags |= tcp_flags::rst; break;
        case 'P': flags |= tcp_flags::psh; break;
        case 'U': flags |= tcp_flags::urg; break;
        case 'E': flags |= tcp_flags::ece; break;
        case 'W': flags |= tcp_flags::cwr; break;
        case '.': flags |= tcp_flags::ack; break;
        default: throw std::invalid_argument("netkit: '" + std::string(letters) + "' are no TCP flags (letters: S F R P U E W, and . for ACK)");
        }
    return flags;
}

namespace detail {
inline constexpr header_kind tcp_kind{"TCP", [](const seen_packet& p) { return p.tcp != nullptr; }};
}  // namespace detail

template <std::same_as<packet_check>... Field>
packet_check is_tcp(const Field&... fields) {
    return detail::protocol(detail::tcp_kind, {fields...});
}

/// Exactly these, in tcpdump's letters; but PSH, ECE and CWR only count where they are named.
inline packet_check flags(std::string_view letters) {
    const auto expected = parse_tcp_flags(letters);
    const auto optional = (tcp_flags::psh | tcp_flags::ece | tcp_flags::cwr) & ~expected;
    return detail::field(detail::tcp_kind, "flags", to_string(expected), [optional](const seen_packet& p) { return to_string(p.tcp->flags() & ~optional); });
}
inline packet_check sequence(std::uint32_t n) {
    return detail::field(detail::tcp_kind, "sequence", n, [](const seen_packet& p) { return p.sequence(); });
}
inline packet_check acknowledgement(std::uint32_t n) {
    return detail::field(detail::tcp_kind, "acknowledgement", n, [](const seen_packet& p) { return p.acknowledgement(); });
}
/// The field as it stands in the header, not scaled.
inline packet_check window(unsigned n) {
    return detail::field(detail::tcp_kind, "window", n, [](const seen_packet& p) -> unsigned { return p.tcp->window; });
}
inline packet_check window_at_least(unsigned n) {
    return satisfies("window of at least " + std::to_string(n), [n](const seen_packet& p) {
        if (!p.tcp) return detail::tcp_kind.missing();
        return p.tcp->window >= n ? std::string() : "window is " + std::to_string(p.tcp->window) + " instead of at least " + std::to_string(n);
    });
}

namespace detail {
/// An option's number, -1 where it is not there.
template <class Has, class Value>
packet_check option(const std::string& name, long long expected, Has has, Value value) {
    return field(tcp_kind, name, expected, [has, value](const seen_packet& p) { return has(p.options) ? static_cast<long long>(value(p.options)) : -1; });
}
}  // namespace detail

inline packet_check mss(unsigned n) {
    return detail::option("mss", n, [](const auto& o) { return o.has_mss; }, [](const auto& o) { return o.mss; });
}
inline packet_check window_scale(unsigned n) {
    return detail::option("window scale", n, [](const auto& o) { return o.has_window_scale; }, [](const auto& o) { return o.window_scale; });
}
inline packet_check timestamps(bool there = true) {
    return detail::field(detail::tcp_kind, "timestamps", unsigned(there), [](const seen_packet& p) { return unsigned(p.options.has_timestamps); });
}
/// The timestamp that is echoed.
inline packet_check echoes(std::uint32_t value) {
    return detail::option("echoed timestamp", value, [](const auto& o) { return o.has_timestamps; }, [](const auto& o) { return o.ts_echo; });
}
inline packet_check sack_permitted(bool there = true) {
    return detail::field(detail::tcp_kind, "SACK permitted", unsigned(there), [](const seen_packet& p) { return unsigned(p.options.sack_permitted); });
}
/// These blocks in this order, [left, right) in the peer's numbers; none for `sack({})`.
inline packet_check sack(std::vector<std::pair<std::uint32_t, std::uint32_t>> blocks) {
    const auto text = [](const auto& all) {
        std::string line = "{";
        for (const auto& [left, right] : all) line += (line.size() > 1 ? " " : "") + std::to_string(left) + ":" + std::to_string(right);
        return line + "}";
    };
    return detail::field(detail::tcp_kind, "sack", text(blocks), [text](const seen_packet& p) {
        std::vector<std::pair<std::uint32_t, std::uint32_t>> actual;
        for (std::size_t i = 0; i < p.options.sack_blocks; ++i)
            actual.emplace_back(p.options.sack[i].left - p.acknowledgement_origin, p.options.sack[i].right - p.acknowledgement_origin);
        return text(actual);
    });
}

}  // namespace netkit::testing
