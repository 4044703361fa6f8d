#pragma once

#include <netkit/core/endpoint.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>

#include <cstdint>

namespace netkit {

/// Who speaks with whom: both addresses, of one family, and both ports. One kind of key for both families.
struct tcp_flow_key {
    std::uint64_t local_high = 0, local_low = 0;
    std::uint64_t remote_high = 0, remote_low = 0;
    std::uint16_t local_port = 0, remote_port = 0;
    bool six = false;

    template <ip_number A>
    static tcp_flow_key of(const A& local, std::uint16_t local_port, const A& remote, std::uint16_t remote_port) {
        if constexpr (A::is_v6) return {local.high(), local.low(), remote.high(), remote.low(), local_port, remote_port, true};
        else return {0, local.raw(), 0, remote.raw(), local_port, remote_port, false};
    }
    bool operator==(const tcp_flow_key& o) const {
        const auto differences = (local_high ^ o.local_high) | (local_low ^ o.local_low) | (remote_high ^ o.remote_high) | (remote_low ^ o.remote_low) |
                                 std::uint64_t(local_port ^ o.local_port) | std::uint64_t(remote_port ^ o.remote_port);
        return differences == 0 && six == o.six;
    }
    /// The addresses as their own type; only of the key's family.
    template <ip_number A>
    A local_as() const {
        return address<A>(local_high, local_low);
    }
    template <ip_number A>
    A remote_as() const {
        return address<A>(remote_high, remote_low);
    }
    /// A keyed hash of both ends and of one more word.
    std::uint64_t hash(const hash_key& key, std::uint64_t more) const {
        const auto ports = std::uint64_t(local_port) << 16 | remote_port | std::uint64_t(six) << 32;
        if (!six) return keyed_hash(key, {local_low << 32 | remote_low, ports, more});
        return keyed_hash(key, {local_high, local_low, remote_high, remote_low, ports, more});
    }
    endpoint local() const { return {six ? ip_address(local_as<ipv6_address>()) : ip_address(local_as<ipv4_address>()), local_port}; }
    endpoint remote() const { return {six ? ip_address(remote_as<ipv6_address>()) : ip_address(remote_as<ipv4_address>()), remote_port}; }

private:
    template <ip_number A>
    static A address(std::uint64_t high, std::uint64_t low) {
        if constexpr (A::is_v6) return {high, low};
        else return A::from_raw(static_cast<std::uint32_t>(low));
    }
};

/// Which bucket a flow falls in, so that who does not know the key cannot choose flows that fall into one: three keyed
/// multiplications, each folded. It must only spread; what must be unpredictable on the wire uses keyed_hash.
class tcp_flow_hash {
public:
    tcp_flow_hash() = default;
    template <class Random>
    explicit tcp_flow_hash(Random&& random) {
        for (auto& k : key_) k = random() | 1;
    }
    std::uint32_t operator()(const tcp_flow_key& k) const {
        auto h = fold(k.local_low ^ key_[0], k.remote_low ^ key_[1]);
        if (k.six) h ^= fold(k.local_high ^ key_[2], k.remote_high ^ key_[3]);
        const auto ports = std::uint64_t(k.local_port) << 16 | k.remote_port;
        h = fold(h ^ ports ^ key_[4], key_[5]);
        return static_cast<std::uint32_t>(h ^ h >> 32);
    }

private:
    static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
        __extension__ using wide = unsigned __int128;
        const auto product = static_cast<wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    std::uint64_t key_[6] = {};
};

enum class tcp_flow_kind : std::uint8_t { connection, half_open, time_wait };

/// What the table of flows links: a connection, a handshake that a listener leads, or what is left of a connection in TIME-WAIT.
/// What derives from it has its own first bytes where the key leaves room.
struct tcp_flow {
    tcp_flow* next = nullptr;
    [[no_unique_address]] tcp_flow_key key{};
    tcp_flow_kind kind : 7 = tcp_flow_kind::connection;
    bool listed : 1 = false;
};

}  // namespace netkit
