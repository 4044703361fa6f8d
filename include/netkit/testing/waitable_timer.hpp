#pragma once

#include <netkit/asio/executor.hpp>
#include <netkit/asio/stack_lookup.hpp>
#include <netkit/testing/simulated_clock.hpp>
#include <netkit/testing/timer_waits.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace netkit::testing {

namespace detail {
template <class Executor>
constexpr bool is_on_virtual_time() {
    if constexpr (std::derived_from<Executor, simulation_executor>) return true;
    else if constexpr (requires(const Executor& e) { e.get_inner_executor(); })
        return is_on_virtual_time<std::remove_cvref_t<decltype(std::declval<const Executor&>().get_inner_executor())>>();
    else return false;
}
}  // namespace detail

/// A simulation's executor, a strand of it, or one that brings a default completion token along.
template <class Executor>
concept on_virtual_time = detail::is_on_virtual_time<Executor>();

/// What ordinary programs call steady_timer, with the executor of their choice.
template <class Executor = simulation_executor>
using steady_timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace netkit::testing

/// Asio's timers with the executor of a simulation: they wait for the simulation's time, which passes as fast as there is
/// nothing to do. Every documented member is here, and means what it means there, but for this:
///
/// - `Clock` gives the units and the type of time points, and is never asked for the time; neither is `WaitTraits`. expiry() of
///   a timer that expires_after() was called on is the simulation's time, a hundred years later: see simulated_clock. So
///   programs that are to run here say expires_after(…), or expires_at(t.expiry() + …), not expires_at(Clock::now() + …).
/// - wait() lets time pass for the whole simulation. No handler is called meanwhile.
///
/// On real time stay: timers of other executors, above all Asio's steady_timer, whose executor is any_io_executor, even where
/// that holds a simulation's. Of Boost.Beast, the timeouts and rate limits of `basic_stream<Protocol, simulation_executor>` are
/// these timers; the handshake and idle timeouts of `websocket::stream` are a steady_timer whatever the executor: leave them
/// off there, and limit the stream beneath.
template <class Clock, class WaitTraits, class Executor>
    requires netkit::testing::on_virtual_time<Executor>
class boost::asio::basic_waitable_timer<Clock, WaitTraits, Executor> {
    using error_code = boost::system::error_code;
    using waits = netkit::testing::detail::timer_waits;
    using told = netkit::testing::simulated_clock<Clock>;
    template <class Context>
    static constexpr bool gives_executor = std::convertible_to<Context&, execution_context&> && requires(Context& c) { Executor(c.get_executor()); };

public:
    using executor_type = Executor;
    using clock_type = Clock;
    using duration = typename Clock::duration;
    using time_point = typename Clock::time_point;
    using traits_type = WaitTraits;
    template <class Other>
    struct rebind_executor {
        using other = basic_waitable_timer<Clock, WaitTraits, Other>;
    };

    explicit basic_waitable_timer(const executor_type& ex) : executor_(ex) {}
    template <class Context>
        requires gives_executor<Context>
    explicit basic_waitable_timer(Context& context) : executor_(context.get_executor()) {}
    basic_waitable_timer(const executor_type& ex, const time_point& expiry_time) : executor_(ex) { expires_at(expiry_time); }
    template <class Context>
        requires gives_executor<Context>
    basic_waitable_timer(Context& context, const time_point& expiry_time) : basic_waitable_timer(executor_type(context.get_executor()), expiry_time) {}
    basic_waitable_timer(const executor_type& ex, const duration& expiry_time) : executor_(ex) { expires_after(expiry_time); }
    template <class Context>
        requires gives_executor<Context>
    basic_waitable_timer(Context& context, const duration& expiry_time) : basic_waitable_timer(executor_type(context.get_executor()), expiry_time) {}

    basic_waitable_timer(basic_waitable_timer&& other) noexcept
        : executor_(other.executor_), expiry_(std::exchange(other.expiry_, time_point())), waits_(std::move(other.waits_)) {}
    /// What waits on this one ends with operation_aborted.
    basic_waitable_timer& operator=(basic_waitable_timer&& other) noexcept {
        if (this == &other) return *this;
        executor_ = other.executor_;
        expiry_ = std::exchange(other.expiry_, time_point());
        waits_ = std::move(other.waits_);
        return *this;
    }
    template <class Other>
        requires std::convertible_to<Other, Executor> && netkit::testing::on_virtual_time<Other>
    basic_waitable_timer(basic_waitable_timer<Clock, WaitTraits, Other>&& other)
        : executor_(other.executor_), expiry_(std::exchange(other.expiry_, time_point())), waits_(std::move(other.waits_)) {}
    template <class Other>
        requires std::convertible_to<Other, Executor> && netkit::testing::on_virtual_time<Other>
    basic_waitable_timer& operator=(basic_waitable_timer<Clock, WaitTraits, Other>&& other) {
        return *this = basic_waitable_timer(std::move(other));
    }

    const executor_type& get_executor() noexcept { return executor_; }

    /// These return how many waits they end with operation_aborted.
    std::size_t cancel() { return waits_ ? waits_->cancel() : 0; }
    std::size_t cancel(error_code& ec) { return ec = {}, cancel(); }
    std::size_t cancel_one() { return waits_ && waits_->cancel_one() ? 1 : 0; }
    std::size_t cancel_one(error_code& ec) { return ec = {}, cancel_one(); }
    std::size_t expires_at(const time_point& expiry_time) {
        expiry_ = expiry_time;
        return here().end_at(told::to_simulation(expiry_time));
    }
    std::size_t expires_at(const time_point& expiry_time, error_code& ec) { return ec = {}, expires_at(expiry_time); }
    std::size_t expires_after(const duration& expiry_time) { return expires_at(told::later(now(), expiry_time)); }
    std::size_t expires_from_now(const duration& expiry_time) { return expires_after(expiry_time); }
    std::size_t expires_from_now(const duration& expiry_time, error_code& ec) { return ec = {}, expires_after(expiry_time); }

    time_point expiry() const { return expiry_; }
    time_point expires_at() const { return expiry_; }
    duration expires_from_now() const { return expiry_ - now(); }

    void wait() { here().wait(); }
    void wait(error_code& ec) { ec = {}, wait(); }
    template <completion_token_for<void(boost::system::error_code)> WaitToken = default_completion_token_t<executor_type>>
    auto async_wait(WaitToken&& token = default_completion_token_t<executor_type>()) {
        return async_initiate<WaitToken, void(error_code)>(start_wait{this}, token);
    }

private:
    template <class, class, class>
    friend class boost::asio::basic_waitable_timer;
    struct start_wait {
        basic_waitable_timer* self;
        using executor_type = Executor;
        executor_type get_executor() const noexcept { return self->executor_; }
        template <class Handler>
        void operator()(Handler&& handler) const {
            self->here().wait(std::decay_t<Handler>(std::forward<Handler>(handler)), self->executor_);
        }
    };

    time_point now() const { return told::from_simulation(here().now()); }
    /// Made when first needed: a timer that was moved from is as good as a new one.
    waits& here() const {
        if (!waits_) waits_ = waits::make(netkit::context_of(executor_));
        return *waits_;
    }

    Executor executor_;
    time_point expiry_{};
    mutable waits::pointer waits_;
};
