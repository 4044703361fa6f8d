#pragma once

#include <netkit/asio/executor.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace netkit::detail {

/// An executor that counts as work of its context: itself with tracked work, as Asio's own operations hold it; a guard where it is
/// one of those that know no properties. A strand of any_io_executor is both, and its guard does not compile.
template <class Executor>
auto busy(const Executor& executor) {
    if constexpr (boost::asio::execution::is_executor<Executor>::value) return boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
    else return boost::asio::executor_work_guard<Executor>(executor);
}
template <class Executor>
const Executor& executor_of(const Executor& busy) {
    return busy;
}
template <class Executor>
Executor executor_of(const boost::asio::executor_work_guard<Executor>& busy) {
    return busy.get_executor();
}

/// Whether the executor is an io_context's, or a stack's, and would call a function at once. Then the caller calls it, as Asio's own
/// operations do: executors keep exceptions back until the handler that they come from is over, when several become one of another type.
template <class Executor>
bool calls_at_once(const Executor& executor) {
    using plain = boost::asio::io_context::executor_type;
    using counted = decltype(boost::asio::require(std::declval<const plain&>(), boost::asio::execution::outstanding_work.tracked));
    const auto here = [](const auto& e) {
        return e.running_in_this_thread() && boost::asio::query(e, boost::asio::execution::blocking) == boost::asio::execution::blocking.possibly;
    };
    // Derived from them are the executors that bring a default completion token along.
    if constexpr (std::derived_from<Executor, plain>) return here(static_cast<const plain&>(executor));
    else if constexpr (std::derived_from<Executor, counted>) return here(static_cast<const counted&>(executor));
    else if constexpr (std::derived_from<Executor, stack_executor>) return here(static_cast<const stack_executor&>(executor));
    else if constexpr (std::derived_from<Executor, simulation_executor>) return here(static_cast<const simulation_executor&>(executor));
    else if constexpr (requires { executor.template target<plain>(); }) {
        const auto holds = [&]<class E>(std::type_identity<E>) {
            const auto* held = executor.template target<E>();
            return held && here(*held);
        };
        return holds(std::type_identity<stack_executor>()) || holds(std::type_identity<counted>()) || holds(std::type_identity<plain>()) ||
               holds(std::type_identity<simulation_executor>());
    } else return false;
}

}  // namespace netkit::detail
