#pragma once

#include <netkit/buffer/offload.hpp>
#include <netkit/buffer/packet.hpp>
#include <netkit/compose/interface.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

namespace netkit {

/// Where a device takes buffers for what it receives: the stack's pool, and the room in front that the deepest way back out
/// of the stack may need.
struct buffer_source {
    pool& from;
    std::size_t headroom = 0;
    /// A packet with room for `size` bytes; empty where the pool is exhausted.
    NETKIT_INLINE packet allocate(std::size_t size) const { return packet(from, headroom, size); }
};

/// Frames in, frames out, some at a time.
/// receive() fills the front of the batch and says how many; it must not block.
/// transmit() takes what it can from the front and says how many; the stack keeps the rest and offers it again.
/// mtu() is in bytes of a network packet.
/// A device may also have: `link()` (link_type, Ethernet where absent), `can()` (offloads, none where absent),
/// `mac()` (its own link address), `native_handle()` (a descriptor that polls readable when there is something to receive, closed and -1
/// once the device is gone for good), and `on_ready(void (*)(void*), void*)` (a function to call when there is).
template <class D>
concept device = std::movable<D> && requires(D& d, const D& c, const buffer_source& from, std::span<packet> batch) {
    { d.receive(from, batch) } -> std::same_as<std::size_t>;
    { d.transmit(batch) } -> std::same_as<std::size_t>;
    { c.mtu() } -> std::convertible_to<std::size_t>;
};

/// No device: a loopback, or an interface for which a layer speaks (a VLAN, a tunnel).
struct no_device {
    std::size_t receive(const buffer_source&, std::span<packet>) { return 0; }
    std::size_t transmit(std::span<packet> batch) { return batch.size(); }
    std::size_t mtu() const { return 65535; }
    link_type link() const { return link_type::ip; }
};

/// What a device says of itself, or the usual where it says nothing.
template <device D>
link_type link_of(const D& d) {
    if constexpr (requires { d.link(); }) return d.link();
    else return link_type::ethernet;
}
template <device D>
offloads offloads_of(const D& d) {
    if constexpr (requires { d.can(); }) return d.can();
    else return {};
}
template <device D>
mac_address mac_of(const D& d) {
    if constexpr (requires { d.mac(); }) return d.mac();
    else return {};
}
/// The descriptor to wait on, or -1.
template <device D>
int native_handle_of(const D& d) {
    if constexpr (requires { { d.native_handle() } -> std::convertible_to<int>; }) return d.native_handle();
    else return -1;
}
/// Has the device call wake(context) when it has something to receive; false where it cannot.
template <device D>
bool wake_on_ready(D& d, void (*wake)(void*), void* context) {
    if constexpr (requires { { d.on_ready(wake, context) } -> std::same_as<bool>; }) return d.on_ready(wake, context);
    else if constexpr (requires { d.on_ready(wake, context); }) return d.on_ready(wake, context), true;
    else return false;
}

/// Several kinds of device in one stack: one branch a batch, no virtual call.
template <device... D>
class any_of {
public:
    any_of() = default;
    template <class X>
        requires(std::same_as<std::remove_cvref_t<X>, D> || ...)
    any_of(X&& d) : device_(std::forward<X>(d)) {}

    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        return std::visit([&](auto& d) { return d.receive(from, batch); }, device_);
    }
    std::size_t transmit(std::span<packet> batch) {
        return std::visit([&](auto& d) { return d.transmit(batch); }, device_);
    }
    std::size_t mtu() const {
        return std::visit([](auto& d) -> std::size_t { return d.mtu(); }, device_);
    }
    link_type link() const {
        return std::visit([](auto& d) { return link_of(d); }, device_);
    }
    offloads can() const {
        return std::visit([](auto& d) { return offloads_of(d); }, device_);
    }
    mac_address mac() const {
        return std::visit([](auto& d) { return mac_of(d); }, device_);
    }
    int native_handle() const {
        return std::visit([](auto& d) { return native_handle_of(d); }, device_);
    }
    bool on_ready(void (*wake)(void*), void* context) {
        return std::visit([&](auto& d) { return wake_on_ready(d, wake, context); }, device_);
    }
    /// The device, where it is an X; else null.
    template <class X>
    X* get() {
        return std::get_if<X>(&device_);
    }

private:
    std::variant<D...> device_;
};

}  // namespace netkit
