#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/testing/link.hpp>
#include <netkit/testing/simulated_environment.hpp>
#include <netkit/testing/simulation.hpp>
#include <netkit/testing/stack_runner.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace netkit::testing {

/// A stack in a simulation, polled when it has something to do. `host->` is the stack. A router is a host that forwards, a
/// switch one whose root is an ethernet_switch.
template <class Root, device Device = link_end>
class host {
public:
    using stack_type = netkit::stack<Root, Device, simulated_environment>;

    /// The name is for captures and messages, and what the host's chance and its link addresses come from.
    host(simulation& in, std::string name) : name_(std::move(name)), stack_(simulated_environment(in, name_)), runner_(in, stack_) {
        stack_.environment_of().on_asked(&runner_.settling());
    }
    ~host() { stack_.environment_of().on_asked(nullptr); }

    const std::string& name() const { return name_; }
    stack_type& stack() { return stack_; }
    stack_type* operator->() { return &stack_; }
    operator stack_core&() { return stack_; }
    simulation& in() { return stack_.environment_of().in(); }

    /// Adds an interface whose device is looked after from now on. It has a link address from the host's name unless given one.
    interface_id attach(Device d, mac_address mac = {}, std::string name = {}) {
        if (mac.is_zero() && mac_of(d).is_zero()) mac = link_address(stack_.interface_count());
        const auto id = stack_.attach(std::move(d), mac, std::move(name));
        runner_.watch(id);
        return id;
    }
    /// Has the stack polled, though nothing is known that it should do.
    void make_ready() { runner_.make_ready(); }
    /// How often it has been polled: only when there was something for it to do.
    std::uint64_t polls() const { return runner_.polls(); }

private:
    /// A unicast address of the locally administered kind.
    mac_address link_address(std::size_t number) const {
        const auto hash = simulation::hash_of(name_ + '/' + std::to_string(number));
        const auto byte = [&](unsigned i) { return static_cast<std::uint8_t>(hash >> 8 * i); };
        return {2, byte(0), byte(1), byte(2), byte(3), byte(4)};
    }

    std::string name_;
    stack_type stack_;
    stack_runner runner_;
};

}  // namespace netkit::testing
