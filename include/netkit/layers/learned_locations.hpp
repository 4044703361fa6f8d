#pragma once

#include <netkit/core/keyed_hash.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <unordered_map>

namespace netkit {

/// Behind which Place (a remote, an interface) each link address was last seen: what a learning bridge knows (IEEE 802.1Q section
/// 8.8). Entries end some time after they were last seen; when there is no room, nothing more is learned, and frames go to all.
template <class Place>
class learned_locations {
public:
    std::size_t most = 1024;  ///< entries
    duration lifetime = std::chrono::minutes(5);

    void start(const hash_key& key) { table_ = table(16, hash{key}); }
    std::size_t size() const { return table_.size(); }

    void learn(const mac_address& mac, const Place& behind, time_point now) {
        if (auto found = table_.find(mac); found != table_.end()) {
            found->second = {behind, now + lifetime};
            return;
        }
        if (table_.size() >= most) {
            if (now < next_sweep_) return;
            std::erase_if(table_, [&](const auto& each) { return each.second.until <= now; });
            next_sweep_ = now + std::chrono::seconds(1);
            if (table_.size() >= most) return;
        }
        table_.emplace(mac, location{behind, now + lifetime});
    }
    /// Null where it is not known.
    const Place* find(const mac_address& mac, time_point now) const {
        const auto found = table_.find(mac);
        return found == table_.end() || found->second.until <= now ? nullptr : &found->second.behind;
    }
    void clear() { table_.clear(); }

private:
    struct location {
        Place behind;
        time_point until;
    };
    struct hash {
        hash_key key;
        std::size_t operator()(const mac_address& mac) const { return static_cast<std::size_t>(keyed_hash(key, {mac.value()})); }
    };
    using table = std::unordered_map<mac_address, location, hash>;
    table table_;
    time_point next_sweep_{};
};

}  // namespace netkit
