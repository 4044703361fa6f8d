#pragma once

#include "echo_frame.hpp"

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/device.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace netkit_benchmark {

/// Gives `pending` copies of one frame (64 bytes copied stand for the DMA) and swallows what is sent.
class echo_device {
public:
    std::size_t pending = 0;
    std::size_t sent = 0;
    bool keep = false;
    std::array<std::uint8_t, 64> frame = echo_frame();
    std::array<std::uint8_t, 64> last{};

    std::size_t receive(const netkit::buffer_source& from, std::span<netkit::packet> batch) {
        const auto n = std::min(batch.size(), pending);
        for (std::size_t i = 0; i < n; ++i) {
            auto p = from.allocate(64);
            std::memcpy(p.append(std::size_t{60}).data(), frame.data(), 64);
            asm volatile("" : : "r"(p.head().data()) : "memory");
            batch[i] = std::move(p);
        }
        pending -= n;
        return n;
    }
    std::size_t transmit(std::span<netkit::packet> batch) {
        for (auto& p : batch) {
            ++sent;
            asm volatile("" : : "r"(p.head().data()) : "memory");
            if (keep) std::memcpy(last.data(), p.head().data(), 60);
        }
        return batch.size();
    }
    std::size_t mtu() const { return 1500; }
    netkit::mac_address mac() const { return {2, 0, 0, 0, 0, 1}; }
};

}  // namespace netkit_benchmark
