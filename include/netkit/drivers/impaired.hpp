#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/core/random.hpp>
#include <netkit/core/time.hpp>
#include <netkit/drivers/frames_in_flight.hpp>
#include <netkit/drivers/impairments.hpp>
#include <netkit/drivers/line_rate.hpp>
#include <netkit/drivers/wake_descriptor.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace netkit {

/// A device whose received frames have crossed a bad line; what is sent passes as it was. Around both ends of a memory_link
/// both directions are bad. Chance comes from a seed: the same frames at the same times have the same fate.
template <device Device>
class impaired {
public:
    using clock_function = std::function<time_point()>;

    struct statistics {
        std::uint64_t passed = 0, lost = 0, duplicated = 0, corrupted = 0, reordered = 0;
        std::uint64_t overflowed = 0;  ///< lost for want of room in the queue
    };

    /// In real time: native_handle() polls readable when frames arrive or fall due. Throws std::invalid_argument for what is no
    /// probability or no time.
    impaired(Device d, const impairments& how, std::uint64_t seed)
        : device_(std::move(d)), flight_(how, random_source::from_seed(seed), link_of(device_)), now_(steady_now), wake_(std::make_unique<wake_descriptor>()) {
        if (native_handle_of(device_) >= 0) wake_->add(native_handle_of(device_));
        else wake_on_ready(device_, [](void* w) { static_cast<wake_descriptor*>(w)->wake(); }, wake_.get());
    }
    /// In the time that `now` tells: whoever makes it polls when next_ready() says.
    impaired(Device d, const impairments& how, std::uint64_t seed, clock_function now)
        : device_(std::move(d)), flight_(how, random_source::from_seed(seed), link_of(device_)), now_(std::move(now)) {}

    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        if (wake_) wake_->acknowledge();
        const auto now = now_();
        std::size_t got = release(batch, now);
        std::size_t rounds = 0;
        while (got < batch.size() && rounds < most_rounds && take_in(from, now)) {
            got += release(batch.subspan(got), now);
            ++rounds;
        }
        if (wake_ && rounds == most_rounds) wake_->wake();  // there may be more
        passed_ += got;
        if (wake_) wait_for_next();
        return got;
    }
    std::size_t transmit(std::span<packet> batch) {
        const auto taken = device_.transmit(batch);
        const bool full = taken < batch.size();
        if (wake_ && full != waits_for_output_ && native_handle_of(device_) >= 0) wake_->watch_output(native_handle_of(device_), waits_for_output_ = full);
        return taken;
    }

    std::size_t mtu() const { return device_.mtu(); }
    link_type link() const { return link_of(device_); }
    offloads can() const { return offloads_of(device_); }
    mac_address mac() const { return mac_of(device_); }
    int native_handle() const { return wake_ ? wake_->get() : -1; }
    /// For made-up time only: called when frames arrive, not when they fall due.
    bool on_ready(void (*wake)(void*), void* context) { return !wake_ && wake_on_ready(device_, wake, context); }

    /// When the next held frame falls due.
    std::optional<time_point> next_ready() const {
        if (flight_.empty()) return {};
        return flight_.next_arrival();
    }
    /// For frames that arrive from now on; those held keep their time.
    void change(const impairments& how) { flight_.change(how); }
    statistics counters() const {
        const auto& fates = flight_.counters();
        return {passed_, fates.lost, fates.duplicated, fates.corrupted, fates.reordered, overflowed_};
    }
    Device& inner() { return device_; }

private:
    static constexpr std::size_t most_at_once = 32;
    // On a line that loses everything, receive() must come to an end too.
    static constexpr std::size_t most_rounds = 64;

    static time_point steady_now() { return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch())); }
    std::size_t release(std::span<packet> batch, time_point now) {
        std::size_t got = 0;
        while (got < batch.size()) {
            auto frame = flight_.arrive(now);
            if (!frame) break;
            batch[got++] = std::move(frame);
        }
        return got;
    }
    /// Whether anything came.
    bool take_in(const buffer_source& from, time_point now) {
        std::array<packet, most_at_once> arrived;
        const auto got = device_.receive(from, arrived);
        for (auto& frame : std::span(arrived).first(got)) send(std::move(frame), now);
        return got != 0;
    }
    void send(packet frame, time_point now) {
        const auto& how = flight_.how();
        auto line = line_;
        const auto sent = line.send(frame.size() + how.overhead, how.rate, now);
        if (sent + how.delay > now && is_full_for(frame.size())) {
            ++overflowed_;
            return;
        }
        line_ = line;
        flight_.add(std::move(frame), sent);
    }
    bool is_full_for(std::size_t size) const {
        const auto& how = flight_.how();
        return flight_.size() >= how.queue_limit || (how.queue_limit_bytes != 0 && flight_.bytes() + size > how.queue_limit_bytes);
    }
    void wait_for_next() {
        const auto next = next_ready();
        if (next == timer_set_for_) return;
        timer_set_for_ = next;
        wake_->set_timer(next);
    }

    Device device_;
    frames_in_flight flight_;
    line_rate line_;
    clock_function now_;
    std::unique_ptr<wake_descriptor> wake_;
    std::optional<time_point> timer_set_for_{};
    bool waits_for_output_ = false;
    std::uint64_t passed_ = 0, overflowed_ = 0;
};

}  // namespace netkit
