#pragma once

// What netkit::impaired leaves out: what a device sends has crossed a bad line; and a router on the way marks frames, both ways.

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/random.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace netkit::test {

/// Probabilities are from 0 to 1. A reordered frame leaves behind those that are sent with it and after it, until the device is
/// asked to receive.
struct sending_impairments {
    double loss = 0, duplicate = 0, reorder = 0;
    double mark = 0;  ///< of frames in both directions, where they may be marked (RFC 3168)
};

/// Marks a frame of Ethernet as a congested router would; false where its sender does not know what that means.
inline bool mark_congestion(netkit::packet& frame) {
    const auto head = frame.head();
    if (head.size() < 14 + 40) return false;
    const auto at = [&](std::size_t i) -> std::byte& { return head[14 + i]; };
    const bool six = (at(0) >> 4) == std::byte{6};
    // The two bits are the last of the traffic class, which in IPv6 lies across two bytes.
    auto& holder = at(1);
    const int shift = six ? 4 : 0;
    const auto code = holder >> shift & std::byte{3};
    if (code == std::byte{0} || code == std::byte{3}) return false;
    holder |= std::byte{3} << shift;
    if (!six) {
        at(10) = at(11) = std::byte{0};
        const auto sum = netkit::checksum_of(netkit::sum16(std::span<const std::byte>(head.subspan(14, 20))));
        std::memcpy(&at(10), &sum, sizeof sum);
    }
    return true;
}

template <netkit::device Device>
class impaired_sending {
public:
    impaired_sending(Device d, std::uint64_t seed) : device_(std::move(d)), random_(netkit::random_source::from_seed(seed)) {}

    std::size_t receive(const netkit::buffer_source& from, std::span<netkit::packet> batch) {
        for (auto& late : std::exchange(held_, {})) (void)device_.transmit(std::span(&late, 1));
        const auto got = device_.receive(from, batch);
        for (auto& frame : batch.first(got)) mark(frame);
        return got;
    }
    std::size_t transmit(std::span<netkit::packet> batch) {
        for (std::size_t i = 0; i < batch.size(); ++i)
            if (!send(batch[i])) return i;
        return batch.size();
    }

    std::size_t mtu() const { return device_.mtu(); }
    netkit::link_type link() const { return netkit::link_of(device_); }
    netkit::offloads can() const { return netkit::offloads_of(device_); }
    netkit::mac_address mac() const { return netkit::mac_of(device_); }
    int native_handle() const { return netkit::native_handle_of(device_); }

    void change(const sending_impairments& how) { how_ = how; }
    std::size_t lost() const { return lost_; }
    std::size_t marked() const { return marked_; }
    Device& inner() { return device_; }

private:
    bool chance(double probability) { return static_cast<double>(random_() >> 11) / 9007199254740992.0 < probability; }
    void mark(netkit::packet& frame) {
        if (chance(how_.mark)) marked_ += mark_congestion(frame);
    }
    bool send(netkit::packet& frame) {
        mark(frame);
        if (chance(how_.loss)) {
            ++lost_;
            frame.reset();
            return true;
        }
        if (chance(how_.reorder)) {
            held_.push_back(std::move(frame));
            return true;
        }
        auto twin = chance(how_.duplicate) ? frame.copy() : netkit::packet();
        if (device_.transmit(std::span(&frame, 1)) == 0) return false;
        if (twin) (void)device_.transmit(std::span(&twin, 1));
        return true;
    }

    Device device_;
    netkit::random_source random_;
    sending_impairments how_;
    std::vector<netkit::packet> held_;
    std::size_t lost_ = 0, marked_ = 0;
};

}  // namespace netkit::test
