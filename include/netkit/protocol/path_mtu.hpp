#pragma once

#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

namespace netkit {

/// The next smaller of the sizes that networks commonly have (RFC 1191 section 7), in bytes; 552 where there is none.
inline std::uint32_t plateau_below(std::uint32_t mtu) {
    for (const std::uint32_t common : {32000u, 17914u, 8166u, 4352u, 2002u, 1492u, 1006u})
        if (common < mtu) return common;
    return 552;
}

/// What fits through the way to each target, as far as routers told (RFC 1191, RFC 8201). Bounded: the oldest knowledge
/// gives way. Whoever feeds it must have matched the message to something that was sent (RFC 5927).
template <ip_number A>
class path_mtu_cache {
public:
    /// Less is not believed, in bytes (RFC 8200 section 5). IPv4 allows for networks of 68 (RFC 791), but a message that names one is forged: this is
    /// what the smallest of today's carry, and what a header of 40 bytes and a segment of 512 take.
    static constexpr std::uint32_t least = A::is_v6 ? 1280 : 552;
    static constexpr std::size_t default_most = 1024;

    explicit path_mtu_cache(std::size_t most = default_most, duration lifetime = std::chrono::minutes(10)) : most_(most), lifetime_(lifetime) {}
    path_mtu_cache(const path_mtu_cache&) = delete;
    path_mtu_cache& operator=(const path_mtu_cache&) = delete;
    /// The key of the hash; forgets what was known.
    void start(const hash_key& key) {
        known_.clear();
        index_ = index_map(16, hash{key});
    }

    /// A router or the target says that more than `mtu` bytes do not fit. IPv6 ignores less than 1280 (RFC 8201 section 4), IPv4
    /// takes 552 for it. Never raises what is known. Returns whether anything changed.
    bool learn(const A& target, std::uint32_t mtu, time_point now) {
        if (mtu < least) {
            if (A::is_v6 || mtu == 0) return false;
            mtu = least;
        }
        const auto at = index_.find(target);
        if (at != index_.end()) {
            if (mtu > at->second->mtu) return false;
            const bool changed = mtu < at->second->mtu;
            *at->second = {target, mtu, now + lifetime_};
            known_.splice(known_.end(), known_, at->second);
            return changed;
        }
        if (most_ == 0) return false;
        if (known_.size() >= most_) forget_oldest();
        known_.push_back({target, mtu, now + lifetime_});
        index_.emplace(target, std::prev(known_.end()));
        return true;
    }
    /// In bytes of a network packet; 0 where nothing is known.
    std::uint32_t find(const A& target) const {
        if (known_.empty()) return 0;
        const auto at = index_.find(target);
        return at == index_.end() ? 0 : at->second->mtu;
    }
    /// Forgets what is older than ten minutes, so that a better way can be found. Returns how much that was.
    std::size_t expire(time_point now) {
        std::size_t forgotten = 0;
        for (; !known_.empty() && known_.front().until <= now; ++forgotten) forget_oldest();
        return forgotten;
    }
    std::optional<time_point> next_expiry() const {
        if (known_.empty()) return {};
        return known_.front().until;
    }
    std::size_t size() const { return known_.size(); }

private:
    struct entry {
        A target;
        std::uint32_t mtu;
        time_point until;
    };
    struct hash {
        hash_key secret{};
        std::size_t operator()(const A& a) const { return hash_address(secret, a); }
    };
    using index_map = std::unordered_map<A, typename std::list<entry>::iterator, hash>;

    void forget_oldest() {
        index_.erase(known_.front().target);
        known_.pop_front();
    }

    std::size_t most_;
    duration lifetime_;
    std::list<entry> known_;  // the soonest to end first
    index_map index_;
};

}  // namespace netkit
