#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/protocol/address_bits.hpp>
#include <netkit/protocol/neighbour.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <unordered_map>
#include <utility>

namespace netkit {

/// What the end of a neighbour's time asks for.
enum class neighbour_action : std::uint8_t { none, solicit_multicast, solicit_unicast, unreachable };

/// The flags of RFC 4861 section 4.4; for an ARP reply: solicited if we asked, and override.
struct neighbour_confirmation_flags {
    bool solicited = false, override = true, router = false;
};

/// Who is behind which address on which link: the machine of RFC 4861 section 7.3, for NDP and for ARP alike. It sends
/// nothing: its answers say what to send and which entry to arm.
template <ip_number A>
class neighbour_cache {
public:
    using entry = neighbour<A>;

    /// What `resolve` found.
    struct resolution {
        const mac_address* mac = nullptr;  ///< send the packet there; null where it is held or dropped
        entry* arm = nullptr;              ///< arm this for its deadline
        bool solicit = false;              ///< ask all on the link for this neighbour
        packet_queue dropped;              ///< to be counted as neighbour_queue_full
    };
    /// What hearing from a neighbour led to.
    struct confirmation {
        entry* known = nullptr;            ///< the entry heard about, where there is one
        packet_queue held;                 ///< may now be sent to known->mac
        packet_queue dropped;              ///< of an entry that had to go for this one: neighbour_queue_full
        bool was_router = false;           ///< it used to be a router and is none any more (RFC 4861 section 7.2.5)
    };
    using action = neighbour_action;
    using advertisement = neighbour_confirmation_flags;
    /// What the end of an entry's time asks for. The entry is gone where `what` is `unreachable`; else it is to be armed again
    /// for `deadline` unless `what` is none.
    struct expiry {
        action what = action::none;
        A address{};
        interface_id interface = interface_id::none;
        mac_address mac{};                 ///< whom to ask by unicast
        time_point deadline{};
        bool was_router = false;
        packet_queue held;                 ///< to be counted as no_neighbour
    };

    explicit neighbour_cache(const neighbour_settings& settings = {}) : settings_(settings), reachable_time_(settings.reachable_time) {}
    neighbour_cache(const neighbour_cache&) = delete;
    neighbour_cache& operator=(const neighbour_cache&) = delete;

    /// The key of the hash, so that nobody outside knows which addresses collide, and chance for the reachable time.
    void start(const hash_key& secret, std::uint64_t random) {
        index_map moved(16, hash{secret});
        for (auto& known : index_) moved.insert(known);
        index_ = std::move(moved);
        randomise(random);
    }
    /// Draws the time in which a confirmed neighbour counts as reachable; to be repeated every few hours (RFC 4861 section 6.3.4).
    void randomise(std::uint64_t random) { reachable_time_ = settings_.reachable_time / 2 + settings_.reachable_time / 1024 * static_cast<duration::rep>(random % 1024); }
    const neighbour_settings& settings() const { return settings_; }
    /// As a router advertises (RFC 4861 section 6.3.4); zero leaves a value as it is.
    void set_times(duration reachable, duration retransmit, std::uint64_t random) {
        if (retransmit > duration::zero()) settings_.retransmit = retransmit;
        if (reachable <= duration::zero() || reachable == settings_.reachable_time) return;
        settings_.reachable_time = reachable;
        randomise(random);
    }

    /// The link address, where it may be used at once. Else null: ask `resolve`.
    NETKIT_INLINE const mac_address* find(const A& address, interface_id on, time_point now) {
        auto* recent = recently_used(address);
        if (recent && recent->address == address && recent->interface == on) [[likely]] {
            recent->used = true;
            return now < recent->usable_until ? &recent->mac : nullptr;
        }
        const auto* found = look_up(address, on);
        return found && now < found->usable_until ? &found->mac : nullptr;
    }

    /// Finds where to send `p`, starting to ask if need be. Takes `p` where it gives no link address: it is held until the
    /// neighbour answers, within the settings' bounds, the oldest giving way (RFC 4861 section 7.2.2).
    resolution resolve(const A& address, interface_id on, packet& p, time_point now) {
        resolution result;
        auto* found = look_up(address, on);
        if (!found) {
            found = create(address, on, result.dropped);
            if (!found) {
                result.dropped.push_back(std::move(p));
                return result;
            }
            wait(*found, neighbour_state::incomplete, now + settings_.retransmit);
            result.solicit = true;
            result.arm = found;
        } else if (found->state == neighbour_state::reachable && now >= found->usable_until) {
            found->state = neighbour_state::stale;
        }
        if (found->state == neighbour_state::stale) {
            wait(*found, neighbour_state::delay, now + settings_.delay_first_probe);
            result.arm = found;
        }
        if (found->state == neighbour_state::incomplete) hold(*found, std::move(p), result.dropped);
        else result.mac = &found->mac;
        return result;
    }

