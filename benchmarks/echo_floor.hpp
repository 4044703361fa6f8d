#pragma once

#include "echo_frame.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace netkit_benchmark {

/// The same echo by hand: one straight function that checks all that a stack checks and nothing else, on a ring of buffers
/// of its own. What layers cost is what a stack takes beyond this.
class echo_floor {
public:
    static constexpr std::size_t slots = 64;
    std::array<std::uint8_t, 64> frame = echo_frame();
    std::uint64_t dropped = 0, echoed = 0;

    /// Receives and answers `n` frames, n <= slots.
    void run(std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            auto* b = ring_[i].data();
            std::memcpy(b, frame.data(), 64);
            asm volatile("" : : "r"(b) : "memory");
            if (!echo(b)) ++dropped;
            else ++echoed;
            asm volatile("" : : "r"(b) : "memory");
        }
    }
    const std::uint8_t* answer() const { return ring_[0].data(); }

private:
    template <class T>
    static T load(const std::uint8_t* at) {
        T value;
        std::memcpy(&value, at, sizeof value);
        return value;
    }
    template <class T>
    static void store(std::uint8_t* at, T value) {
        std::memcpy(at, &value, sizeof value);
    }
    static std::uint64_t sum32(const std::uint8_t* at, std::size_t words) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < words; ++i) sum += load<std::uint32_t>(at + 4 * i);
        return sum;
    }
    static std::uint16_t fold(std::uint64_t sum) {
        sum = (sum & 0xffffffff) + (sum >> 32);
        sum = (sum & 0xffffffff) + (sum >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return static_cast<std::uint16_t>(~sum);
    }

    bool echo(std::uint8_t* b) {
        if (load<std::uint32_t>(b) != mac_high_ || load<std::uint16_t>(b + 4) != mac_low_) return false;
        if (load<std::uint16_t>(b + 12) != __builtin_bswap16(0x0800)) return false;
        if (b[14] != 0x45) return false;
        const auto length = __builtin_bswap16(load<std::uint16_t>(b + 16));
        if (length < 28 || length > 46 || (load<std::uint16_t>(b + 20) & __builtin_bswap16(0x3fff))) return false;
        if (fold(sum32(b + 14, 5)) != 0) return false;
        if (load<std::uint32_t>(b + 30) != address_ || b[23] != 17) return false;
        const auto udp = __builtin_bswap16(load<std::uint16_t>(b + 38));
        if (udp < 8 || udp > length - 20) return false;
        auto sum = sum32(b + 26, 2) + __builtin_bswap16(17) + load<std::uint16_t>(b + 38);
        std::size_t n = udp;
        const auto* at = b + 34;
        for (; n >= 4; n -= 4, at += 4) sum += load<std::uint32_t>(at);
        if (n & 2) sum += load<std::uint16_t>(at), at += 2;
        if (n & 1) sum += *at;
        if (load<std::uint16_t>(b + 40) != 0 && fold(sum) != 0) return false;
        if (load<std::uint16_t>(b + 36) != __builtin_bswap16(7)) return false;

        // The answer, in place, with both checksums made anew from the fields.
        const auto peer_high = load<std::uint32_t>(b + 6);
        const auto peer_low = load<std::uint16_t>(b + 10);
        const auto peer = load<std::uint32_t>(b + 26);
        const auto port = load<std::uint16_t>(b + 34);
        store(b, peer_high);
        store(b + 4, peer_low);
        store(b + 6, mac_high_);
        store(b + 10, mac_low_);
        store<std::uint16_t>(b + 12, __builtin_bswap16(0x0800));
        const auto id = __builtin_bswap16(id_++);
        std::uint64_t header = 0x0045u + load<std::uint16_t>(b + 16) + id + __builtin_bswap16(0x4000) + (64u | 17u << 8) + std::uint64_t(address_) + peer;
        store<std::uint16_t>(b + 14, 0x0045);
        store(b + 18, id);
        store<std::uint16_t>(b + 20, __builtin_bswap16(0x4000));
        store<std::uint16_t>(b + 22, 64 | 17 << 8);
        store(b + 24, fold(header));
        store(b + 26, address_);
        store(b + 30, peer);
        store<std::uint16_t>(b + 34, __builtin_bswap16(7));
        store(b + 36, port);
        std::uint64_t total = std::uint64_t(address_) + peer + __builtin_bswap16(17) + 2u * load<std::uint16_t>(b + 38) + __builtin_bswap16(7) + port;
        n = udp - 8u;
        at = b + 42;
        for (; n >= 4; n -= 4, at += 4) total += load<std::uint32_t>(at);
        if (n & 2) total += load<std::uint16_t>(at), at += 2;
        if (n & 1) total += *at;
        auto checksum = fold(total);
        if (checksum == 0) checksum = 0xffff;
        store(b + 40, checksum);
        return true;
    }

    std::uint32_t mac_high_ = __builtin_bswap32(0x02000000), address_ = __builtin_bswap32(0x0a000001);
    std::uint16_t mac_low_ = __builtin_bswap16(1), id_ = 0;
    alignas(64) std::array<std::array<std::uint8_t, 2048>, slots> ring_{};
};

}  // namespace netkit_benchmark
