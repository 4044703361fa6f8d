#pragma once

#include <netkit/asio/handler_operation.hpp>
#include <netkit/asio/operation.hpp>
#include <netkit/asio/service.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/testing/program_time.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <tuple>
#include <utility>

namespace netkit::testing::detail {

/// The waits on one timer of an Asio program, and when they end. It stays where it is while timers are moved, and takes a
/// place among the simulation's timers only while somebody waits: time does not pass for the sake of others.
class timer_waits final : public service_entry, private netkit::timer {
public:
    struct deleter {
        void operator()(timer_waits* gone) const {
            auto& memory = gone->time_.network().memory();
            gone->~timer_waits();
            memory.give_back(gone, sizeof(timer_waits));
        }
    };
    using pointer = std::unique_ptr<timer_waits, deleter>;
    /// In memory that timers before it had.
    static pointer make(boost::asio::execution_context& context) {
        auto& time = program_time::of(context);
        return pointer(new (time.network().memory().take(sizeof(timer_waits))) timer_waits(time));
    }

    time_point now() const { return time_.simulation().now(); }
    /// The waits so far end with operation_aborted. Returns how many there were.
    std::size_t end_at(time_point when) {
        const auto cancelled = cancel();
        when_ = when;
        return cancelled;
    }
    std::size_t cancel() {
        std::size_t cancelled = 0;
        while (cancel_one()) ++cancelled;
        return cancelled;
    }
    /// The oldest wait; false where there is none.
    bool cancel_one() {
        if (waits_.empty()) return false;
        cancel(waits_.front());
        return true;
    }
    /// The handler is never called from within.
    template <class Handler, class Executor>
    void wait(Handler handler, const Executor& executor) {
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto& network = time_.network();
        auto& o = *netkit::detail::handler_operation<waiting, Handler, Executor>::create({}, std::move(handler), executor, network.memory());
        if (when_ <= now()) return network.complete_soon(o);
        waits_.push(o);
        start();
        if (slot.is_connected()) slot.assign(cancel_wait{this, &o});
    }
    /// Lets time pass for everyone until this ends. No handler is called meanwhile.
    void wait() {
        while (when_ > now()) {
            start();
            time_.simulation().step();
        }
    }

private:
    struct waiting {
        bool perform(boost::system::error_code&) { return false; }
        auto results(const boost::system::error_code& error) { return std::tuple(error); }
    };
    struct cancel_wait {
        timer_waits* of;
        operation* which;
        void operator()(boost::asio::cancellation_type type) const {
            if (type != boost::asio::cancellation_type::none && which->queued()) of->cancel(*which);
        }
    };

    explicit timer_waits(program_time& time) : time_(time) { time_.network().add(*this); }
    ~timer_waits() {
        cancel();
        time_.network().remove(*this);
    }

    void start() {
        if (armed()) return;
        time_.simulation().arm(*this, when_, [](void*, netkit::timer& t) { static_cast<timer_waits&>(t).ended(); });
    }
    void ended() {
        while (auto* o = waits_.pop()) time_.network().complete_soon(*o);
    }
    void cancel(operation& o) {
        waits_.remove(o);
        if (waits_.empty()) disarm();
        o.error = boost::asio::error::operation_aborted;
        time_.network().complete_soon(o);
    }
    /// The io_context ends.
    void abandon(completion_list& orphans) override {
        disarm();
        while (auto* o = waits_.pop()) orphans.push(*o);
    }

    program_time& time_;
    operation_queue waits_;
    time_point when_ = time_point::min();
};

}  // namespace netkit::testing::detail
