#pragma once

#include <netkit/core/endpoint.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace netkit {

/// Chooses local ports that outsiders cannot foresee (RFC 6056 section 3.3.3, its counter advancing by chance as in 3.3.5): a
/// keyed hash of the endpoints says where to begin, so that ports towards one peer come round late. Where the peer is not known yet,
/// chance alone says so (section 3.3.1): any peer that learns one port would know about where the next ones are.
class ephemeral_ports {
public:
    /// The dynamic ports of RFC 6335 section 6.
    static constexpr std::uint16_t default_first = 49152, default_last = 65535;

    void start(const hash_key& secret) { secret_ = secret; }
    std::uint16_t first() const { return first_; }
    std::uint16_t last() const { return last_; }
    /// Throws std::invalid_argument where there would be none.
    void range(std::uint16_t first, std::uint16_t last) {
        if (first == 0 || first > last) throw std::invalid_argument("netkit: " + std::to_string(first) + " to " + std::to_string(last) + " is no range of ports (expected 1 to 65535, the lower first)");
        first_ = first;
        last_ = last;
    }

    /// The first port for which is_free(port) holds; 0 where there is none. `random` must be fresh each time; a remote with port 0 is
    /// not known yet.
    template <class F>
    std::uint16_t choose(const ip_address& local, const endpoint& remote, std::uint64_t random, F&& is_free) {
        const std::uint32_t count = std::uint32_t{last_} - first_ + 1;
        auto begin = random;
        if (remote.port != 0) {
            next_ += 1 + static_cast<std::uint32_t>(random % most_step);
            begin = hash_of(local, remote) + next_;
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            const auto port = static_cast<std::uint16_t>(first_ + (begin % count + i) % count);
            if (is_free(port)) return port;
        }
        return 0;
    }

private:
    std::uint64_t hash_of(const ip_address& local, const endpoint& remote) const {
        if (local.is_v4() && remote.address.is_v4()) return hash_address(secret_, remote.address.v4(), std::uint64_t(remote.port) << 32 | local.v4().value());
        return hash_address(secret_, local, hash_address(secret_, remote.address, remote.port));
    }

    static constexpr std::uint32_t most_step = 64;
    hash_key secret_{};
    std::uint16_t first_ = default_first, last_ = default_last;
    std::uint32_t next_ = 0;
};

}  // namespace netkit
