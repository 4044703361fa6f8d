#pragma once

#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// Identifiers of datagrams that are, or may be, sent in fragments (RFC 6864 section 4.3). One source, target and protocol count on from
/// where a keyed hash says, so that theirs come round as late as 16 bits allow, and tell others nothing: neither what follows nor how much
/// is sent to someone else. Some of them share a counter.
class ipv4_identifiers {
public:
    void start(std::uint64_t secret) { secret_ = {secret, ~secret}; }
    std::uint16_t next(const ipv4_address& source, const ipv4_address& target, ip_protocol protocol) {
        const auto hash = hash_address(secret_, target, std::uint64_t{source.value()} << 8 | static_cast<std::uint8_t>(protocol));
        return static_cast<std::uint16_t>(hash + counters_[hash / 0x10000 % counters]++);
    }

private:
    static constexpr std::size_t counters = 1024;
    hash_key secret_{};
    std::array<std::uint16_t, counters> counters_{};
};

}  // namespace netkit
