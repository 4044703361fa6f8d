#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/address_bits.hpp>
#include <netkit/protocol/fragment_list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace netkit {

/// Which datagram a fragment is of (RFC 791 section 3.2, RFC 8200 section 4.5; `protocol` is zero for IPv6).
template <ip_number A>
struct fragment_key {
    A source{}, target{};
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;
    bool operator==(const fragment_key&) const = default;
};

/// Bounds, in bytes of whole buffers. The lifetime is RFC 8200's 60 s for IPv6; for IPv4 it is 30 s, as in Linux, since 16-bit
/// identifiers come round sooner (RFC 4963).
struct reassembly_limits {
    std::size_t most_bytes = std::size_t{4} << 20;
    std::size_t most_bytes_each_source = std::size_t{1} << 20;
    std::size_t most_datagrams = 1024;
    std::size_t most_fragments_each = 256;
    duration lifetime = std::chrono::seconds(60);

    template <ip_number A>
    static reassembly_limits of() {
        reassembly_limits limits;
        if (!A::is_v6) limits.lifetime = std::chrono::seconds(30);
        return limits;
    }
};

enum class reassembly_verdict : std::uint8_t { held, complete, rejected };

/// Puts fragments together again. Overlaps discard the datagram, and what still comes of it (RFC 5722). Where memory runs
/// short the oldest datagrams give way, first those of the same source.
template <ip_number A>
class reassembly {
public:
    using key = fragment_key<A>;
    using verdict = reassembly_verdict;

    struct outcome {
        verdict what = verdict::held;
        packet whole;                ///< where complete: its bytes, with `header` bytes of the first fragment's headers in front, pulled
        std::uint16_t header = 0;
        bool congestion_experienced = false;
        drop_reason reason{};        ///< of all that is in `discarded`
        packet_queue discarded;      ///< the fragment, or its datagram, where rejected; else what gave way to it
    };
    /// A datagram that was not completed in time.
    struct expired_datagram {
        packet_queue fragments;      ///< to be counted as fragment_timeout, the first fragment in front where `has_first`
        bool has_first = false;      ///< else no ICMP error is sent (RFC 792, RFC 8200 section 4.5)
        std::uint16_t header = 0;    ///< bytes of headers in front of the first fragment
    };

    explicit reassembly(const reassembly_limits& limits = reassembly_limits::of<A>()) : limits_(limits) {}
    reassembly(const reassembly&) = delete;
    reassembly& operator=(const reassembly&) = delete;
    /// The key of the hash; before the first fragment.
    void start(const hash_key& secret) {
        index_ = index_map(16, key_hash{secret});
        sources_ = source_map(16, address_hash{secret});
    }

    /// Takes a fragment's payload, with the headers before it still in the headroom; a complete datagram is allocated from
    /// `home` with `headroom` bytes before those headers. Reasons: malformed (a size that is no multiple of 8, or none),
    /// fragment_too_long, fragment_overlap, fragment_limit, no_buffers.
    outcome add(const key& of, packet p, const fragment_position& at, time_point now, pool& home, std::size_t headroom) {
        if (at.header > p.headroom() || p.size() == 0 || (at.more && p.size() % 8 != 0) || at.offset % 8 != 0) return reject(std::move(p), drop_reason::malformed);
        if (at.offset == 0 && !at.more) return alone(std::move(p), at);  // an atomic fragment has nothing to do with others (RFC 6946)

        const auto known = index_.find(of);
        const bool too_long = at.offset + p.size() + counted(at.header) > 65535;
        if (too_long && known == index_.end()) return reject(std::move(p), drop_reason::fragment_too_long);
        const auto where = known == index_.end() ? create(of, now) : known->second;
        auto& d = *where;
        if (d.poisoned) return reject(std::move(p), drop_reason::fragment_overlap);
        if (too_long) return poison(d, std::move(p), drop_reason::fragment_too_long);
        switch (d.fragments.check(p, at)) {
        case fragment_list::fit::duplicate: return reject(std::move(p), drop_reason::fragment_overlap);
        case fragment_list::fit::conflict: return poison(d, std::move(p), drop_reason::fragment_overlap);
        case fragment_list::fit::fits: break;
        }
        outcome result;
        if (d.fragments.size() == limits_.most_fragments_each || !make_room(d, cost(p), result))
            return poison(d, std::move(p), drop_reason::fragment_limit, std::move(result.discarded));
        charge(d, cost(p));
        d.fragments.insert(std::move(p), at);
        if (d.fragments.complete()) complete(where, home, headroom, result);
        return result;
    }

    /// Calls f(expired_datagram) for each whose time is over.
    template <class F>
    void expire(time_point now, F&& f) {
        while (!datagrams_.empty() && datagrams_.front().until <= now) {
            auto& oldest = datagrams_.front();
            expired_datagram gone;
            gone.has_first = oldest.fragments.has_first();
            gone.header = oldest.fragments.header();
            gone.fragments = remove(datagrams_.begin());
            if (!gone.fragments.empty()) f(std::move(gone));
        }
    }
    /// When `expire` has something to do next.
    std::optional<time_point> next_expiry() const {
        if (datagrams_.empty()) return {};
        return datagrams_.front().until;
    }
    /// Gives up all that is held, as when the stack closes.
    packet_queue clear() {
        packet_queue all;
        while (!datagrams_.empty()) {
            auto some = remove(datagrams_.begin());
            all.splice(some);
        }
        return all;
    }

