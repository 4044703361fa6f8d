#pragma once

#include <netkit/core/endpoint.hpp>
#include <netkit/testing/packet_builder.hpp>
#include <netkit/testing/tcp_checks.hpp>
#include <netkit/testing/tcp_numbers.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_parser.hpp>
#include <netkit/wire/tcp_option_writer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace netkit::testing {

/// A TCP segment in the making: `peer.segment("P.").sequence(1).acknowledgement(1).payload("hello")`. Numbers count from each
/// side's SYN; they become the wire's own when the segment is injected. The window is 65535 unless set.
class segment_builder {
public:
    segment_builder(const tcp_numbers& numbers, const endpoint& source, const endpoint& target, std::string_view flags)
        : numbers_(&numbers), source_(source), target_(target), flags_(parse_tcp_flags(flags)) {}

    segment_builder& sequence(std::uint32_t n) { return sequence_ = n, *this; }
    segment_builder& acknowledgement(std::uint32_t n) { return acknowledgement_ = n, *this; }
    segment_builder& flags(tcp_flags f) { return flags_ = f, *this; }
    segment_builder& window(unsigned n) { return window_ = static_cast<std::uint16_t>(n), *this; }
    segment_builder& urgent(unsigned n) { return urgent_ = static_cast<std::uint16_t>(n), *this; }
    segment_builder& payload(payload_bytes bytes) { return payload_ = joined(bytes.bytes()), *this; }
    /// So many bytes of payload, whatever they are.
    segment_builder& payload_size(std::size_t n) { return payload_.assign(n, std::byte{'x'}), *this; }
    segment_builder& mss(unsigned n) { return options_.has_mss = true, options_.mss = static_cast<std::uint16_t>(n), *this; }
    segment_builder& window_scale(unsigned n) { return options_.has_window_scale = true, options_.window_scale = static_cast<std::uint8_t>(n), *this; }
    segment_builder& sack_permitted() { return options_.sack_permitted = true, *this; }
    segment_builder& timestamps(std::uint32_t value, std::uint32_t echo) {
        options_.has_timestamps = true;
        options_.ts_value = value;
        options_.ts_echo = echo;
        return *this;
    }
    /// Blocks [left, right) of what the other side sent, in its numbers.
    segment_builder& sack(std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> blocks) {
        const auto origin = numbers_->of(target_, source_);
        for (const auto& [left, right] : blocks)
            if (options_.sack_blocks < tcp_parsed_options::most_sack_blocks) options_.sack[options_.sack_blocks++] = {left + origin, right + origin};
        return *this;
    }
    /// Options as given instead, padded to a multiple of 4.
    segment_builder& raw_options(std::initializer_list<std::uint8_t> bytes) {
        raw_.clear();
        for (const auto b : bytes) raw_.push_back(std::byte{b});
        while (raw_.size() % 4 != 0) raw_.push_back(std::byte{0});
        return *this;
    }
    /// The congestion mark of its IP header: 0 to 3.
    segment_builder& ecn(unsigned n) { return facts_.traffic_class = static_cast<std::uint8_t>(n & 3), *this; }
    segment_builder& bad_checksum() { return bad_checksum_ = true, *this; }

    made_packet made() const {
        std::array<std::byte, tcp_longest_options> space;
        std::span<const std::byte> options(raw_);
        if (raw_.empty()) options = std::span(space).first(write_tcp_options(space, options_));
        tcp_header h{};
        h.source = source_.port;
        h.target = target_.port;
        h.sequence = sequence_ + numbers_->of(source_, target_);
        // A segment that acknowledges nothing has a zero there.
        if (has(flags_, tcp_flags::ack)) h.acknowledgement = acknowledgement_ + numbers_->of(target_, source_);
        h.offset = tcp_header::make_offset(sizeof h + options.size());
        h.control = static_cast<std::uint8_t>(flags_);
        h.window = window_;
        h.urgent = urgent_;
        auto bytes = joined(h, options, payload_);
        testing::detail::complete_checksum(bytes, offsetof(tcp_header, checksum),
                                           testing::detail::pseudo_sum(source_.address, target_.address, ip_protocol::tcp, bytes.size()));
        if (bad_checksum_) bytes[offsetof(tcp_header, checksum)] ^= std::byte{1};
        return ip_packet(source_.address, target_.address, ip_protocol::tcp, bytes, facts_);
    }
    operator made_packet() const { return made(); }

private:
    const tcp_numbers* numbers_;
    endpoint source_, target_;
    tcp_flags flags_;
    std::uint32_t sequence_ = 0, acknowledgement_ = 0;
    std::uint16_t window_ = 65535, urgent_ = 0;
    tcp_parsed_options options_{};
    packet_bytes raw_, payload_;
    ip_facts facts_{};
    bool bad_checksum_ = false;
};

/// One side of a TCP connection, played by a script. Its sequence numbers count from the one it is given.
class tcp_peer {
public:
    tcp_peer(tcp_numbers& numbers, const endpoint& own, const endpoint& host, std::uint32_t initial_sequence)
        : numbers_(&numbers), own_(own), host_(host) {
        numbers_->set(own, host, initial_sequence);
    }
    const endpoint& own() const { return own_; }
    const endpoint& host() const { return host_; }

    segment_builder segment(std::string_view flags) const { return {*numbers_, own_, host_, flags}; }
    segment_builder segment(std::string_view flags, std::uint32_t sequence, std::uint32_t acknowledgement = 0) const {
        auto s = segment(flags);
        s.sequence(sequence).acknowledgement(acknowledgement);
        return s;
    }
    segment_builder syn() const { return segment("S", 0); }
    segment_builder syn_ack() const { return segment("S.", 0, 1); }
    segment_builder ack(std::uint32_t sequence, std::uint32_t acknowledgement) const { return segment(".", sequence, acknowledgement); }
    segment_builder data(std::uint32_t sequence, std::uint32_t acknowledgement, payload_bytes bytes) const {
        auto s = segment("P.", sequence, acknowledgement);
        s.payload(bytes);
        return s;
    }
    segment_builder fin(std::uint32_t sequence, std::uint32_t acknowledgement) const { return segment("F.", sequence, acknowledgement); }
    segment_builder rst(std::uint32_t sequence) const { return segment("R", sequence); }

private:
    tcp_numbers* numbers_;
    endpoint own_, host_;
};

}  // namespace netkit::testing
