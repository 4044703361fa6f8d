#pragma once

#include <netkit/core/inline.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/protocol/address_bits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace netkit {

/// From whom, to which of our own addresses and by which interface packets were let in lately: what is asked of a packet's
/// addresses has the same answer until this host's own addresses change. `generation` says whether they have.
template <ip_number A>
class admitted_pairs {
public:
    NETKIT_INLINE bool has(const A& source, const A& target, interface_id on, std::uint32_t generation) const {
        const auto& recent = recent_[cache_slot<recents>(source)];
        return recent.source == source && recent.target == target && recent.on == on && recent.generation == generation;
    }
    void add(const A& source, const A& target, interface_id on, std::uint32_t generation) {
        recent_[cache_slot<recents>(source)] = {source, target, generation, on};
    }

private:
    struct pair {
        A source{}, target{};
        std::uint32_t generation = 0;
        interface_id on = interface_id::none;
    };
    static constexpr std::size_t recents = 16;
    std::array<pair, recents> recent_{};
};

}  // namespace netkit