    std::size_t size() const { return datagrams_.size(); }
    /// Of buffers held, in all.
    std::size_t bytes() const { return bytes_; }

private:
    struct datagram;
    using place = typename std::list<datagram>::iterator;
    struct source {
        std::size_t bytes = 0;
        std::list<place> datagrams;  // the oldest first
    };
    struct datagram {
        key of;
        time_point until;
        fragment_list fragments{};
        std::size_t bytes = 0;
        bool poisoned = false;
        source* from = nullptr;
        typename std::list<place>::iterator among{};
    };
    struct key_hash {
        hash_key secret{};
        std::size_t operator()(const key& k) const { return hash_address(secret, k.source, hash_address(secret, k.target, std::uint64_t(k.id) << 8 | k.protocol)); }
    };
    struct address_hash {
        hash_key secret{};
        std::size_t operator()(const A& a) const { return hash_address(secret, a); }
    };
    using index_map = std::unordered_map<key, place, key_hash>;
    using source_map = std::unordered_map<A, source, address_hash>;

    static std::size_t cost(const packet& p) { return sizeof(buffer) + p.headroom() + p.size() + p.tailroom(); }
    /// What of the headers counts in a length of 16 bits: all of IPv4's; of IPv6's what lies between the fixed header and the
    /// fragment header.
    static std::size_t counted(std::size_t header) {
        constexpr std::size_t free_of_charge = A::is_v6 ? 40 + 8 : 0;
        return header > free_of_charge ? header - free_of_charge : 0;
    }

    static outcome reject(packet p, drop_reason reason) {
        outcome result;
        result.what = verdict::rejected;
        result.reason = reason;
        result.discarded.push_back(std::move(p));
        return result;
    }
    static outcome alone(packet p, const fragment_position& at) {
        outcome result;
        result.what = verdict::complete;
        result.header = at.header;
        result.congestion_experienced = at.congestion_experienced;
        result.whole = std::move(p);
        return result;
    }
    /// Discards a datagram, and stays to refuse what else comes of it.
    outcome poison(datagram& d, packet p, drop_reason reason, packet_queue others = {}) {
        auto fragments = d.fragments.take();
        discharge(d);
        d.poisoned = true;
        auto result = reject(std::move(p), reason);
        result.discarded.splice(fragments);
        result.discarded.splice(others);
        return result;
    }
    void complete(place where, pool& home, std::size_t headroom, outcome& result) {
        auto& fragments = where->fragments;
        result.header = fragments.header();
        result.congestion_experienced = fragments.congestion_experienced();
        const bool too_long = fragments.total() + counted(result.header) > 65535;  // the first fragment's header may be the longest
        if (!too_long) result.whole = fragments.assemble(home, headroom);
        auto rest = remove(where);
        if (result.whole) {
            result.what = verdict::complete;
            return;
        }
        result.what = verdict::rejected;
        result.reason = too_long ? drop_reason::fragment_too_long : drop_reason::no_buffers;
        result.discarded.splice(rest);
    }

    place create(const key& of, time_point now) {
        auto& from = sources_[of.source];
        datagrams_.push_back({.of = of, .until = now + limits_.lifetime, .from = &from});
        const auto created = std::prev(datagrams_.end());
        from.datagrams.push_back(created);
        created->among = std::prev(from.datagrams.end());
        index_.emplace(of, created);
        return created;
    }
    void charge(datagram& d, std::size_t bytes) {
        d.bytes += bytes;
        d.from->bytes += bytes;
        bytes_ += bytes;
    }
    void discharge(datagram& d) {
        d.from->bytes -= d.bytes;
        bytes_ -= d.bytes;
        d.bytes = 0;
    }
    packet_queue remove(place where) {
        auto fragments = where->fragments.take();
        discharge(*where);
        auto* from = where->from;
        from->datagrams.erase(where->among);
        if (from->datagrams.empty()) sources_.erase(where->of.source);
        index_.erase(where->of);
        datagrams_.erase(where);
        return fragments;
    }
    /// Discards others, the oldest first, until `bytes` more are within all bounds. False where that cannot be.
    bool make_room(datagram& d, std::size_t bytes, outcome& result) {
        result.reason = drop_reason::fragment_limit;
        const auto discard = [&](place gone) {
            auto fragments = remove(gone);
            result.discarded.splice(fragments);
        };
        const auto discard_oldest = [&] {
            auto oldest = datagrams_.begin();
            if (&*oldest == &d) ++oldest;
            if (oldest == datagrams_.end()) return false;
            discard(oldest);
            return true;
        };
        while (datagrams_.size() > limits_.most_datagrams)
            if (!discard_oldest()) return false;
        while (d.from->bytes + bytes > limits_.most_bytes_each_source) {
            auto oldest = d.from->datagrams.begin();
            if (&**oldest == &d) ++oldest;
            if (oldest == d.from->datagrams.end()) return false;
            discard(*oldest);
        }
        while (bytes_ + bytes > limits_.most_bytes)
            if (!discard_oldest()) return false;
        return true;
    }

    reassembly_limits limits_;
    std::size_t bytes_ = 0;
    std::list<datagram> datagrams_;  // the oldest first
    index_map index_;
    source_map sources_;
};

}  // namespace netkit
