#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/testing/failure_plan.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace netkit::testing {

/// How a device fails to send.
enum class send_failure : std::uint8_t {
    refuses,  ///< takes nothing just now, as if it were full: the stack offers the packet again
    loses,    ///< takes the packet, which never arrives
};

/// A device of which the plan fails one send. The plan must outlive it.
template <device Device>
class failing_device {
public:
    failing_device(Device inner, failure_plan& plan, send_failure how = send_failure::refuses) : inner_(std::move(inner)), plan_(&plan), how_(how) {}

    std::size_t receive(const buffer_source& from, std::span<packet> batch) { return inner_.receive(from, batch); }
    std::size_t transmit(std::span<packet> batch) {
        std::size_t taken = 0;
        for (auto& p : batch) {
            if (plan_->fails()) {
                if (how_ == send_failure::refuses) return taken;
                p.reset();
            } else if (inner_.transmit(std::span(&p, 1)) == 0) {
                return taken;
            }
            ++taken;
        }
        return taken;
    }
    std::size_t mtu() const { return inner_.mtu(); }
    link_type link() const { return link_of(inner_); }
    offloads can() const { return offloads_of(inner_); }
    mac_address mac() const { return mac_of(inner_); }
    int native_handle() const { return native_handle_of(inner_); }
    bool on_ready(void (*wake)(void*), void* context) { return wake_on_ready(inner_, wake, context); }
    Device& inner() { return inner_; }

private:
    Device inner_;
    failure_plan* plan_;
    send_failure how_;
};

}  // namespace netkit::testing