    /// An advertisement or an ARP reply that names a neighbour; `mac` may be null where it gave no link address. Creates
    /// nothing (RFC 4861 section 7.2.5).
    confirmation confirm(const A& address, interface_id on, const mac_address* mac, advertisement said, time_point now) {
        confirmation result;
        auto* found = look_up(address, on);
        if (!found || found->state == neighbour_state::permanent) return result;
        result.known = found;
        if (found->state == neighbour_state::incomplete) {
            if (!mac) return result;
            found->mac = *mac;
            found->is_router = said.router;
            if (said.solicited) become_reachable(*found, now);
            else become_stale(*found);
            result.held = release(*found);
            return result;
        }
        const bool differs = mac && !(*mac == found->mac);
        if (differs && !said.override) {
            if (found->state == neighbour_state::reachable) become_stale(*found);
            return result;
        }
        if (differs) found->mac = *mac;
        if (said.solicited) become_reachable(*found, now);
        else if (differs) become_stale(*found);
        result.was_router = found->is_router && !said.router;
        found->is_router = said.router;
        return result;
    }
    /// Whether an answer from this neighbour is due: what tells a solicited ARP reply from one that came by itself.
    bool awaits(const A& address, interface_id on) {
        const auto* found = look_up(address, on);
        return found && (found->state == neighbour_state::incomplete || found->state == neighbour_state::probe || found->state == neighbour_state::delay);
    }

    /// A neighbour that asked for us, and so told its own link address: creates an entry if need be (RFC 4861 section 7.2.3,
    /// RFC 826). Only for what was sent to us.
    confirmation learn(const A& address, interface_id on, const mac_address& mac) {
        confirmation result;
        auto* found = look_up(address, on);
        if (!found) {
            found = create(address, on, result.dropped);
            if (!found) return result;
            found->mac = mac;
            become_stale(*found);
            result.known = found;
            return result;
        }
        return changed(*found, mac);
    }
    /// The same for what nobody asked for, such as a gratuitous ARP: changes what is known, creates nothing.
    confirmation learn_unsolicited(const A& address, interface_id on, const mac_address& mac) {
        auto* found = look_up(address, on);
        return found ? changed(*found, mac) : confirmation{};
    }

    /// An upper layer's hint: what was sent there arrived (RFC 4861 section 7.3.1).
    void confirm_reachable(const A& address, interface_id on, time_point now) {
        auto* found = recently_used(address);
        if (!found || !(found->address == address) || found->interface != on) found = look_up(address, on);
        if (!found || found->state == neighbour_state::incomplete || found->state == neighbour_state::permanent) return;
        become_reachable(*found, now);
    }

    /// An armed entry's time has come.
    expiry expired(entry& e, time_point now) {
        expiry result;
        result.address = e.address;
        result.interface = e.interface;
        result.mac = e.mac;
        if (e.state == neighbour_state::incomplete) {
            if (e.solicits >= settings_.multicast_solicits) return give_up(e, std::move(result));
            ++e.solicits;
            result.what = action::solicit_multicast;
        } else if (e.state == neighbour_state::delay) {
            wait(e, neighbour_state::probe, now);
            result.what = action::solicit_unicast;
        } else if (e.state == neighbour_state::probe) {
            if (e.solicits >= settings_.unicast_solicits) return give_up(e, std::move(result));
            ++e.solicits;
            result.what = action::solicit_unicast;
        } else {
            return result;
        }
        e.deadline = result.deadline = now + settings_.retransmit;
        return result;
    }

    /// An entry that neither ages nor gives way; `known` is null where every place is taken by such.
    confirmation add_permanent(const A& address, interface_id on, const mac_address& mac) {
        confirmation result;
        auto* found = look_up(address, on);
        if (!found) found = create(address, on, result.dropped);
        if (!found) return result;
        found->mac = mac;
        found->disarm();
        found->state = neighbour_state::permanent;
        found->usable_until = time_point::max();
        result.known = found;
        result.held = release(*found);
        return result;
    }
    /// Returns what was held.
    packet_queue remove(const A& address, interface_id on) {
        auto* found = look_up(address, on);
        return found ? erase(*found) : packet_queue{};
    }
    /// Removes all entries of an interface, and permanent ones too; returns what was held.
    packet_queue remove(interface_id on) {
        packet_queue held;
        for (auto at = entries_.begin(); at != entries_.end();) {
            auto& e = *at++;
            if (e.interface != on) continue;
            auto own = erase(e);
            held.splice(own);
        }
        return held;
    }

