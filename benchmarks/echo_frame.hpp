#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace netkit_benchmark {

/// The frame that all echo benchmarks take: 60 bytes of Ethernet, IPv4 and UDP with 18 bytes of payload and valid checksums,
/// in 64 bytes, from 10.0.0.2:50000 to 10.0.0.1:7.
inline std::uint16_t sum_of(const std::uint8_t* data, std::size_t size, std::uint32_t sum) {
    for (std::size_t i = 0; i + 1 < size; i += 2) sum += std::uint32_t(data[i]) << 8 | data[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

inline std::array<std::uint8_t, 64> echo_frame() {
    std::array<std::uint8_t, 64> frame{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0,
                                       10, 0, 0, 2, 10, 0, 0, 1, 0xc3, 0x50, 0, 7, 0, 26, 0, 0};
    for (std::size_t i = 0; i < 18; ++i) frame[42 + i] = static_cast<std::uint8_t>(i * 7 + 1);
    const auto ip = static_cast<std::uint16_t>(~sum_of(&frame[14], 20, 0));
    frame[24] = static_cast<std::uint8_t>(ip >> 8);
    frame[25] = static_cast<std::uint8_t>(ip);
    const auto udp = static_cast<std::uint16_t>(~sum_of(&frame[34], 26, sum_of(&frame[26], 8, 17 + 26)));
    frame[40] = static_cast<std::uint8_t>(udp >> 8);
    frame[41] = static_cast<std::uint8_t>(udp);
    return frame;
}

/// Whether `out` is the right answer to echo_frame(): addresses and ports exchanged, payload kept, both checksums right.
inline bool is_echo(const std::uint8_t* out) {
    const auto in = echo_frame();
    return std::memcmp(out, &in[6], 6) == 0 && std::memcmp(out + 6, &in[0], 6) == 0 && std::memcmp(out + 26, &in[30], 4) == 0 && std::memcmp(out + 30, &in[26], 4) == 0 &&
           std::memcmp(out + 34, &in[36], 2) == 0 && std::memcmp(out + 36, &in[34], 2) == 0 && std::memcmp(out + 42, &in[42], 18) == 0 && sum_of(out + 14, 20, 0) == 0xffff &&
           sum_of(out + 34, 26, sum_of(out + 26, 8, 17 + 26)) == 0xffff;
}

}  // namespace netkit_benchmark
