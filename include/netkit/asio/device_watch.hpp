#pragma once

#include <netkit/asio/background_timer.hpp>
#include <netkit/asio/background_work.hpp>
#include <netkit/asio/interrupt_line.hpp>
#include <netkit/core/interface_id.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace netkit::detail {

/// One device of a reactor: whether it is on the poll list, and how it is waited for when it is not. Held by shared_ptr:
/// its handlers may outlive the reactor, which calls release() when it goes.
class device_watch : public std::enable_shared_from_this<device_watch> {
public:
    /// The device of interface `of`; `descriptor` is -1 for a device that wakes by a callback. `interrupt` is called from handlers of the io_context.
    device_watch(boost::asio::io_context& io, interface_id of, int descriptor, std::shared_ptr<background_work> work, std::function<void()> interrupt)
        : id(of), work_(work), interrupt_(std::move(interrupt)), throttle_(std::make_shared<background_timer>(io, work, interrupt_)) {
        if (descriptor < 0) return;
        line_.emplace(descriptor);
        waiting_on_.emplace(io, line_->descriptor());
    }

    bool has_descriptor() const { return line_.has_value(); }
    int descriptor() const { return line_->device(); }
    bool masked() const { return masked_; }
    bool waits_for_output() const { return !masked_ && for_output_; }
    bool throttled() const { return throttle_->armed(); }

    /// Asks for one interrupt: when there is something to receive, or also when the device takes frames again.
    void unmask(bool output) {
        masked_ = false;
        for_output_ = output;
        line_->unmask(output);
        if (std::exchange(waiting_, true)) return;
        waiting_on_->async_wait(boost::asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code&) {
            if (!std::exchange(self->waiting_, false)) return;
            self->work_->ended();
            self->line_->acknowledge();
            self->masked_ = true;
            self->interrupt_();
        });
        work_->started();
    }
    /// Has the passing of `delay` count as the next interrupt.
    void throttle(std::chrono::nanoseconds delay) { throttle_->arm(std::chrono::steady_clock::now() + delay); }
    /// The reactor or the device goes: `interrupt` is not called from now on, and there is no descriptor.
    void release() {
        throttle_->disarm();
        if (std::exchange(waiting_, false)) work_->ended();
        boost::system::error_code ignored;
        if (waiting_on_) waiting_on_->close(ignored);
        line_.reset();
    }

    const interface_id id;
    bool scheduled = false;
    std::size_t frames_in_a_row = 0;
    std::optional<std::chrono::steady_clock::time_point> idle_since{};

private:
    friend class poll_list;
    device_watch* next_ = nullptr;
    std::shared_ptr<background_work> work_;
    std::function<void()> interrupt_;
    std::shared_ptr<background_timer> throttle_;
    std::optional<interrupt_line> line_;
    std::optional<boost::asio::posix::stream_descriptor> waiting_on_;
    bool waiting_ = false;
    bool masked_ = true;
    bool for_output_ = false;
};

/// The devices that have something, in the order of their turns.
class poll_list {
public:
    bool empty() const { return first_ == nullptr; }
    std::size_t size() const { return size_; }
    void push_back(device_watch& w) {
        w.next_ = nullptr;
        (first_ ? last_->next_ : first_) = &w;
        last_ = &w;
        ++size_;
    }
    /// Only where there is one.
    device_watch& pop_front() {
        auto& w = *first_;
        first_ = w.next_;
        --size_;
        return w;
    }

private:
    device_watch* first_ = nullptr;
    device_watch* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace netkit::detail
