#pragma once

#include <netkit/asio/executor.hpp>
#include <netkit/asio/service.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>

#include <concepts>

namespace netkit {

/// The execution context of any executor.
template <class Executor>
boost::asio::execution_context& context_of(const Executor& executor) {
    return boost::asio::query(executor, boost::asio::execution::context);
}

namespace detail {
/// The stack that a basic_stack_executor of this kind in an any_io_executor names; null where it holds none.
template <class Time>
const stack_handle* stack_named_in(const boost::asio::any_io_executor& executor);
}  // namespace detail

/// The stack on which a socket with this executor lives: the one that a basic_stack_executor in it names, through strands and
/// any_io_executor; else the default stack of its context. Null where there is none.
template <class Executor>
const stack_handle* stack_of(const Executor& executor) {
    using boost::asio::any_io_executor;
    using boost::asio::strand;
    // Derived from them are the executors that bring a default completion token along.
    if constexpr (std::derived_from<Executor, stack_executor> || std::derived_from<Executor, simulation_executor>) return &executor.stack();
    else if constexpr (requires { executor.get_inner_executor(); }) return stack_of(executor.get_inner_executor());
    else {
        if constexpr (std::derived_from<Executor, any_io_executor>) {
            if (const auto* named = detail::stack_named_in<real_time>(executor)) return named;
            if (const auto* named = detail::stack_named_in<virtual_time>(executor)) return named;
            if (const auto* ordered = executor.template target<strand<any_io_executor>>()) return stack_of(*ordered);
        }
        return network_service::of(context_of(executor)).default_stack();
    }
}

template <class Time>
const stack_handle* detail::stack_named_in(const boost::asio::any_io_executor& executor) {
    using plain = basic_stack_executor<Time>;
    if (const auto* named = executor.target<plain>()) return &named->stack();
    if (const auto* ordered = executor.target<boost::asio::strand<plain>>()) return stack_of(*ordered);
    return nullptr;
}

}  // namespace netkit
