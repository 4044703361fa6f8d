#pragma once

#include <netkit/core/time.hpp>
#include <netkit/drivers/device_error.hpp>
#include <netkit/drivers/file_descriptor.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>

namespace netkit {

/// One descriptor that polls readable for any of three reasons: another descriptor does, a time of the steady clock has come,
/// or wake() was called. Throws device_error where the system has no more descriptors.
class wake_descriptor {
public:
    wake_descriptor()
        : all_(::epoll_create1(EPOLL_CLOEXEC)), timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)), event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        if (!all_ || !timer_ || !event_) throw device_error("cannot make a descriptor to wait on", errno, "");
        add(timer_.get());
        add(event_.get());
    }

    int get() const { return all_.get(); }
    /// Also readable when `descriptor` is; it must stay open.
    void add(int descriptor) {
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        if (::epoll_ctl(all_.get(), EPOLL_CTL_ADD, descriptor, &wanted) != 0) throw device_error("cannot wait for a descriptor", errno, "");
    }
    /// Has `descriptor`, once added, wake when it takes output too, or no longer.
    void watch_output(int descriptor, bool output) {
        epoll_event wanted{};
        wanted.events = output ? EPOLLIN | EPOLLOUT : EPOLLIN;
        ::epoll_ctl(all_.get(), EPOLL_CTL_MOD, descriptor, &wanted);
    }
    void wake() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
    }
    /// No longer readable for wake()'s sake.
    void acknowledge() {
        std::uint64_t count;
        [[maybe_unused]] const auto read = ::read(event_.get(), &count, sizeof count);
    }
    /// Readable from then on, until set anew; never, where there is no time.
    void set_timer(std::optional<time_point> when) {
        itimerspec setting{};
        if (when) {
            // A time of zero would disarm it.
            const auto since_start = std::max<std::int64_t>(1, when->time_since_epoch().count());
            setting.it_value.tv_sec = since_start / 1'000'000'000;
            setting.it_value.tv_nsec = since_start % 1'000'000'000;
        }
        ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
    }

private:
    file_descriptor all_, timer_, event_;
};

}  // namespace netkit
