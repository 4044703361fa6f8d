#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace netkit {

/// Which form reports take. IGMPv2 and MLDv1 are the older, IGMPv3 and MLDv2 the newer; IGMPv1 knows no leaving.
enum class membership_version : std::uint8_t { oldest = 1, older = 2, newer = 3 };

/// What is to be sent about a group.
enum class membership_message : std::uint8_t {
    none,
    answer,  ///< a report that answers a query (in IGMPv3 and MLDv2 a record MODE_IS_EXCLUDE of no source)
    join,    ///< a report of a change (CHANGE_TO_EXCLUDE of no source)
    leave,   ///< a leave or done message (CHANGE_TO_INCLUDE of no source)
};

struct membership_settings {
    unsigned robustness = 2;                                       ///< how often changes are reported
    duration older_report_interval = std::chrono::seconds(10);     ///< between them (RFC 2236 section 8.10, RFC 2710 section 7.10)
    duration newer_report_interval = std::chrono::seconds(1);      ///< (RFC 3376 section 8.11, RFC 3810 section 9.11)
    duration older_querier_time = std::chrono::seconds(260);       ///< how long an older querier is deferred to (RFC 3376 section 8.12)
};

/// The groups a host listens to, on which interface, and what to tell routers about it: IGMP (RFC 2236, RFC 3376) and MLD
/// (RFC 2710, RFC 3810) as far as hosts that want all sources go. It sends nothing: its answers say what to send.
template <ip_number A>
class group_membership {
public:
    /// A group on an interface. As a timer it is armed by the layer for `deadline`, where `pending`.
    struct membership : timer {
        membership(const A& g, interface_id i) : group(g), on(i) {}
        A group;
        interface_id on;
        unsigned joined = 0;          ///< by how many sockets; 0 while it is only being left
        unsigned changes_left = 0;    ///< unsolicited reports still to be sent
        bool answers = false;         ///< a query is to be answered at the deadline
        bool last_reporter = false;   ///< nobody else spoke since our last report
        bool pending = false;
        time_point deadline{};
    };
    using message = membership_message;
    /// What to send about a group, and whether to arm its entry; null where that is gone.
    struct step {
        message send = message::none;
        A group{};
        interface_id on = interface_id::none;
        membership_version version = membership_version::newer;
        membership* arm = nullptr;
        bool filter_changed = false;  ///< the interface has begun or ceased to listen to the group
    };

    explicit group_membership(const membership_settings& settings = {}) : settings_(settings) {}
    group_membership(const group_membership&) = delete;
    group_membership& operator=(const group_membership&) = delete;

    /// Whether to receive what is sent to a group. All nodes always are members of 224.0.0.1 or ff02::1.
    bool is_member(const A& group, interface_id on) const {
        const auto at = groups_.find({group, on});
        return at != groups_.end() ? at->second.joined != 0 : is_all_nodes(group);
    }
    /// One more listener.
    step join(const A& group, interface_id on, time_point now, std::uint64_t random) {
        auto& m = groups_.try_emplace({group, on}, group, on).first->second;
        step result{.group = group, .on = on, .version = version(on, now)};
        if (m.joined++ != 0) return result;
        if (reported(group)) {
            m.changes_left = settings_.robustness;
            result = change(m, now, random);
        }
        result.filter_changed = true;
        return result;
    }
    /// One listener less. Nothing happens where there was none.
    step leave(const A& group, interface_id on, time_point now, std::uint64_t random) {
        step result{.group = group, .on = on, .version = version(on, now)};
        const auto at = groups_.find({group, on});
        if (at == groups_.end() || at->second.joined == 0) return result;
        auto& m = at->second;
        if (--m.joined != 0) return result;
        const bool tells = reported(group) && (result.version == membership_version::newer || (result.version == membership_version::older && m.last_reporter));
        if (tells) {
            m.disarm();
            m.answers = false;
            m.changes_left = result.version == membership_version::newer ? settings_.robustness : 1;
            result = change(m, now, random);
        } else {
            groups_.erase(at);
        }
        result.filter_changed = true;
        return result;
    }

