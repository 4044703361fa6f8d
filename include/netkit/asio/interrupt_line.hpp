#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace netkit::detail {

/// A device's descriptor behind an epoll of its own, by which it can be masked. Asio never takes a descriptor out of its
/// epoll while it is open, so that not waiting does not keep the kernel from waking the thread at each frame; EPOLLONESHOT
/// in an inner epoll does.
class interrupt_line {
public:
    /// `device` stays the caller's. Starts masked. Throws std::system_error.
    explicit interrupt_line(int device) : device_(device), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "netkit: epoll_create1");
        epoll_event none{};
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, device_, &none) != 0) {
            const auto why = errno;
            ::close(epoll_);
            throw std::system_error(why, std::generic_category(), "netkit: this device's descriptor cannot be waited for");
        }
    }
    interrupt_line(const interrupt_line&) = delete;
    interrupt_line& operator=(const interrupt_line&) = delete;

    /// Readable at an interrupt, once each time it was unmasked. Whoever takes it closes it.
    int descriptor() const { return epoll_; }
    int device() const { return device_; }
    /// Takes the event, so that the line is masked.
    void acknowledge() {
        epoll_event event;
        (void)::epoll_wait(epoll_, &event, 1, 0);
    }
    /// Asks for one interrupt when there is something to receive; also when the device takes frames again, where `output`.
    void unmask(bool output) {
        epoll_event wanted{};
        wanted.events = EPOLLIN | EPOLLONESHOT | (output ? EPOLLOUT : 0u);
        (void)::epoll_ctl(epoll_, EPOLL_CTL_MOD, device_, &wanted);
    }

private:
    int device_;
    int epoll_;
};

}  // namespace netkit::detail
