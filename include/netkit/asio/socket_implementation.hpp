#pragma once

#include <netkit/asio/common_options.hpp>
#include <netkit/asio/error.hpp>
#include <netkit/asio/handler_operation.hpp>
#include <netkit/asio/operation.hpp>
#include <netkit/asio/service.hpp>
#include <netkit/asio/stack_lookup.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <sys/ioctl.h>

#include <memory>
#include <utility>

namespace netkit::detail {

/// What an Asio socket of a stack consists of, whatever its protocol: operations that wait, and the mode of blocking calls.
/// It stays where it is while sockets are moved. An operation is tried when it is asked for, unless others wait before it,
/// and again whenever the stack says that the socket has become ready.
class socket_implementation : public service_entry {
public:
    template <class Executor>
    explicit socket_implementation(const Executor& executor) : service_(&network_service::of(context_of(executor))) {
        service_->add(*this);
    }

    /// Starts an operation. Its handler is never called from within.
    template <class Work, class Handler, class Executor>
    void initiate(operation_queue& queue, Work work, Handler handler, const Executor& executor) {
        const call_scope scope(*this);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        const bool at_once = queue.empty() || work.at_once();
        auto& o = *handler_operation<Work, Handler, Executor>::create(std::move(work), std::move(handler), executor, service_->memory());
        bool done = true;
        try {
            done = at_once && o.perform();
        } catch (...) {
            o.destroy();
            throw;
        }
        if (done) complete(o, executor);
        else {
            queue.push(o);
            if (slot.is_connected()) slot.template emplace<cancel_one>(o, *stack_);
        }
    }
    /// Does the same while the caller waits: drives the stacks of this io_context until it is done. would_block where the
    /// socket is non-blocking, and heeds that, or where nothing could ever finish it.
    template <class Work>
    void block(Work& work, boost::system::error_code& error, bool heeds_non_blocking = true) {
        const call_scope scope(*this);
        while (!work.perform(error)) {
            if (!(non_blocking_ && heeds_non_blocking) && service_->wait_for_progress()) continue;
            error = boost::asio::error::would_block;
            return;
        }
    }
    /// Completes all that waits with operation_aborted.
    void cancel() {
        const call_scope scope(*this);
        fail_all();
    }
    /// Destroys a socket; from a thread that is not its stack's, while another runs the io_context, has the io_context do it.
    template <class Implementation>
    static void destroy(std::unique_ptr<Implementation> gone) {
        if (!gone) return;
        const auto* stack = gone->stack();
        if (stack && stack->core && !stack->core->on_own_thread() && !stack->service->idle()) return destroy_soon(std::move(gone), *stack->service);
        const call_scope scope(stack);
        gone.reset();
    }

    /// The number of bytes that can be read, or the non-blocking mode, by the system's name of the command.
    template <class Self>
    static void io_control(Self& self, unsigned long name, void* data, boost::system::error_code& error) {
        auto& value = *static_cast<int*>(data);
        error = self.is_open() ? boost::system::error_code() : boost::asio::error::bad_descriptor;
        if (error) return;
        if (name == FIONREAD) value = static_cast<int>(self.available(error));
        else if (name == FIONBIO) self.non_blocking(value != 0);
        else error = boost::asio::error::operation_not_supported;
    }
    bool non_blocking() const { return non_blocking_; }
    void non_blocking(bool mode) { non_blocking_ = mode; }

    common_options common;
    operation_queue reading;  ///< receive, accept, and waits for them
    operation_queue writing;  ///< send, connect, and waits for them
    operation_queue failing;  ///< waits for errors

protected:
    ~socket_implementation() {
        if (!service_) return;
        fail_all();
        service_->remove(*this);
    }

    /// Around each call into the stack: any thread may make it while none runs the io_context; and timers it armed are noticed.
    class call_scope {
    public:
        explicit call_scope(const socket_implementation& of) : call_scope(of.stack_) {}
        explicit call_scope(const stack_handle* stack) : stack_(stack) {
            if (!stack_ || !stack_->core || stack_->core->on_own_thread()) return;
            if (!stack_->service->idle()) throw wrong_thread();
            stack_->core->adopt_thread();
        }
        call_scope(const call_scope&) = delete;
        call_scope& operator=(const call_scope&) = delete;
        ~call_scope() {
            if (stack_ && stack_->driver) stack_->driver->check_deadline();
        }

    private:
        const stack_handle* stack_;
    };

    /// The stack to open a socket on; null, with the reason, where there is none.
    template <class Executor>
    stack_core* find_stack(const Executor& executor, boost::system::error_code& error) {
        const auto* found = stack_of(executor);
        if (!found) error = socket_error::no_stack;
        else if (!found->core) error = boost::asio::error::bad_descriptor;
        else error = {};
        if (error) return nullptr;
        on_stack(*found);
        return found->core;
    }
    /// Belongs to that stack, and to its io_context, whatever the executor's is.
    void on_stack(const stack_handle& stack) {
        stack_ = &stack;
        if (service_ == stack.service) return;
        service_->remove(*this);
        service_ = stack.service;
        service_->add(*this);
    }
    /// The stack says that something has changed.
    void retry() {
        retry(failing);
        retry(reading);
        retry(writing);
    }

private:
    class cancel_one : public operation_canceller {
    public:
        cancel_one(operation& of, const stack_handle& stack) : operation_canceller(of), stack_(stack) {}
        void operator()(boost::asio::cancellation_type type) {
            auto* which = of();
            if (type == boost::asio::cancellation_type::none || !which || !which->queued()) return;
            const call_scope scope(&stack_);
            which->unlink();
            which->error = boost::asio::error::operation_aborted;
            stack_.service->complete_soon(*which);
        }

    private:
        const stack_handle& stack_;
    };
    struct destroy_operation {
        void operator()(operation* o) const { o->destroy(); }
    };

    template <class Implementation>
    static void destroy_soon(std::unique_ptr<Implementation> gone, network_service& service) {
        boost::asio::post(service.io(), [&service, gone = std::move(gone)]() mutable {
            service.run_alone([&] { destroy(std::move(gone)); }, [&] { destroy_soon(std::move(gone), service); });
        });
    }
    template <class Executor>
    void complete(operation& o, const Executor& executor) {
        if (service_->has_stacks()) return service_->complete_soon(o);
        // No stack, so no thread of its own and no list: the socket can only have failed.
        boost::asio::post(executor, [mine = std::unique_ptr<operation, destroy_operation>(&o)]() mutable { mine.release()->complete(); });
    }
    void retry(operation_queue& queue) {
        while (!queue.empty() && queue.front().perform()) service_->complete_soon(*queue.pop());
    }
    void fail_all() {
        fail(reading);
        fail(writing);
        fail(failing);
    }
    void fail(operation_queue& queue) {
        while (auto* o = queue.pop()) {
            o->error = boost::asio::error::operation_aborted;
            service_->complete_soon(*o);
        }
    }
    void abandon(completion_list& orphans) override {
        for (auto* queue : {&failing, &reading, &writing})
            while (auto* o = queue->pop()) {
                o->error = boost::asio::error::bad_descriptor;
                orphans.push(*o);
            }
    }

    network_service* service_;
    bool non_blocking_ = false;
};

}  // namespace netkit::detail