    std::size_t size() const { return entries_.size(); }
    /// Packets held in all.
    std::size_t held() const { return held_; }
    std::size_t held_bytes() const { return held_bytes_; }
    /// Calls f with each entry, the most recently used first.
    template <class F>
    void for_each(F&& f) const {
        for (const auto& e : entries_) f(e);
    }
    /// An entry as it is, without using it; null where there is none.
    const entry* peek(const A& address, interface_id on) const {
        const auto at = index_.find(key{address, on});
        return at == index_.end() ? nullptr : &*at->second;
    }

private:
    struct key {
        A address;
        interface_id on;
        bool operator==(const key&) const = default;
    };
    struct hash {
        hash_key secret{};
        std::size_t operator()(const key& k) const { return hash_address(secret, k.address, static_cast<std::uint64_t>(k.on)); }
    };
    using place = typename std::list<entry>::iterator;
    using index_map = std::unordered_map<key, place, hash>;

    NETKIT_COLD entry* look_up(const A& address, interface_id on) {
        const auto at = index_.find(key{address, on});
        if (at == index_.end()) return nullptr;
        entries_.splice(entries_.begin(), entries_, at->second);
        return recently_used(address) = &*at->second;
    }
    entry* create(const A& address, interface_id on, packet_queue& dropped) {
        if (entries_.size() >= settings_.most_entries && !evict(dropped)) return nullptr;
        entries_.emplace_front(address, on);
        index_.emplace(key{address, on}, entries_.begin());
        return recently_used(address) = &entries_.front();
    }
    /// Where an entry may be found without asking the table.
    NETKIT_INLINE entry*& recently_used(const A& address) { return recent_[cache_slot<recents>(address)]; }

    bool evict(packet_queue& dropped) {
        // What was found without the table has its turn now.
        while (!entries_.empty() && entries_.back().used) {
            entries_.back().used = false;
            entries_.splice(entries_.begin(), entries_, std::prev(entries_.end()));
        }
        for (auto at = entries_.rbegin(); at != entries_.rend(); ++at) {
            if (at->state == neighbour_state::permanent) continue;
            auto held = erase(*at);
            dropped.splice(held);
            return true;
        }
        return false;
    }
    packet_queue erase(entry& e) {
        auto held = release(e);
        auto*& recent = recently_used(e.address);
        if (recent == &e) recent = nullptr;
        const auto at = index_.find(key{e.address, e.interface});
        const auto where = at->second;
        index_.erase(at);
        entries_.erase(where);
        return held;
    }
    packet_queue release(entry& e) {
        held_ -= e.held.size();
        held_bytes_ -= e.held.bytes();
        return std::exchange(e.held, {});
    }
    void hold(entry& e, packet p, packet_queue& dropped) {
        const auto size = p.size();
        while (!e.held.empty() && !has_room(e, size)) {
            --held_;
            held_bytes_ -= e.held.front_size();
            dropped.push_back(e.held.pop_front());
        }
        if (!has_room(e, size)) {
            dropped.push_back(std::move(p));
            return;
        }
        e.held.push_back(std::move(p));
        ++held_;
        held_bytes_ += size;
    }
    bool has_room(const entry& e, std::size_t size) const {
        if (e.held.size() >= settings_.most_held_each || e.held.bytes() + size > settings_.most_held_bytes_each) return false;
        const std::size_t share = e.held.size() < settings_.held_in_any_case ? 1 : 2;
        return held_ < settings_.most_held / share && held_bytes_ + size <= settings_.most_held_bytes / share;
    }
    /// Enters a state that a timer ends; in all but incomplete the link address serves meanwhile.
    void wait(entry& e, neighbour_state state, time_point until) {
        e.state = state;
        e.deadline = until;
        e.solicits = state == neighbour_state::delay ? 0 : 1;
        e.usable_until = state == neighbour_state::incomplete ? time_point::min() : time_point::max();
    }
    void become_reachable(entry& e, time_point now) {
        e.disarm();
        e.state = neighbour_state::reachable;
        e.confirmed = now;
        e.usable_until = now + reachable_time_;
    }
    void become_stale(entry& e) {
        e.disarm();
        e.state = neighbour_state::stale;
        e.usable_until = time_point::min();
    }
    confirmation changed(entry& e, const mac_address& mac) {
        confirmation result;
        if (e.state == neighbour_state::permanent) return result;
        result.known = &e;
        if (e.state != neighbour_state::incomplete && e.mac == mac) return result;
        e.mac = mac;
        become_stale(e);
        result.held = release(e);
        return result;
    }
    expiry give_up(entry& e, expiry result) {
        result.what = action::unreachable;
        result.was_router = e.is_router;
        result.held = erase(e);
        return result;
    }

    neighbour_settings settings_;
    duration reachable_time_;
    static constexpr std::size_t recents = 16;
    std::array<entry*, recents> recent_{};
    std::size_t held_ = 0, held_bytes_ = 0;
    std::list<entry> entries_;  // the most recently used first
    index_map index_;
};

}  // namespace netkit
