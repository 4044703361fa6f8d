#pragma once

#include <netkit/core/keyed_hash.hpp>

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace netkit {

/// 64-bit numbers that nobody without the key can predict: a keyed hash of a counter.
class random_source {
public:
    /// From the system's entropy; throws std::runtime_error where there is none, since a stack with guessable sequence
    /// numbers must not start.
    static random_source from_entropy() {
        hash_key key;
        auto* at = reinterpret_cast<unsigned char*>(&key);
        for (std::size_t have = 0; have < sizeof key;) {
            const auto got = ::getrandom(at + have, sizeof key - have, 0);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) throw std::runtime_error(std::string("netkit: no entropy, so no stack: getrandom: ") + std::strerror(errno));
            have += static_cast<std::size_t>(got);
        }
        return random_source(key);
    }
    /// The same numbers for the same seed: for tests and simulations.
    static random_source from_seed(std::uint64_t seed) { return random_source(hash_key{seed, ~seed}); }

    std::uint64_t operator()() { return keyed_hash(key_, {++counter_}); }

private:
    explicit random_source(const hash_key& key) : key_(key) {}
    hash_key key_;
    std::uint64_t counter_ = 0;
};

}  // namespace netkit
