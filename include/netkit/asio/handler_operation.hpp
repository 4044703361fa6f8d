#pragma once

#include <netkit/asio/busy_executor.hpp>
#include <netkit/asio/operation.hpp>
#include <netkit/asio/operation_memory.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>

#include <memory>
#include <new>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace netkit::detail {

/// A handler with its results: what is dispatched to the handler's executor.
/// Its allocator is never the stack's: another thread may free this.
template <class Handler, class Results>
struct completion {
    Handler handler;
    Results results;

    using allocator_type = boost::asio::associated_allocator_t<Handler, std::allocator<void>>;
    allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler); }
    void operator()() {
        std::apply([this](auto&... result) { std::move(handler)(std::move(result)...); }, results);
    }
};

/// An operation with its handler. `Work` says what is to be done: `bool perform(error_code&)` tries without blocking,
/// `results(error_code)` gives a tuple of what the handler is called with and must not touch the socket.
template <class Work, class Handler, class Executor>
class handler_operation final : public operation {
    using handler_executor = boost::asio::associated_executor_t<Handler, Executor>;
    using handler_work = decltype(busy(std::declval<const handler_executor&>()));
    using socket_work = decltype(busy(std::declval<const Executor&>()));
    using fallback = operation_allocator<void>;
    using allocator = typename std::allocator_traits<boost::asio::associated_allocator_t<Handler, fallback>>::template rebind_alloc<handler_operation>;

public:
    static handler_operation* create(Work&& work, Handler&& handler, const Executor& executor, operation_memory& memory) {
        allocator from(boost::asio::get_associated_allocator(handler, fallback(memory)));
        auto* place = std::allocator_traits<allocator>::allocate(from, 1);
        try {
            return new (place) handler_operation(std::move(work), std::move(handler), executor, memory);
        } catch (...) {
            std::allocator_traits<allocator>::deallocate(from, place, 1);
            throw;
        }
    }

private:
    handler_operation(Work&& work, Handler&& handler, const Executor& executor, operation_memory& memory)
        : operation(&perform_work, &end),
          work_(std::move(work)),
          handler_(std::move(handler)),
          memory_(&memory),
          handler_busy_(busy(boost::asio::get_associated_executor(handler_, executor))) {
        // The stack is no work, so the socket's executor has to be kept busy as well where it is another one.
        if constexpr (std::is_same_v<handler_executor, Executor>) {
            if (boost::asio::get_associated_executor(handler_, executor) == executor) return;
        }
        socket_busy_.emplace(busy(executor));
    }

    static bool perform_work(operation& o) {
        auto& self = static_cast<handler_operation&>(o);
        return self.work_.perform(self.error);
    }
    static void end(operation& o, bool call_handler) {
        auto* self = static_cast<handler_operation*>(&o);
        allocator from(boost::asio::get_associated_allocator(self->handler_, fallback(*self->memory_)));
        auto handler_busy = std::move(self->handler_busy_);
        [[maybe_unused]] auto socket_busy = std::move(self->socket_busy_);
        if (call_handler) {
            using results = decltype(self->work_.results(self->error));
            completion<Handler, results> done{std::move(self->handler_), self->work_.results(self->error)};
            // Freed before the call, so that the handler's next operation takes this block.
            self->~handler_operation();
            std::allocator_traits<allocator>::deallocate(from, self, 1);
            const auto& executor = executor_of(handler_busy);
            if (calls_at_once(executor)) done();
            else boost::asio::dispatch(executor, std::move(done));
        } else {
            [[maybe_unused]] auto work = std::move(self->work_);
            [[maybe_unused]] auto handler = std::move(self->handler_);
            self->~handler_operation();
            std::allocator_traits<allocator>::deallocate(from, self, 1);
        }
    }

    Work work_;
    Handler handler_;
    operation_memory* memory_;
    handler_work handler_busy_;
    std::optional<socket_work> socket_busy_;
};

}  // namespace netkit::detail
