#pragma once

#include <netkit/compose/environment.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/random.hpp>
#include <netkit/core/time.hpp>
#include <netkit/testing/simulation.hpp>

#include <cstdint>
#include <string_view>

namespace netkit::testing {

/// The time of a simulation, and chance of one's own in it.
class simulated_environment {
public:
    simulated_environment(simulation& in, std::string_view name) : in_(&in), random_(in.chance_for(name)) {}

    time_point now() const {
        // Who asks for the time may be about to arm a timer of the stack's, of which nobody else would be told.
        if (asked_) in_->before_time_moves(*asked_);
        return in_->now();
    }
    std::uint64_t random() { return random_(); }
    simulation& in() const { return *in_; }

    /// Has `item` run before time moves on, whenever someone has asked for the time. Null to stop that.
    void on_asked(ready_item* item) { asked_ = item; }

private:
    simulation* in_;
    ready_item* asked_ = nullptr;
    random_source random_;
};
static_assert(environment<simulated_environment>);

}  // namespace netkit::testing
