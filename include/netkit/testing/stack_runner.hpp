#pragma once

#include <netkit/compose/stack_core.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/testing/simulation.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace netkit::testing {

/// Polls a stack in a simulation when there is something for it to do: frames at a device, a timer, work that a program left.
/// Otherwise the stack costs nothing. It takes the stack's on_work hook; the stack goes after it.
class stack_runner {
public:
    stack_runner(simulation& in, stack_core& core) : in_(in), core_(core), poll_(*this, &poll_item::run), settle_(*this, &poll_item::settle), alarm_(*this) {
        core_.on_work([](void* self) { static_cast<stack_runner*>(self)->make_ready(); }, this);
        set_alarm();
    }
    stack_runner(const stack_runner&) = delete;
    stack_runner& operator=(const stack_runner&) = delete;
    ~stack_runner() { core_.on_work(nullptr, nullptr); }

    /// Polls an interface from now on whenever its device has something; throws std::invalid_argument where the device cannot say.
    void watch(interface_id id) {
        watched_.push_back(std::make_unique<watched>(watched{this, id}));
        const auto wake = [](void* context) {
            auto& woken = *static_cast<watched*>(context);
            woken.runner->frames_at(woken);
        };
        if (!core_.wake_on_ready(id, wake, watched_.back().get()))
            throw std::invalid_argument("netkit: the device of interface '" + core_.interface(id).name + "' does not say when it has something (on_ready), so it cannot be simulated");
    }
    /// Has the stack polled in the next round.
    void make_ready() { in_.make_ready(poll_); }
    /// How often the stack has been polled.
    std::uint64_t polls() const { return polls_; }
    /// To be run before time moves on, whenever timers of the stack may have been armed outside of its polls.
    ready_item& settling() { return settle_; }

private:
    /// Frames taken from an interface in one round.
    static constexpr std::size_t weight = 64;

    struct poll_item : ready_item {
        poll_item(stack_runner& runner, action what) : ready_item(what), of(runner) {}
        static void run(ready_item& item) { static_cast<poll_item&>(item).of.poll(); }
        static void settle(ready_item& item) { static_cast<poll_item&>(item).of.set_alarm(); }
        stack_runner& of;
    };
    struct alarm : timer {
        explicit alarm(stack_runner& runner) : of(runner) {}
        stack_runner& of;
    };
    struct watched {
        stack_runner* runner;
        interface_id id;
        bool waiting = false;
    };

    void frames_at(watched& at) {
        if (at.waiting) return;
        at.waiting = true;
        waiting_.push_back(&at);
        make_ready();
    }
    void poll() {
        // Also where a program's handler throws.
        struct ending {
            stack_runner& of;
            ~ending() { of.set_alarm(); }
        } const ends{*this};
        ++polls_;
        polled_.swap(waiting_);
        for (auto* at : polled_) {
            at->waiting = false;
            if (core_.poll_interface(at->id, weight) == weight) frames_at(*at);
        }
        polled_.clear();
        core_.finish();
    }
    void set_alarm() {
        settle_.unlink();
        const auto next = core_.next_deadline();
        if (!next) return alarm_.disarm();
        const auto when = std::max(*next, in_.now());
        if (alarm_.armed() && alarm_.when() == when) return;
        in_.arm(alarm_, when, [](void*, timer& t) { static_cast<alarm&>(t).of.make_ready(); });
    }

    simulation& in_;
    stack_core& core_;
    poll_item poll_, settle_;
    alarm alarm_;
    std::vector<std::unique_ptr<watched>> watched_;
    std::vector<watched*> waiting_, polled_;
    std::uint64_t polls_ = 0;
};

}  // namespace netkit::testing
