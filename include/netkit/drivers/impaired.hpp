#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/core/random.hpp>
#include <netkit/core/time.hpp>
#include <netkit/drivers/wake_descriptor.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace netkit {

/// What happens to frames on a bad line. Probabilities are from 0 to 1.
struct impairments {
    double loss = 0;
    double duplicate = 0;
    double reorder = 0;                                ///< of a frame coming `reorder_by` later, the next ones overtaking it
    duration delay{};                                  ///< of every frame
    duration jitter{};                                 ///< at most so much more, by chance; keeps the order
    duration reorder_by = std::chrono::milliseconds(5);
    std::uint64_t rate = 0;                            ///< bits a second that get through; 0 is no limit
    std::size_t queue_limit = 1000;                    ///< frames held at a time; what comes beyond is lost
};

/// A device whose received frames have crossed a bad line; what is sent passes as it was. Around both ends of a memory_link
/// both directions are bad. Chance comes from a seed: the same frames at the same times have the same fate.
template <device Device>
class impaired {
public:
    using clock_function = std::function<time_point()>;

    struct statistics {
        std::uint64_t passed = 0, lost = 0, duplicated = 0, reordered = 0;
        std::uint64_t overflowed = 0;  ///< lost for want of room in the queue
    };

    /// In real time: native_handle() polls readable when frames arrive or fall due. Throws std::invalid_argument for what is no
    /// probability or no time.
    impaired(Device d, const impairments& how, std::uint64_t seed)
        : device_(std::move(d)), how_(checked(how)), random_(random_source::from_seed(seed)), now_(steady_now), wake_(std::make_unique<wake_descriptor>()) {
        if (native_handle_of(device_) >= 0) wake_->add(native_handle_of(device_));
        else wake_on_ready(device_, [](void* w) { static_cast<wake_descriptor*>(w)->wake(); }, wake_.get());
    }
    /// In the time that `now` tells: whoever makes it polls when next_ready() says.
    impaired(Device d, const impairments& how, std::uint64_t seed, clock_function now)
        : device_(std::move(d)), how_(checked(how)), random_(random_source::from_seed(seed)), now_(std::move(now)) {}

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
        statistics_.passed += got;
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
        if (held_.empty()) return {};
        return held_.front().due;
    }
    /// For frames that arrive from now on; those held keep their time.
    void change(const impairments& how) { how_ = checked(how); }
    const statistics& counters() const { return statistics_; }
    Device& inner() { return device_; }

private:
    static constexpr std::size_t most_at_once = 32;
    // On a line that loses everything, receive() must come to an end too.
    static constexpr std::size_t most_rounds = 64;

    struct held_frame {
        time_point due;
        std::uint64_t number;  // those due at the same time keep their order
        packet frame;
    };
    static bool falls_due_later(const held_frame& a, const held_frame& b) { return a.due != b.due ? a.due > b.due : a.number > b.number; }

    static time_point steady_now() { return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch())); }
    static impairments checked(const impairments& how) {
        for (const double p : {how.loss, how.duplicate, how.reorder})
            if (!(p >= 0 && p <= 1)) throw std::invalid_argument("netkit: a probability of loss, duplication or reordering is not between 0 and 1");
        if (how.delay < duration::zero() || how.jitter < duration::zero() || how.reorder_by < duration::zero())
            throw std::invalid_argument("netkit: a delay, jitter or reorder_by is negative");
        return how;
    }
    bool chance(double probability) {
        constexpr double two_to_53 = 9007199254740992.0;
        return probability > 0 && static_cast<double>(random_() >> 11) / two_to_53 < probability;
    }

    std::size_t release(std::span<packet> batch, time_point now) {
        std::size_t got = 0;
        while (got < batch.size() && !held_.empty() && held_.front().due <= now) {
            std::pop_heap(held_.begin(), held_.end(), falls_due_later);
            batch[got++] = std::move(held_.back().frame);
            held_.pop_back();
        }
        return got;
    }
    /// Whether anything came.
    bool take_in(const buffer_source& from, time_point now) {
        std::array<packet, most_at_once> arrived;
        const auto got = device_.receive(from, arrived);
        for (auto& frame : std::span(arrived).first(got)) decide(std::move(frame), now);
        return got != 0;
    }
    void decide(packet frame, time_point now) {
        if (chance(how_.loss)) {
            ++statistics_.lost;
            return;
        }
        if (chance(how_.duplicate)) {
            if (auto twin = frame.copy()) {
                ++statistics_.duplicated;
                hold(std::move(twin), now);
            }
        }
        hold(std::move(frame), now);
    }
    void hold(packet frame, time_point now) {
        auto sent = now;
        if (how_.rate != 0) {
            const auto bits = static_cast<double>(frame.size()) * 8;
            sent = std::max(line_free_at_, now) + duration(static_cast<duration::rep>(bits * 1e9 / static_cast<double>(how_.rate)));
        }
        auto due = sent + how_.delay;
        if (how_.jitter > duration::zero()) due += duration(static_cast<duration::rep>(random_() % static_cast<std::uint64_t>(how_.jitter.count() + 1)));
        due = std::max(due, last_due_);
        if (due > now && held_.size() >= how_.queue_limit) {
            ++statistics_.overflowed;
            return;
        }
        line_free_at_ = sent;
        if (chance(how_.reorder)) {
            ++statistics_.reordered;
            due += how_.reorder_by;
        } else {
            last_due_ = due;
        }
        held_.push_back({due, next_number_++, std::move(frame)});
        std::push_heap(held_.begin(), held_.end(), falls_due_later);
    }
    void wait_for_next() {
        const auto next = next_ready();
        if (next == timer_set_for_) return;
        timer_set_for_ = next;
        wake_->set_timer(next);
    }

    Device device_;
    impairments how_;
    random_source random_;
    clock_function now_;
    std::unique_ptr<wake_descriptor> wake_;
    std::vector<held_frame> held_;  // a heap, the next due in front
    std::uint64_t next_number_ = 0;
    time_point line_free_at_{}, last_due_{};
    std::optional<time_point> timer_set_for_{};
    bool waits_for_output_ = false;
    statistics statistics_;
};

}  // namespace netkit
