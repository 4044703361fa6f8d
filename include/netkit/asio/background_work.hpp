#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <memory>

#ifdef BOOST_ASIO_NO_TS_EXECUTORS
#error "netkit: the reactor needs io_context's on_work_started() and on_work_finished(): do not define BOOST_ASIO_NO_TS_EXECUTORS"
#endif

namespace netkit::detail {

/// Waits that are no work: the stack listens to its devices and timers as long as run() has something else to do, but does
/// not keep run() from returning, as a kernel does not. Asio counts each wait; this takes it off the count again, only ever
/// inside of run(), where a handler's own count keeps the sum from reaching zero at the wrong moment.
/// Waits hold it by shared_ptr, since their handlers may outlive the reactor.
class background_work : public std::enable_shared_from_this<background_work> {
public:
    explicit background_work(boost::asio::io_context& io) : io_(io) {}

    /// One more wait has been started.
    void started() {
        const auto executor = io_.get_executor();
        if (executor.running_in_this_thread()) {
            ++uncounted_;
            executor.on_work_finished();
            return;
        }
        ++counted_;
        if (posted_) return;
        posted_ = true;
        boost::asio::post(executor, [self = shared_from_this()] { self->settle(); });
    }
    /// The handler of one runs, or it is about to be cancelled.
    void ended() {
        if (counted_) {
            --counted_;
            return;
        }
        --uncounted_;
        io_.get_executor().on_work_started();
    }

private:
    void settle() {
        posted_ = false;
        for (; counted_; --counted_, ++uncounted_) io_.get_executor().on_work_finished();
    }

    boost::asio::io_context& io_;
    std::size_t counted_ = 0;
    std::size_t uncounted_ = 0;
    bool posted_ = false;
};

}  // namespace netkit::detail
