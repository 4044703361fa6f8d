#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/core/ipv6_address.hpp>
#include <netkit/core/protocol_numbers.hpp>

#include <cstddef>
#include <cstdint>

namespace netkit {

/// The sum of what a transport's checksum covers besides the segment of `length` bytes: RFC 9293 section 3.1 for IPv4, RFC 8200
/// section 8.1 for IPv6. Length and protocol are padded to 32 bits in both, since zeros add nothing.
template <class Address>
requires requires(const Address& address) { address.sum(); }
constexpr std::uint64_t pseudo_header_sum(const Address& source, const Address& target, ip_protocol protocol, std::size_t length) {
    return source.sum() + target.sum() + be32(static_cast<std::uint32_t>(length)).raw() + be16(static_cast<std::uint16_t>(protocol)).raw();
}

}  // namespace netkit
