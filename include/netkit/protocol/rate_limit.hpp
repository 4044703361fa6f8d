#pragma once

#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// Lets `burst` things happen at once and `per_second` in the long run (the token bucket of RFC 4443 section 2.4 (f)).
class token_bucket {
public:
    token_bucket() : token_bucket(10, 10) {}
    /// Zero a second lets nothing through.
    token_bucket(std::uint32_t per_second, std::uint32_t burst)
        : interval_(per_second == 0 ? duration::zero() : duration(std::chrono::seconds(1)) / per_second), burst_(burst) {}

    /// Takes `tokens` if they are all there.
    bool take(time_point now, std::uint32_t tokens = 1) {
        if (interval_ == duration::zero() || tokens > burst_) return false;
        const auto start = std::max(full_at_, now);
        const auto end = start + interval_ * tokens;
        if (end - now > interval_ * burst_) return false;
        full_at_ = end;
        return true;
    }

private:
    duration interval_;
    std::uint32_t burst_;
    time_point full_at_ = time_point::min();  // the bucket is full from this moment on
};

struct answer_limits {
    std::uint32_t per_second_each = 10, burst_each = 10;
    std::uint32_t per_second = 1000, burst = 64;  ///< of all together; each answer takes one to three of these
};

/// Bounds the answers nobody asked for, such as ICMP errors, for each target and in all. What is left of the common allowance
/// cannot be told from outside, since each answer takes an unpredictable part of it (RFC 4443 section 2.4; CVE-2020-25705).
/// Targets share 256 buckets by a keyed hash, so memory does not grow.
class answer_limit {
public:
    static constexpr std::size_t buckets = 256;

    explicit answer_limit(const answer_limits& limits = {}) : all_(limits.per_second, limits.burst) {
        each_.fill(token_bucket(limits.per_second_each, limits.burst_each));
    }
    /// The key of the hash.
    void start(const hash_key& secret) { secret_ = secret; }

    /// Whether to answer. `random` must be fresh each time.
    template <class Address>
    bool allow(const Address& to, time_point now, std::uint64_t random) {
        return each_[hash_address(secret_, to) % buckets].take(now) && all_.take(now, 1 + static_cast<std::uint32_t>(random % 3));
    }

private:
    hash_key secret_{};
    token_bucket all_;
    std::array<token_bucket, buckets> each_;
};

}  // namespace netkit
