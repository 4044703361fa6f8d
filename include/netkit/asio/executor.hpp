#pragma once

#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <utility>
#include <variant>

namespace netkit {

struct stack_handle;

/// Time as the system has it.
struct real_time {};
/// Time as a simulation makes it up: see <netkit/testing/waitable_timer.hpp>.
struct virtual_time {};

/// The executor of one stack: its io_context's executor, which knows the stack that sockets made from it are on. It fits
/// where executors do: any_io_executor (without allocating), strand, bind_executor, co_spawn, work guards.
/// Executors are equal where the io_context's are and the stack is the same. Time is what Asio's timers with it run on.
template <class Time>
class basic_stack_executor {
    using plain = boost::asio::io_context::executor_type;
    using counted = decltype(boost::asio::require(std::declval<const plain&>(), boost::asio::execution::outstanding_work.tracked));
    using blocking_t = boost::asio::execution::blocking_t;
    using relationship_t = boost::asio::execution::relationship_t;
    using outstanding_work_t = boost::asio::execution::outstanding_work_t;
    template <class Allocator>
    using allocator_t = boost::asio::execution::allocator_t<Allocator>;

public:
    basic_stack_executor(const boost::asio::io_context::executor_type& inner, const stack_handle& on) noexcept : inner_(inner), stack_(&on) {}
    // Spelt out, since std::variant does not promise what executors must.
    basic_stack_executor(const basic_stack_executor&) noexcept = default;
    basic_stack_executor(basic_stack_executor&&) noexcept = default;
    basic_stack_executor& operator=(const basic_stack_executor&) noexcept = default;
    basic_stack_executor& operator=(basic_stack_executor&&) noexcept = default;
    ~basic_stack_executor() = default;

    /// The stack, or where it was; valid as long as the io_context.
    const stack_handle& stack() const noexcept { return *stack_; }
    bool running_in_this_thread() const noexcept {
        return std::visit([](const auto& e) { return e.running_in_this_thread(); }, inner_);
    }

    template <class Function>
    void execute(Function&& f) const {
        std::visit([&](const auto& e) { e.execute(std::forward<Function>(f)); }, inner_);
    }
    boost::asio::io_context& query(boost::asio::execution::context_t) const noexcept { return ask<boost::asio::io_context&>(boost::asio::execution::context); }
    blocking_t query(blocking_t) const noexcept { return ask<blocking_t>(boost::asio::execution::blocking); }
    relationship_t query(relationship_t) const noexcept { return ask<relationship_t>(boost::asio::execution::relationship); }
    outstanding_work_t query(outstanding_work_t) const noexcept { return ask<outstanding_work_t>(boost::asio::execution::outstanding_work); }

    basic_stack_executor require(blocking_t::possibly_t p) const { return with(p); }
    basic_stack_executor require(blocking_t::never_t p) const { return with(p); }
    basic_stack_executor require(relationship_t::fork_t p) const { return with(p); }
    basic_stack_executor require(relationship_t::continuation_t p) const { return with(p); }
    basic_stack_executor require(outstanding_work_t::tracked_t p) const { return with(p); }
    basic_stack_executor require(outstanding_work_t::untracked_t p) const { return with(p); }
    /// Gives an executor of the io_context: what is executed with an allocator no longer needs the stack.
    template <class Allocator>
    auto require(allocator_t<Allocator> a) const {
        return std::visit([&](const auto& e) { return boost::asio::require(boost::asio::require(e, boost::asio::execution::outstanding_work.untracked), a); }, inner_);
    }

    // What a work guard of a strand asks its inner executor for.
    void on_work_started() const noexcept {
        std::visit([](const auto& e) { e.on_work_started(); }, inner_);
    }
    void on_work_finished() const noexcept {
        std::visit([](const auto& e) { e.on_work_finished(); }, inner_);
    }

    friend bool operator==(const basic_stack_executor& a, const basic_stack_executor& b) noexcept { return a.inner_ == b.inner_ && a.stack_ == b.stack_; }
    friend bool operator!=(const basic_stack_executor& a, const basic_stack_executor& b) noexcept { return !(a == b); }

private:
    basic_stack_executor(std::variant<plain, counted> inner, const stack_handle* on) noexcept : inner_(std::move(inner)), stack_(on) {}

    template <class Answer, class Property>
    Answer ask(Property p) const noexcept {
        return std::visit([&](const auto& e) -> Answer { return boost::asio::query(e, p); }, inner_);
    }
    template <class Property>
    basic_stack_executor with(Property p) const {
        return {std::visit([&](const auto& e) -> std::variant<plain, counted> { return boost::asio::require(e, p); }, inner_), stack_};
    }

    std::variant<plain, counted> inner_;
    const stack_handle* stack_;
};

using stack_executor = basic_stack_executor<real_time>;
/// What a simulation gives its hosts' programs.
using simulation_executor = basic_stack_executor<virtual_time>;

}  // namespace netkit