    /// A router asks for a group, or for all where `group` is the unspecified address. Calls arm(membership) for each entry
    /// that is to answer within `most`, at a moment chosen by random(). A time of zero is taken for the least there is.
    template <class Random, class Arm>
    void heard_query(const A& group, interface_id on, membership_version asked, duration most, time_point now, Random&& random, Arm&& arm) {
        if (asked != membership_version::newer) {
            auto& older = queriers_[on];
            if (older.until <= now || asked <= older.version) older = {asked, now + settings_.older_querier_time};
        }
        constexpr duration least = std::chrono::milliseconds(A::is_v6 ? 1 : 100);
        most = std::max(most, least);
        for (auto& [key, m] : groups_) {
            if (m.on != on || m.joined == 0 || !reported(m.group) || !(group.is_any() || group == m.group)) continue;
            m.answers = true;
            const auto when = now + part_of(most, random());
            if (m.pending && m.deadline <= when) continue;  // what is on its way comes soon enough
            m.pending = true;
            m.deadline = when;
            arm(m);
        }
    }
    /// Another host reported the group: one answer is enough (RFC 2236 section 3, RFC 2710 section 4; the newer versions
    /// do not do so).
    void heard_report(const A& group, interface_id on, time_point now) {
        const auto at = groups_.find({group, on});
        if (at == groups_.end() || at->second.joined == 0 || version(on, now) == membership_version::newer) return;
        auto& m = at->second;
        m.answers = m.last_reporter = m.pending = false;
        m.changes_left = 0;
        m.disarm();
    }
    /// An armed entry's time has come. The entry may be gone afterwards.
    step expired(membership& m, time_point now, std::uint64_t random) {
        m.pending = false;
        if (m.changes_left != 0) {
            // A report of the change tells as much as an answer does.
            m.answers = false;
            return change(m, now, random);
        }
        step result{.group = m.group, .on = m.on, .version = version(m.on, now)};
        if (!std::exchange(m.answers, false) || m.joined == 0) return result;
        m.last_reporter = true;
        result.send = message::answer;
        return result;
    }
    /// The oldest version a querier on this link speaks.
    membership_version version(interface_id on, time_point now) const {
        const auto at = queriers_.find(on);
        return at == queriers_.end() || at->second.until <= now ? membership_version::newer : at->second.version;
    }
    /// Forgets an interface without telling.
    void remove(interface_id on) {
        std::erase_if(groups_, [&](const auto& known) { return known.first.on == on; });
        queriers_.erase(on);
    }
    /// Calls f with each membership.
    template <class F>
    void for_each(F&& f) const {
        for (const auto& [key, m] : groups_) f(m);
    }
    std::size_t size() const { return groups_.size(); }

private:
    struct group_key {
        A group;
        interface_id on;
        bool operator==(const group_key&) const = default;
    };
    /// Not keyed: only programs on this host add groups.
    struct key_hash {
        std::size_t operator()(const group_key& k) const { return hash_address({}, k.group, static_cast<std::uint64_t>(k.on)); }
    };
    struct querier {
        membership_version version = membership_version::newer;
        time_point until = time_point::min();
    };

    static bool is_all_nodes(const ipv4_address& group) { return group == ipv4_address(224, 0, 0, 1); }
    static bool is_all_nodes(const ipv6_address& group) { return group == ipv6_address::all_nodes(); }
    /// Groups everyone is in, and those that stay in the host, are never reported (RFC 2236 section 6, RFC 2710 section 5).
    static bool reported(const A& group) {
        if constexpr (A::is_v6)
            if (group.multicast_scope() < 2) return false;
        return !is_all_nodes(group);
    }
    static duration part_of(duration most, std::uint64_t random) { return duration(static_cast<duration::rep>(random % (static_cast<std::uint64_t>(most.count()) + 1))); }

    /// Tells of a change, and plans the next time; an entry that was left goes with its last message.
    step change(membership& m, time_point now, std::uint64_t random) {
        const auto spoken = version(m.on, now);
        step result{.send = m.joined != 0 ? message::join : message::leave, .group = m.group, .on = m.on, .version = spoken};
        if (m.changes_left != 0) --m.changes_left;
        if (m.joined != 0) m.last_reporter = true;
        if (m.changes_left != 0) {
            m.pending = true;
            m.deadline = now + part_of(spoken == membership_version::newer ? settings_.newer_report_interval : settings_.older_report_interval, random);
            result.arm = &m;
        } else if (m.joined == 0) {
            groups_.erase({m.group, m.on});
        }
        return result;
    }

    membership_settings settings_;
    std::unordered_map<group_key, membership, key_hash> groups_;
    std::unordered_map<interface_id, querier> queriers_;
};

}  // namespace netkit
