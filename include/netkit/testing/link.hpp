#pragma once

#include <netkit/buffer/offload.hpp>
#include <netkit/buffer/packet.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/drivers/impairments.hpp>
#include <netkit/testing/link_direction.hpp>
#include <netkit/testing/simulation.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace netkit::testing {

namespace detail {
struct link_state {
    link_state(simulation& in, std::string_view name, const impairments& there, const impairments& back, const link_options& options)
        : forward(in, in.chance_for(std::string(name) + " forward"), there, options), backward(in, in.chance_for(std::string(name) + " backward"), back, options) {}
    link_direction forward, backward;
};
}  // namespace detail

/// One end of a simulated link: the device of a host there. Packets cross without being copied; only where a sender left too
/// little headroom for the receiver are the packet's own bytes moved.
class link_end {
public:
    /// An end that leads nowhere: it receives nothing and loses what it sends.
    link_end() = default;
    link_end(link_end&&) noexcept = default;
    link_end& operator=(link_end&& other) noexcept {
        if (this == &other) return *this;
        unplug();
        state_ = std::move(other.state_);
        first_ = other.first_;
        return *this;
    }
    ~link_end() { unplug(); }

    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        if (!state_) return 0;
        std::size_t got = 0;
        while (got < batch.size()) {
            auto frame = incoming().take();
            if (!frame) break;
            if (frame.reserve_headroom(from.from, from.headroom)) batch[got++] = std::move(frame);
            else incoming().lost_for_want_of_buffers();
        }
        return got;
    }
    /// Takes all there is: what does not fit into the queue is lost there.
    std::size_t transmit(std::span<packet> batch) {
        if (state_)
            for (auto& frame : batch) outgoing().send(std::move(frame));
        return batch.size();
    }
    std::size_t mtu() const { return state_ ? outgoing().mtu() : 1500; }
    link_type link() const { return state_ ? outgoing().options().link : link_type::ethernet; }
    offloads can() const { return state_ ? outgoing().options().can : offloads{}; }
    /// Has wake(context) called when frames arrive. It may note something, and must not call either end.
    void on_ready(void (*wake)(void*), void* context) {
        if (state_) incoming().on_arrival(wake, context);
    }

private:
    friend class link;
    link_end(std::shared_ptr<detail::link_state> state, bool first) : state_(std::move(state)), first_(first) {}

    link_direction& outgoing() const { return first_ ? state_->forward : state_->backward; }
    link_direction& incoming() const { return first_ ? state_->backward : state_->forward; }
    void unplug() {
        if (state_) incoming().far_end_gone();
    }

    std::shared_ptr<detail::link_state> state_;
    bool first_ = true;
};
static_assert(device<link_end>);

/// A link between two hosts of a simulation, to watch it and to change it while it runs.
class link {
public:
    /// A link whose directions are alike; what happens on it by chance depends on the name. Throws std::invalid_argument for what
    /// is no probability or no time.
    link(simulation& in, std::string_view name, const impairments& line = {}, const link_options& options = {}) : link(in, name, line, line, options) {}
    link(simulation& in, std::string_view name, const impairments& forward, const impairments& backward, const link_options& options = {})
        : state_(std::make_shared<detail::link_state>(in, name, forward, backward, options)), first_(state_, true), second_(state_, false) {
        if (options.mtu == 0) throw std::invalid_argument("netkit: a link needs an MTU of at least 1");
    }

    /// The two ends, each to be taken once.
    link_end first() { return std::move(first_); }
    link_end second() { return std::move(second_); }

    /// From the first end to the second, and back.
    link_direction& forward() { return state_->forward; }
    link_direction& backward() { return state_->backward; }

    /// Both directions at once.
    void change(const impairments& how) { each([&](link_direction& d) { d.change(how); }); }
    void mtu(std::size_t bytes) { each([&](link_direction& d) { d.mtu(bytes); }); }
    void pause() { each([](link_direction& d) { d.pause(); }); }
    void resume() { each([](link_direction& d) { d.resume(); }); }
    void cut() { each([](link_direction& d) { d.cut(); }); }
    void mend() { each([](link_direction& d) { d.mend(); }); }
    /// Writes what arrives at either end to a file.
    void capture(const std::shared_ptr<capture_writer>& to, const std::string& name) {
        forward().capture(to, name + " forward");
        backward().capture(to, name + " backward");
    }

private:
    template <class F>
    void each(F&& f) {
        f(forward());
        f(backward());
    }
    std::shared_ptr<detail::link_state> state_;
    link_end first_, second_;
};

}  // namespace netkit::testing
