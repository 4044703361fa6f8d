#pragma once

#include <netkit/asio/background_work.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace netkit::detail {

/// A timer that keeps no run() from returning. Held by shared_ptr: its handlers may outlive who armed it.
class background_timer : public std::enable_shared_from_this<background_timer> {
public:
    using time_point = std::chrono::steady_clock::time_point;

    background_timer(boost::asio::io_context& io, std::shared_ptr<background_work> work, std::function<void()> expired)
        : timer_(io), work_(std::move(work)), expired_(std::move(expired)) {}

    bool armed() const { return armed_; }
    /// When it ends; only where armed().
    time_point when() const { return when_; }
    /// Calls the function given at construction at that time, from a handler of the io_context, once.
    void arm(time_point when) {
        disarm();
        armed_ = true;
        when_ = when;
        timer_.expires_at(when);
        timer_.async_wait([self = shared_from_this(), mine = wait_](const boost::system::error_code&) {
            if (self->wait_ != mine) return;
            ++self->wait_;
            self->armed_ = false;
            self->work_->ended();
            self->expired_();
        });
        work_->started();
    }
    void disarm() {
        if (!std::exchange(armed_, false)) return;
        ++wait_;
        work_->ended();
        timer_.cancel();
    }

private:
    boost::asio::steady_timer timer_;
    std::shared_ptr<background_work> work_;
    std::function<void()> expired_;
    time_point when_{};
    std::uint64_t wait_ = 0;  // which of the waits counts; the handlers of others return at once
    bool armed_ = false;
};

}  // namespace netkit::detail
