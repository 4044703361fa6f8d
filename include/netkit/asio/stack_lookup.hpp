#pragma once

#include <netkit/asio/executor.hpp>
#include <netkit/asio/service.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>

#include <type_traits>

namespace netkit {

/// The execution context of any executor.
template <class Executor>
boost::asio::execution_context& context_of(const Executor& executor) {
    return boost::asio::query(executor, boost::asio::execution::context);
}

/// The stack on which a socket with this executor lives: the one that a stack_executor in it names, through strands and
/// any_io_executor; else the default stack of its context. Null where there is none.
template <class Executor>
const stack_handle* stack_of(const Executor& executor) {
    using boost::asio::any_io_executor;
    using boost::asio::strand;
    if constexpr (std::is_same_v<Executor, stack_executor>) return &executor.stack();
    else if constexpr (requires { executor.get_inner_executor(); }) return stack_of(executor.get_inner_executor());
    else {
        if constexpr (std::is_same_v<Executor, any_io_executor>) {
            if (const auto* named = executor.template target<stack_executor>()) return &named->stack();
            if (const auto* ordered = executor.template target<strand<stack_executor>>()) return stack_of(*ordered);
            if (const auto* ordered = executor.template target<strand<any_io_executor>>()) return stack_of(*ordered);
        }
        return network_service::of(context_of(executor)).default_stack();
    }
}

}  // namespace netkit
