#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

namespace netkit {

/// One way to a network: through `gateway`, or on the link where that is the unspecified address.
template <ip_number A>
struct route_entry {
    A net{};
    unsigned length = 0;
    interface_id out = interface_id::none;
    A gateway{};
    std::uint32_t metric = 0;  ///< the lowest wins among routes to the same network
    std::uint32_t mtu = 0;     ///< 0: the interface's
    bool connected = false;    ///< came with an address, and goes with it

    bool on_link() const { return gateway.is_any(); }
};

/// Routes by longest prefix. Networks nest or are apart, so they are sorted by their first address, each knowing the one
/// around it: a look-up is a binary search and a few steps outwards. Changes are linear; look-ups sort after a change.
template <ip_number A>
class prefix_table {
public:
    using route = route_entry<A>;

    /// A route that is there already, but for its mtu, is replaced.
    void add(route r) {
        r.net = network_of(r.net, r.length);
        nodes_.push_back({r, none});
        sorted_ = false;
    }
    /// Removes each route for which f(route) holds; returns how many did.
    template <class F>
    std::size_t remove_if(F&& f) {
        if (!sorted_) sort();
        sorted_ = false;
        return std::erase_if(nodes_, [&](const node& n) { return f(n.entry); });
    }

    /// The best route for which `f(route)` holds: the longest prefix, then the lowest metric. Valid until the next change.
    template <class F>
    const route* look_up(const A& to, F&& f) const {
        if (!sorted_) sort();
        // The last network that starts at or before the target holds it, or lies inside of one that does.
        const auto after = std::upper_bound(nodes_.begin(), nodes_.end(), to, [](const A& a, const node& n) { return a < n.entry.net; });
        for (auto at = static_cast<std::size_t>(after - nodes_.begin()) - 1; at != none; at = nodes_[at].around) {
            const auto& candidate = nodes_[at].entry;
            if (to.in(candidate.net, candidate.length) && f(candidate)) return &candidate;
        }
        return nullptr;
    }
    const route* look_up(const A& to) const {
        return look_up(to, [](const route&) { return true; });
    }

    std::size_t size() const {
        if (!sorted_) sort();
        return nodes_.size();
    }
    template <class F>
    void for_each(F&& f) const {
        if (!sorted_) sort();
        for (const auto& n : nodes_) f(n.entry);
    }

private:
    static constexpr std::size_t none = ~std::size_t{0};
    struct node {
        route entry;
        std::size_t around = none;  ///< the next candidate where this one does not do: a wider network, or a worse way
    };

    /// Wider networks before those inside of them, and better ways last, since look-ups go backwards.
    static auto order(const node& n) { return std::make_tuple(n.entry.net, n.entry.length, ~n.entry.metric, n.entry.out, n.entry.gateway); }
    void sort() const {
        // Of equal ones the last added stays; until it is set below, `around` says which that is.
        for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].around = i;
        std::sort(nodes_.begin(), nodes_.end(), [](const node& a, const node& b) {
            return std::make_tuple(order(a), a.around) < std::make_tuple(order(b), b.around);
        });
        const auto kept = std::unique(nodes_.rbegin(), nodes_.rend(), [](const node& a, const node& b) { return order(a) == order(b); });
        nodes_.erase(nodes_.begin(), kept.base());
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            auto around = i - 1;  // none for the first
            while (around != none && !nodes_[i].entry.net.in(nodes_[around].entry.net, nodes_[around].entry.length)) around = nodes_[around].around;
            nodes_[i].around = around;
        }
        sorted_ = true;
    }

    mutable std::vector<node> nodes_;
    mutable bool sorted_ = true;
};

}  // namespace netkit
