#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/time.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace netkit {

/// What an address of our own may be used for (RFC 4862 section 2).
enum class address_state : std::uint8_t {
    tentative,   ///< being checked for duplicates: neither receives nor is spoken from
    preferred,
    deprecated,  ///< receives; new conversations take another where there is one
    duplicate,   ///< another host has it
};

constexpr std::string_view to_string(address_state state) {
    constexpr std::string_view names[] = {"tentative", "preferred", "deprecated", "duplicate"};
    return names[static_cast<std::size_t>(state)];
}

template <ip_number A>
struct local_address {
    A address{};
    unsigned length = 0;  ///< of the network's prefix, in bits
    interface_id on = interface_id::none;
    address_state state = address_state::preferred;
    time_point preferred_until = time_point::max();
    time_point valid_until = time_point::max();

    bool usable() const { return state == address_state::preferred || state == address_state::deprecated; }
};

/// A host's own addresses, and which of them to speak from. Few, so they are searched one by one.
template <ip_number A>
class local_addresses {
public:
    using own = local_address<A>;

    /// Replaces the same address on the same interface.
    void add(const own& a) {
        if (auto* known = find(a.address, a.on)) *known = a;
        else all_.push_back(a);
    }
    bool remove(const A& address, interface_id on) {
        return std::erase_if(all_, [&](const own& a) { return a.address == address && a.on == on; }) != 0;
    }
    /// Null where it is none of ours; any interface will do where `on` is none.
    own* find(const A& address, interface_id on = interface_id::none) {
        for (auto& a : all_)
            if (a.address == address && (on == interface_id::none || a.on == on)) return &a;
        return nullptr;
    }
    const own* find(const A& address, interface_id on = interface_id::none) const { return const_cast<local_addresses*>(this)->find(address, on); }
    const std::vector<own>& all() const { return all_; }
    std::vector<own>& all() { return all_; }

    /// Whether we receive what is sent to it. All of 127.0.0.0/8 and ::1 are ours without being added.
    NETKIT_INLINE bool is_local(const A& address) const {
        for (const auto& a : all_)
            if (a.address == address && a.usable()) return true;
        return address.is_loopback();
    }
    /// Whether it is 255.255.255.255, or the broadcast address of a network that `on` is in.
    bool is_broadcast(const A& address, interface_id on) const {
        if (address.is_broadcast()) return true;
        if constexpr (!A::is_v6)
            for (const auto& a : all_)
                if (a.on == on && a.length < 31 && a.length != 0 && address == a.address.broadcast_of(a.length)) return true;
        return false;
    }

    /// The address to speak from to `target` by `out` (RFC 6724 section 5, rules 1, 2, 3, 5, 6 and 8); for IPv4 the same rules.
    /// Null where there is none. What stays on the link is spoken to from an address of that link only.
    const own* source_for(const A& target, interface_id out) const {
        const bool same_link = scope_of(target) <= 2;
        const own* best = nullptr;
        for (const auto& a : all_) {
            if (!a.usable() || a.address.is_any()) continue;
            if (a.on != out && (same_link || scope_of(a.address) <= 2)) continue;
            if (!best || better(a, *best, target, out)) best = &a;
        }
        return best;
    }

private:
    /// The labels of RFC 6724 section 2.1, so that unique local addresses go with their like.
    static unsigned label(const ipv4_address&) { return 4; }
    static unsigned label(const ipv6_address& a) {
        if (a.is_loopback()) return 0;
        if (a.is_mapped()) return 4;
        if (a.high() >> 48 == 0x2002) return 2;
        if (a.high() >> 32 == 0x2001'0000) return 5;
        return a.is_unique_local() ? 13 : 1;
    }
    static bool better(const own& a, const own& than, const A& target, interface_id out) {
        if ((a.address == target) != (than.address == target)) return a.address == target;
        const auto scope = scope_of(a.address), than_scope = scope_of(than.address), wanted = scope_of(target);
        if (scope < than_scope) return scope >= wanted;
        if (than_scope < scope) return than_scope < wanted;
        if (a.state != than.state) return a.state == address_state::preferred;
        if ((a.on == out) != (than.on == out)) return a.on == out;
        const bool alike = label(a.address) == label(target), than_alike = label(than.address) == label(target);
        if (alike != than_alike) return alike;
        return std::min(common_prefix(a.address, target), a.length) > std::min(common_prefix(than.address, target), than.length);
    }

    std::vector<own> all_;
};

}  // namespace netkit
