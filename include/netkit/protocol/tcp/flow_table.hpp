#pragma once

#include <netkit/protocol/tcp/flow.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace netkit {

/// All flows of a TCP, of both families, found by their four parts: chains in buckets, which double when there are more flows
/// than buckets. Owns nothing.
class tcp_flow_table {
public:
    tcp_flow_table() : buckets_(64) {}
    /// The secret under which flows are spread; only while the table is empty.
    void start(const tcp_flow_hash& hash) { hash_ = hash; }
    std::size_t size() const { return size_; }
    std::size_t memory() const { return buckets_.capacity() * sizeof(tcp_flow*); }

    tcp_flow* find(const tcp_flow_key& key) const {
        auto* flow = buckets_[index(key)];
        while (flow && !(flow->key == key)) flow = flow->next;
        return flow;
    }
    /// The key must not be in the table.
    void insert(tcp_flow& flow) {
        if (size_ == buckets_.size()) grow();
        flow.listed = true;
        flow.next = std::exchange(buckets_[index(flow.key)], &flow);
        ++size_;
    }
    /// Nothing happens where it is not listed.
    void remove(tcp_flow& flow) {
        if (!flow.listed) return;
        auto** at = &buckets_[index(flow.key)];
        while (*at != &flow) at = &(*at)->next;
        *at = flow.next;
        flow.listed = false;
        --size_;
    }
    /// Calls f with each flow, which may be removed or destroyed by it, but no other.
    template <class F>
    void for_each(F&& f) {
        for (auto* chain : buckets_)
            while (chain) f(*std::exchange(chain, chain->next));
    }

private:
    std::size_t index(const tcp_flow_key& key) const { return hash_(key) & mask_; }
    void grow() {
        std::vector<tcp_flow*> before(buckets_.size() * 2);
        std::swap(before, buckets_);
        mask_ = buckets_.size() - 1;
        for (auto* chain : before)
            while (chain) {
                auto* flow = std::exchange(chain, chain->next);
                flow->next = std::exchange(buckets_[index(flow->key)], flow);
            }
    }

    std::vector<tcp_flow*> buckets_;
    std::size_t mask_ = buckets_.size() - 1;
    std::size_t size_ = 0;
    tcp_flow_hash hash_;
};

}  // namespace netkit
